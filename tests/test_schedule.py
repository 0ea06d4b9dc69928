"""When a live book is compared with a fresh snapshot; times are made up."""

from __future__ import annotations

from depthcli.schedule import HURRY, LONGEST_SILENCE, SILENCE, Schedule


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
    assert schedule.question_at(last_received=5) == 5 + SILENCE


def test_a_quiet_symbol_is_questioned_ever_more_seldom_only_where_others_are_heard():
    schedule = Schedule(None, now=0)
    pauses = []
    for at in range(0, 1000, 100):
        schedule.questioned(at, answered=True, lively=True)
        pauses.append(schedule.question_at(last_received=0) - at)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_SILENCE
    schedule.questioned(1000, answered=True, lively=False)
    assert schedule.question_at(last_received=0) == 1000 + SILENCE


def test_questions_without_an_answer_are_counted_until_something_is_heard():
    schedule = Schedule(None, now=0)
    schedule.questioned(10, answered=False, lively=False)
    schedule.questioned(20, answered=False, lively=False)
    assert schedule.failed == 2
    schedule.question_at(last_received=21)
    assert schedule.failed == 0


def test_levels_that_run_short_hurry_the_refresh_but_not_at_once_again():
    schedule = Schedule(1800, now=0)
    schedule.hurry(HURRY / 2)
    assert schedule.refresh_at == 1800
    schedule.hurry(HURRY)
    assert schedule.refresh_at == HURRY
