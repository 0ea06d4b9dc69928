"""The request-weight budget, with times made up."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.core.request_weight import MINUTE, RESERVE, WeightBudget


def wait(budget: WeightBudget, weight: int, now: float) -> float:
    """Wait as the client does, and return when the request may go."""
    for _ in range(10_000):
        delay = budget.delay(weight, now)
        if not delay:
            return now
        assert delay > 0
        now += delay
    pytest.fail("it waits for ever")


def spend(budget: WeightBudget, weight: int, now: float) -> None:
    """Count a request that is answered at once."""
    budget.begin(weight)
    budget.end(weight, now)


@given(st.lists(st.tuples(st.integers(1, 250), st.floats(0, 5)), max_size=80))
def test_no_minute_ever_holds_more_than_the_limit(requests):
    budget, now = WeightBudget(1000), 0.0
    sent: list[tuple[float, int]] = []
    for weight, pause in requests:
        now = wait(budget, weight, now + pause)
        spend(budget, weight, now)
        sent.append((now, weight))
    for start, _ in sent:
        window = sum(weight for at, weight in sent if start <= at < start + MINUTE)
        assert window <= 1000 * (1 - RESERVE)


@given(st.lists(st.tuples(st.integers(1, 250), st.floats(0, 5), st.integers(0, 100)), max_size=60))
def test_with_others_behind_the_address_nothing_is_sent_that_the_last_answer_forbids(requests):
    budget, now = WeightBudget(1000), 0.0
    told_at, told = -MINUTE, 0
    for weight, pause, foreign in requests:
        now = wait(budget, weight, now + pause)
        if now < told_at + MINUTE:
            assert told + weight <= 1000
        spend(budget, weight, now)
        told_at, told = now, min(1000, budget.used(now) + foreign)
        budget.report(told, answered=now)


def test_what_the_exchange_reports_is_believed_over_our_own_count():
    budget = WeightBudget(1000)
    spend(budget, 5, 10)
    budget.report(940, answered=10)
    assert budget.used(11) == 940
    assert budget.delay(50, now=11) > 0
    assert budget.delay(50, now=10 + MINUTE) == 0


def test_what_was_sent_since_the_last_report_counts_on_top_of_it():
    budget = WeightBudget(1000)
    spend(budget, 5, 10)
    budget.report(400, answered=10)
    spend(budget, 250, 11)
    assert budget.used(12) == 650


def test_an_answer_that_comes_late_does_not_undo_a_newer_one():
    budget = WeightBudget(1000)
    budget.report(900, answered=20)
    budget.report(100, answered=10)
    assert budget.used(21) == 900


def test_a_report_that_is_lower_than_our_own_count_is_not_believed():
    budget = WeightBudget(1000)
    for at in range(10):
        spend(budget, 50, at)
    budget.report(50, answered=9)
    assert budget.used(10) == 500


def test_a_request_heavier_than_the_whole_budget_goes_alone_instead_of_never():
    budget = WeightBudget(100)
    assert budget.delay(250, now=0) == 0
    spend(budget, 250, 0)
    assert wait(budget, 1, now=1) == pytest.approx(MINUTE)


def test_the_limit_that_the_exchange_tells_counts_at_once():
    budget = WeightBudget(1000)
    spend(budget, 500, 0)
    assert budget.delay(100, now=1) == 0
    budget.per_minute = 500
    assert budget.delay(100, now=1) == MINUTE - 1


def test_nothing_is_sent_before_the_exchange_allows_it():
    budget = WeightBudget(1000)
    budget.block(until=30)
    budget.block(until=20)
    assert budget.delay(1, now=12) == 18
    assert budget.delay(1, now=30) == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 250), st.floats(0, 5), st.floats(0, 10), st.floats(0, 1)),
        max_size=60,
    )
)
def test_however_late_the_exchange_counts_a_request_no_minute_holds_too_much(requests):
    """It counts each at some moment between its sending and its answer, eight at a time."""
    budget, now = WeightBudget(1000), 0.0
    under_way: list[tuple[float, int]] = []
    counted: list[tuple[float, int]] = []

    def answer(until: float) -> None:
        for moment, weight in sorted(under_way):
            if moment <= until:
                budget.end(weight, moment)
                under_way.remove((moment, weight))

    for weight, pause, latency, share in requests:
        now += pause
        answer(now)
        while len(under_way) == 8 or (delay := budget.delay(weight, now)):
            now = min(under_way)[0] if under_way else now + delay
            answer(now)
        budget.begin(weight)
        under_way.append((now + latency, weight))
        counted.append((now + share * latency, weight))
    for start, _ in counted:
        window = sum(weight for at, weight in counted if start <= at < start + MINUTE)
        assert window <= 1000 * (1 - RESERVE)


def test_what_is_under_way_counts_whatever_the_last_answer_said():
    budget = WeightBudget(1000)
    budget.begin(300)
    spend(budget, 5, now=10)
    budget.report(600, answered=10)
    assert budget.used(11) == 900
    budget.end(300, now=12)
    assert budget.used(13) == 900
    assert budget.used(12 + MINUTE) == 0


def test_the_outlook_is_nothing_where_there_is_room_and_the_rest_of_a_ban_else():
    budget = WeightBudget(1000)
    assert budget.outlook(500, now=10) == 0
    assert budget.blocked_until == float("-inf")
    budget.block(until=40)
    assert budget.blocked_until == 40
    assert budget.outlook(500, now=10) == 30


def test_the_outlook_is_when_enough_of_what_was_sent_is_a_minute_ago():
    budget = WeightBudget(1000)
    for now in (0, 10, 20):
        spend(budget, 250, now)
    assert budget.outlook(300, now=30) == MINUTE - 30
    assert budget.outlook(600, now=30) == 10 + MINUTE - 30


def test_the_outlook_for_more_than_a_minute_allows_is_as_many_minutes_as_it_takes():
    budget = WeightBudget(1000)
    outlooks = [budget.outlook(weight, now=0) for weight in (900, 1000, 2000, 3000)]
    assert outlooks == [0, MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_a_foreign_weight_that_nothing_of_ours_explains_is_waited_for_a_minute():
    budget = WeightBudget(1000)
    spend(budget, 50, now=0)
    budget.report(1000, answered=0)
    assert budget.outlook(100, now=0) == MINUTE
