"""Depth caches for programs without asyncio: an event loop in a thread, and callbacks.

All waiting happens in the manager's thread. Methods called by other threads update shared state
under a lock, hand over the work and return at once. They never wait for the thread, so callbacks
may call them, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Self, cast

from depthcli.core.markets import COINM, OPTIONS, SPOT, USDM
from depthcli.core.refresh_schedule import DEFAULT_REFRESH
from depthcli.errors import ClosedError, UsageError
from depthcli.exchange.client import AsyncClient
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.callbacks import CallbackRunner
from depthcli.managers.depth_cache import DepthCacheManager

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from depthcli.core.markets import Market
    from depthcli.core.messages import N
    from depthcli.managers.callbacks import Callback

logger = logging.getLogger(__name__)

CALLBACK_TIMEOUT: Final = 0.3
"""Seconds that coroutine callbacks have to finish after `stop()`."""

CLOSE_TIMEOUT: Final = 0.3
"""Seconds that connections have for the closing handshake after `stop()`."""

CHECK_INTERVAL: Final = 0.25
"""Seconds between two checks whether the main thread was interrupted."""


class ThreadedDepthCacheManager(threading.Thread):
    """Keeps books in a thread of its own, and calls a callback for each change.

        manager = ThreadedDepthCacheManager()
        manager.start()
        name = manager.start_depth_cache(callback, symbol="BNBBTC")
        manager.join()

    Or use a `with` block, which starts the manager, and finally stops it and waits for its end.

    Callbacks run in the manager's thread, one at a time, and block all its books while they run:
    keep them short. A callback may be a plain function or a coroutine function, which is awaited
    before the next call for the same book. It gets the book, always the same object, which changes
    after the callback returns. To pass it to another thread, copy what you need
    (`cache.get_bids()`, `cache.top(10)`) or all of it (`copy.deepcopy(cache)`). While a coroutine
    awaits something, the book may be rebuilt from a snapshot: read it before. When the book is lost
    for good, the callback gets None in a last call; the log says why. Exceptions of a callback are
    logged with their traceback and end nothing, except for `sys.exit()`, which stops the manager.

    All methods may be called from any thread and from callbacks. The program waits for the thread
    to end, unless `daemon` is set. Ctrl-C stops the manager if it ends the main thread or
    interrupts `join()`.

    Args:
        api_key, api_secret, requests_params, tld, testnet, session_params, https_proxy, verbose,
            demo, rest_url, ws_url: as for `AsyncClient`. Keys aren't used: market data is public.
        loop: not used: the thread has its own loop.
        daemon: whether the program may end without waiting for the thread; None: like the thread
            that creates the manager.

    Raises:
        UsageError: as for `AsyncClient`.
    """

    def __init__(  # noqa: PLR0917, the ecosystem's order
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        requests_params: Mapping[str, Any] | None = None,
        tld: str = "com",
        testnet: bool = False,
        session_params: Mapping[str, Any] | None = None,
        https_proxy: str | None = None,
        loop: asyncio.AbstractEventLoop | None = None,  # noqa: ARG002
        verbose: bool = False,
        *,
        demo: bool = False,
        rest_url: str | None = None,
        ws_url: str | None = None,
        daemon: bool | None = None,
    ) -> None:
        super().__init__(name="depthcli", daemon=daemon)
        self._client = AsyncClient(
            api_key,
            api_secret,
            requests_params,
            tld,
            testnet=testnet,
            demo=demo,
            session_params=session_params,
            https_proxy=https_proxy,
            verbose=verbose,
            rest_url=rest_url,
            ws_url=ws_url,
        )
        self._bm = BinanceSocketManager(self._client)
        # Reentrant, because signal handlers may call any method.
        self._lock = threading.RLock()
        self._caches: dict[str, CallbackRunner[Any]] = {}
        self._names: Counter[str] = Counter()
        self._closed = False
        self._loop_started: Future[asyncio.AbstractEventLoop] = Future()
        self._stop_requested = asyncio.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread; depth caches can be started as soon as this returns.

        Raises:
            ClosedError: the manager was stopped.
            UsageError: it was started before.
        """
        with self._lock:
            self._check_open()
            if self.ident is not None:
                raise UsageError("this manager is started already")
            super().start()
            self._loop_started.result()

    def start_depth_cache(  # noqa: PLR0917, the ecosystem's order
        self,
        callback: Callback[N],
        symbol: str,
        refresh_interval: float | None = None,
        bm: BinanceSocketManager | None = None,
        limit: int = 10,
        conv_type: type[N] = cast("Any", float),  # noqa: B008
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a spot symbol, and call the callback with the book after each change.

        Args:
            callback: called with the book, or with None when it is lost for good.
            symbol: in upper or lower case; `bnb/btc` and `bnb-btc` are accepted.
            refresh_interval: seconds between two refreshes; None: 1800; 0: never.
            bm: a socket manager that only this manager's caches use; by default they share one.
            limit: levels per side to keep available. Snapshots have as many more as the exchange
                gives for the same weight, and a refresh is made early when levels run short.
            conv_type: `float`, or `Decimal` for exactness.
            ws_interval: update speed of the stream in ms; 0 or None: the exchange's default
                `@depth`.

        Returns:
            A name for `stop_socket`, unique within this manager; names aren't reused.

        Raises:
            ClosedError: the manager was stopped.
            UsageError: it isn't started, the symbol can't be one, or the market doesn't exist in
                this environment or has no such speed.
            ValueError: `conv_type` isn't float or Decimal.
        """
        return self._follow(
            SPOT, callback, symbol, refresh_interval, bm, limit, conv_type, ws_interval
        )

    def start_futures_depth_socket(  # noqa: PLR0917, the ecosystem's order
        self,
        callback: Callback[N],
        symbol: str,
        refresh_interval: float | None = None,
        bm: BinanceSocketManager | None = None,
        limit: int = 10,
        conv_type: type[N] = cast("Any", float),  # noqa: B008
        ws_interval: int | None = 0,
        *,
        coin: bool = False,
    ) -> str:
        """Follow a USD-M future, or with `coin=True` a COIN-M one; see `start_depth_cache`."""
        market = COINM if coin else USDM
        return self._follow(
            market, callback, symbol, refresh_interval, bm, limit, conv_type, ws_interval
        )

    def start_options_depth_socket(  # noqa: PLR0917, the ecosystem's order
        self,
        callback: Callback[N],
        symbol: str,
        refresh_interval: float | None = None,
        bm: BinanceSocketManager | None = None,
        limit: int = 10,
        conv_type: type[N] = cast("Any", float),  # noqa: B008
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a European (vanilla) option; see `start_depth_cache`."""
        return self._follow(
            OPTIONS, callback, symbol, refresh_interval, bm, limit, conv_type, ws_interval
        )

    def stop_socket(self, socket_name: str) -> None:
        """Stop one depth cache. A running callback finishes, but no other begins.

        Raises:
            UsageError: no depth cache has that name, or it was stopped before.
        """
        with self._lock:
            runner = self._caches.pop(socket_name, None)
            if runner is None:
                known = ", ".join(self._caches) or "none"
                raise UsageError(f"no depth cache is named {socket_name!r}; there are: {known}")
            runner.stopped = True
            if not self._closed:
                self._loop_started.result().call_soon_threadsafe(runner.end)

    def stop(self) -> None:
        """Stop all depth caches and the thread; `join()` waits for it, usually less than a second.

        No callback begins after this, not even with None. A running plain function is waited for,
        however long it takes; a coroutine has 0.3 seconds to finish. Stopping again does nothing.
        """
        with self._lock:
            if self._closed:
                return
            self._close()
            if self.ident is not None:
                self._loop_started.result().call_soon_threadsafe(self._stop_requested.set)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended, or for `timeout` seconds. Ctrl-C stops the manager.

        In a callback, after `stop()`, it returns at once: the thread ends after the callback.

        Raises:
            UsageError: the manager isn't started, or a callback calls this before `stop()`.
            KeyboardInterrupt: Ctrl-C was pressed; the manager is stopped.
        """
        if not self._closed:
            self._check_started()
        if threading.current_thread() is self:
            if not self._closed:
                raise UsageError("a callback can't wait for the end of its manager: stop it first")
            return
        if self.ident is None:
            return
        try:
            super().join(timeout)
        except KeyboardInterrupt:
            self.stop()
            # Up to Python 3.12 the thread counts as ended when a wait for it is interrupted.
            if self._ended.wait(CALLBACK_TIMEOUT + CLOSE_TIMEOUT):
                super().join()
            raise

    def run(self) -> None:
        """Run the thread's event loop until stopped. Call `start()` instead."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._loop_started.done():
                raise
            # Raised again by `start`.
            self._loop_started.set_exception(error)
        finally:
            self._ended.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self.join()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this manager was stopped: make a new ThreadedDepthCacheManager")

    def _check_started(self) -> None:
        if self.ident is None:
            raise UsageError("this manager isn't started: call start() first")

    def _follow(  # noqa: PLR0917, as above
        self,
        market: Market,
        callback: Callback[N],
        symbol: str,
        refresh_interval: float | None,
        bm: BinanceSocketManager | None,
        limit: int,
        conv_type: type[N],
        ws_interval: int | None,
    ) -> str:
        with self._lock:
            self._check_open()
            self._check_started()
            # Raise a UsageError here, to the caller, and not in the thread.
            self._client.rest_origin(market)
            self._client.websocket_origin(market)
            manager = DepthCacheManager(
                self._client,
                symbol,
                refresh_interval=DEFAULT_REFRESH if refresh_interval is None else refresh_interval,
                bm=bm or self._bm,
                limit=market.generous_limit(limit),
                conv_type=conv_type,
                ws_interval=ws_interval,
                market=market,
                depth=limit,
            )
            name = f"{manager.symbol.lower()}@depth{limit}"
            self._names[name] += 1
            if self._names[name] > 1:
                name += f"#{self._names[name]}"
            runner = self._caches[name] = CallbackRunner(name, manager, callback, self.stop)
            self._loop_started.result().call_soon_threadsafe(runner.begin)
            return name

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            for runner in self._caches.values():
                runner.stopped = True

    async def _serve(self) -> None:
        self._loop_started.set_result(asyncio.get_running_loop())
        try:
            async with self._client:
                await self._until_stopped()
                self._close()
                await self._end_all()
        finally:
            self._close()

    async def _until_stopped(self) -> None:
        warned = False
        while not self._stop_requested.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_INTERVAL):
                    await self._stop_requested.wait()
            if self._stop_requested.is_set() or threading.main_thread().is_alive():
                continue
            if isinstance(getattr(sys, "last_value", None), KeyboardInterrupt):
                break
            if not warned:
                warned = True
                logger.warning(
                    "the main thread has ended: host names can't be resolved any more; let it wait"
                    " in join() instead"
                )

    async def _end_all(self) -> None:
        # Before the listeners are removed: each connection is closed once, with a handshake.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._bm.close()
        with self._lock:
            tasks = [runner.end() for runner in self._caches.values()]
        pending = {task for task in tasks if task is not None}
        if pending:
            _, pending = await asyncio.wait(pending, timeout=CALLBACK_TIMEOUT)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
