"""How many digits the screen shows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from depthcli.watch import UNKNOWN_DECIMALS, decimals


@pytest.mark.parametrize(
    ("step", "digits"),
    [
        ("0.00000100", 6), ("0.1", 1), ("0.10000000", 1), ("0.25", 2), ("1", 0), ("1.00000000", 0),
        ("100", 0), ("1E-8", 8),
    ],
)  # fmt: skip
def test_as_many_digits_are_shown_as_the_exchanges_step_needs(step, digits):
    assert decimals(Decimal(step)) == digits


@given(st.integers(1, 10**6), st.integers(0, 12), st.integers(0, 10**6))
def test_every_multiple_of_a_step_is_shown_exactly(units, places, times):
    step = Decimal(units).scaleb(-places)
    price = step * times
    assert Decimal(f"{price:.{decimals(step)}f}") == price


def test_eight_digits_are_shown_where_the_exchange_does_not_say():
    assert decimals(None) == UNKNOWN_DECIMALS == 8
    assert decimals(Decimal("NaN")) == UNKNOWN_DECIMALS
