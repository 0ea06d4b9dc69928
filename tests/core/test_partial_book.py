"""A book that each event replaces: always the last event, and never older than it."""

from __future__ import annotations

import pytest

from depthcli.core.messages import DepthEvent, Snapshot
from depthcli.core.partial_book import PartialSynchronizer
from depthcli.core.restart import RESTART_MS
from depthcli.core.state import State, Verdict

LEVELS = 2


def event(
    last: int, *bids: tuple[float, float], time: int = 1_000, symbol: str = "X"
) -> DepthEvent[float]:
    return DepthEvent(time, symbol, last, last, list(bids), [])


def opened() -> PartialSynchronizer[float]:
    synchronizer = PartialSynchronizer("X", float, LEVELS)
    synchronizer.opened()
    return synchronizer


def live(at: int = 100) -> PartialSynchronizer[float]:
    synchronizer = opened()
    synchronizer.receive(event(at, (5.0, 1.0), (4.0, 1.0)))
    assert synchronizer.advance()
    return synchronizer


def drain(synchronizer: PartialSynchronizer[float]) -> list[int]:
    ids = []
    while synchronizer.advance():
        ids.append(synchronizer.cache.last_update_id)
    return ids


def test_the_first_event_makes_it_live_without_a_snapshot():
    states = []
    synchronizer = PartialSynchronizer(
        "X", float, LEVELS, on_state=lambda state, _: states.append(state)
    )
    synchronizer.opened()
    assert not synchronizer.wants_snapshot
    synchronizer.receive(event(100, (5.0, 1.0)))
    assert states == [State.BUFFERING, State.LIVE]
    assert drain(synchronizer) == [100]
    assert synchronizer.cache.get_bids() == [[5.0, 1.0]]


def test_each_event_replaces_the_book_whatever_lies_between():
    synchronizer = live()
    synchronizer.receive(event(150, (7.0, 3.0)))
    synchronizer.receive(event(190, (6.0, 2.0), (5.0, 9.0), time=1_100))
    assert drain(synchronizer) == [150, 190]
    assert synchronizer.cache.get_bids() == [[6.0, 2.0], [5.0, 9.0]]
    assert synchronizer.cache.update_time == 1_100
    assert synchronizer.counters.applied == 3


@pytest.mark.parametrize(
    ("bids", "horizon"), [([(5.0, 1.0), (4.0, 1.0)], 4.0), ([(5.0, 1.0)], None)]
)
def test_its_horizon_is_the_deepest_level_of_the_event(bids, horizon):
    synchronizer = opened()
    synchronizer.receive(event(100, *bids))
    assert synchronizer.cache.bids.horizon == horizon


def test_a_late_event_is_ignored_and_the_next_one_counts():
    synchronizer = live(at=100)
    synchronizer.receive(event(99, (1.0, 1.0)))
    synchronizer.receive(event(100, (1.0, 1.0)))
    synchronizer.receive(event(101, (6.0, 1.0)))
    assert drain(synchronizer) == [101]
    assert synchronizer.cache.best_bid == (6.0, 1.0)
    assert synchronizer.counters.ignored == 2


def test_a_lower_id_at_a_later_time_means_that_the_exchange_counts_anew():
    synchronizer = live(at=100)
    synchronizer.receive(event(7, (3.0, 1.0), time=1_001 + RESTART_MS))
    assert drain(synchronizer) == [7]
    assert synchronizer.cache.get_bids() == [[3.0, 1.0]]


def test_after_a_loss_it_is_stale_until_the_next_event():
    synchronizer = live()
    synchronizer.lost("socket lost")
    synchronizer.receive(event(101, (6.0, 1.0)))
    assert synchronizer.state is State.STALE, "what comes from a lost socket counts no more"
    synchronizer.opened()
    assert synchronizer.state is State.STALE
    synchronizer.receive(event(102, (7.0, 1.0)))
    assert drain(synchronizer) == [102]
    assert synchronizer.counters.resyncs == 1


def test_an_event_of_another_symbol_makes_nothing_live():
    synchronizer = opened()
    synchronizer.receive(event(100, (5.0, 1.0), symbol="Y"))
    assert synchronizer.state is State.BUFFERING
    assert synchronizer.counters.refused == 1


def test_a_book_that_was_lost_before_it_was_read_is_not_given_out():
    synchronizer = opened()
    synchronizer.receive(event(100, (5.0, 1.0)))
    synchronizer.lost("socket lost")
    assert not synchronizer.advance()


class TestAudit:
    def test_a_silent_book_that_a_snapshot_confirms_stays_live(self):
        synchronizer = live()
        synchronizer.begin_audit()
        fresh = Snapshot(900, [(5.0, 1.0), (4.0, 1.0), (3.0, 7.0)], [])
        assert synchronizer.offer(fresh, 3, replace=False) is Verdict.AUDITED
        assert (synchronizer.counters.audits, synchronizer.counters.differences) == (1, 0)
        assert synchronizer.state is State.LIVE
        assert not synchronizer.advance()

    @pytest.mark.parametrize(("at", "verdict"), [(900, Verdict.AHEAD), (90, Verdict.TOO_OLD)])
    def test_a_snapshot_of_another_moment_says_nothing(self, at, verdict):
        synchronizer = live(at=100)
        synchronizer.begin_audit()
        fresh = Snapshot(at, [(5.0, 2.0), (4.0, 1.0)], [])
        assert synchronizer.offer(fresh, LEVELS, replace=False) is verdict
        assert synchronizer.counters.audits == 0
        assert synchronizer.state is State.LIVE

    def test_an_event_ends_it_for_the_snapshot_tells_of_another_book(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.receive(event(101, (6.0, 1.0)))
        assert drain(synchronizer) == [101]
        assert not synchronizer.audit_under_way


def test_what_cannot_be_read_makes_it_stale_until_something_can():
    synchronizer = opened()
    synchronizer.receive(event(100, (5.0, 1.0)))
    assert drain(synchronizer) == [100]
    synchronizer.refuse("a time that isn't in ms")
    synchronizer.refuse("something else")
    assert synchronizer.state is State.STALE
    assert synchronizer.reason == "events can't be read: a time that isn't in ms"
    assert not synchronizer.wants_snapshot
    synchronizer.receive(event(103, (6.0, 1.0)))
    assert synchronizer.state is State.LIVE
    assert drain(synchronizer) == [103]
    assert synchronizer.cache.best_bid == (6.0, 1.0)


def test_a_stream_of_which_every_other_event_is_garbled_does_not_flicker():
    synchronizer = opened()
    turned = 0
    for at in range(100, 400):
        before = synchronizer.state
        synchronizer.refuse("garbled") if at % 2 else synchronizer.receive(event(at, (5.0, 1.0)))
        turned += before is not synchronizer.state
    assert turned < 6
    assert synchronizer.state is State.STALE
