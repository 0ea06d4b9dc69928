"""Adds, drops and searches symbols while `depthcli watch` runs."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from depthcli.core.markets import COINM, MARKETS, Market
from depthcli.core.symbols import Target, targets_of
from depthcli.errors import DepthcliError
from depthcli.tui import Watched
from depthcli.tui.model.book_source import BookSource

if TYPE_CHECKING:
    from decimal import Decimal

    from depthcli.commands.following import Following
    from depthcli.exchange.client import AsyncClient
    from depthcli.managers.group import DepthCacheGroup, GroupMember

logger = logging.getLogger(__name__)

UNKNOWN_DECIMALS: Final = 8
"""Decimals where the exchange gives no tick or step size."""

CLOCK_EVERY: Final = 600.0
"""Seconds between two requests for the exchange's time."""

MOST_FOUND: Final = 200
"""Most names offered."""


class Watchlist(BookSource):
    """Keeps the books of the screen.

    Args:
        following: what is followed from the start.
        group: the group of the books.
        markets: whose symbols are offered, the usual one first.
    """

    def __init__(
        self, following: Following, group: DepthCacheGroup[float], markets: tuple[Market, ...]
    ) -> None:
        self._following = following
        self._group = group
        self._markets = markets
        self._names: asyncio.Task[list[str]] | None = None

    async def add(self, name: str) -> Watched:
        """Add a symbol, typed with its market or without."""
        (target,) = targets_of([name], self._markets[0])
        return self.watched(await self._group.add(target))

    async def drop(self, watched: Watched) -> None:
        """Stop keeping a book."""
        for one in self._group.members:
            if one.manager is watched.manager:
                await self._group.remove(one.target)
                return

    async def search(self, text: str) -> list[str]:
        """Return the trading symbols of all markets whose names contain a text.

        Names that begin with it come first, then those of the default market, then the shortest.
        """
        if self._names is None:
            self._names = asyncio.create_task(self._all_names())
        try:
            names = await asyncio.shield(self._names)
        except DepthcliError:
            self._names = None
            raise
        wanted = text.strip().upper().replace("/", "")
        found = [name for name in names if wanted in name.upper()]
        found.sort(
            key=lambda name: (
                not name.rpartition(":")[2].upper().startswith(wanted),
                ":" in name,
                len(name),
                name,
            )
        )
        return found[:MOST_FOUND]

    def watched(self, one: GroupMember[float]) -> Watched:
        """Return a member of the group as the screen needs it."""
        info, market = one.info, one.target.market
        other = market is not self._markets[0] or len(self._following.wanted) > 1
        inverse = market is COINM
        return Watched(
            one.manager,
            decimals(info.tick_size),
            decimals(info.step_size),
            str(one.target) if other else "",
            tick=info.tick_size,
            base="contracts" if inverse else info.base_asset,
            quote=info.quote_asset,
            trading=not info.halted,
            inverse=inverse,
            address=str(one.target),
        )

    async def _all_names(self) -> list[str]:
        """Fetch the names of all markets at once; a market that fails is left out.

        Raises:
            DepthcliError: all markets fail.
        """
        client = self._group.client
        answers = await asyncio.gather(
            *[client.exchange_info(market) for market in self._markets], return_exceptions=True
        )
        names: list[str] = []
        for market, answer in zip(self._markets, answers, strict=True):
            if isinstance(answer, DepthcliError):
                continue
            if isinstance(answer, BaseException):
                raise answer
            usual = market is self._markets[0]
            names += [
                info.symbol if usual else str(Target(market, info.symbol))
                for info in answer.listed
                if info.trading
            ]
        if not names:
            raise next(error for error in answers if isinstance(error, DepthcliError))
        return names


class ExchangeClock:
    """The offset of the exchange's clock.

    Attributes:
        offset: seconds that it is ahead of this machine's clock; None before the first answer.
    """

    def __init__(self) -> None:
        self.offset: float | None = None

    async def keep(self, client: AsyncClient, market: Market) -> None:
        """Ask for the time periodically until cancelled; a failure is only logged."""
        while True:
            try:
                asked = time.time()
                server_time = await client.server_time(market) / 1000
                # The answer was made about halfway between request and arrival.
                self.offset = server_time - (asked + time.time()) / 2
            except DepthcliError as error:
                logger.info("the exchange's clock isn't known: %s", error)
            await asyncio.sleep(CLOCK_EVERY)


def offered(following: Following, *, embedded: bool) -> tuple[Market, ...]:
    """Return the markets whose symbols can be added, the first target's first.

    An built-in exchange has the markets of the targets only.
    """
    wanted = list(following.wanted)
    others = [] if embedded else [market for market in MARKETS.values() if market not in wanted]
    return (*wanted, *others)


def decimals(step: Decimal | None) -> int:
    """Return the decimals of a multiple of the step."""
    if step is None:
        return UNKNOWN_DECIMALS
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else UNKNOWN_DECIMALS
