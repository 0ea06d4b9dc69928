"""Many symbols over shared connections: looked up together, sized, started, and given out."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, cast

from depthcli.core.markets import SPOT, Market
from depthcli.core.messages import N
from depthcli.core.refresh_schedule import DEFAULT_REFRESH
from depthcli.core.state import State
from depthcli.core.symbols import Target, targets_of
from depthcli.errors import ClosedError
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.depth_cache import DepthCacheManager, is_coroutine_callback
from depthcli.managers.targets import by_market, look_up, snapshot_limit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from types import TracebackType

    from depthcli.core.book import DepthCache
    from depthcli.core.exchange_info import SymbolInfo
    from depthcli.core.messages import DepthEvent
    from depthcli.exchange.client import AsyncClient


class GroupMember(NamedTuple, Generic[N]):
    """One symbol of a group.

    Attributes:
        target: its market and name; in text `usdm:BTCUSDT`.
        manager: keeps its book.
        info: what the exchange says of it.
    """

    target: Target
    manager: DepthCacheManager[N]
    info: SymbolInfo

    @property
    def market(self) -> Market:
        """The symbol's market."""
        return self.target.market

    @property
    def symbol(self) -> str:
        """The symbol as the exchange writes it."""
        return self.target.symbol

    @property
    def cache(self) -> DepthCache[N]:
        """The book; the same object for good. What it is worth, `state` says."""
        return self.manager.cache

    @property
    def state(self) -> State:
        """What the book is worth."""
        return self.manager.state

    @property
    def reason(self) -> str:
        """Why the book isn't live, in a few words; empty if there is nothing to say."""
        return self.manager.reason


