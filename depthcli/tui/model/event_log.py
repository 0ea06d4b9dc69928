"""The log of what happened to the books."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.core.state import State
from depthcli.tui.drawing.numbers import age_text

if TYPE_CHECKING:
    from depthcli.tui.model.watched import Manager

KEPT: Final = 500

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
"""Numbers in reasons; a countdown alone makes no new entry."""


class Entry(NamedTuple):
    """One entry of the log.

    Attributes:
        time: seconds since the epoch.
        symbol: the symbol.
        state: gives the entry's sign and colour.
        text: what happened.
    """

    time: float
    symbol: str
    state: State
    text: str


class _Known(NamedTuple):
    """A book's state at the last frame."""

    state: State
    pattern: str
    audits: int
    since: float


class EventLog:
    """Compares books with their state at the last frame, and logs the changes."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self._known: dict[str, _Known] = {}

    def look(self, name: str, manager: Manager, now: float, wall: float) -> None:
        """Log what happened to a book since the last frame."""
        state, reason, audits = manager.state, manager.reason, manager.counters.audits
        pattern = _NUMBER.sub("#", reason) if reason else ""
        before = self._known.get(name)
        if before and (before.state, before.pattern, before.audits) == (state, pattern, audits):
            return
        since = before.since if before and before.state is state else now
        self._known[name] = _Known(state, pattern, audits, since)
        if before is None or before.state is not state or before.pattern != pattern:
            text = state.value + (f": {reason}" if reason else "")
            if before and state is State.LIVE and before.state is not State.LIVE:
                text = f"live, after {age_text(now - before.since)} {before.state.value}"
            self.entries.append(Entry(wall, name, state, text))
        elif audits != before.audits:
            differ = manager.counters.differences
            odd = State.STALE if differ else State.LIVE
            where = f": {manager.counters.by_rank}" if differ else ""
            self.entries.append(Entry(wall, name, odd, f"audited: {differ} levels differ{where}"))

    def note(self, wall: float, name: str, text: str) -> None:
        """Log an action of the user."""
        self.entries.append(Entry(wall, name, State.CONNECTING, text))

    def forget(self, name: str) -> None:
        """Forget a symbol that is no longer watched."""
        self._known.pop(name, None)
