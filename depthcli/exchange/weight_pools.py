"""Pools of request weight: markets that draw on one pool share its count, its silence and its bans.

Which market draws on which pool is data of the market (`Market.weight_pool`). A pool belongs to the
exchange and to this machine's address, not to a host: the markets' hosts may differ.
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
    """The request weight that some markets share, and who waits for it.

    Args:
        per_minute: the weight per address and minute, until the exchange tells.

    Attributes:
        request_queue: the queue before its budget.
    """

    def __init__(self, per_minute: int) -> None:
        self.request_queue = RequestQueue(WeightBudget(per_minute))
        self._told: dict[str, int] = {}
        self._banned_until: datetime | None = None

    def learn(self, market: Market, per_minute: int) -> None:
        """Take in what a market's exchange info tells; where several tell, the least counts."""
        self._told[market.name] = per_minute
        self.request_queue.budget.per_minute = min(self._told.values())

    def silence(self, error: RateLimitedError, until: float) -> None:
        """Send nothing before that time on the loop's clock, for the exchange refused."""
        self.request_queue.budget.block(until)
        if isinstance(error, BannedError) and error.until is not None:
            self._banned_until = max(error.until, self._banned_until or error.until)

    def silent_for(self, now: float) -> float:
        """Return the seconds for which nothing may be sent; 0: it may."""
        return max(0.0, self.request_queue.budget.blocked_until - now)

    def banned_until(self, now: float) -> datetime | None:
        """Return until when this address is banned, in UTC; None: it isn't, or nobody said."""
        return self._banned_until if self.silent_for(now) else None


class Pools:
    """The pools of one exchange."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}

    def of(self, market: Market) -> Pool:
        """Return the pool that a market draws on."""
        return self._pools.setdefault(market.weight_pool, Pool(market.weight_per_minute))