class DepthCacheGroup(Generic[N]):
    """Keeps the books of many symbols, of one market or several, over shared connections.

    Use it in `async with`; then `async for`, or pass a callback. Symbols can come and go meanwhile.

    >>> async with DepthCacheGroup(client, ["BNBBTC", "usdm:BTCUSDT"]) as group:
    ...     async for member in group:
    ...         print(member.target, member.cache.get_bids()[:5])

    Args:
        client: where the exchange is.
        symbols: as people type them, a market before a colon or not, or as `Target`; a single one
            needn't stand in a list.
        market: of the symbols that don't say theirs.
        refresh_interval: seconds between two refreshes of a book; 0 or None: never.
        bm: a socket manager to share; by default one of its own.
        limit: levels a side of a snapshot; None: chosen from `depth` and the number of symbols, so
            that all first snapshots take half of a minute's request weight at the most.
        conv_type: `float`, or `Decimal` for exactness.
        ws_interval: update speed of the streams, ms; None: the fastest of each market.
        callback: called with the member whose book has changed, while it is live; a coroutine
            function is awaited before the next change of the same book.
        on_state: called with the member, its new state and the reason after each change of either.
        depth: levels a side that are wanted at any time, as for `DepthCacheManager`.

    Attributes:
        members: the symbols, in the order in which they came.

    Raises:
        UsageError: a symbol can't be one, or there is no such market.
        ValueError: `conv_type` isn't float or Decimal.
    """

    def __init__(
        self,
        client: AsyncClient,
        symbols: Iterable[str | Target] | Target = (),
        *,
        market: Market = SPOT,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: BinanceSocketManager | None = None,
        limit: int | None = None,
        conv_type: type[N] = cast("Any", float),  # noqa: B008
        ws_interval: int | None = None,
        callback: Callable[[GroupMember[N]], Awaitable[None] | None] | None = None,
        on_state: Callable[[GroupMember[N], State, str], None] | None = None,
        depth: int = 0,
    ) -> None:
        self.client = client
        self.members: list[GroupMember[N]] = []
        self._market = market
        several = [symbols] if isinstance(symbols, str | Target) else symbols
        self._targets = tuple(dict.fromkeys(map(self._target, several)))
        self._refresh_interval = refresh_interval
        self._bm = BinanceSocketManager(client) if bm is None else bm
        self._owns_bm = bm is None
        self._limit = limit
        self._limits: dict[Market, int] = {}  # chosen once a market: O(n) each
        self._conv_type: type[N] = conv_type
        self._ws_interval = ws_interval
        self._callback: Any = callback
        self._on_state: Any = on_state
        self._depth = depth
        self._changed: dict[Target, GroupMember[N]] = {}
        self._news = asyncio.Event()
        self._started = False
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Look up all symbols, and start to keep their books.

        Raises:
            ClosedError: the group was started before.
            UnknownSymbolError: the exchange has no such symbol.
            UsageError: a market isn't there in this environment, or has no such speed.
            ExchangeError, UnreachableError, BadMessageError: the symbols couldn't be looked up.
        """
        if self._started:
            raise ClosedError("this group was started before: make a new one")
        self._started = True
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.close)
            with self._opened_early():
                infos = await look_up(self.client, by_market(self._targets))
                for target in self._targets:
                    await self._start(target, infos[target])
            stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop keeping the books; they stay as they are, and `recv` gives None."""
        self._closed = True
        self._news.set()
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="close a group")
        # Whoever waits here may be cancelled, even by the closing itself; it goes on.
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        # All at once: one by one, hundreds would each wait while events still come for the others.
        await asyncio.gather(*[one.manager.close() for one in self.members])
        if self._owns_bm:
            await self._bm.close()

    async def add(self, symbol: str | Target) -> GroupMember[N]:
        """Keep a symbol's book, too; one that is kept already is given as it is.

        Raises:
            ClosedError: the group isn't started, or was closed.
            UnknownSymbolError, UsageError, ExchangeError, UnreachableError, BadMessageError: as
                when a group is started.
        """
        self._check_open()
        target = self._target(symbol)
        if (known := self._member(target)) is not None:
            return known
        infos = await look_up(self.client, {target.market: [target.symbol]})
        # Somebody else may have added it meanwhile.
        return self._member(target) or await self._start(target, infos[target])

    async def remove(self, symbol: str | Target) -> None:
        """Keep a symbol's book no longer; one that isn't kept is none of it."""
        target = self._target(symbol)
        for one in [one for one in self.members if one.target == target]:
            self.members.remove(one)
            self._changed.pop(target, None)
            await one.manager.close()

    async def recv(self) -> GroupMember[N] | None:
        """Wait until a live book has changed, and return its member.

        A reader that is slow gets each member once, with its newest book, however many changes
        there were; whoever needs every change passes a callback, which is called at once.

        Returns:
            The member whose change has waited longest; None once the group is closed, or every
            member's stream is lost for good.

        Raises:
            ClosedError: the group isn't started.
        """
        if not self._started:
            self._check_open()
        while not self._closed:
            while self._changed:
                member = self._changed.pop(next(iter(self._changed)))
                if member.state is State.LIVE:
                    return member
            if self.members and all(one.state is State.CLOSED for one in self.members):
                return None
            self._news.clear()
            await self._news.wait()
        return None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> GroupMember[N]:
        member = await self.recv()
        if member is None:
            raise StopAsyncIteration
        return member

    def _check_open(self) -> None:
        if not self._started or self._closed:
            raise ClosedError("this group isn't open: use it in 'async with'")

    def _target(self, symbol: str | Target) -> Target:
        return symbol if isinstance(symbol, Target) else targets_of([symbol], self._market)[0]

    def _member(self, target: Target) -> GroupMember[N] | None:
        return next((one for one in self.members if one.target == target), None)

    def _speed(self, market: Market) -> int:
        return self._ws_interval or market.fastest

    def _limit_for(self, market: Market) -> int:
        if market not in self._limits:
            chosen = snapshot_limit(market, self._targets, self._depth, self._limit)
            self._limits[market] = chosen
        return self._limits[market]

    async def _start(self, target: Target, info: SymbolInfo) -> GroupMember[N]:
        """Keep the book of a symbol that the exchange is known to have.

        Raises:
            ClosedError: the group was closed while the symbol was looked up.
        """
        self._check_open()
        member: GroupMember[N]
        member = GroupMember(target, self._manager_for(target, lambda: member), info)
        await member.manager.__aenter__()
        self.members.append(member)
        return member

    def _manager_for(
        self, target: Target, member: Callable[[], GroupMember[N]]
    ) -> DepthCacheManager[N]:
        callback = self._callback

        def changed(cache: DepthCache[N] | None) -> Any:
            if cache is None:
                return None
            self._changed[target] = member()
            self._news.set()
            return None if callback is None else callback(member())

        async def awaited(cache: DepthCache[N] | None) -> None:
            if (answer := changed(cache)) is not None:
                await answer

        def turned(state: State, reason: str) -> None:
            self._news.set()
            if self._on_state is not None:
                self._on_state(member(), state, reason)

        manager: DepthCacheManager[N] = DepthCacheManager(
            self.client,
            target.symbol,
            refresh_interval=self._refresh_interval,
            bm=self._bm,
            limit=self._limit_for(target.market),
            conv_type=self._conv_type,
            ws_interval=self._speed(target.market),
            callback=awaited if is_coroutine_callback(callback) else changed,
            on_state=turned,
            market=target.market,
            depth=self._depth,
        )
        return manager

    @contextmanager
    def _opened_early(self) -> Iterator[None]:
        """Open the streams of all targets while the symbols are still looked up.

        So the first books come two round trips earlier: the streams are there by the time at which
        the managers subscribe to them, and the connection for requests, too.
        """
        ignored = _IgnoredStream[N]()
        subscriptions = [
            self._bm.subscribe(
                market, market.stream(symbol, self._speed(market)), self._conv_type, ignored
            )
            for market, symbol in self._targets
        ]
        try:
            yield
        finally:
            for subscription in subscriptions:
                subscription.close()


class _IgnoredStream(Generic[N]):
    """Listens to a stream, and ignores what comes."""

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
