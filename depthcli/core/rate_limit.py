"""A sliding-window rate limiter. Pure: time is passed in, in seconds on the same clock."""

from __future__ import annotations

from collections import deque


class RateLimiter:
    """Limits how often something happens within any window of time.

    Args:
        most: how often per window.
        window: its length, in seconds.
    """

    def __init__(self, most: int, window: float) -> None:
        self._window = window
        self._latest: deque[float] = deque(maxlen=most)

    def delay(self, now: float) -> float:
        """Return the seconds until the next one is allowed; 0 if it is allowed now."""
        latest = self._latest
        if len(latest) < (latest.maxlen or 0):
            return 0.0
        return max(0.0, latest[0] + self._window - now)

    def note(self, now: float) -> None:
        """Record one, now."""
        self._latest.append(now)
