"""The request-weight budget: when the next request may be sent. Pure: time is passed in.

Each request has a weight, and the exchange limits the weight per IP address and minute
(`rateLimits` in exchangeInfo). Other programs behind the same address count as well, so the used
weight in a response header takes precedence over our own count if it is higher.

The exchange counts a request at some moment between its sending and its response. Here it counts
from the sending until a minute after the response.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

MINUTE: Final = 60.0
"""The window over which the exchange sums up weights, in seconds."""

RESERVE: Final = 0.05
"""The share of the budget that is left free for requests of others, which we can't see."""


class WeightBudget:
    """The weight that one IP address may use at one host.

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
        """Nothing may be sent before this time; minus infinity if the exchange never refused."""
        return self._blocked_until

    def delay(self, weight: int, now: float, share: float = 1.0) -> float:
        """Return the seconds until a request of that weight may be sent; 0 if it may be sent now.

        Args:
            weight: of the request.
            now: the current time.
            share: the share of the budget up to which such requests may use it.
        """
        if now < self._blocked_until:
            return self._blocked_until - now
        allowed = max(self.per_minute * min(share, 1 - RESERVE), weight)
        if self.used(now) + weight <= allowed:
            return 0.0
        # The earliest moment at which weight leaves the window. The caller tries again then.
        leaving = [answered + MINUTE for answered, _ in islice(self._spent, 1)]
        leaving.append(self._reported[0] + MINUTE)
        if self._under_way:
            leaving.append(now + MINUTE)
        return max(min((moment for moment in leaving if moment > now), default=now) - now, 0.001)

    def begin(self, weight: int) -> None:
        """Record that a request is being sent."""
        self._under_way += weight

    def end(self, weight: int, now: float) -> None:
        """Record that a request was answered or abandoned."""
        self._under_way -= weight
        self._spent.append((now, weight))
        self._spent_weight += weight

    def report(self, used: int, answered: float) -> None:
        """Record the used weight that the exchange states in a response received at `answered`."""
        if answered >= self._reported[0]:
            self._reported = (answered, used)

    def block(self, until: float) -> None:
        """Allow no request before that time."""
        self._blocked_until = max(self._blocked_until, until)

    def outlook(self, weight: int, now: float) -> float:
        """Estimate the seconds until requests of that weight in total have been sent. O(n)."""
        allowed = max(self.per_minute * (1 - RESERVE), 1)
        start = max(now, self._blocked_until)
        excess = self.used(start) + weight - allowed
        if excess <= 0:
            return start - now
        # Weight leaves the window after a minute; what is sent meanwhile, a minute later.
        for answered, spent in self._spent:
            excess -= spent
            if excess <= 0:
                return max(start, answered + MINUTE) - now
        return start - now + MINUTE * (1 + excess // allowed)

    def used(self, now: float) -> int:
        """Return the known weight used in the last minute. O(1) almost always."""
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
