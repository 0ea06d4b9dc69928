"""The request-weight budget: how much may be asked of the exchange, and when. Pure: time is given.

Each request has a weight, and an address may use so much of it in a minute (`rateLimits` of
exchangeInfo). Other programs behind the same address count too, so what an answer's header says was
used is believed over our own count.

When the exchange counts a request is not known: between its sending and its answer. So it counts
here from the one until a minute after the other.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

MINUTE: Final = 60.0
"""The window over which the exchange adds weights, seconds."""

RESERVE: Final = 0.05
"""The share of the budget that is left untouched, for what we can't see."""


class WeightBudget:
    """The weight that one address may use at one host.

    Args:
        per_minute: the exchange's limit.

    All times are seconds on any one clock.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._under_way = 0
        self._spent: deque[tuple[float, int]] = deque()
        self._spent_weight = 0
        self._reported: tuple[float, int] = (float("-inf"), 0)
        self._blocked_until = float("-inf")

    @property
    def blocked_until(self) -> float:
        """Nothing may be sent before that time; minus infinity if nothing was ever forbidden."""
        return self._blocked_until

    def delay(self, weight: int, now: float, share: float = 1.0) -> float:
        """Return the seconds until a request of that weight may be sent; 0 if it may be now.

        Args:
            weight: of the request.
            now: the time.
            share: the part of the budget that the request may help to use up.
        """
        if now < self._blocked_until:
            return self._blocked_until - now
        allowed = max(self.per_minute * min(share, 1 - RESERVE), weight)
        if self.used(now) + weight <= allowed:
            return 0.0
        # The earliest moment at which something leaves the window; the caller asks again then.
        leaving = [answered + MINUTE for answered, _ in islice(self._spent, 1)]
        leaving.append(self._reported[0] + MINUTE)
        if self._under_way:
            leaving.append(now + MINUTE)
        return max(min((moment for moment in leaving if moment > now), default=now) - now, 0.001)

    def begin(self, weight: int) -> None:
        """Count a request that is being sent."""
        self._under_way += weight

    def end(self, weight: int, now: float) -> None:
        """Take note that a request was answered, or given up."""
        self._under_way -= weight
        self._spent.append((now, weight))
        self._spent_weight += weight

    def report(self, used: int, answered: float) -> None:
        """Take in what the exchange says was used, in an answer that came at `answered`."""
        if answered >= self._reported[0]:
            self._reported = (answered, used)

    def block(self, until: float) -> None:
        """Send nothing before that time."""
        self._blocked_until = max(self._blocked_until, until)

    def outlook(self, weight: int, now: float) -> float:
        """Return about how many seconds it takes until so much more weight was sent. O(n)."""
        allowed = max(self.per_minute * (1 - RESERVE), 1)
        start = max(now, self._blocked_until)
        excess = self.used(start) + weight - allowed
        if excess <= 0:
            return start - now
        # What was sent leaves the window after a minute, and what is sent meanwhile a minute later.
        for answered, spent in self._spent:
            excess -= spent
            if excess <= 0:
                return max(start, answered + MINUTE) - now
        return start - now + MINUTE * (1 + excess // allowed)

    def used(self, now: float) -> int:
        """Return the weight used in the last minute, as far as we know. O(1) almost always."""
        while self._spent and self._spent[0][0] <= now - MINUTE:
            self._spent_weight -= self._spent.popleft()[1]
        own = self._under_way + self._spent_weight
        reported_at, reported = self._reported
        if reported_at <= now - MINUTE:
            return own
        since = 0
        for answered, weight in reversed(self._spent):
            if answered <= reported_at:
                break
            since += weight
        return max(own, reported + self._under_way + since)
