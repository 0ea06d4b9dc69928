"""Who may ask the exchange next: requests wait here for their turn within the weight budget.

Whoever matters most goes first, and among equals whoever came first. What only asks out of caution
never uses up more than a share of the budget.
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
"""Requests under way at the same time."""

OUTLOOK_AGE: Final = 0.25
"""Seconds for which an outlook is good: of hundreds who wait each asks for it, again and again."""

SPARE: Final = 0.5
"""The share of the budget that precaution may help to use up."""

USUAL: Final = 0.8
"""The share that refreshes may help to use up: the rest is for whoever waits for a book."""


class Urgency(IntEnum):
    """How much a request matters; the smaller goes first."""

    NEEDED = 0
    """Somebody waits for a book, or for an answer."""
    REFRESH = 1
    """A live book is compared with a fresh snapshot."""
    PRECAUTION = 2
    """A silence is questioned; only as long as there is weight to spare."""

    @property
    def share(self) -> float:
        """The part of the budget that such a request may help to use up."""
        return {Urgency.PRECAUTION: SPARE, Urgency.REFRESH: USUAL}.get(self, 1.0)


@dataclass(order=True, slots=True)
class _WaitingRequest:
    urgency: Urgency
    number: int
    weight: int = field(compare=False)
    ready: asyncio.Future[None] = field(compare=False)


class RequestQueue:
    """The queue before one budget.

    Args:
        budget: how much may be sent, and when.
    """

    def __init__(self, budget: WeightBudget) -> None:
        self.budget = budget
        self._waiting: list[_WaitingRequest] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._given_up = 0
        self._outlooks: dict[Urgency, tuple[float, float]] = {}

    @asynccontextmanager
    async def turn(self, weight: int, urgency: Urgency = Urgency.NEEDED) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until the end; meanwhile and after the weight counts."""
        turn = _WaitingRequest(
            urgency, next(self._numbers), weight, asyncio.get_running_loop().create_future()
        )
        heappush(self._waiting, turn)
        self.proceed()
        try:
            await turn.ready
            yield
        finally:
            # What is cancelled never had its turn; what is done had it, even unheard.
            if turn.ready.cancel() or turn.ready.cancelled():
                self._forget_one()
            else:
                self._under_way -= 1
                self.budget.end(turn.weight, asyncio.get_running_loop().time())
            self.proceed()

    def proceed(self) -> None:
        """Let go whoever may go now, and look again when the next one may."""
        self._outlooks.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting and self._under_way < AT_ONCE:
            turn = self._waiting[0]
            if not turn.ready.cancelled():
                delay = self.budget.delay(turn.weight, loop.time(), turn.urgency.share)
                if delay:
                    self._timer = loop.call_later(delay, self.proceed)
                    return
                self._under_way += 1
                self.budget.begin(turn.weight)
                turn.ready.set_result(None)
            heappop(self._waiting)

    def outlook(self, urgency: Urgency = Urgency.NEEDED) -> float:
        """Return about how many seconds whoever waits with that urgency waits at the most.

        O(n) for n who wait, but only once in a while.
        """
        now = asyncio.get_running_loop().time()
        asked, seconds = self._outlooks.get(urgency, (-OUTLOOK_AGE, 0.0))
        if now - asked >= OUTLOOK_AGE:
            ahead = sum(
                turn.weight
                for turn in self._waiting
                if turn.urgency <= urgency and not turn.ready.cancelled()
            )
            asked, seconds = now, self.budget.outlook(ahead, now)
            self._outlooks[urgency] = asked, seconds
        return seconds

    def _forget_one(self) -> None:
        """Take note that one who waited gave up; it is only now and then that they are removed."""
        self._given_up += 1
        if 2 * self._given_up > len(self._waiting):
            self._waiting = [turn for turn in self._waiting if not turn.ready.cancelled()]
            heapify(self._waiting)
            self._given_up = 0
