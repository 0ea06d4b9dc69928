"""The request-weight budget, with times made up."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.weights import MINUTE, RESERVE, WeightBudget


def wait(budget: WeightBudget, weight: int, now: float) -> float:
    """Wait as the client does, and return when the request may go."""
    for _ in range(10_000):
        delay = budget.delay(weight, now)
        if not delay:
            return now
        assert delay > 0
        now += delay
    pytest.fail("it waits for ever")


@given(st.lists(st.tuples(st.integers(1, 250), st.floats(0, 5)), max_size=80))
def test_no_minute_ever_holds_more_than_the_limit(requests):
    budget, now = WeightBudget(1000), 0.0
    sent: list[tuple[float, int]] = []
    for weight, pause in requests:
        now = wait(budget, weight, now + pause)
        budget.spend(weight, now)
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
        budget.spend(weight, now)
        told_at, told = now, min(1000, budget.used(now) + foreign)
        budget.report(told, sent=now)


def test_what_the_exchange_reports_is_believed_over_our_own_count():
    budget = WeightBudget(1000)
    budget.spend(5, now=10)
    budget.report(940, sent=10)
    assert budget.used(11) == 940
    assert budget.delay(50, now=11) > 0
    assert budget.delay(50, now=10 + MINUTE) == 0


def test_what_was_sent_since_the_last_report_counts_on_top_of_it():
    budget = WeightBudget(1000)
    budget.spend(5, now=10)
    budget.report(400, sent=10)
    budget.spend(250, now=11)
    assert budget.used(12) == 650


def test_an_answer_that_comes_late_does_not_undo_a_newer_one():
    budget = WeightBudget(1000)
    budget.report(900, sent=20)
    budget.report(100, sent=10)
    assert budget.used(21) == 900


def test_a_report_that_is_lower_than_our_own_count_is_not_believed():
    budget = WeightBudget(1000)
    for at in range(10):
        budget.spend(50, now=at)
    budget.report(50, sent=9)
    assert budget.used(10) == 500


def test_a_request_heavier_than_the_whole_budget_goes_alone_instead_of_never():
    budget = WeightBudget(100)
    assert budget.delay(250, now=0) == 0
    budget.spend(250, now=0)
    assert wait(budget, 1, now=1) == pytest.approx(MINUTE)


def test_the_limit_that_the_exchange_tells_counts_at_once():
    budget = WeightBudget(1000)
    budget.spend(500, now=0)
    assert budget.delay(100, now=1) == 0
    budget.per_minute = 500
    assert budget.delay(100, now=1) == MINUTE - 1


def test_nothing_is_sent_before_the_exchange_allows_it():
    budget = WeightBudget(1000)
    budget.block(until=30)
    budget.block(until=20)
    assert budget.delay(1, now=12) == 18
    assert budget.delay(1, now=30) == 0
