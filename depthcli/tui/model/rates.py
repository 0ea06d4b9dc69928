"""Rates and latencies, smoothed so that they don't flicker."""

from __future__ import annotations

from collections import deque
from typing import Final

_RATE_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 1.0
_WEIGHT: Final = 0.2


class Rate:
    """How fast a total grows, over the last few seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def due(self, now: float) -> bool:
        """Return whether it is time for another measurement."""
        return not self._samples or now - self._samples[-1][0] >= _LOOK_SECONDS - 1e-6

    def add(self, now: float, total: int) -> None:
        """Add the total at a time, in seconds."""
        samples = self._samples
        if samples and total < samples[-1][1]:
            # Something that was counted is no longer there.
            samples.clear()
        samples.append((now, total))
        while now - samples[0][0] > _RATE_SECONDS:
            samples.popleft()

    @property
    def per_second(self) -> float | None:
        """The growth per second, or None before two measurements."""
        if not self._samples:
            return None
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else None


class Gauge:
    """The smoothed value of something measured often; it moves once a second.

    Attributes:
        value: to be shown; None before the first measurement.
    """

    def __init__(self) -> None:
        self.value: float | None = None
        self._smooth: float | None = None
        self._shown_at = 0.0

    def add(self, now: float, measured: float) -> None:
        """Add a measurement at a time, in seconds."""
        smooth = self._smooth
        self._smooth = measured if smooth is None else smooth + _WEIGHT * (measured - smooth)
        if self.value is None or now - self._shown_at >= _LOOK_SECONDS - 1e-6:
            self.value, self._shown_at = self._smooth, now
