"""When a stream with events that can't be read is believed again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthcli.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.messages import DepthEvent

LONGEST_RUN: Final = 32
"""Events in a row that are wanted at the most."""

STEADY: Final = 100
"""Events applied after which a stream counts as sound: its next trouble is a first one again."""


class Readability:
    """Whether the events of a stream can be read.

    After one that can't, one that can is enough. Where that was too early, twice as many are wanted
    each time, so that a stream of which every other event is garbled doesn't make its book live for
    moments, at the price of a snapshot each.

    Attributes:
        wanted: how many events in a row are still to be read; 0: they can be read.
    """

    __slots__ = ("_applied", "_run", "wanted")

    def __init__(self) -> None:
        self.wanted = 0
        self._run = 0
        self._applied = 0

    def failed(self, applied: int) -> None:
        """Take note of an event that can't be read.

        Args:
            applied: how many events were applied to the book so far.
        """
        if not self.wanted:
            relapsed = self._run and applied - self._applied < STEADY
            self._run = min(2 * self._run, LONGEST_RUN) if relapsed else 1
        self._applied = applied
        self.wanted = self._run

    def read(self) -> bool:
        """Take note of an event that was read; return whether none more is wanted."""
        self.wanted = max(0, self.wanted - 1)
        return not self.wanted

    def believe(self) -> None:
        """Take the stream for one that can be read: it is new, or quiet for long."""
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
