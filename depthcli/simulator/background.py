"""A simulator in a thread of its own, for programs with or without their own event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthcli.simulator.faults.faults import Faults
    from depthcli.simulator.server import Simulator

T = TypeVar("T")


class BackgroundSimulator:
    """Runs a simulator in a thread for as long as the context lasts.

        with BackgroundSimulator(Simulator(source_for("spot"))) as background:
            ...  # REST at background.rest_url, WebSocket at background.ws_url

    Args:
        simulator: one that isn't running yet.

    Raises:
        UsageError: on entering, if the simulator can't listen on its port.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="depthcli-simulator", daemon=True)

    @property
    def rest_url(self) -> str:
        """Where REST requests go: scheme, host and port."""
        return self._simulator.rest_url

    @property
    def ws_url(self) -> str:
        """Where WebSockets connect to: scheme, host and port."""
        return self._simulator.ws_url

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of all sources that have a book."""
        return self._simulator.symbols

    @property
    def faults(self) -> Faults:
        """Injects faults; may be used from any thread."""
        return self._simulator.faults

    def call(self, function: Callable[[Simulator], T]) -> T:
        """Call a function in the simulator's thread, between two of its steps.

        Returns:
            What the function returns.
        """
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(function(self._simulator))
            except Exception as error:  # noqa: BLE001 -- raised again in the caller's thread
                answer.set_exception(error)

        self._started.result().call_soon_threadsafe(run)
        return answer.result()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._started.result().call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            if self._started.done():
                raise
            # Raised again by `__enter__`.
            self._started.set_exception(error)

    async def _serve(self) -> None:
        async with self._simulator:
            self._started.set_result(asyncio.get_running_loop())
            await self._stop.wait()
