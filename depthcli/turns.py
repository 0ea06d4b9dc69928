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

    from depthcli.weights import WeightBudget

AT_ONCE: Final = 8
"""Requests under way at the same time."""

SPARE: Final = 0.5
"""The share of the budget that precaution may help to use up."""


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
        return SPARE if self is Urgency.PRECAUTION else 1.0


@dataclass(order=True, slots=True)
class _Turn:
    urgency: Urgency
    number: int
    weight: int = field(compare=False)
    ready: asyncio.Future[float] = field(compare=False)


class Turns:
    """The queue before one budget.

    Args:
        budget: how much may be sent, and when.
    """

    def __init__(self, budget: WeightBudget) -> None:
        self.budget = budget
        self._waiting: list[_Turn] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, weight: int, urgency: Urgency = Urgency.NEEDED) -> AsyncIterator[float]:
        """Wait for one's turn, count the weight as spent, and have the turn until the end.

        It gives the moment at which that was, on the loop's clock.
        """
        turn = _Turn(
            urgency, next(self._numbers), weight, asyncio.get_running_loop().create_future()
        )
        heappush(self._waiting, turn)
        self.proceed()
        try:
            yield await turn.ready
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
                heapify(self._waiting)
            else:
                self._under_way -= 1
            self.proceed()

    def proceed(self) -> None:
        """Let go whoever may go now, and look again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting and self._under_way < AT_ONCE:
            turn = self._waiting[0]
            now = loop.time()
            delay = self.budget.delay(turn.weight, now, turn.urgency.share)
            if delay and not turn.ready.cancelled():
                self._timer = loop.call_later(delay, self.proceed)
                return
            heappop(self._waiting)
            self._under_way += 1
            if not turn.ready.cancelled():
                self.budget.spend(turn.weight, now)
                turn.ready.set_result(now)

    def outlook(self, urgency: Urgency = Urgency.NEEDED) -> float:
        """Return about how many seconds whoever waits with that urgency waits at the most. O(n)."""
        ahead = sum(turn.weight for turn in self._waiting if turn.urgency <= urgency)
        return self.budget.outlook(ahead, asyncio.get_running_loop().time())
