"""Two connections carry the same streams for a while: which of their events are given out. Pure.

The exchange ends every connection after 24 hours, and says so when it is about to go earlier. A
successor is subscribed to the same streams while its predecessor still serves. Both bring the same
events, at different times. The predecessor's are given out, and the successor's kept, until the two
overlap: from there on either of them may fail, and whichever brings an event first gives it.
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
"""Seconds without an event on either connection after which a stream counts as handed over: what
was sent before the successor was subscribed has arrived by then."""

LONGEST: Final = 60.0
"""Seconds after which a predecessor that still lags isn't waited for."""

MOST_KEPT: Final = 2_000
"""Events of one stream that are kept at the most; the oldest go first."""


@dataclass(slots=True)
class _Stream(Generic[N]):
    """One stream during a handover.

    Attributes:
        opened: when the successor was subscribed to it, seconds.
        reached: the last update id that was given out since the handover began.
        kept: the successor's events that can't be given out yet.
        joined: whether the two connections were seen to overlap.
    """

    opened: float
    reached: int | None = None
    kept: deque[DepthEvent[N]] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    joined: bool = False


class Handover(Generic[N]):
    """Merges two connections' events, stream by stream. All times are seconds on any one clock."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._streams: dict[str, _Stream[N]] = {}

    def opened(self, streams: Iterable[str], now: float) -> None:
        """Take note that the successor is subscribed to these streams."""
        for stream in streams:
            self._streams[stream] = _Stream(now)

    def from_predecessor(self, stream: str, event: DepthEvent[N]) -> list[DepthEvent[N]]:
        """Return the events to give out now that the predecessor brought this one."""
        known = self._streams.get(stream)
        if known is None:
            return [event]
        if known.joined:
            return self._first_of_two(known, event)
        known.reached = event.last_update_id
        given = [event]
        given.extend(self._join(known))
        return given

    def from_successor(self, stream: str, event: DepthEvent[N]) -> list[DepthEvent[N]]:
        """Return the events to give out now that the successor brought this one."""
        known = self._streams.get(stream)
        if known is None:
            return []
        if known.joined:
            return self._first_of_two(known, event)
        known.kept.append(event)
        return self._join(known)

    def complete(self, wanted: Iterable[str], now: float) -> bool:
        """Return whether the predecessor isn't needed any more. O(n) for n streams."""
        late = now - self._began > LONGEST
        for stream in wanted:
            known = self._streams.get(stream)
            if known is None:
                return False
            if not (known.joined or late or (not known.kept and now - known.opened > QUIET)):
                return False
        return True

    def finish(self, stream: str) -> list[DepthEvent[N]] | None:
        """Return what is still kept of a stream, for the predecessor is gone.

        None where the successor isn't subscribed to it, so that events may have been missed.
        """
        known = self._streams.get(stream)
        return None if known is None else list(known.kept)

    @staticmethod
    def _join(known: _Stream[N]) -> list[DepthEvent[N]]:
        """Let the successor's events go if the first of them follows what was given out."""
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
