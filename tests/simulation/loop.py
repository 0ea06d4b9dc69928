"""An event loop whose clock jumps to the next timer when nothing is left to do.

Nothing real is waited for: no sockets, no threads, no sleep. So an hour passes in milliseconds, and
what happens is a function of what the program does, run after run.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


RESTLESS: Final = 100_000
"""So many rounds of the loop while no time passes, and it will never pass."""


class DeadlockError(Exception):
    """Everybody waits for good, or somebody never waits."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time, which begins at zero."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Return the virtual time, seconds."""
        return self.now

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing is run, as when the machine sleeps."""
        self.now += seconds


class _Jumping(selectors.BaseSelector):
    """Selects nothing: instead of waiting it sets the clock forward."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._rounds = 0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise DeadlockError("everybody waits, and nothing is scheduled")
        self._rounds += 1
        if timeout > 0:
            self._loop.now += timeout
            self._rounds = 0
        elif self._rounds > RESTLESS:
            self._rounds = 0
            raise DeadlockError("somebody goes round and round, and no time passes")
        return []

    # The loop registers the pipe by which threads wake it; nobody writes to it here.

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj, events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[fileobj]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys
