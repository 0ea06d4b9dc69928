"""What the commands follow, and how: symbols looked up, snapshots sized, managers started."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from depthcli.client import AsyncClient
from depthcli.managers import DepthCacheManager
from depthcli.messages import N
from depthcli.sockets import BinanceSocketManager
from depthcli.symbols import canonical_symbol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from depthcli.book import DepthCache
    from depthcli.markets import Market
    from depthcli.messages import SymbolInfo
    from depthcli.synchronizer import State

DEPTH: Final = 1_000
"""Levels a side that are asked for: the market may move far before the next refresh."""

SHARE: Final = 0.5
"""The share of a minute's request weight that the first snapshots may take together."""


class Listener(Generic[N]):
    """What hears of every change of the books; by itself it lets them be."""

    def book(self, cache: DepthCache[N]) -> None:
        """The book is live and has changed, by one event or by a snapshot."""

    def state(self, cache: DepthCache[N], state: State, reason: str) -> None:
        """The state of the book, or its reason, has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a command follows.

    Attributes:
        market: whose symbols they are.
        symbols: as typed.
        depth: levels a side that are shown; None: all.
        limit: levels a side of a snapshot; None: chosen from `depth` and the weight budget.
        speed: update speed of the streams, ms; None: the market's fastest.
        refresh_interval: seconds between two refreshes; 0: never.
        rest_url: origin of an exchange of one's own, or None.
        ws_url: the same for WebSockets.
    """

    market: Market
    symbols: tuple[str, ...]
    depth: int | None
    limit: int | None = None
    speed: int | None = None
    refresh_interval: float
    rest_url: str | None = None
    ws_url: str | None = None

    @property
    def names(self) -> list[str]:
        """The symbols as the exchange writes them, each once; UsageError if one can't be."""
        return list(dict.fromkeys(canonical_symbol(typed) for typed in self.symbols))

    def snapshot_limit(self, count: int) -> int:
        """Return how many levels a side to ask for, with so many symbols to start."""
        market = self.market
        if self.limit is not None:
            return market.fit_limit(self.limit)
        limit = market.fit_limit(max(DEPTH, 2 * (self.depth or 0)))
        cheaper = [known for known in market.limits if known < limit]
        while cheaper and count * market.weight(limit) > SHARE * market.weight_per_minute:
            limit = cheaper.pop()
        return limit


@asynccontextmanager
async def follow(
    following: Following, conv_type: type[N], listener: Listener[N]
) -> AsyncIterator[list[tuple[DepthCacheManager[N], SymbolInfo]]]:
    """Keep a manager for each symbol, all over shared connections; give them and stop them.

    They never give up a connection that broke off.

    Raises:
        UnknownSymbolError: the exchange has no such symbol.
        UsageError: a symbol can't be one, or the market has no such speed.
        ExchangeError, UnreachableError, BadMessageError: the symbols couldn't be looked up.
    """
    market = following.market
    symbols = following.names
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            AsyncClient(rest_url=following.rest_url, ws_url=following.ws_url)
        )
        infos = await client.look_up(market, symbols)
        sockets = BinanceSocketManager(client, max_reconnects=None)
        stack.push_async_callback(sockets.close)

        def manager_for(symbol: str) -> DepthCacheManager[N]:
            def changed(cache: DepthCache[N] | None) -> None:
                if cache is not None:
                    listener.book(cache)

            def turned(state: State, reason: str) -> None:
                listener.state(manager.cache, state, reason)

            manager: DepthCacheManager[N] = DepthCacheManager(
                client,
                symbol,
                refresh_interval=following.refresh_interval,
                bm=sockets,
                limit=following.snapshot_limit(len(symbols)),
                conv_type=conv_type,
                ws_interval=following.speed or market.fastest,
                callback=changed,
                on_state=turned,
                market=market,
                depth=following.depth or 0,
            )
            return manager

        managers = [manager_for(symbol) for symbol in symbols]
        for manager in managers:
            await stack.enter_async_context(manager)
        yield list(zip(managers, infos, strict=True))
