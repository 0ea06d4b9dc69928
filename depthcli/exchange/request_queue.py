"""The priority queue of requests that wait for request weight.

More urgent requests go first, and equally urgent ones in order of arrival. Refreshes and
precautions may use up only a share of the budget.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from depthcli.core.request_weight import WeightBudget

AT_ONCE: Final = 8
"""The most requests under way at the same time."""

OUTLOOK_AGE: Final = 0.25
"""Seconds for which an outlook is cached: hundreds of waiting books ask for it repeatedly."""

SPARE: Final = 0.5
"""The share of the budget up to which precautions may use it."""

USUAL: Final = 0.8
"""The share of the budget up to which refreshes may use it; the rest is for missing books."""


class Urgency(IntEnum):
    """How urgent a request is; smaller values go first."""

    NEEDED = 0
    """A book is missing, or a caller waits for the result."""
    REFRESH = 1
    """A live book is compared with a fresh snapshot."""
    PRECAUTION = 2
    """A silent book is checked, if there is weight to spare."""

    @property
    def share(self) -> float:
        """The share of the budget up to which such a request may use it."""
        return {Urgency.PRECAUTION: SPARE, Urgency.REFRESH: USUAL}.get(self, 1.0)


@dataclass(order=True, slots=True)
class _WaitingRequest:
    urgency: Urgency
    number: int
    weight: int = field(compare=False)
    ready: asyncio.Future[None] = field(compare=False)


class RequestQueue:
    """The requests that wait for one weight budget.

    Args:
        budget: decides when the next request may be sent.
    """

    def __init__(self, budget: WeightBudget) -> None:
        self.budget = budget
        self._waiting: list[_WaitingRequest] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cancelled = 0
        self._outlooks: dict[Urgency, tuple[float, float]] = {}

    @asynccontextmanager
    async def turn(self, weight: int, urgency: Urgency = Urgency.NEEDED) -> AsyncIterator[None]:
        """Wait until a request may be sent; send it in the body of `async with`.

        Its weight counts from then until a minute after the body ends.
        """
        request = _WaitingRequest(
            urgency, next(self._numbers), weight, asyncio.get_running_loop().create_future()
        )
        heappush(self._waiting, request)
        self.proceed()
        try:
            await request.ready
            yield
        finally:
            # A cancelled request never had its turn. If the future is done it had, even if the task
            # was cancelled before it noticed.
            if request.ready.cancel() or request.ready.cancelled():
                self._count_cancelled()
            else:
                self._under_way -= 1
                self.budget.end(request.weight, asyncio.get_running_loop().time())
            self.proceed()

    def proceed(self) -> None:
        """Start all requests that may start now, and set a timer for the next one."""
        self._outlooks.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting and self._under_way < AT_ONCE:
            request = self._waiting[0]
            if not request.ready.cancelled():
                delay = self.budget.delay(request.weight, loop.time(), request.urgency.share)
                if delay:
                    self._timer = loop.call_later(delay, self.proceed)
                    return
                self._under_way += 1
                self.budget.begin(request.weight)
                request.ready.set_result(None)
            heappop(self._waiting)

    def outlook(self, urgency: Urgency = Urgency.NEEDED) -> float:
        """Estimate the longest wait, in seconds, of a request with that urgency.

        O(n) for n waiting requests, but cached for `OUTLOOK_AGE`.
        """
        now = asyncio.get_running_loop().time()
        asked, seconds = self._outlooks.get(urgency, (-OUTLOOK_AGE, 0.0))
        if now - asked >= OUTLOOK_AGE:
            ahead = sum(
                request.weight
                for request in self._waiting
                if request.urgency <= urgency and not request.ready.cancelled()
            )
            asked, seconds = now, self.budget.outlook(ahead, now)
            self._outlooks[urgency] = asked, seconds
        return seconds

    def _count_cancelled(self) -> None:
        """Count a cancelled request; remove them all once they are half of the queue."""
        self._cancelled += 1
        if 2 * self._cancelled > len(self._waiting):
            self._waiting = [request for request in self._waiting if not request.ready.cancelled()]
            heapify(self._waiting)
            self._cancelled = 0
