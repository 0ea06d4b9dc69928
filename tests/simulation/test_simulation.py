"""The real client in seeded worlds where everything goes wrong; and the simulation itself.

A failing seed prints its settings, its fault plan, the end of its trace and how to repeat it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from tests.simulation import loop as loop_module
from tests.simulation.loop import DeadlockError, VirtualLoop
from tests.simulation.mutations import MUTATIONS, caught_by_simulation
from tests.simulation.outcome import summary
from tests.simulation.plan import KINDS, Fault
from tests.simulation.runs import outcome
from tests.simulation.world import World

HOURS = 0.25
CHUNK = 50
CHUNKS = 40


@pytest.mark.parametrize("first", range(0, CHUNK * CHUNKS, CHUNK))
def test_no_seed_shows_a_wrong_book_or_leaves_one_stale(first):
    for seed in range(first, first + CHUNK):
        ended = World(seed, HOURS).run()
        assert not ended.failure, ended.report


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_happens_and_is_survived(kind):
    happened = 0
    for seed in range(40):
        ended = World(seed, HOURS, (kind,)).run()
        assert not ended.failure, ended.report
        happened += ended.faults[kind]
        if happened >= 3:
            break
    assert happened


def test_books_turn_stale_for_every_reason_that_there_is():
    reasons = {
        "gap",
        "ids went back",
        "silent",
        "socket lost",
        "the market moved beyond the levels of the snapshot",
        "trading is halted",
    }
    missing = set(reasons)
    for seed in range(200):
        ended = World(seed, HOURS).run()
        assert not ended.failure, ended.report
        missing -= set(ended.causes)
        if not missing:
            break
    assert not missing


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_goes_wrong_nothing_is_built_anew_and_audits_find_nothing(seed):
    ended = World(seed, 1.0, plan=[]).run()
    assert not ended.failure, ended.report
    assert ended.counters["audits"] > 0
    assert ended.counters["differences"] == 0
    assert ended.given > 100


def test_a_silent_stream_is_noticed_though_nothing_may_be_asked():
    plan = [
        Fault(100.0, "status", seconds=1_000.0, count=1, detail="900", value=418),
        Fault(101.0, "mute", seconds=800.0),
    ]
    for seed in range(5):
        ended = World(seed, 0.5, plan=plan).run()
        assert not ended.failure, ended.report


def test_a_restart_during_a_gap_leaves_no_book_stale():
    plan = [
        Fault(100.0, "drop", seconds=60.0, count=3),
        Fault(101.0, "restart", seconds=30.0, detail="back kept"),
    ]
    for seed in range(5):
        ended = World(seed, HOURS, plan=plan).run()
        assert not ended.failure, ended.report


@pytest.mark.parametrize("seed", [3, 4, 7])
def test_a_seed_gives_the_same_run_again_also_in_another_process(seed):
    first, second = World(seed, HOURS).run(), World(seed, HOURS).run()
    assert first.digest == second.digest
    script = f"from tests.simulation.world import World; print(World({seed}, {HOURS}).run().digest)"
    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert printed.stdout.strip() == first.digest


def test_many_seeds_are_summed_up():
    text = summary([outcome((seed, HOURS, ("abort",))) for seed in range(3)], seconds=1.0)
    assert "3 seeds, 0.75 simulated hours" in text
    assert "abort" in text
    assert text.endswith("failed: 0")


def test_a_failure_tells_how_to_repeat_it():
    with next(mutation for mutation in MUTATIONS if "horizon" in mutation.name).planted():
        seed, ended = next(
            (seed, ended) for seed in range(20) if (ended := World(seed, HOURS).run()).failure
        )
    assert f"again: python -m tests.simulation --seed {seed} --hours 0.25" in ended.report
    assert "fault plan:" in ended.report
    assert "wrong" in ended.report


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_planted_fault_can_still_be_planted(mutation):
    before = {method: mutation.owner.__dict__[method] for method in mutation.methods}
    with mutation.planted():
        assert {method: mutation.owner.__dict__[method] for method in mutation.methods} != before
    assert {method: mutation.owner.__dict__[method] for method in mutation.methods} == before


@pytest.mark.parametrize("mutation", MUTATIONS[:3], ids=lambda mutation: mutation.name)
def test_a_planted_fault_is_caught(mutation):
    with mutation.planted():
        assert caught_by_simulation(30, mutation.kinds)


class TestVirtualLoop:
    def test_hours_pass_in_no_time_and_in_order(self):
        loop = VirtualLoop()
        woken = []

        async def sleep(seconds):
            await asyncio.sleep(seconds)
            woken.append((seconds, loop.time()))

        async def sleep_all():
            await asyncio.gather(*(sleep(seconds) for seconds in (7200, 1, 3600)))

        loop.run_until_complete(sleep_all())
        loop.close()
        assert [seconds for seconds, _ in woken] == [1, 3600, 7200]
        assert [at for _, at in woken] == pytest.approx([1, 3600, 7200])

    def test_waiting_for_nothing_is_an_error(self):
        loop = VirtualLoop()
        waiting = loop.create_future()
        with pytest.raises(DeadlockError):
            loop.run_until_complete(waiting)
        loop.close()

    def test_never_waiting_is_an_error(self, monkeypatch):
        monkeypatch.setattr(loop_module, "RESTLESS", 1000)
        loop = VirtualLoop()

        async def restless():
            while True:  # noqa: ASYNC110, this is what mustn't be done
                await asyncio.sleep(0)

        task = loop.create_task(restless())
        with pytest.raises(DeadlockError):
            loop.run_until_complete(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()
