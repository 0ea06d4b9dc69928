"""Events that can't be read: what becomes of the book, and when it is believed again."""

from __future__ import annotations

import random

import pytest

from depthcli.core.messages import DepthEvent, Snapshot
from depthcli.core.readability import LONGEST_RUN, STEADY, Readability
from depthcli.core.state import State, Verdict
from depthcli.core.synchronizer import Synchronizer

LIMIT = 1000


def event(at: int, quantity: float = 1.0, previous: int | None = None) -> DepthEvent[float]:
    return DepthEvent(1_000 + at, "X", at, at, [(5.0, quantity)], [], previous)


def snapshot(at: int, quantity: float = 1.0) -> Snapshot[float]:
    return Snapshot(at, [(5.0, quantity)], [])


def live(*, derivative: bool = False) -> tuple[Synchronizer[float], list[tuple[State, str]]]:
    told: list[tuple[State, str]] = []
    synchronizer = Synchronizer(
        "X", float, ids_are_shared=derivative, event_at_snapshot_id_applies=derivative,
        on_state=lambda *news: told.append(news),
    )  # fmt: skip
    synchronizer.opened()
    assert synchronizer.offer(snapshot(100), LIMIT) is Verdict.ADOPTED
    assert synchronizer.advance()
    told.clear()
    return synchronizer, told


def drain(synchronizer: Synchronizer[float]) -> list[int]:
    ids = []
    while synchronizer.advance():
        ids.append(synchronizer.cache.last_update_id)
    return ids


def test_the_book_is_stale_at_once_and_says_what_was_wrong_once():
    synchronizer, told = live()
    for _ in range(100):
        synchronizer.refuse("a time that isn't in ms - at $.data.E")
    why = "events can't be read: a time that isn't in ms - at $.data.E"
    assert told == [(State.STALE, why)]
    assert synchronizer.counters.refused == 100


def test_no_snapshot_is_wanted_or_taken_before_an_event_can_be_read():
    synchronizer, _ = live()
    synchronizer.refuse("garbled")
    assert not synchronizer.wants_snapshot
    assert synchronizer.offer(snapshot(105), LIMIT) is Verdict.UNWANTED
    synchronizer.receive(event(106))
    assert synchronizer.wants_snapshot
    assert synchronizer.reason == "events can be read again"
    assert synchronizer.offer(snapshot(105), LIMIT) is Verdict.TOO_OLD
    assert synchronizer.offer(snapshot(106, 2.0), LIMIT) is Verdict.ADOPTED
    assert drain(synchronizer) == [106]
    assert synchronizer.cache.best_bid == (5.0, 2.0)


def test_events_that_go_on_where_the_book_is_make_it_live_without_a_snapshot():
    synchronizer, told = live()
    synchronizer.refuse("not an event at all")
    synchronizer.receive(event(101, 7.0))
    assert [state for state, _ in told] == [State.STALE, State.LIVE]
    assert drain(synchronizer) == [101]
    assert synchronizer.counters.resyncs == 0


def test_what_a_slow_reader_has_not_read_yet_is_not_taken_for_a_hole():
    synchronizer, _ = live()
    synchronizer.receive(event(101))
    synchronizer.refuse("not an event at all")
    synchronizer.receive(event(102))
    assert synchronizer.state is State.LIVE
    assert drain(synchronizer) == [101, 102]


def test_the_event_at_the_snapshots_own_id_may_be_what_could_not_be_read():
    """The next one links to the snapshot, which may lack it all the same."""
    synchronizer, _ = live(derivative=True)
    synchronizer.refuse("garbled")  # it was number 100
    synchronizer.receive(event(110, previous=100))
    assert synchronizer.state is State.STALE
    # Nor may a later snapshot be one that lacks what couldn't be read.
    assert synchronizer.offer(snapshot(109), LIMIT) is Verdict.TOO_OLD
    assert synchronizer.offer(snapshot(110), LIMIT) is Verdict.ADOPTED
    assert drain(synchronizer) == [110]


