"""What the commands follow, and how: symbols looked up, snapshots sized, managers started."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, NamedTuple

from depthcli.core.markets import MARKETS, Market, market_named
from depthcli.core.messages import N
from depthcli.core.symbols import (
    canonical_symbol,
    names_market_by_ending,
    split_market,
    two_markets,
)
from depthcli.errors import DepthcliError, UnknownSymbolError
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.depth_cache import DepthCacheManager
from depthcli.settings.environment import Environment
from depthcli.settings.remembering import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from depthcli.core.book import DepthCache
    from depthcli.core.messages import DepthEvent, SymbolInfo
    from depthcli.core.synchronizer import State
    from depthcli.exchange.client import AsyncClient

DEPTH: Final = 1_000
"""Levels a side that are asked for: the market may move far before the next refresh."""

SHARE: Final = 0.5
"""The share of a minute's request weight that the first snapshots may take together."""

ELSEWHERE_TIMEOUT: Final = 2.0
"""Seconds for which other markets are asked whether they have a symbol that one hasn't."""


class Target(NamedTuple):
    """A symbol of a market, as the exchange writes it. In text: `usdm:BTCUSDT`."""

    market: Market
    symbol: str

    def __str__(self) -> str:
        return f"{self.market.name}:{self.symbol}"


def targets_of(
    typed: Iterable[str], default: Market, *, market_was_said: bool = False
) -> tuple[Target, ...]:
    """Return what the user means, each once, in order.

    Args:
        typed: symbols as people type them, with their market before a colon or without.
        default: the market of those without.
        market_was_said: whether the user named that market beside the symbols, so that a contract
            whose ending names another one contradicts it.

    Raises:
        UsageError: there is no such market, a symbol can't be one, or two markets are named for it.
    """
    targets = []
    for one in typed:
        name, symbol = split_market(one)
        market = default if name is None else market_named(name)
        if market_was_said and market is not default and names_market_by_ending(one):
            raise two_markets(one, default.name)
        targets.append(Target(market, canonical_symbol(symbol)))
    return tuple(dict.fromkeys(targets))


class Listener(Generic[N]):
    """What hears of every change of the books; by itself it lets them be."""

    def book(self, target: Target, cache: DepthCache[N]) -> None:
        """The book is live and has changed, by one event or by a snapshot."""

    def state(self, target: Target, cache: DepthCache[N], state: State, reason: str) -> None:
        """The state of the book, or its reason, has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a command follows.

    Attributes:
        targets: what is followed, each once.
        depth: levels a side that are shown; None: all.
        limit: levels a side of a snapshot; None: chosen from `depth` and the weight budget.
        speed: update speed of the streams, ms; None: the fastest of each market.
        refresh_interval: seconds between two refreshes; 0: never.
        environment: where the exchange is.
    """

    targets: tuple[Target, ...]
    depth: int | None
    limit: int | None = None
    speed: int | None = None
    refresh_interval: float
    environment: Environment = field(default_factory=Environment)

    @property
    def wanted(self) -> dict[Market, list[str]]:
        """The symbols of each market, in the order in which they were typed."""
        wanted: dict[Market, list[str]] = {}
        for market, symbol in self.targets:
            wanted.setdefault(market, []).append(symbol)
        return wanted

    def label(self, target: Target) -> str:
        """Return what a target is called: by its symbol alone if all are of one market."""
        return str(target) if len(self.wanted) > 1 else target.symbol

    def speed_of(self, market: Market) -> int:
        """Return the update speed of a market's streams, ms."""
        return self.speed or market.fastest

    def snapshot_limit(self, market: Market) -> int:
        """Return how many levels a side to ask a market for.

        What is followed in all markets that share its pool of request weight has to fit into it.
        """
        if self.limit is not None:
            return market.fit_limit(self.limit)
        sharing = [one for one, _ in self.targets if one.weight_pool == market.weight_pool]
        limit = market.fit_limit(max(DEPTH, 2 * (self.depth or 0)))
        cheaper = [known for known in market.limits if known < limit]
        while cheaper and _weight(sharing, limit) > SHARE * market.weight_per_minute:
            limit = cheaper.pop()
        return limit


def _weight(markets: Iterable[Market], limit: int) -> int:
    """Return the weight of a snapshot of so many levels from each of those markets."""
    return sum(market.weight(market.fit_limit(limit)) for market in markets)


class Followed(NamedTuple, Generic[N]):
    """One symbol that is followed: who keeps its book, and what the exchange says of it."""

    target: Target
    manager: DepthCacheManager[N]
    info: SymbolInfo


