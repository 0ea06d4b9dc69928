"""Depth caches for programs without asyncio: an event loop in a thread, and callbacks.

All that waits happens in the manager's thread. What other threads call keeps its records under a
lock, hands the work over and returns at once: it never waits for the thread, so that a callback
may call it too.
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

LAST_WORD: Final = 0.3
"""Seconds that coroutine callbacks have to end by themselves after `stop()`."""

FAREWELL: Final = 0.3
"""Seconds that connections have to say goodbye after `stop()`."""

GLANCE: Final = 0.25
"""Seconds between two looks at whether the main thread was interrupted."""


class ThreadedDepthCacheManager(threading.Thread):
    """Keeps books in a thread of its own, and calls back with each change of each.

        manager = ThreadedDepthCacheManager()
        manager.start()
        name = manager.start_depth_cache(callback, symbol="BNBBTC")
        manager.join()

    Or in a `with` block, which starts it, and at the end stops it and waits for its end.

    Callbacks run in the manager's thread, one at a time, and hold up all its books while they run:
    keep them short. A callback may be a plain function or a coroutine function, which is awaited
    before the same book's next call. It gets the book, the same object each time, which changes
    when the callback has returned: to pass it on to another thread, copy what is needed
    (`cache.get_bids()`, `cache.top(10)`) or all of it (`copy.deepcopy(cache)`). While a coroutine
    awaits something, the book may be built anew from a snapshot: read it before. A callback gets
    None, once and as the last, when the book is lost for good; the log says why. What it raises is
    logged with its traceback, and ends nothing, save `sys.exit()`, which stops the manager.

    All methods may be called from any thread and from callbacks. It is a thread that the program
    waits for, unless `daemon` is set. Ctrl-C that ends the main thread, or comes during `join()`,
    stops it.

    Args:
        api_key, api_secret, requests_params, tld, testnet, session_params, https_proxy, verbose,
            demo, rest_url, ws_url: as for `AsyncClient`. Keys aren't used: market data is public.
        loop: not used: the thread has a loop of its own.
        daemon: whether the program may end without waiting for the thread; None: as the thread
            that makes it.

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
        # Reentrant, for the sake of signal handlers.
        self._lock = threading.RLock()
        self._caches: dict[str, CallbackRunner[Any]] = {}
        self._names: Counter[str] = Counter()
        self._closed = False
        self._begun: Future[asyncio.AbstractEventLoop] = Future()
        self._enough = asyncio.Event()
        self._over = threading.Event()

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
            self._begun.result()

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
        """Follow a spot symbol; call back with the book after each change.

        Args:
            callback: called with the book, or with None when it is lost for good.
            symbol: in any case; `bnb/btc` and `bnb-btc` are understood.
            refresh_interval: seconds between two refreshes; None: 1800; 0: never.
            bm: a socket manager that only this manager's caches use; by default they share one.
            limit: levels a side that are wanted at any time. As many more are asked for as the
                exchange gives for the same weight, and a refresh is made early when they run short.
            conv_type: `float`, or `Decimal` for exactness.
            ws_interval: update speed of the stream in ms; 0 or None: the exchange's plain `@depth`.

        Returns:
            A name for `stop_socket`, which no other cache of this manager has, had or will have.

        Raises:
            ClosedError: the manager was stopped.
            UsageError: it isn't started; or the symbol can't be one, or the market isn't there, or
                has no such speed.
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
        """End one depth cache; no callback begins after this, one that is under way is finished.

        Raises:
            UsageError: no depth cache has that name, or it was stopped before.
        """
        with self._lock:
            followed = self._caches.pop(socket_name, None)
            if followed is None:
                known = ", ".join(self._caches) or "none"
                raise UsageError(f"no depth cache is named {socket_name!r}; there are: {known}")
            followed.stopped = True
            if not self._closed:
                self._begun.result().call_soon_threadsafe(followed.end)

    def stop(self) -> None:
        """End all depth caches and the thread; `join()` waits for that, a second at the most.

        No callback begins after this, and None isn't called back. A plain function that is under
        way is waited for, as long as it takes; a coroutine has 0.3 seconds to end by itself.
        Stopping again does nothing.
        """
        with self._lock:
            if self._closed:
                return
            self._close()
            if self.ident is not None:
                self._begun.result().call_soon_threadsafe(self._enough.set)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended, or for `timeout` seconds; Ctrl-C meanwhile stops it.

        In a callback, after `stop()`, it returns at once: the thread ends after the callback.

        Raises:
            UsageError: the manager isn't started, or waits for itself: it isn't stopped.
            KeyboardInterrupt: Ctrl-C; the manager is stopped.
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
            if self._over.wait(LAST_WORD + FAREWELL):
                super().join()
            raise

    def run(self) -> None:
        """Serve until stopped: what the thread does. Call `start()` instead."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._begun.done():
                raise
            # raised again where the thread is started
            self._begun.set_exception(error)
        finally:
            self._over.set()

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
            # Raised here, to the caller, not in the thread.
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
            followed = self._caches[name] = CallbackRunner(name, manager, callback, self.stop)
            self._begun.result().call_soon_threadsafe(followed.begin)
            return name

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            for followed in self._caches.values():
                followed.stopped = True

    async def _serve(self) -> None:
        self._begun.set_result(asyncio.get_running_loop())
        try:
            async with self._client:
                await self._until_stopped()
                self._close()
                await self._end_all()
        finally:
            self._close()

    async def _until_stopped(self) -> None:
        warned = False
        while not self._enough.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GLANCE):
                    await self._enough.wait()
            if self._enough.is_set() or threading.main_thread().is_alive():
                continue
            if isinstance(getattr(sys, "last_value", None), KeyboardInterrupt):
                break
            if not warned:
                warned = True
                logger.warning(
                    "the main thread ended: no host name can be looked up any more, so let it wait"
                    " in join()"
                )

    async def _end_all(self) -> None:
        # Before their listeners go, so that each connection is ended once, with a goodbye.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._bm.close()
        with self._lock:
            tasks = [followed.end() for followed in self._caches.values()]
        pending = {task for task in tasks if task is not None}
        if pending:
            _, pending = await asyncio.wait(pending, timeout=LAST_WORD)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
