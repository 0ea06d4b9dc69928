"""The exchange's clock, learnt from the `Date` headers of its answers. Pure: times are given."""

from __future__ import annotations

from math import inf


class ServerClock:
    """Knows by how much the exchange's clock is ahead of this machine's.

    A `Date` header is cut to whole seconds, so that one answer leaves a second of doubt; each
    further answer narrows it, as their second ends at different moments.
    """

    def __init__(self) -> None:
        self._least, self._most = -inf, inf

    def answered(self, sent: float, received: float, date: float | None) -> float:
        """Take in an answer, and return when the exchange made it. O(1).

        Args:
            sent: when the request was sent, by this machine's clock, seconds since the epoch.
            received: when its answer was there, by the same clock.
            date: what its `Date` header says, whole seconds since the epoch; None: it has none.

        Returns:
            Seconds since the epoch, by the exchange's clock; by this machine's as long as no
            answer had a date.
        """
        if date is not None:
            least, most = date - received, date + 1 - sent
            self._least, self._most = max(self._least, least), min(self._most, most)
            if self._least > self._most:  # one of the clocks was set anew
                self._least, self._most = least, most
        middle = (sent + received) / 2
        if self._most == inf:
            return middle
        made = middle + (self._least + self._most) / 2
        return made if date is None else min(max(made, date), date + 0.999)
