"""Update ids, and the windows of time whose changes make up an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthcli.simulator.market.flow import Change


class UpdateIds:
    """The update ids of one symbol.

    The derivatives' engines number the updates of all their symbols together, so that ids grow even
    if a symbol doesn't change. Here they grow with time, which looks the same from outside and
    makes symbols independent of each other.

    Args:
        start: the id before the first update.
        per_ms: by how much ids grow per millisecond without an update of the symbol.
        at_ms: the time at the start.
    """

    def __init__(self, start: int, per_ms: float = 0.0, at_ms: float = 0.0) -> None:
        self._per_ms = per_ms
        self.restart(start, at_ms)

    def restart(self, start: int, at_ms: float) -> None:
        """Start over with that id."""
        self._start, self._since_ms = start, at_ms
        self._last = start

    def reached(self, at_ms: float) -> int:
        """Return the id of a snapshot at that time."""
        return max(self._last, self._start + int((at_ms - self._since_ms) * self._per_ms))

    def take(self, count: int, at_ms: float) -> int:
        """Take `count` ids and return the first of them."""
        first = self.reached(at_ms) + 1
        self._last = first + count - 1
        return first


class Window:
    """The changes of a symbol since the last event of one speed.

    Attributes:
        speed: ms from one event to the next.
        due_ms: when the window ends.
        previous_id: the last update id of the previous event.
        first_id: the first update id in the window; 0 if nothing changed.
        last_id: the last update id in the window; 0 if nothing changed.
    """

    __slots__ = ("_changes", "_phase", "due_ms", "first_id", "last_id", "previous_id", "speed")

    def __init__(self, speed: int, phase: int, at_ms: float, previous_id: int) -> None:
        self.speed = speed
        self._phase = phase
        self.due_ms = self.end_after(at_ms)
        self.begin(previous_id)

    @property
    def ids(self) -> tuple[int, int, int]:
        """First and last update id, and the last of the previous event."""
        return self.first_id, self.last_id, self.previous_id

    def begin(self, previous_id: int) -> None:
        """Start a new window after the event that ended with that update id."""
        self.previous_id = previous_id
        self.first_id = self.last_id = 0
        self._changes: list[Change] = []

    def end_after(self, at_ms: float) -> float:
        """Return the end of the window that contains that moment."""
        return at_ms - (at_ms - self._phase) % self.speed + self.speed

    def note(self, first_id: int, changes: list[Change]) -> None:
        """Add changes, each of which took the next update id."""
        self.first_id = self.first_id or first_id
        self.last_id = first_id + len(changes) - 1
        self._changes += changes

    def changed(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return the changed levels of each side: price in ticks to the last quantity in lots."""
        sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for side, price, quantity, _ in self._changes:
            sides[side][price] = quantity
        return sides
