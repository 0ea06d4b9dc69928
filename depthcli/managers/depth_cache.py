"""Depth cache managers: each keeps one symbol's book in step with the exchange's, and gives it out.

A manager is put together of a `Feed`, which takes the stream in, an `Auditor` and a
`SnapshotScheduler`, which decides when a snapshot is asked for. What the book is worth is decided
by its `Synchronizer`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, cast

from depthcli.core.markets import COINM, OPTIONS, SPOT, USDM
from depthcli.core.messages import N, check_number_type
from depthcli.core.refresh_schedule import DEFAULT_REFRESH
from depthcli.core.state import State, Verdict
from depthcli.core.symbols import symbol_of
from depthcli.errors import ClosedError, DepthcliError
from depthcli.exchange.request_queue import Urgency
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.audit import Auditor
from depthcli.managers.feed import Feed
from depthcli.managers.snapshot_requests import SnapshotRequester
from depthcli.managers.snapshots import SnapshotScheduler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from depthcli.core.book import DepthCache
    from depthcli.core.markets import Market
    from depthcli.core.state import AuditResult, Counters
    from depthcli.core.synchronizer import Synchronizer
    from depthcli.exchange.client import AsyncClient

logger = logging.getLogger(__name__)

NOT_STARTED: Final = "the manager isn't started: use it in 'async with'"

_callback_task: ContextVar[asyncio.Task[Any] | None] = ContextVar("callback_task", default=None)
"""The task that awaits a coroutine callback, known in all that the callback starts."""


class DepthCacheManager(Generic[N]):
    """Keeps the book of one symbol, and gives it out after each change.

    Use it in `async with`; then `await recv()`, or `async for`, or pass a callback.

    Args:
        client: where the exchange is.
        symbol: in any case; `bnb/btc` and `bnb-btc` are understood, and of contracts ccxt's way to
            write them, such as `BTC/USDT:USDT`.
        loop: taken for the sake of scripts that pass it; the running loop is used.
        refresh_interval: seconds between two refreshes, at which a fresh snapshot is compared with
            the book and replaces it, while the stream goes on; 0 or None: never.
        bm: a socket manager to share; by default one of its own.
        limit: levels a side that are asked for; what the market doesn't offer is rounded up.
        conv_type: `float`, or `Decimal` for exactness.
        ws_interval: update speed of the stream in ms; None or 0: the exchange's plain `@depth`.
        callback: called with the book after each change, and with None when it is lost for good;
            a plain function is called at once, a coroutine function is awaited before the next.
            What it raises is logged and goes no further.
        on_state: called with the new state and its reason after each change of either; what it
            raises is logged, too.
        market: by default the class's own.
        depth: levels a side that are wanted at any time: as the market moves away from where a
            snapshot was taken, fewer are left within the horizon, and a refresh is made early, at
            twice as many or at 50, or half the limit if that is less. When none is left the book
            turns stale until there is one.
        levels: follow the stream of the best 5, 10 or 20 levels instead of the diff events: each
            event replaces the book, which needs no snapshot. Futures and options only.

    Raises:
        UsageError: the symbol can't be one or is of another market, or the market has no such speed
            or levels.
        ValueError: `conv_type` isn't float or Decimal.
    """

    default_market: ClassVar[Market] = SPOT

    def __init__(  # noqa: PLR0917, the ecosystem's order
        self,
        client: AsyncClient,
        symbol: str,
        loop: asyncio.AbstractEventLoop | None = None,  # noqa: ARG002
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: BinanceSocketManager | None = None,
        limit: int = 500,
        conv_type: type[N] = cast("Any", float),  # noqa: B008
        ws_interval: int | None = None,
        callback: Callable[[DepthCache[N] | None], Awaitable[None] | None] | None = None,
        on_state: Callable[[State, str], None] | None = None,
        market: Market | None = None,
        depth: int = 0,
        levels: int | None = None,
    ) -> None:
        self.market = market or self.default_market
        self.symbol = symbol_of(symbol, self.market.name)
        self.limit = self.market.fit_limit(limit)
        self._client = client
        self._bm = bm
        self._owns_bm = bm is None
        self._callback: Any = callback
        self._awaits_callback = is_coroutine_callback(callback)
        self._feed: Feed[N] = Feed(
            self.market,
            self.symbol,
            check_number_type(conv_type),
            speed=ws_interval or None,
            levels=levels,
            on_change=None if self._awaits_callback else callback,
            on_state=on_state,
        )
        requester: SnapshotRequester[N] = SnapshotRequester(
            client, self.market, self.symbol, conv_type
        )
        self._auditor: Auditor[N] = Auditor(self._feed, requester)
        self._scheduler: SnapshotScheduler[N] = SnapshotScheduler(
            self._feed,
            requester,
            self._auditor,
            limit=self.limit,
            refresh_interval=refresh_interval or None,
            depth=depth,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def cache(self) -> DepthCache[N]:
        """The book; the same object for good. What it is worth, `state` says."""
        return self._synchronizer.cache

    @property
    def state(self) -> State:
        """What the book is worth."""
        return self._synchronizer.state

    @property
    def reason(self) -> str:
        """Why the book isn't live, in a few words; empty if there is nothing to say."""
        return self._synchronizer.reason

    @property
    def counters(self) -> Counters:
        """What happened to the book since the start."""
        return self._synchronizer.counters

    @property
    def buffered(self) -> int:
        """Events that wait for a snapshot."""
        return len(self._synchronizer.pending)

    @property
    def last_received(self) -> float | None:
        """When the last event came, on the loop's clock; None before the first."""
        return self._feed.last_received

    @property
    def last_audit(self) -> float | None:
        """When the last audit ended, on the loop's clock; None before the first."""
        return self._auditor.last

    def get_depth_cache(self) -> DepthCache[N]:
        """Return the book."""
        return self.cache

    def get_symbol(self) -> str:
        """Return the symbol."""
        return self.symbol

    async def __aenter__(self) -> Self:
        if self._feed.subscription is not None or self.state is State.CLOSED:
            raise ClosedError("this manager was started before: make a new one")
        # Raised here, to whoever starts it, and not again and again in the keeper's task.
        self._client.rest_origin(self.market)
        if self._bm is None:
            self._bm = BinanceSocketManager(self._client)
        self._feed.start(self._bm)
        self._tasks.append(asyncio.create_task(self._scheduler.keep(), name=f"keep {self.symbol}"))
        if self._awaits_callback:
            self._tasks.append(asyncio.create_task(self._call(), name=f"call {self.symbol}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop following the symbol; the book stays as it is, and `recv` gives None."""
        self._synchronizer.close("closed")
        self._feed.stop()
        if self._owns_bm and self._bm is not None:
            await self._bm.close()
        # A callback may close it, too, and goes on afterwards.
        spared = (asyncio.current_task(), _callback_task.get())
        others = [task for task in self._tasks if task not in spared]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def recv(self) -> DepthCache[N] | None:
        """Wait for the next change, and return the book as it is after just that one.

        The changes are the events of the exchange, each by itself, and the snapshots from which the
        book was built. A reader that falls behind by more than 20,000 events skips some.

        Returns:
            The book, always the same object; None once the stream is lost for good or the manager
            was closed.

        Raises:
            ClosedError: the manager wasn't started.
            ExchangeError: the exchange refuses the symbol or the request for good.
        """
        if self._feed.subscription is None:
            raise ClosedError(NOT_STARTED)
        while not self._synchronizer.advance():
            if self.state is State.CLOSED:
                if self._feed.error is not None:
                    raise self._feed.error
                return None
            await self._feed.wait_for_news()
        return self.cache

    async def audit(self) -> AuditResult | None:
        """Compare the book with a fresh snapshot now, as a refresh does, but keep the book.

        A book in which something differs turns stale, and is built anew. It costs the request
        weight of a snapshot, and waits for its turn within the budget.

        Returns:
            What was found; None if nothing could be compared: the book isn't live, the exchange
            gave old snapshots only, or the stream didn't come as far as the snapshot.

        Raises:
            ClosedError: the manager wasn't started.
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no answer within the time.
            BadMessageError: the answer isn't a snapshot.
        """
        if self._feed.subscription is None:
            raise ClosedError(NOT_STARTED)
        verdict = await self._auditor.audit(self.limit, Urgency.REFRESH, replace=False)
        return self._synchronizer.last_audit if verdict is Verdict.AUDITED else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DepthCache[N]:
        cache = await self.recv()
        if cache is None:
            raise StopAsyncIteration
        return cache

    @property
    def _synchronizer(self) -> Synchronizer[N]:
        return self._feed.synchronizer

    async def _call(self) -> None:
        _callback_task.set(asyncio.current_task())
        cache: DepthCache[N] | None = self.cache
        while cache is not None:
            try:
                cache = await self.recv()
            except DepthcliError:
                logger.exception("%s ended", self.symbol)
                cache = None
            try:
                await self._callback(cache)
            except Exception:
                logger.exception("the callback of %s raised", self.symbol)


def is_coroutine_callback(callback: object) -> bool:
    """Return whether a callback is to be awaited: a coroutine function, or an object called so."""
    called = getattr(callback, "__call__", None)  # noqa: B004, it is looked at, not tested for
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(called)


class FuturesDepthCacheManager(DepthCacheManager[N]):
    """The same for futures: USD-M, or COIN-M with `coin=True`; a true book from diff events.

    Args and errors are those of `DepthCacheManager`.
    """

    default_market = USDM

    def __init__(self, *arguments: Any, coin: bool = False, **options: Any) -> None:
        if coin:
            options.setdefault("market", COINM)
        super().__init__(*arguments, **options)


class OptionsDepthCacheManager(DepthCacheManager[N]):
    """The same for European (vanilla) options. Args and errors are those of `DepthCacheManager`."""

    default_market = OPTIONS
