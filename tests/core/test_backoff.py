"""Delays between tries."""

from __future__ import annotations

import random

from hypothesis import given, strategies as st

from depthcli.core.backoff import Backoff


def test_the_first_try_is_at_once_and_the_others_wait_longer_and_longer_up_to_a_bound():
    backoff = Backoff(step=0.5, most=8, source=random.Random(1))
    delays = [backoff.next() for _ in range(12)]
    assert delays[0] == 0
    for number, delay in enumerate(delays[1:]):
        full = min(8, 0.5 * 2**number)
        assert full / 2 <= delay <= full
    backoff.reset()
    assert backoff.next() == 0


def test_the_first_delay_may_be_chosen():
    backoff = Backoff(first=0.25)
    assert (backoff.next(), backoff.tries) == (0.25, 1)


def test_many_that_lost_the_same_server_do_not_come_back_at_once():
    seconds = []
    for seed in range(20):
        backoff = Backoff(source=random.Random(seed))
        backoff.next()
        seconds.append(backoff.next())
    assert len(set(seconds)) == 20


@given(st.integers(0), st.floats(0.01, 10), st.floats(0.1, 100))
def test_an_outage_of_days_is_borne(seed, step, most):
    backoff = Backoff(step=step, most=most, source=random.Random(seed))
    delays = [backoff.next() for _ in range(2000)]
    assert max(delays) <= most
    assert min(delays[1:]) >= min(step, most) / 2
