"""Merge the events of two connections while one replaces the other. Pure.

The exchange closes every connection after 24 hours, or announces an earlier end. A successor
subscribes to the same streams while its predecessor is still in use. Both receive the same events,
at different times. The predecessor's events are delivered and the successor's kept until the two
overlap. After that either connection may fail, and each event is delivered when it first arrives.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic

from depthcli.core.messages import N

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.messages import DepthEvent

QUIET: Final = 5.0
"""Seconds without an event on either connection after which a stream counts as handed over: by
then, everything sent before the successor subscribed has arrived."""

LONGEST: Final = 60.0
"""Seconds after which a handover ends, even if the predecessor still lags behind."""

MOST_KEPT: Final = 2_000
"""The most events kept per stream; the oldest are dropped first."""


@dataclass(slots=True)
class _Stream(Generic[N]):
    """One stream during a handover.

    Attributes:
        opened: when the successor subscribed to it, in seconds.
        reached: the last update id delivered since the handover began; None before the first.
        kept: the successor's events that can't be delivered yet.
        joined: whether the events of the two connections have overlapped.
    """

    opened: float
    reached: int | None = None
    kept: deque[DepthEvent[N]] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    joined: bool = False


class Handover(Generic[N]):
    """Merges two connections' events, stream by stream.

    All times are in seconds on the same clock.

    Args:
        now: when the handover begins.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._streams: dict[str, _Stream[N]] = {}

    def opened(self, streams: Iterable[str], now: float) -> None:
        """Record that the successor is subscribed to these streams."""
        for stream in streams:
            self._streams[stream] = _Stream(now)

    def from_predecessor(self, stream: str, event: DepthEvent[N]) -> list[DepthEvent[N]]:
        """Return the events to deliver after the predecessor received this one."""
        known = self._streams.get(stream)
        if known is None:
            return [event]
        if known.joined:
            return self._first_of_two(known, event)
        known.reached = event.last_update_id
        delivered = [event]
        delivered.extend(self._join(known))
        return delivered

    def from_successor(self, stream: str, event: DepthEvent[N]) -> list[DepthEvent[N]]:
        """Return the events to deliver after the successor received this one."""
        known = self._streams.get(stream)
        if known is None:
            return []
        if known.joined:
            return self._first_of_two(known, event)
        known.kept.append(event)
        return self._join(known)

    def complete(self, wanted: Iterable[str], now: float) -> bool:
        """Return whether the predecessor is no longer needed. O(n) for n streams."""
        late = now - self._began > LONGEST
        for stream in wanted:
            known = self._streams.get(stream)
            if known is None:
                return False
            if not (known.joined or late or (not known.kept and now - known.opened > QUIET)):
                return False
        return True

    def finish(self, stream: str) -> list[DepthEvent[N]] | None:
        """Return the kept events of a stream, once the predecessor is gone.

        None if the successor isn't subscribed to the stream: events may have been missed.
        """
        known = self._streams.get(stream)
        return None if known is None else list(known.kept)

    @staticmethod
    def _join(known: _Stream[N]) -> list[DepthEvent[N]]:
        """Release the successor's events if the first of them follows the last one delivered."""
        kept, reached = known.kept, known.reached
        if reached is None or not kept or kept[0].follows > reached:
            return []
        known.joined = True
        rest = [event for event in kept if event.last_update_id > reached]
        known.reached = max(reached, kept[-1].last_update_id)
        kept.clear()
        return rest

    @staticmethod
    def _first_of_two(known: _Stream[N], event: DepthEvent[N]) -> list[DepthEvent[N]]:
        if known.reached is not None and event.last_update_id <= known.reached:
            return []
        known.reached = event.last_update_id
        return [event]
