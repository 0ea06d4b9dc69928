"""Update ids that start anew, lower than before, and how that is told from lateness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.messages import DepthEvent

RESTART_MS: Final = 3_000
"""An event so much later than the book's, with lower ids, isn't late: the ids started anew."""

RESTART_EVENTS: Final = 50
"""So many old events in a row aren't duplicates: the ids, and the clock with them, went back."""

LOWER_SNAPSHOTS: Final = 10
"""A snapshot below the last true book is refused so often as a cached one, then believed. At the
manager's pace that takes half a minute at the least: no cache of the exchange lags for longer."""


def ended_before(events: Sequence[DepthEvent[Any]]) -> int:
    """Return how many of the events that wait are from before the exchange began to count anew.

    Zero: none of them shows that it did. O(n).
    """
    if not events:
        return 0
    highest = max(range(len(events)), key=lambda index: events[index].last_update_id)
    behind = len(events) - 1 - highest
    later = events[-1].event_time - events[highest].event_time
    anew = behind and (later > RESTART_MS or behind > RESTART_EVENTS)
    return highest + 1 if anew else 0
