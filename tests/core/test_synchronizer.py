"""The synchroniser: when a book is in step, and what it says when it isn't."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from depthcli.core.messages import DepthEvent, Snapshot
from depthcli.core.restart import LOWER_SNAPSHOTS, RESTART_EVENTS, RESTART_MS
from depthcli.core.state import ByRank, State, Verdict
from depthcli.core.synchronizer import MOST_PENDING, Synchronizer

LIMIT = 1000


def event(
    first: int,
    last: int,
    *levels: tuple[float, float],
    time: int = 1_000,
    previous=None,
    symbol="X",
) -> DepthEvent[float]:
    return DepthEvent(time, symbol, first, last, list(levels), [], previous)


def snapshot(last: int, *levels: tuple[float, float]) -> Snapshot[float]:
    return Snapshot(last, list(levels), [])


def opened() -> Synchronizer[float]:
    synchronizer = Synchronizer("X", float)
    synchronizer.opened()
    return synchronizer


def live(at: int = 100) -> Synchronizer[float]:
    synchronizer = opened()
    assert synchronizer.offer(snapshot(at, (5.0, 1.0)), LIMIT) is Verdict.ADOPTED
    assert synchronizer.advance()
    return synchronizer


def drain(synchronizer: Synchronizer[float]) -> list[int]:
    ids = []
    while synchronizer.advance():
        ids.append(synchronizer.cache.last_update_id)
    return ids


class TestStart:
    def test_the_states_on_the_way_to_live(self):
        states = []
        synchronizer = Synchronizer("X", float, on_state=lambda *what: states.append(what))
        assert synchronizer.state is State.CONNECTING
        assert not synchronizer.wants_snapshot
        synchronizer.opened()
        assert synchronizer.wants_snapshot
        synchronizer.offer(snapshot(100), LIMIT)
        assert not synchronizer.wants_snapshot
        assert states == [(State.BUFFERING, ""), (State.LIVE, "")]

    def test_events_wait_for_the_snapshot(self):
        synchronizer = opened()
        synchronizer.receive(event(101, 102, (5.0, 9.0)))
        assert not synchronizer.advance()
        assert synchronizer.cache.get_bids() == []

    def test_what_the_snapshot_contains_is_dropped_and_the_rest_is_given_one_by_one(self):
        synchronizer = opened()
        for first in (95, 98, 101, 103):
            synchronizer.receive(event(first, first + (2 if first < 101 else 1), (5.0, first)))
        assert synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [100, 102, 104]
        assert synchronizer.counters.ignored == 2

    def test_the_first_event_may_straddle_the_snapshot(self):
        synchronizer = opened()
        synchronizer.receive(event(95, 105, (5.0, 7.0)))
        synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT)
        assert drain(synchronizer) == [100, 105]
        assert synchronizer.cache.best_bid == (5.0, 7.0)

    @pytest.mark.parametrize(
        ("at", "verdict"), [(98, Verdict.TOO_OLD), (99, Verdict.ADOPTED), (105, Verdict.ADOPTED)]
    )
    def test_a_snapshot_must_reach_the_first_event(self, at, verdict):
        synchronizer = opened()
        synchronizer.receive(event(100, 105))
        assert synchronizer.offer(snapshot(at), LIMIT) is verdict
        assert (synchronizer.state is State.LIVE) == (verdict is Verdict.ADOPTED)

    def test_a_snapshot_that_is_too_old_costs_no_event(self):
        synchronizer = opened()
        synchronizer.receive(event(100, 105, (5.0, 2.0)))
        synchronizer.offer(snapshot(90), LIMIT)
        assert synchronizer.wants_snapshot
        synchronizer.offer(snapshot(102, (5.0, 1.0)), LIMIT)
        assert drain(synchronizer) == [102, 105]

    def test_a_snapshot_ahead_of_all_events_stands_and_waits(self):
        synchronizer = opened()
        synchronizer.receive(event(100, 105))
        synchronizer.offer(snapshot(200, (5.0, 1.0)), LIMIT)
        assert drain(synchronizer) == [200]
        synchronizer.receive(event(106, 150, (5.0, 3.0)))
        assert drain(synchronizer) == []
        synchronizer.receive(event(151, 201, (5.0, 4.0)))
        assert drain(synchronizer) == [201]

    def test_a_snapshot_that_nobody_asked_for_changes_nothing(self):
        synchronizer = live()
        assert synchronizer.offer(snapshot(500, (1.0, 1.0)), LIMIT) is Verdict.UNWANTED
        assert synchronizer.cache.last_update_id == 100
        assert Synchronizer("X", float).offer(snapshot(5), LIMIT) is Verdict.UNWANTED


class TestChain:
    def test_duplicates_and_old_events_are_ignored(self):
        synchronizer = live()
        for change in (event(101, 103, (5.0, 2.0)), event(101, 103, (5.0, 2.0)), event(90, 95)):
            synchronizer.receive(change)
        assert drain(synchronizer) == [103]
        assert synchronizer.counters.ignored == 2
        assert synchronizer.state is State.LIVE

    def test_a_gap_keeps_the_last_true_book_and_asks_for_a_snapshot(self):
        synchronizer = live()
        synchronizer.receive(event(102, 103, (5.0, 66.0)))
        assert drain(synchronizer) == []
        assert synchronizer.state is State.STALE
        assert "gap: 1 update is missing after 100" in synchronizer.reason
        assert synchronizer.wants_snapshot
        assert synchronizer.cache.best_bid == (5.0, 1.0)
        assert synchronizer.cache.last_update_id == 100
        synchronizer.receive(event(104, 104, (5.0, 67.0)))
        assert synchronizer.offer(snapshot(101), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [101, 103, 104]
        assert (synchronizer.counters.gaps, synchronizer.counters.resyncs) == (1, 1)

    def test_after_a_gap_a_cached_snapshot_is_refused(self):
        synchronizer = live()
        synchronizer.receive(event(110, 112))
        drain(synchronizer)
        for _ in range(10):
            assert synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT) is Verdict.TOO_OLD
        assert synchronizer.state is State.STALE

    def test_two_events_in_the_wrong_order_are_a_gap_that_heals(self):
        synchronizer = live()
        synchronizer.receive(event(103, 104, (5.0, 4.0)))
        synchronizer.receive(event(101, 102, (5.0, 2.0)))
        assert drain(synchronizer) == []
        synchronizer.offer(snapshot(102, (5.0, 2.0)), LIMIT)
        assert drain(synchronizer) == [102, 104]
        assert synchronizer.cache.best_bid == (5.0, 4.0)

    def test_an_event_of_another_symbol_is_refused(self):
        synchronizer = live()
        synchronizer.receive(event(101, 101, (5.0, 9.0), symbol="Y"))
        assert drain(synchronizer) == []
        assert synchronizer.counters.refused == 1

    @pytest.mark.parametrize(
        ("odd", "why"),
        [
            (
                event(101, 101, symbol="Y\x1b"),
                "one is of another symbol, Y\N{REPLACEMENT CHARACTER}",
            ),
            (event(102, 101), "ids run back from 102 to 101"),
        ],
    )
    def test_an_odd_event_makes_the_book_stale_at_once(self, odd, why):
        synchronizer = live()
        synchronizer.receive(odd)
        assert synchronizer.state is State.STALE
        assert synchronizer.reason == f"events can't be read: {why}"

    def test_derivatives_link_by_the_event_before(self):
        synchronizer = opened()
        synchronizer.receive(event(300, 310, (5.0, 2.0), previous=100))
        synchronizer.receive(event(350, 360, (5.0, 3.0), previous=310))
        # The ids between 100 and 300 are other symbols': a snapshot in the hole links.
        assert synchronizer.offer(snapshot(200, (5.0, 1.0)), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [200, 310, 360]
        synchronizer.receive(event(400, 410, previous=399))
        drain(synchronizer)
        assert synchronizer.state is State.STALE


class TestLoss:
    def test_a_lost_socket_makes_it_stale_and_a_new_one_wants_a_snapshot(self):
        synchronizer = live()
        synchronizer.lost("socket lost: reset")
        assert (synchronizer.state, synchronizer.reason) == (State.STALE, "socket lost: reset")
        assert not synchronizer.wants_snapshot
        synchronizer.receive(event(101, 101))
        synchronizer.opened()
        assert synchronizer.state is State.STALE
        assert synchronizer.wants_snapshot
        assert synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [100]

    def test_before_the_first_book_a_lost_socket_is_not_stale_but_connecting(self):
        synchronizer = opened()
        synchronizer.lost("socket lost: refused")
        assert (synchronizer.state, synchronizer.reason) == (
            State.CONNECTING,
            "socket lost: refused",
        )

    def test_closed_is_for_good(self):
        synchronizer = live()
        synchronizer.close("gone")
        synchronizer.opened()
        synchronizer.lost("again")
        synchronizer.close("closed by its reader")
        synchronizer.receive(event(101, 101))
        assert synchronizer.offer(snapshot(200), LIMIT) is Verdict.UNWANTED
        assert not synchronizer.advance()
        assert (synchronizer.state, synchronizer.reason) == (State.CLOSED, "gone")

    def test_a_reason_can_be_given_while_it_is_not_live_only(self):
        synchronizer = opened()
        synchronizer.explain("snapshot refused: HTTP 500")
        assert synchronizer.reason == "snapshot refused: HTTP 500"
        synchronizer.offer(snapshot(5), LIMIT)
        synchronizer.explain("nonsense")
        assert (synchronizer.state, synchronizer.reason) == (State.LIVE, "")

    def test_a_book_doubted_for_its_silence_is_believed_when_the_next_event_follows(self):
        synchronizer = live(at=100)
        synchronizer.doubt("silent", until_heard=True)
        synchronizer.receive(event(90, 100))
        assert not synchronizer.advance()
        assert synchronizer.state is State.STALE
        synchronizer.receive(event(101, 103, (5.0, 2.0)))
        assert drain(synchronizer) == [103]
        assert synchronizer.state is State.LIVE

    def test_a_book_doubted_for_its_silence_stays_stale_after_a_hole(self):
        synchronizer = live(at=100)
        synchronizer.doubt("silent", until_heard=True)
        synchronizer.receive(event(102, 103))
        synchronizer.receive(event(101, 104))
        assert drain(synchronizer) == []
        assert synchronizer.state is State.STALE
        assert synchronizer.wants_snapshot

    def test_a_doubted_book_is_stale_though_the_stream_goes_on(self):
        synchronizer = live()
        synchronizer.doubt("silent")
        assert synchronizer.wants_snapshot
        synchronizer.receive(event(101, 101, (5.0, 2.0)))
        synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT)
        assert drain(synchronizer) == [100, 101]


class TestIdsThatGoBack:
    def test_lower_ids_at_a_later_time_mean_that_the_exchange_counts_anew(self):
        synchronizer = live(at=1_000_000)
        synchronizer.receive(event(1_000_001, 1_000_002, time=5_000))
        drain(synchronizer)
        synchronizer.receive(event(7, 9, time=5_001 + RESTART_MS))
        assert drain(synchronizer) == []
        assert synchronizer.state is State.STALE
        assert synchronizer.reason == "ids went back to 9"
        assert synchronizer.offer(snapshot(8, (4.0, 1.0)), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [8, 9]

    def test_many_lower_ids_in_a_row_mean_the_same_though_the_clock_went_back_too(self):
        synchronizer = live(at=1_000_000)
        synchronizer.receive(event(1_000_001, 1_000_002, time=5_000))
        for number in range(RESTART_EVENTS + 1):
            synchronizer.receive(event(number + 1, number + 1, time=10))
        drain(synchronizer)
        assert synchronizer.state is State.STALE

    def test_a_late_duplicate_means_nothing(self):
        synchronizer = live()
        synchronizer.receive(event(101, 102, time=5_000))
        synchronizer.receive(event(99, 100, time=4_000))
        drain(synchronizer)
        assert synchronizer.state is State.LIVE

    def test_a_snapshot_far_ahead_of_the_first_events_is_no_restart(self):
        synchronizer = live(at=100)
        synchronizer.receive(event(50, 60, time=1_700_000_000_000))
        drain(synchronizer)
        assert synchronizer.state is State.LIVE

    def test_an_event_that_was_under_way_when_the_snapshot_was_made_is_no_restart(self):
        synchronizer = opened()
        synchronizer.receive(event(90, 95, time=5_000))
        synchronizer.offer(snapshot(100, (4.0, 1.0)), LIMIT)
        drain(synchronizer)
        under_way = 5_001 + RESTART_MS
        synchronizer.receive(event(96, 99, time=under_way))
        drain(synchronizer)
        assert synchronizer.state is State.LIVE
        synchronizer.receive(event(7, 9, time=under_way + 1 + RESTART_MS))
        drain(synchronizer)
        assert synchronizer.reason == "ids went back to 9"

    def test_what_waited_before_a_loss_is_forgotten(self):
        synchronizer = opened()
        synchronizer.receive(event(10, 11))
        synchronizer.lost("socket lost")
        synchronizer.opened()
        assert synchronizer.offer(snapshot(5), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [5]

    def test_events_from_before_a_restart_dont_keep_a_stale_book_stale(self):
        synchronizer = live(at=1_000)
        synchronizer.receive(event(1_005, 1_006, time=1_000))
        assert not synchronizer.advance()
        # The ids start anew, and the connection stays.
        synchronizer.receive(event(6, 7, time=60_000))
        assert synchronizer.offer(snapshot(5), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [5, 7]

    def test_a_late_event_that_waits_is_no_restart(self):
        synchronizer = live(at=1_000)
        synchronizer.receive(event(1_005, 1_006, time=3_000))
        assert not synchronizer.advance()
        synchronizer.receive(event(1_001, 1_002, time=2_000))
        assert synchronizer.offer(snapshot(1_003), LIMIT) is Verdict.TOO_OLD
        assert synchronizer.offer(snapshot(1_004), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [1_004, 1_006]

    def test_without_events_a_lower_snapshot_is_believed_only_when_it_stays(self):
        synchronizer = live(at=1_000)
        synchronizer.lost("socket lost")
        synchronizer.opened()
        for _ in range(LOWER_SNAPSHOTS):
            assert synchronizer.offer(snapshot(5), LIMIT) is Verdict.TOO_OLD
        assert synchronizer.offer(snapshot(5), LIMIT) is Verdict.ADOPTED


class TestAudit:
    def test_a_refresh_compares_and_replaces_without_a_hole(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.receive(event(101, 104, (5.0, 2.0)))
        assert drain(synchronizer) == [104]
        assert synchronizer.offer(snapshot(102, (5.0, 1.5), (4.0, 1.0)), LIMIT) is Verdict.AUDITED
        # The snapshot knows of a level that our book lacked: found, and mended.
        assert synchronizer.counters.differences == 1
        assert [tuple(found)[1:] for found in synchronizer.last_differences] == [(4.0, 0.0, 1.0, 2)]
        assert synchronizer.cache.get_bids() == [[5.0, 2.0], [4.0, 1.0]]
        assert synchronizer.cache.last_update_id == 104
        assert synchronizer.state is State.LIVE
        synchronizer.receive(event(105, 105, (5.0, 3.0)))
        # The mended book is given out too: it isn't what the reader was given before.
        assert drain(synchronizer) == [104, 105]

    def test_a_healthy_book_has_no_differences(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.receive(event(101, 104, (5.0, 2.0)))
        drain(synchronizer)
        assert synchronizer.offer(snapshot(104, (5.0, 2.0)), LIMIT) is Verdict.AUDITED
        assert synchronizer.counters.differences == 0
        assert synchronizer.counters.audits == 1

    def test_a_snapshot_ahead_waits_for_the_stream(self):
        synchronizer = live()
        synchronizer.begin_audit()
        assert synchronizer.offer(snapshot(103, (5.0, 9.0)), LIMIT) is Verdict.AHEAD
        assert synchronizer.audit_under_way
        synchronizer.receive(event(101, 102, (5.0, 8.0)))
        synchronizer.receive(event(103, 105, (5.0, 9.0), (4.0, 1.0)))
        assert drain(synchronizer) == [102, 105]
        assert not synchronizer.audit_under_way
        assert synchronizer.counters.differences == 0
        assert synchronizer.cache.get_bids() == [[5.0, 9.0], [4.0, 1.0]]

    def test_a_snapshot_from_before_the_audit_began_is_too_old(self):
        synchronizer = live()
        synchronizer.receive(event(101, 104, (5.0, 2.0)))
        drain(synchronizer)
        synchronizer.begin_audit()
        assert synchronizer.offer(snapshot(103, (5.0, 1.0)), LIMIT) is Verdict.TOO_OLD
        assert synchronizer.state is State.LIVE
        assert synchronizer.cache.best_bid == (5.0, 2.0)

    def test_a_question_that_finds_a_difference_makes_the_book_stale(self):
        synchronizer = live()
        synchronizer.begin_audit()
        assert synchronizer.offer(snapshot(100, (5.0, 7.0)), 50, replace=False) is Verdict.AUDITED
        assert synchronizer.state is State.STALE
        assert synchronizer.reason == (
            "audit: 1 levels differ from the exchange's, 1 in the best 20"
        )

    def test_a_difference_that_shows_with_a_later_event_is_not_given_out(self):
        synchronizer = live()
        synchronizer.begin_audit()
        assert synchronizer.offer(snapshot(102, (5.0, 7.0)), 50, replace=False) is Verdict.AHEAD
        synchronizer.receive(event(101, 102, (4.0, 0.0)))
        assert drain(synchronizer) == []
        assert synchronizer.state is State.STALE
        assert synchronizer.counters.differences == 1

    def test_what_was_found_is_kept_and_added_up(self):
        synchronizer = live()
        assert synchronizer.last_audit is None
        for wrong in (7.0, 8.0):
            synchronizer.begin_audit()
            synchronizer.offer(snapshot(100, (5.0, wrong), (4.0, 1.0)), LIMIT)
        found = synchronizer.last_audit
        assert found is not None
        assert (found.update_id, found.levels, len(found.differences)) == (100, 2, 1)
        assert (synchronizer.counters.differences, synchronizer.counters.differences_ever) == (1, 3)

    def test_it_is_told_how_many_differ_near_the_touch_and_how_many_far_from_it(self):
        synchronizer = opened()
        levels = [(5_000.0 - place, 1.0) for place in range(1_500)]
        synchronizer.offer(snapshot(100, *levels), 5_000)
        wrong = {place: (5_000.0 - place, 2.0) for place in (19, 20, 99, 100, 999, 1_000, 1_200)}
        shown = [wrong.get(place, level) for place, level in enumerate(levels)]
        drain(synchronizer)
        for _ in range(2):
            synchronizer.begin_audit()
            synchronizer.offer(snapshot(100, *shown), 5_000, replace=True)
            shown = levels
        counters = synchronizer.counters
        assert synchronizer.last_audit is not None
        assert counters.by_rank == synchronizer.last_audit.by_rank == ByRank(1, 3, 5, 2)
        assert counters.by_rank_ever == ByRank(2, 6, 10, 4)
        assert str(counters.by_rank_ever) == (
            "2 in the best 20, 6 in the best 100, 10 in the best 1,000, 4 deeper"
        )

    @pytest.mark.parametrize(
        ("by_rank", "nearest"),
        [
            (ByRank(), ""),
            (ByRank(1, 3, 5, 2), "1 in the best 20"),
            (ByRank(0, 3, 5, 2), "3 in the best 100"),
            (ByRank(0, 0, 1_234, 2), "1,234 in the best 1,000"),
            (ByRank(0, 0, 0, 2), "2 below the best 1,000"),
        ],
    )
    def test_the_nearest_that_differ_are_told_in_short(self, by_rank, nearest):
        assert by_rank.nearest == nearest

    def test_a_reader_is_given_the_mended_book(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT)
        assert drain(synchronizer) == []
        synchronizer.begin_audit()
        synchronizer.offer(snapshot(100, (5.0, 7.0)), LIMIT)
        assert drain(synchronizer) == [100]
        assert synchronizer.cache.best_bid == (5.0, 7.0)

    def test_where_ids_are_shared_a_snapshot_from_ahead_replaces_when_the_stream_is_there(self):
        synchronizer = Synchronizer("X", float, ids_are_shared=True)
        synchronizer.opened()
        synchronizer.offer(snapshot(100, (5.0, 1.0), (4.0, 1.0)), 2)
        drain(synchronizer)
        synchronizer.begin_audit()
        deeper = snapshot(900, (5.0, 1.0), (4.0, 1.0), (3.0, 7.0))
        assert synchronizer.offer(deeper, 3) is Verdict.AUDITED
        assert synchronizer.cache.get_bids() == [[5.0, 1.0], [4.0, 1.0]]
        # The events that made the deeper level what it is are still under way.
        for change in (
            event(800, 850, (3.0, 6.0), previous=100),
            event(860, 880, (3.0, 7.0), previous=850),
        ):
            synchronizer.receive(change)
            assert drain(synchronizer) == [change.last_update_id]
            assert synchronizer.cache.get_bids() == [[5.0, 1.0], [4.0, 1.0]]
        synchronizer.receive(event(905, 910, (5.0, 2.0), previous=880))
        assert drain(synchronizer) == [910]
        assert synchronizer.cache.get_bids() == [[5.0, 2.0], [4.0, 1.0], [3.0, 7.0]]
        assert synchronizer.counters.differences_ever == 0

    def test_a_snapshot_of_a_market_that_moved_on_past_it_does_not_replace_the_book(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.receive(event(101, 102, (6.0, 2.0)))
        synchronizer.receive(event(103, 104, (5.0, 0.0), (4.0, 3.0)))
        drain(synchronizer)
        synchronizer.receive(event(105, 106, (6.0, 0.0)))
        drain(synchronizer)
        assert synchronizer.offer(snapshot(100, (5.0, 1.0)), 1) is Verdict.AUDITED
        assert synchronizer.cache.get_bids() == [[4.0, 3.0]]

    def test_where_ids_are_shared_an_id_ahead_alone_says_nothing(self):
        synchronizer = Synchronizer("X", float, ids_are_shared=True)
        synchronizer.opened()
        synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT)
        drain(synchronizer)
        synchronizer.begin_audit()
        assert synchronizer.offer(snapshot(900, (5.0, 1.0)), LIMIT) is Verdict.AUDITED
        synchronizer.begin_audit()
        assert synchronizer.offer(snapshot(950, (5.0, 2.0)), LIMIT) is Verdict.AHEAD
        synchronizer.receive(event(940, 960, (5.0, 2.0), previous=100))
        assert drain(synchronizer) == [960]
        assert synchronizer.counters.differences == 0

    def test_a_gap_ends_the_audit(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.receive(event(150, 151))
        drain(synchronizer)
        assert not synchronizer.audit_under_way
        synchronizer.offer(snapshot(151, (5.0, 6.0)), LIMIT)
        assert synchronizer.state is State.LIVE
        assert synchronizer.counters.audits == 0

    def test_a_cancelled_audit_takes_no_snapshot(self):
        synchronizer = live()
        synchronizer.begin_audit()
        synchronizer.cancel_audit()
        assert synchronizer.offer(snapshot(100, (1.0, 1.0)), LIMIT) is Verdict.UNWANTED


class TestHorizon:
    def test_a_market_that_moves_past_the_snapshot_makes_the_book_stale_until_the_next(self):
        synchronizer = opened()
        synchronizer.offer(snapshot(100, (5.0, 1.0), (4.0, 1.0)), 2)
        drain(synchronizer)
        synchronizer.receive(event(101, 102, (5.0, 0.0), (3.0, 2.0)))
        assert drain(synchronizer) == [102]
        synchronizer.receive(event(103, 104, (4.0, 0.0)))
        assert drain(synchronizer) == []
        assert (synchronizer.state, synchronizer.wants_snapshot) == (State.STALE, True)
        assert "moved beyond" in synchronizer.reason
        synchronizer.offer(snapshot(104, (3.0, 2.0), (2.0, 1.0)), 2)
        assert drain(synchronizer) == [104]
        assert synchronizer.cache.best_bid == (3.0, 2.0)

    def test_a_side_that_is_truly_empty_is_live(self):
        synchronizer = live()
        synchronizer.receive(event(101, 102, (5.0, 0.0)))
        assert drain(synchronizer) == [102]
        assert synchronizer.cache.get_bids() == []


class TestBounds:
    def test_without_a_snapshot_the_oldest_events_are_forgotten_and_missed(self):
        synchronizer = opened()
        for number in range(101, 101 + MOST_PENDING + 5):
            synchronizer.receive(event(number, number))
        assert len(synchronizer.pending) == MOST_PENDING
        assert synchronizer.offer(snapshot(100), LIMIT) is Verdict.TOO_OLD

    def test_a_reader_that_falls_far_behind_skips_and_is_in_step_again(self):
        synchronizer = live()
        for number in range(101, 101 + MOST_PENDING + 5):
            synchronizer.receive(event(number, number, (5.0, float(number))))
        ids = drain(synchronizer)
        assert ids[-1] == 100 + MOST_PENDING + 5
        assert synchronizer.cache.best_bid == (5.0, float(ids[-1]))
        assert synchronizer.counters.skipped == MOST_PENDING
        assert synchronizer.state is State.LIVE


class Exchange:
    """The truth of one symbol: each update changes one level; ids are its own, without holes."""

    def __init__(self, random_source: random.Random) -> None:
        self.random = random_source
        self.at = random_source.randrange(10, 10_000)
        self.books: dict[int, dict[float, float]] = {self.at: {5.0: 1.0}}
        self.sent = self.at
        self.changes: list[tuple[float, float]] = []

    def update(self) -> None:
        level = (float(self.random.randrange(1, 9)), float(self.random.randrange(3)))
        book = dict(self.books[self.at])
        if level[1]:
            book[level[0]] = level[1]
        else:
            book.pop(level[0], None)
        self.at += 1
        self.books[self.at] = book
        self.changes.append(level)

    def event(self) -> DepthEvent[float] | None:
        if not self.changes:
            return None
        first, self.sent = self.sent + 1, self.at
        levels, self.changes = self.changes, []
        return event(first, self.at, *levels, time=self.at)

    def snapshot(self, at: int) -> Snapshot[float]:
        return snapshot(at, *sorted(self.books[at].items(), reverse=True))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(20, 200))
def test_what_is_live_is_always_the_exchanges_book(seed, steps):
    """Drops, duplicates, swaps, losses, cached snapshots, audits: never a wrong book.

    And once the faults are over, it is live again at the exchange's newest id.
    """
    chance = random.Random(seed)
    exchange = Exchange(chance)
    synchronizer = Synchronizer("X", float)
    held: DepthEvent[float] | None = None

    def check() -> None:
        while synchronizer.advance():
            at = synchronizer.cache.last_update_id
            assert dict(synchronizer.cache.bids.levels()) == exchange.books[at], f"seed {seed}"

    def deliver(change: DepthEvent[float]) -> None:
        synchronizer.receive(change)
        check()

    for step in range(steps):
        faulty = step < steps - 10
        for _ in range(chance.randrange(4)):
            exchange.update()
        dice = chance.random() if faulty else 1.0
        if dice < 0.04:
            synchronizer.lost("socket lost")
        change = exchange.event()
        if change is not None and synchronizer._connected and not 0.04 <= dice < 0.10:
            if 0.10 <= dice < 0.14:
                held = change
            else:
                deliver(change)
                if 0.14 <= dice < 0.20:
                    deliver(change)
                if held is not None:
                    deliver(held)
                    held = None
        if not synchronizer._connected:
            synchronizer.opened()
            held = None
        if synchronizer.state is State.LIVE and dice > 0.8:
            synchronizer.begin_audit()
        if synchronizer.wants_snapshot or synchronizer.audit_under_way:
            oldest = min(exchange.books)
            lag = chance.randrange(30) if faulty and chance.random() < 0.3 else 0
            at = max(oldest, exchange.at - lag)
            synchronizer.offer(exchange.snapshot(at), LIMIT, replace=chance.random() < 0.5)
            check()
    exchange.update()
    last = exchange.event()
    assert last is not None
    deliver(last)
    if synchronizer.wants_snapshot:
        synchronizer.offer(exchange.snapshot(exchange.at), LIMIT)
        check()
    assert synchronizer.state is State.LIVE, f"seed {seed}: {synchronizer.reason}"
    assert synchronizer.cache.last_update_id == exchange.at
    if synchronizer.counters.audits:
        assert synchronizer.counters.differences == 0, f"seed {seed}"


def test_the_number_type_of_the_book_is_the_one_asked_for():
    assert Synchronizer("X", Decimal).cache.conv_type is Decimal


class TestHalts:
    def test_a_halted_book_is_stale_and_wants_no_snapshot_until_trading_goes_on(self):
        synchronizer = live()
        synchronizer.halt("trading is halted")
        assert (synchronizer.state, synchronizer.reason) == (State.STALE, "trading is halted")
        assert not synchronizer.wants_snapshot
        assert synchronizer.offer(snapshot(200), LIMIT) is Verdict.UNWANTED
        synchronizer.resume()
        assert (synchronizer.state, synchronizer.reason) == (State.STALE, "trading goes on")
        assert synchronizer.wants_snapshot

    def test_an_event_shows_that_trading_goes_on(self):
        synchronizer = live()
        synchronizer.halt("trading is halted")
        synchronizer.receive(event(101, 102, (5.0, 2.0)))
        assert synchronizer.wants_snapshot
        assert synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT) is Verdict.ADOPTED
        assert drain(synchronizer) == [100, 102]

    def test_a_book_that_was_stale_before_its_halt_keeps_its_reason_and_its_wish(self):
        synchronizer = live()
        synchronizer.doubt("silent")
        synchronizer.halt("trading is halted")
        assert synchronizer.reason == "silent"
        assert synchronizer.wants_snapshot

    def test_a_live_book_has_nothing_to_resume(self):
        synchronizer = live()
        synchronizer.resume()
        assert synchronizer.state is State.LIVE


def test_a_doubt_about_a_book_that_is_stale_already_leaves_the_first_reason():
    synchronizer = live()
    synchronizer.lost("socket lost: reset")
    synchronizer.doubt("silent")
    assert synchronizer.reason == "socket lost: reset"


def test_what_is_being_done_is_told_once_behind_the_cause():
    told = []
    synchronizer = Synchronizer("X", float, on_state=lambda *what: told.append(what))
    synchronizer.opened()
    synchronizer.lost("socket lost")
    told.clear()
    for _ in range(2):
        synchronizer.explain("connecting again in 3 s")
    synchronizer.explain("")
    assert told == [
        (State.CONNECTING, "socket lost; connecting again in 3 s"),
        (State.CONNECTING, "socket lost"),
    ]


def test_a_book_that_was_lost_before_it_was_read_is_not_given_out():
    synchronizer = opened()
    assert synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT) is Verdict.ADOPTED
    synchronizer.lost("socket lost")
    assert not synchronizer.advance()


def test_an_audit_begins_only_with_a_live_book():
    synchronizer = opened()
    synchronizer.begin_audit()
    assert not synchronizer.audit_under_way
    synchronizer.offer(snapshot(100, (5.0, 1.0)), LIMIT)
    assert not synchronizer.audit_under_way


def test_an_audit_whose_snapshot_never_comes_is_given_up_before_it_holds_too_many_events():
    synchronizer = live()
    synchronizer.begin_audit()
    for number in range(101, 101 + MOST_PENDING):
        synchronizer.receive(event(number, number))
        assert synchronizer.advance()
    assert synchronizer.audit_under_way
    synchronizer.receive(event(101 + MOST_PENDING, 101 + MOST_PENDING))
    assert synchronizer.advance()
    assert not synchronizer.audit_under_way
    assert synchronizer.state is State.LIVE
