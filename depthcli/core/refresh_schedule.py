"""When a live book is to be compared with a fresh snapshot. Pure: time is given, in seconds."""

from __future__ import annotations

from typing import Final

DEFAULT_REFRESH: Final = 1800.0
"""Seconds between two refreshes, where the user doesn't say."""

FIRST_REFRESH: Final = 0.1
"""The part of the interval after which the first refresh may be due, for some of many books."""

SILENCE: Final = 6.0
"""Seconds without an event after which a snapshot is asked whether anything was missed."""

LONGEST_SILENCE: Final = 60.0
"""A quiet symbol on a lively connection is questioned ever more seldom, down to this, seconds."""

LONGEST_UNKNOWN: Final = 900.0
"""Whether a silent symbol is still traded is asked ever more seldom, down to this, seconds."""

LOOK: Final = 1.0
"""Seconds between two looks, as events come, at whether enough levels are left."""

HURRY: Final = 3.0
"""Seconds after a snapshot before another is asked for only because levels ran short."""


class Schedule:
    """When the next refresh is due, and when a silence is to be questioned. Times in seconds.

    Args:
        refresh_interval: between two refreshes; None or 0: never.
        now: the time.
        phase: the part of the interval after which the first refresh is due whenever the book was
            built anew. Different ones spread the refreshes of books that are built together.
    """

    def __init__(self, refresh_interval: float | None, now: float, phase: float = 1.0) -> None:
        self._interval = refresh_interval or float("inf")
        self._phase = phase
        self.restart(now)

    def restart(self, now: float) -> None:
        """The book was built anew."""
        self.started = now
        self.refresh_at = now + self._interval * self._phase
        self._hurry_at = now + HURRY
        self.failed = 0
        self._questioned = self._status_asked = now
        self._pause = self._status_pause = SILENCE

    def refreshed(self, now: float, *, answered: bool) -> None:
        """A refresh was tried."""
        self._hurry_at = now + HURRY
        self.refresh_at = now + (self._interval if answered else min(self._interval, 30.0))

    def hurry(self, now: float) -> None:
        """Levels ran short: let the refresh be due, or soon if there was one just now."""
        self.refresh_at = min(self.refresh_at, max(now, self._hurry_at))

    def question_at(self, last_received: float) -> float:
        """Return when a silence that began at that time is to be questioned."""
        if last_received > self._questioned:
            self._pause, self.failed = SILENCE, 0
        return max(last_received, self._questioned) + self._pause

    def questioned(self, now: float, *, answered: bool, lively: bool) -> None:
        """A silence was questioned; on a connection that brings other streams it may go on."""
        self._questioned = now
        self._pause = min(2 * self._pause, LONGEST_SILENCE) if lively and answered else SILENCE
        self.failed = 0 if answered else self.failed + 1

    def status_at(self, last_received: float) -> float:
        """Return when to ask whether a symbol is still traded that is silent since that time.

        Soon where nothing was ever heard of it, and later where there was something.
        """
        if last_received > self._status_asked:
            self._status_pause = LONGEST_SILENCE
        return max(last_received, self._status_asked) + self._status_pause

    def status_asked(self, now: float) -> None:
        """It was asked whether the symbol is still traded."""
        self._status_asked = now
        self._status_pause = min(2 * max(self._status_pause, LONGEST_SILENCE), LONGEST_UNKNOWN)