class Follower(Generic[N]):
    """Follows symbols over shared connections; more can come and go while it runs.

    Args:
        following: what is followed from the start, and how all is.
        client: asks the exchange.
        sockets: opens the streams.
        conv_type: of prices and quantities.
        listener: hears of every change.

    Attributes:
        client: as above.
        followed: what is followed now, in the order in which it came.
    """

    def __init__(
        self,
        following: Following,
        client: AsyncClient,
        sockets: BinanceSocketManager,
        conv_type: type[N],
        listener: Listener[N],
    ) -> None:
        self.client = client
        self.followed: list[Followed[N]] = []
        self._following = following
        self._sockets = sockets
        self._conv_type: type[N] = conv_type
        self._listener: Listener[N] = listener

    async def add(self, target: Target) -> Followed[N]:
        """Follow a symbol more; one that is followed already is given as it is.

        Raises:
            UnknownSymbolError, UsageError, ExchangeError, UnreachableError, BadMessageError: as
                `look_up` does.
        """
        known = next((one for one in self.followed if one.target == target), None)
        if known is not None:
            return known
        infos = await look_up(self.client, {target.market: [target.symbol]})
        return await self.start(target, infos[target])

    async def start(self, target: Target, info: SymbolInfo) -> Followed[N]:
        """Follow a symbol that the exchange is known to have."""
        one = Followed(target, self._manager_for(target), info)
        await one.manager.__aenter__()
        self.followed.append(one)
        return one

    async def drop(self, target: Target) -> None:
        """Follow a symbol no longer."""
        for one in [one for one in self.followed if one.target == target]:
            self.followed.remove(one)
            await one.manager.close()

    async def close(self) -> None:
        """Follow nothing any more."""
        # All at once: one by one, hundreds would each wait while events still come for the others.
        await asyncio.gather(*[one.manager.close() for one in self.followed])

    def _manager_for(self, target: Target) -> DepthCacheManager[N]:
        following, listener = self._following, self._listener

        def changed(cache: DepthCache[N] | None) -> None:
            if cache is not None:
                listener.book(target, cache)

        def turned(state: State, reason: str) -> None:
            listener.state(target, manager.cache, state, reason)

        manager: DepthCacheManager[N] = DepthCacheManager(
            self.client,
            target.symbol,
            refresh_interval=following.refresh_interval,
            bm=self._sockets,
            limit=following.snapshot_limit(target.market),
            conv_type=self._conv_type,
            ws_interval=following.speed_of(target.market),
            callback=changed,
            on_state=turned,
            market=target.market,
            depth=following.depth or 0,
        )
        return manager


@asynccontextmanager
async def follower_of(
    following: Following, conv_type: type[N], listener: Listener[N]
) -> AsyncIterator[Follower[N]]:
    """Keep a manager for each target, all over shared connections; stop them in the end.

    They never give up a connection that broke off.

    Raises:
        UnknownSymbolError: the exchange has no such symbol.
        UsageError: a market isn't there in this environment, or has no such speed.
        ExchangeError, UnreachableError, BadMessageError: the symbols couldn't be looked up.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(client_of(following.environment))
        sockets = BinanceSocketManager(client, max_reconnects=None)
        stack.push_async_callback(sockets.close)
        follower = Follower(following, client, sockets, conv_type, listener)
        stack.push_async_callback(follower.close)
        with _opened_early(following, sockets, conv_type):
            infos = await look_up(client, following.wanted)
            for target in following.targets:
                await follower.start(target, infos[target])
        yield follower


@asynccontextmanager
async def follow(
    following: Following, conv_type: type[N], listener: Listener[N]
) -> AsyncIterator[list[Followed[N]]]:
    """Give what is followed, as `follower_of` does, for who wants no more than that."""
    async with follower_of(following, conv_type, listener) as follower:
        yield follower.followed


@contextmanager
def _opened_early(
    following: Following, sockets: BinanceSocketManager, conv_type: type[N]
) -> Iterator[None]:
    """Open the streams of all targets while the symbols are still looked up.

    So the first books come two round trips earlier: the streams are there by the time at which
    the managers subscribe to them, and the connection for requests, too.
    """
    nobody = _Nobody[N]()
    subscriptions = [
        sockets.subscribe(
            market, market.stream(symbol, following.speed_of(market)), conv_type, nobody
        )
        for market, symbol in following.targets
    ]
    try:
        yield
    finally:
        for subscription in subscriptions:
            subscription.close()


class _Nobody(Generic[N]):
    """Listens to a stream that it doesn't care for."""

    def opened(self) -> None:
        """The stream is open."""

    def receive(self, event: DepthEvent[N], now: float) -> None:
        """An event came."""

    def refuse(self, why: str) -> None:
        """A frame came that can't be read."""

    def lost(self, reason: str) -> None:
        """The stream broke off."""

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""


async def look_up(
    client: AsyncClient, wanted: Mapping[Market, list[str]]
) -> dict[Target, SymbolInfo]:
    """Return what the exchange says of the symbols of several markets, asked at the same time.

    Raises:
        UnknownSymbolError: one doesn't exist; it carries the near names, also of other markets.
        UsageError: a market isn't there in this environment.
        ExchangeError, UnreachableError, BadMessageError: as for `AsyncClient.look_up`; with several
            markets, a note says which it was.
    """
    answers = await asyncio.gather(
        *[client.look_up(market, symbols) for market, symbols in wanted.items()],
        return_exceptions=True,
    )
    infos: dict[Target, SymbolInfo] = {}
    for market, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, UnknownSymbolError):
            raise await _with_other_markets(client, market, answer)
        if isinstance(answer, BaseException):
            if len(wanted) > 1:
                answer.add_note(f"market {market.name}")
            raise answer
        infos |= {Target(market, info.symbol): info for info in answer}
    return infos


async def _with_other_markets(
    client: AsyncClient, market: Market, error: UnknownSymbolError
) -> UnknownSymbolError:
    """Return the error with the other markets that have the symbol first among the near names."""

    async def has_it(other: Market) -> bool:
        try:
            async with asyncio.timeout(ELSEWHERE_TIMEOUT):
                info = await client.exchange_info(other)
        except (DepthcliError, TimeoutError):
            return False
        return any(known.symbol == error.symbol for known in info.listed)

    others = [other for other in MARKETS.values() if other is not market]
    have_it = await asyncio.gather(*map(has_it, others))
    elsewhere = [
        str(Target(other, error.symbol)) for other, has in zip(others, have_it, strict=True) if has
    ]
    return UnknownSymbolError(error.symbol, market.name, elsewhere + error.near)
