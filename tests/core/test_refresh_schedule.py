"""When a live book is compared with a fresh snapshot; times are made up."""

from __future__ import annotations

from depthcli.core.refresh_schedule import (
    EARLY_REFRESH_GAP,
    LONGEST_SILENCE,
    LONGEST_UNKNOWN,
    SILENCE,
    Schedule,
)


def test_a_refresh_is_due_after_its_interval_and_soon_again_when_it_failed():
    schedule = Schedule(1800, now=0)
    assert schedule.refresh_at == 1800
    schedule.refreshed(1800, answered=False)
    assert schedule.refresh_at == 1830
    schedule.refreshed(1830, answered=True)
    assert schedule.refresh_at == 3630
    assert Schedule(None, now=0).refresh_at == float("inf")


def test_silence_is_questioned_within_ten_seconds():
    assert SILENCE <= 10
    schedule = Schedule(None, now=0)
    assert schedule.silence_check_at(last_received=5) == 5 + SILENCE


def test_a_quiet_symbol_is_questioned_ever_more_seldom_only_where_others_are_heard():
    schedule = Schedule(None, now=0)
    pauses = []
    for at in range(0, 1000, 100):
        schedule.silence_checked(at, answered=True, lively=True)
        pauses.append(schedule.silence_check_at(last_received=0) - at)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_SILENCE
    schedule.silence_checked(1000, answered=True, lively=False)
    assert schedule.silence_check_at(last_received=0) == 1000 + SILENCE


def test_questions_without_an_answer_are_counted_until_something_is_heard():
    schedule = Schedule(None, now=0)
    schedule.silence_checked(10, answered=False, lively=False)
    schedule.silence_checked(20, answered=False, lively=False)
    assert schedule.failed == 2
    schedule.silence_check_at(last_received=21)
    assert schedule.failed == 0


def test_levels_that_run_short_hurry_the_refresh_but_not_at_once_again():
    schedule = Schedule(1800, now=0)
    schedule.refresh_early(EARLY_REFRESH_GAP / 2)
    assert schedule.refresh_at == EARLY_REFRESH_GAP
    schedule.refresh_at = 1800
    schedule.refresh_early(2 * EARLY_REFRESH_GAP)
    assert schedule.refresh_at == 2 * EARLY_REFRESH_GAP


def test_a_refresh_that_was_made_is_not_hurried_again_at_once():
    schedule = Schedule(1800, now=0)
    schedule.refreshed(EARLY_REFRESH_GAP, answered=True)
    schedule.refresh_early(EARLY_REFRESH_GAP + 1)
    assert schedule.refresh_at == 2 * EARLY_REFRESH_GAP


def test_a_short_interval_stays_short_after_a_failure():
    schedule = Schedule(5, now=0)
    schedule.refreshed(5, answered=False)
    assert schedule.refresh_at == 10


def test_no_refresh_is_ever_due_where_none_is_wanted():
    for never in (None, 0):
        schedule = Schedule(never, now=0)
        schedule.refreshed(10, answered=True)
        assert schedule.refresh_at == float("inf")


def test_a_book_that_was_built_anew_starts_all_waits_anew():
    schedule = Schedule(1800, now=0)
    for at in (10, 100):
        schedule.silence_checked(at, answered=False, lively=True)
    schedule.restart(200)
    assert (schedule.failed, schedule.started, schedule.refresh_at) == (0, 200, 2000)
    assert schedule.silence_check_at(last_received=150) == 200 + SILENCE


def test_something_heard_makes_the_next_silence_short_again():
    schedule = Schedule(None, now=0)
    for at in (10, 100, 200):
        schedule.silence_checked(at, answered=True, lively=True)
    assert schedule.silence_check_at(last_received=5) > 200 + SILENCE
    assert schedule.silence_check_at(last_received=300) == 300 + SILENCE


def test_books_that_are_built_together_are_refreshed_at_different_times():
    phases = [(index + 1) / 100 for index in range(100)]
    due = [Schedule(1800, now=50, phase=phase).refresh_at for phase in phases]
    assert len({int(at) // 180 for at in due}) >= 10
    assert max(due) == 50 + 1800
    for phase in phases:
        schedule = Schedule(1800, now=0, phase=phase)
        schedule.refreshed(schedule.refresh_at, answered=True)
        assert schedule.refresh_at == 1800 * phase + 1800
        schedule.restart(5_000)
        assert schedule.refresh_at == 5_000 + 1800 * phase


def test_whether_a_silent_symbol_is_traded_is_asked_ever_more_seldom_until_it_is_heard():
    schedule = Schedule(None, now=0)
    pauses, now = [], 0.0
    for _ in range(8):
        due = schedule.status_check_at(last_received=0)
        pauses.append(due - now)
        now = due
        schedule.status_checked(now)
    assert pauses == sorted(pauses)
    assert pauses[0] <= SILENCE, "soon where nothing was ever heard"
    assert pauses[-1] == LONGEST_UNKNOWN
    assert schedule.status_check_at(last_received=now + 5) == now + 5 + LONGEST_SILENCE
