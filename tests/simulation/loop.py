"""An event loop whose clock jumps to the next timer when nothing is left to do.

Nothing real is waited for: no sockets, no threads, no sleep. So an hour passes in milliseconds, and
what happens is a function of what the program does, run after run.

It is asyncio's own loop but for its innermost part, which knows timers and nothing else: most of
what happens in a simulated hour is a timer that ends, and a task that goes one step further.
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context


RESTLESS: Final = 100_000
"""So many rounds of the loop while no time passes, and it will never pass."""


class DeadlockError(Exception):
    """Everybody waits for good, or somebody never waits."""


class Handle:
    """Something to be called: what `call_soon` and `call_at` return."""

    __slots__ = ("_arguments", "_at", "_callback", "_context")

    def __init__(
        self,
        at: float,
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        context: Context | None,
    ) -> None:
        self._at = at
        self._callback: Callable[..., object] | None = callback
        self._arguments = arguments
        self._context = context

    def cancel(self) -> None:
        """Let it not be called."""
        self._callback = None
        self._arguments = ()

    def cancelled(self) -> bool:
        """Return whether it won't be called."""
        return self._callback is None

    def when(self) -> float:
        """Return the time for which it was scheduled."""
        return self._at


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop on virtual time, which begins at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._rounds = 0
        self._order = 0
        self._soon: list[Handle] = []
        self._timers: list[tuple[float, int, Handle]] = []

    def time(self) -> float:
        """Return the virtual time, seconds."""
        return self.now

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing is run, as when the machine sleeps."""
        self.now += seconds

    # What is called without a context runs in the loop's own: nothing here depends on contexts.

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Call it in the next round."""
        handle = Handle(self.now, callback, args, context)
        self._soon.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """Call it after so many seconds."""
        # As `call_at`, written out: to call it would take a tenth of the simulation's speed.
        at = self.now + delay
        handle = Handle(at, callback, args, context)
        self._order += 1
        heappush(self._timers, (at, self._order, handle))
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """Call it at that time; what is scheduled for the same time is called in order."""
        handle = Handle(when, callback, args, context)
        self._order += 1
        heappush(self._timers, (when, self._order, handle))
        return handle

    def _run_once(self) -> None:
        """Go on until nothing is left to do at this time, and then to the next."""
        timers = self._timers
        while not self._stopping:
            soon = self._soon
            if not soon:
                self._rounds = 0
                while timers and timers[0][2]._callback is None:
                    heappop(timers)
                if not timers:
                    raise DeadlockError("everybody waits, and nothing is scheduled")
                self.now = max(self.now, timers[0][0])
            now = self.now
            while timers and timers[0][0] <= now:
                soon.append(heappop(timers)[2])
            self._rounds += 1
            if self._rounds > RESTLESS:
                self._rounds = 0
                raise DeadlockError("somebody goes round and round, and no time passes")
            self._soon = []
            for handle in soon:
                callback = handle._callback
                if callback is None:
                    continue
                try:
                    if handle._context is None:
                        callback(*handle._arguments)
                    else:
                        handle._context.run(callback, *handle._arguments)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001, as asyncio does
                    self.call_exception_handler(
                        {"message": f"{callback!r} raised", "exception": error}
                    )
