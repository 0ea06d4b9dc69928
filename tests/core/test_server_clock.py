"""What the `Date` headers of answers tell of the exchange's clock."""

from __future__ import annotations

import random
from math import floor

import pytest

from depthcli.core.server_clock import ServerClock


def test_without_a_date_it_is_the_local_clock():
    assert ServerClock().answered(10.0, 10.2, None) == pytest.approx(10.1)


def test_one_date_tells_the_second():
    made = ServerClock().answered(100.0, 100.2, 5_000.0)
    assert 5_000 <= made < 5_001


@pytest.mark.parametrize("offset", [-86_400.25, -0.3, 0.0, 0.7, 3_600.5])
def test_many_dates_tell_it_to_within_the_time_of_an_answer(offset):
    rng = random.Random(1)
    clock, now, error = ServerClock(), 1_790_000_000.0, 1.0
    for _ in range(300):
        now += rng.uniform(0.1, 5)
        made = now + offset + 0.04
        told = clock.answered(now, now + 0.1, floor(made))
        error = abs(told - made)
    assert error < 0.1


def test_a_clock_that_is_set_anew_is_believed_at_once():
    clock = ServerClock()
    clock.answered(100.0, 100.1, 100.0)
    assert 5_000 <= clock.answered(101.0, 101.1, 5_000.0) < 5_001
    assert clock.answered(102.0, 102.1, None) == pytest.approx(5_001.5, abs=0.7)
