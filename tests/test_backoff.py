"""Delays between tries."""

from __future__ import annotations

import random

from depthcli.backoff import Backoff


def test_the_first_try_is_at_once_and_the_others_wait_longer_and_longer_up_to_a_bound():
    backoff = Backoff(step=0.5, most=8, source=random.Random(1))
    delays = [backoff.next() for _ in range(12)]
    assert delays[0] == 0
    for number, delay in enumerate(delays[1:]):
        full = min(8, 0.5 * 2**number)
        assert full / 2 <= delay <= full
    backoff.reset()
    assert backoff.next() == 0
