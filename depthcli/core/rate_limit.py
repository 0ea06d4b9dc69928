"""No more than so many in so long. Pure: time is given, in seconds on any one clock."""

from __future__ import annotations

from collections import deque


class RateLimiter:
    """Lets something happen a limited number of times in any window.

    Args:
        most: how often in a window.
        window: its length, seconds.
    """

    def __init__(self, most: int, window: float) -> None:
        self._window = window
        self._latest: deque[float] = deque(maxlen=most)

    def delay(self, now: float) -> float:
        """Return the seconds until it may happen again; 0 if it may now."""
        latest = self._latest
        if len(latest) < (latest.maxlen or 0):
            return 0.0
        return max(0.0, latest[0] + self._window - now)

    def note(self, now: float) -> None:
        """It happens."""
        self._latest.append(now)