def test_a_first_book_waits_for_events_that_can_be_read():
    synchronizer = Synchronizer("X", float)
    synchronizer.opened()
    synchronizer.refuse("garbled")
    assert synchronizer.state is State.BUFFERING
    assert synchronizer.reason == "events can't be read: garbled"
    assert not synchronizer.wants_snapshot
    synchronizer.receive(event(50))
    assert synchronizer.wants_snapshot


def test_a_new_connection_is_believed():
    synchronizer, _ = live()
    synchronizer.refuse("garbled")
    synchronizer.lost("socket lost")
    synchronizer.refuse("late")
    synchronizer.opened()
    assert synchronizer.wants_snapshot
    assert synchronizer.offer(snapshot(105), LIMIT) is Verdict.ADOPTED


def test_a_stream_that_is_quiet_for_long_is_believed():
    synchronizer, _ = live()
    synchronizer.refuse("garbled")
    synchronizer.believe()
    assert synchronizer.wants_snapshot
    assert synchronizer.offer(snapshot(105), LIMIT) is Verdict.ADOPTED


def test_a_halted_symbol_of_which_something_comes_is_not_halted():
    synchronizer, _ = live()
    synchronizer.halt("trading is halted")
    synchronizer.refuse("garbled")
    assert not synchronizer.halted
    assert synchronizer.reason == "events can't be read: garbled"


def test_ids_that_start_anew_do_not_keep_the_book_stale():
    synchronizer, _ = live()
    synchronizer.refuse("garbled")
    synchronizer.receive(event(10_000))
    for at in range(1, 60):
        synchronizer.receive(event(at))
    assert synchronizer.offer(snapshot(30), LIMIT) is Verdict.ADOPTED


def test_each_relapse_wants_twice_as_many_events_up_to_a_bound():
    readability, runs = Readability(), []
    for _ in range(10):
        readability.failed(0)
        runs.append(readability.wanted)
        while not readability.read():
            pass
    assert runs == [1, 2, 4, 8, 16, *[LONGEST_RUN] * 5]
    readability.failed(STEADY)
    assert readability.wanted == 1


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 1.0])
def test_however_many_events_are_garbled_no_live_book_is_wrong_and_snapshots_are_few(share):
    chance = random.Random(7)
    synchronizer, _ = live()
    asked = wrong = 0
    for at in range(101, 3_101):
        if chance.random() < share:
            synchronizer.refuse("garbled")
            # A live book at that moment would have missed it.
            wrong += synchronizer.state is State.LIVE
        else:
            synchronizer.receive(event(at, float(at)))
        if synchronizer.wants_snapshot:
            asked += 1
            synchronizer.offer(snapshot(at, float(at)), LIMIT)
        while synchronizer.advance():
            wrong += synchronizer.cache.best_bid != (5.0, float(synchronizer.cache.last_update_id))
    assert not wrong
    assert asked <= 60


def test_what_is_none_of_the_books_events_costs_no_snapshot_however_often_it_comes():
    synchronizer, told = live()
    for at in range(101, 400):
        synchronizer.refuse("not an event at all")
        synchronizer.receive(event(at))
        assert synchronizer.state is State.LIVE
        assert drain(synchronizer) == [at]
    assert synchronizer.counters.resyncs == 0
    assert len(told) == 2 * 299


def test_an_old_event_that_can_be_read_does_not_show_that_nothing_was_missed():
    synchronizer, _ = live()
    synchronizer.refuse("garbled")
    synchronizer.receive(event(100))
    assert synchronizer.state is State.STALE
    assert synchronizer.wants_snapshot


def test_a_stream_that_can_be_read_is_believed_anyway():
    synchronizer, told = live()
    synchronizer.believe()
    assert synchronizer.state is State.LIVE
    assert not told
