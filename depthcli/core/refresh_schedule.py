"""When to compare a live book with a fresh snapshot. Pure: time is passed in, in seconds."""

from __future__ import annotations

from typing import Final

DEFAULT_REFRESH: Final = 1800.0
"""Default seconds between two refreshes."""

FIRST_REFRESH: Final = 0.1
"""The smallest share of the interval after which the first refresh of a book may be due."""

SILENCE: Final = 6.0
"""Seconds without an event after which a snapshot is requested to check that none was missed."""

LONGEST_SILENCE: Final = 60.0
"""The longest pause between such checks, in seconds, of a quiet symbol whose connection works."""

LONGEST_UNKNOWN: Final = 900.0
"""The longest pause, in seconds, between checks whether a silent symbol is still traded."""

LEVELS_CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks, while events arrive, that enough levels are left."""

EARLY_REFRESH_GAP: Final = 3.0
"""Seconds after a snapshot before another is requested only because levels ran short."""


class Schedule:
    """When the next refresh is due, and when to check a silent book. Times are in seconds.

    Args:
        refresh_interval: between two refreshes; None or 0: never.
        now: the current time.
        phase: the share of the interval after which the first refresh is due each time the book is
            rebuilt. Different phases spread the refreshes of books that are built together.
    """

    def __init__(self, refresh_interval: float | None, now: float, phase: float = 1.0) -> None:
        self._interval = refresh_interval or float("inf")
        self._phase = phase
        self.restart(now)

    def restart(self, now: float) -> None:
        """Record that the book was rebuilt."""
        self.started = now
        self.refresh_at = now + self._interval * self._phase
        self._early_refresh_at = now + EARLY_REFRESH_GAP
        self.failed = 0
        self._checked = self._status_checked = now
        self._pause = self._status_pause = SILENCE

    def refreshed(self, now: float, *, answered: bool) -> None:
        """Record that a refresh was attempted, and whether a snapshot came back."""
        self._early_refresh_at = now + EARLY_REFRESH_GAP
        self.refresh_at = now + (self._interval if answered else min(self._interval, 30.0))

    def refresh_early(self, now: float) -> None:
        """Make the refresh due because levels ran short, `EARLY_REFRESH_GAP` after the last one."""
        self.refresh_at = min(self.refresh_at, max(now, self._early_refresh_at))

    def silence_check_at(self, last_received: float) -> float:
        """Return when to check a book that has been silent since that time."""
        if last_received > self._checked:
            self._pause, self.failed = SILENCE, 0
        return max(last_received, self._checked) + self._pause

    def silence_checked(self, now: float, *, answered: bool, lively: bool) -> None:
        """Record that a silent book was checked.

        Args:
            now: the current time.
            answered: whether a snapshot came back.
            lively: whether the connection still carries events of other streams. If so, the next
                check may come later.
        """
        self._checked = now
        self._pause = min(2 * self._pause, LONGEST_SILENCE) if lively and answered else SILENCE
        self.failed = 0 if answered else self.failed + 1

    def status_check_at(self, last_received: float) -> float:
        """Return when to check whether a symbol is still traded that is silent since that time.

        Early if it never had an event, later if it did.
        """
        if last_received > self._status_checked:
            self._status_pause = LONGEST_SILENCE
        return max(last_received, self._status_checked) + self._status_pause

    def status_checked(self, now: float) -> None:
        """Record that the symbol's status was requested."""
        self._status_checked = now
        self._status_pause = min(2 * max(self._status_pause, LONGEST_SILENCE), LONGEST_UNKNOWN)
