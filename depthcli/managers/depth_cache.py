"""Depth cache managers: each keeps one symbol's book in sync with the exchange's.

A manager consists of a `Feed`, which reads the stream, an `Auditor`, and a `SnapshotScheduler`,
which decides when to request a snapshot. The `Synchronizer` decides on the state of the book.
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
    """Keeps the book of one symbol, and returns it after each change.

    Use it in `async with`; then `await recv()`, or use `async for`, or pass a callback.

    Args:
        client: connects to the exchange.
        symbol: in upper or lower case; `bnb/btc`, `bnb-btc` and ccxt's notation of contracts, such
            as `BTC/USDT:USDT`, are accepted.
        loop: not used: the running loop is. Accepted for python-binance's sake.
        refresh_interval: seconds between two refreshes, at which a fresh snapshot is compared with
            the book and replaces it, while the stream goes on; 0 or None: never.
        bm: a socket manager to share; by default the manager has its own.
        limit: levels per side of a snapshot; rounded up to a limit that the market offers.
        conv_type: `float`, or `Decimal` for exactness.
        ws_interval: update speed of the stream in ms; None or 0: the exchange's default `@depth`.
        callback: called with the book after each change, and with None when it is lost for good. A
            plain function is called at once; a coroutine function is awaited before the next call.
            Its exceptions are logged and not propagated.
        on_state: called with the new state and its reason after each change of either; its
            exceptions are logged, too.
        market: by default the class's own.
        depth: levels per side to keep available. As the market moves away from where a snapshot was
            taken, fewer levels are left within the horizon. A refresh is made early when there are
            fewer than twice as many as this, at least 50 but no more than half the limit. When none
            is left, the book is stale until there is one.
        levels: follow the stream of the best 5, 10 or 20 levels instead of the diff events. Each
            event replaces the book, which needs no snapshot. Futures and options only.

    Raises:
        UsageError: the symbol can't be one or belongs to another market, or the market has no such
            speed or levels.
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
        """The book, always the same object. `state` tells whether it can be relied on."""
        return self._synchronizer.cache

    @property
    def state(self) -> State:
        """The state of the book."""
        return self._synchronizer.state

    @property
    def reason(self) -> str:
        """Why the book isn't live, in a few words; may be empty."""
        return self._synchronizer.reason

    @property
    def counters(self) -> Counters:
        """What has happened to the book since it was started."""
        return self._synchronizer.counters

    @property
    def buffered(self) -> int:
        """The number of events that wait for a snapshot or for the reader."""
        return len(self._synchronizer.pending)

    @property
    def last_received(self) -> float | None:
        """When the last event arrived, on the loop's clock; None before the first."""
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
        # Raise a UsageError here, to the caller, and not in each try of the scheduler's task.
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
        """Stop following the symbol. The book stays as it is, and `recv` returns None."""
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
        """Wait for the next change, and return the book right after it.

        A change is a single event of the exchange, or a snapshot from which the book was built. A
        reader that falls behind by more than 20,000 events skips some.

        Returns:
            The book, always the same object; None after the stream was lost for good or the manager
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
        """Compare the book with a fresh snapshot now, like a refresh, but without replacing it.

        If levels differ, the book turns stale and is rebuilt. An audit costs the request weight of
        a snapshot, and waits for its turn within the budget.

        Returns:
            The result; None if nothing could be compared, because the book isn't live, the exchange
            sent only old snapshots, or the stream didn't catch up with the snapshot.

        Raises:
            ClosedError: the manager wasn't started.
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no response in time.
            BadMessageError: the response isn't a snapshot.
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
    """A depth cache manager for futures: USD-M, or COIN-M with `coin=True`.

    Takes the arguments of `DepthCacheManager` and raises the same errors.
    """

    default_market = USDM

    def __init__(self, *arguments: Any, coin: bool = False, **options: Any) -> None:
        if coin:
            options.setdefault("market", COINM)
        super().__init__(*arguments, **options)


class OptionsDepthCacheManager(DepthCacheManager[N]):
    """A depth cache manager for European (vanilla) options.

    Takes the arguments of `DepthCacheManager` and raises the same errors.
    """

    default_market = OPTIONS
