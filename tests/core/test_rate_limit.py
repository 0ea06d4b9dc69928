"""No more than so many in so long, with times made up."""

from __future__ import annotations

from hypothesis import given, strategies as st

from depthcli.core.rate_limit import RateLimiter


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_than_the_limit(pauses, most):
    pace, now, happened = RateLimiter(most, 60.0), 0.0, []
    for pause in pauses:
        now += pause
        while delay := pace.delay(now):
            now += delay
        pace.note(now)
        happened.append(now)
    for start in happened:
        assert sum(start <= moment < start + 60.0 - 1e-6 for moment in happened) <= most


def test_there_is_no_wait_before_the_limit():
    pace = RateLimiter(2, 300.0)
    assert pace.delay(0) == 0
    pace.note(0)
    assert pace.delay(0) == 0
    pace.note(10)
    assert pace.delay(20) == 280
    assert pace.delay(300) == 0
