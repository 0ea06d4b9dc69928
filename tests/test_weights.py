"""The request-weight budget, with times made up."""

from __future__ import annotations

from hypothesis import given, strategies as st

from depthcli.weights import MINUTE, RESERVE, WeightBudget


@given(st.lists(st.tuples(st.integers(1, 250), st.floats(0, 5)), max_size=80))
def test_no_minute_ever_holds_more_than_the_limit(requests):
    budget, now = WeightBudget(1000), 0.0
    sent: list[tuple[float, int]] = []
    for weight, pause in requests:
        now += pause
        for _ in range(1000):
            delay = budget.delay(weight, now)
            if not delay:
                break
            now += delay
        budget.spend(weight, now)
        sent.append((now, weight))
    for start, _ in sent:
        window = sum(weight for at, weight in sent if start <= at < start + MINUTE)
        assert window <= 1000 * (1 - RESERVE)


def test_what_the_exchange_reports_is_believed_over_our_own_count():
    budget = WeightBudget(1000)
    budget.spend(5, now=10)
    budget.report(940, sent=10)
    assert budget.used(11) == 940
    assert budget.delay(50, now=11) > 0
    assert budget.delay(50, now=10 + MINUTE) == 0


def test_nothing_is_sent_before_the_exchange_allows_it():
    budget = WeightBudget(1000)
    budget.block(until=30)
    assert budget.delay(1, now=12) == 18
    assert budget.delay(1, now=30) == 0
