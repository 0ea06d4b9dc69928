"""Pools of request weight: markets that share a pool share its count, `Retry-After` and bans.

Each market names its pool (`Market.weight_pool`). A pool belongs to the exchange and this machine's
IP address, not to a host: markets with different hosts may share one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthcli.core.request_weight import WeightBudget
from depthcli.errors import BannedError
from depthcli.exchange.request_queue import RequestQueue

if TYPE_CHECKING:
    from datetime import datetime

    from depthcli.core.markets import Market
    from depthcli.errors import RateLimitedError


class Pool:
    """The request weight that some markets share, and the requests that wait for it.

    Args:
        per_minute: the weight per address and minute, until the exchange states it.

    Attributes:
        request_queue: the requests that wait for weight.
    """

    def __init__(self, per_minute: int) -> None:
        self.request_queue = RequestQueue(WeightBudget(per_minute))
        self._limits: dict[str, int] = {}
        self._banned_until: datetime | None = None

    def learn(self, market: Market, per_minute: int) -> None:
        """Record the limit from a market's exchange info; the smallest of all markets applies."""
        self._limits[market.name] = per_minute
        self.request_queue.budget.per_minute = min(self._limits.values())

    def silence(self, error: RateLimitedError, until: float) -> None:
        """Send nothing before that time on the loop's clock, after the exchange refused."""
        self.request_queue.budget.block(until)
        if isinstance(error, BannedError) and error.until is not None:
            self._banned_until = max(error.until, self._banned_until or error.until)

    def silent_for(self, now: float) -> float:
        """Return the seconds for which nothing may be sent; 0 if requests are allowed."""
        return max(0.0, self.request_queue.budget.blocked_until - now)

    def banned_until(self, now: float) -> datetime | None:
        """Return until when this address is banned, in UTC; None if it isn't, or is unknown."""
        return self._banned_until if self.silent_for(now) else None


class Pools:
    """The pools of one exchange."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}

    def of(self, market: Market) -> Pool:
        """Return a market's pool."""
        return self._pools.setdefault(market.weight_pool, Pool(market.weight_per_minute))
