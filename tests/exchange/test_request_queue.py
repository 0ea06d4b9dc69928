"""Whose turn it is to ask the exchange."""

from __future__ import annotations

import asyncio

import pytest

from depthcli.core.request_weight import WeightBudget
from depthcli.exchange.request_queue import AT_ONCE, SPARE, RequestQueue, Urgency


class Line:
    """Requests that wait, and the order in which they went."""

    def __init__(self, per_minute: int) -> None:
        self.request_queue = RequestQueue(WeightBudget(per_minute))
        self.went: list[str] = []
        self.release = asyncio.Event()

    async def ask(self, name: str, weight: int, urgency: Urgency = Urgency.NEEDED) -> None:
        async with self.request_queue.turn(weight, urgency):
            self.went.append(name)
            await self.release.wait()

    def start(self, name: str, weight: int, urgency: Urgency = Urgency.NEEDED) -> asyncio.Task:
        return asyncio.create_task(self.ask(name, weight, urgency))


async def turn_over() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def line():
    line = Line(1000)
    yield line
    line.release.set()


async def test_what_is_needed_goes_before_refreshes_and_these_before_precaution(line):
    line.request_queue.budget.block(asyncio.get_running_loop().time() + 0.05)
    order = [Urgency.PRECAUTION, Urgency.REFRESH, Urgency.NEEDED, Urgency.REFRESH, Urgency.NEEDED]
    asking = [
        line.start(f"{urgency.name}{index}", 5, urgency) for index, urgency in enumerate(order)
    ]
    await turn_over()
    assert line.went == []
    line.release.set()
    await asyncio.gather(*asking)
    assert line.went == ["NEEDED2", "NEEDED4", "REFRESH1", "REFRESH3", "PRECAUTION0"]


async def test_only_so_many_are_under_way_and_the_next_goes_when_one_is_back(line):
    asking = [line.start(str(number), 1) for number in range(AT_ONCE + 3)]
    await turn_over()
    assert len(line.went) == AT_ONCE
    line.release.set()
    await asyncio.gather(*asking)
    assert line.went == [str(number) for number in range(AT_ONCE + 3)]


async def test_precaution_leaves_a_share_of_the_budget_to_what_is_needed(line):
    first = line.start("much", int(1000 * SPARE))
    cautious = line.start("cautious", 10, Urgency.PRECAUTION)
    needed = line.start("needed", 10)
    await turn_over()
    assert line.went == ["much", "needed"]
    cautious.cancel()
    line.release.set()
    await asyncio.gather(first, needed)


async def test_who_gives_up_waiting_holds_up_nobody(line):
    line.request_queue.budget.block(asyncio.get_running_loop().time() + 0.05)
    leaving, staying = line.start("leaving", 5), line.start("staying", 5)
    await turn_over()
    leaving.cancel()
    line.release.set()
    await asyncio.gather(leaving, staying, return_exceptions=True)
    assert line.went == ["staying"]
    assert line.request_queue.budget.used(asyncio.get_running_loop().time()) == 5


async def test_a_turn_given_up_while_under_way_is_free_again(line):
    asking = [line.start(str(number), 1) for number in range(AT_ONCE + 1)]
    await turn_over()
    asking[0].cancel()
    await turn_over()
    assert line.went[-1] == str(AT_ONCE)
    line.release.set()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_the_outlook_counts_who_waits_before_one():
    line = Line(100)
    line.release.set()
    await line.ask("first", 95)
    assert line.request_queue.outlook() == 0
    waiting = [line.start(str(number), 95) for number in range(2)]
    await turn_over()
    assert 60 < line.request_queue.outlook() <= 120
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_outlook_is_as_long_as_the_exchange_wants_silence():
    request_queue = RequestQueue(WeightBudget(100))
    request_queue.budget.block(asyncio.get_running_loop().time() + 120)
    assert 119 < request_queue.outlook() <= 120
