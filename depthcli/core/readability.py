"""When a stream that had unreadable events counts as readable again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthcli.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.messages import DepthEvent

LONGEST_RUN: Final = 32
"""The most readable events in a row that are required."""

STEADY: Final = 100
"""Events applied after which a stream is sound again: its next failure counts as the first."""


class Readability:
    """Whether the events of a stream can be read.

    After the first unreadable event, one readable event is enough. With each relapse, twice as many
    are required. Otherwise a stream with every other event garbled would make its book live for
    moments, at the cost of a snapshot each time.

    Attributes:
        wanted: how many more events in a row must be readable; 0 if the stream is readable.
    """

    __slots__ = ("_applied", "_run", "wanted")

    def __init__(self) -> None:
        self.wanted = 0
        self._run = 0
        self._applied = 0

    def failed(self, applied: int) -> None:
        """Record an unreadable event.

        Args:
            applied: how many events have been applied to the book so far.
        """
        if not self.wanted:
            relapsed = self._run and applied - self._applied < STEADY
            self._run = min(2 * self._run, LONGEST_RUN) if relapsed else 1
        self._applied = applied
        self.wanted = self._run

    def read(self) -> bool:
        """Record a readable event; return whether the stream is readable now."""
        self.wanted = max(0, self.wanted - 1)
        return not self.wanted

    def believe(self) -> None:
        """Consider the stream readable: it is new, or has been quiet for long."""
        self.wanted = 0


def oddity(event: DepthEvent[Any], symbol: str) -> str:
    """Return what is wrong with an event that a symbol's book can't take."""
    if event.symbol != symbol:
        return f"one is of another symbol, {printable(event.symbol, 40)}"
    return f"ids run back from {event.first_update_id} to {event.last_update_id}"


def lead_on(events: Iterable[DepthEvent[Any]], start: int) -> bool:
    """Return whether events lead on from an update id, and none is missing."""
    at = start
    for event in events:
        if event.last_update_id > at:
            if event.follows > at:
                return False
            at = event.last_update_id
    return at > start
