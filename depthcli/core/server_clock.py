"""The exchange's clock, estimated from `Date` headers. Pure: times are passed in."""

from __future__ import annotations

from math import inf


class ServerClock:
    """Estimates by how much the exchange's clock is ahead of this machine's.

    `Date` headers are truncated to whole seconds, so a single response leaves an uncertainty of a
    second. Each further response narrows it, because it falls on another fraction of its second.
    """

    def __init__(self) -> None:
        self._least, self._most = -inf, inf

    def answered(self, sent: float, received: float, date: float | None) -> float:
        """Record a response, and return when the exchange made it. O(1).

        Args:
            sent: when the request was sent, by this machine's clock, in seconds since the epoch.
            received: when the response arrived, by the same clock.
            date: its `Date` header, in whole seconds since the epoch; None if it has none.

        Returns:
            Seconds since the epoch, by the exchange's clock, or by this machine's as long as no
            response had a date.
        """
        if date is not None:
            least, most = date - received, date + 1 - sent
            self._least, self._most = max(self._least, least), min(self._most, most)
            if self._least > self._most:  # one of the clocks was adjusted
                self._least, self._most = least, most
        middle = (sent + received) / 2
        if self._most == inf:
            return middle
        made = middle + (self._least + self._most) / 2
        return made if date is None else min(max(made, date), date + 0.999)
