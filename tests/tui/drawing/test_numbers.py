"""Numbers as text: exact where they must be, never wider than their column."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from depthcli.tui.drawing.numbers import (
    age_text,
    bar,
    bar_to_the_left,
    basis_points_text,
    clock_text,
    latency_text,
    price_text,
    price_within,
    quantity_text,
    quantity_width,
    rate_text,
    size_text,
    time_text,
)


@pytest.mark.parametrize(
    ("price", "decimals", "text"),
    [
        (0.0098124, 7, "0.0098124"),
        (104123.4, 2, "104123.40"),
        (Decimal("0.00000001"), 8, "0.00000001"),
        (5.0, 0, "5"),
        (1e300, 2, "1.000e+300"),
    ],
)
def test_price_has_exactly_its_decimals(price: float | Decimal, decimals: int, text: str) -> None:
    assert price_text(price, decimals) == text


@pytest.mark.parametrize(
    ("price", "decimals", "width", "text"),
    [
        (104512.25, 2, 9, "104512.25"),
        (104512.25, 2, 8, "104.512k"),
        (2013.0, 0, 3, "2k"),
        (1e12, 8, 9, "1.000000T"),
        (Decimal("987654321012.5"), 1, 6, "987.7B"),
        (4.25, 2, 3, ""),
    ],
)
def test_a_price_without_room_is_rounded_with_a_unit_or_absent(
    price: float | Decimal, decimals: int, width: int, text: str
) -> None:
    assert price_within(price, decimals, width) == text


def test_a_float_shows_no_digits_that_it_does_not_have() -> None:
    assert price_text(317223722224.2375, 8) == "317223722224.23750000"
    assert price_text(0.1, 8) == "0.10000000"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (10, "10"),
        (0.25, "0.25"),
        (104512, "104512"),
        (1.5e6, "1.5M"),
        (1.5e-8, "1.5e-8"),
        (1.5e15, "1.5e15"),
        (1e-5, "1e-5"),
        (0, "0"),
    ],
)
def test_sizes_take_few_cells(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("quantity", "decimals", "width", "text"),
    [
        (0.00012, 3, 6, "<0.001"),
        (0.4, 0, 8, "<1"),
        (0.0, 3, 8, "0.000"),
        (12.345, 3, 8, "12.345"),
        (9999.999, 3, 8, "9999.999"),
        (12_345.678, 3, 8, "12.35k"),
        (4_560_000.0, 3, 8, "4.56M"),
        (Decimal(7_100_000_000), 2, 8, "7.1B"),
        (43_000_000_000_000.0, 0, 8, "43.0T"),
        (117_162.0, 0, 8, "117162"),
        (0.00001, 5, 9, "0.00001"),
        (2e299, 3, 8, "2.0e+299"),
    ],
)
def test_quantity_is_compacted_only_if_it_must_be(
    quantity: float | Decimal, decimals: int, width: int, text: str
) -> None:
    assert quantity_text(quantity, decimals, width) == text


def test_compacted_quantities_keep_the_point_in_its_column() -> None:
    plain, compact = quantity_text(31.473, 3, 8), quantity_text(1_234_567.0, 3, 8)
    assert len(plain) - plain.index(".") == len(compact) - compact.index(".")


@given(
    st.floats(min_value=0, max_value=1e300) | st.decimals(0, 10**20, places=8),
    st.integers(0, 8),
)
def test_quantity_never_leaves_its_column(quantity: float | Decimal, decimals: int) -> None:
    width = quantity_width(decimals)
    assert len(quantity_text(quantity, decimals, width)) <= width


@pytest.mark.parametrize(
    ("spread", "mid", "text"),
    [(0.000007, 0.0098127, "7.13"), (0.01, 104123.0, "<0.01"), (0, 5, "0.00"), (1, 0, "0.00")],
)
def test_basis_points(spread: float, mid: float, text: str) -> None:
    assert basis_points_text(spread, mid) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0 s"),
        (0.34, "0.3 s"),
        (9.94, "9.9 s"),
        (12.9, "12 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7200, "2 h"),
        (200_000, "2 d"),
        (1e12, "9999 d"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@given(st.floats(min_value=-1e9, max_value=1e12))
def test_age_fits_its_column(seconds: float) -> None:
    assert len(age_text(seconds)) <= 6


def test_times_are_utc() -> None:
    assert time_text(1_767_355_471_412) == "12:04:31.412"
    assert time_text(None) == "--:--:--.---"
    assert clock_text(1_767_355_471.9) == "12:04:31"


@given(st.integers(0, 2**53))
def test_any_time_on_the_wire_can_be_shown(milliseconds: int) -> None:
    assert len(time_text(milliseconds)) == 12


def test_rate() -> None:
    assert rate_text(None) == "-"
    assert rate_text(412.4) == "412"
    assert rate_text(123_456) == "123k"


@given(st.floats(0, 1), st.integers(0, 60))
def test_bars_are_as_wide_as_their_column(fraction: float, width: int) -> None:
    assert len(bar(fraction, width)) == width
    assert sum(len(text) for text in bar_to_the_left(fraction, width)) == width


@given(st.floats(0, 1), st.integers(1, 60))
def test_both_bars_show_the_same(fraction: float, width: int) -> None:
    blocks = " ▏▎▍▌▋▊▉█"
    eighths = sum(blocks.index(block) for block in bar(fraction, width))
    _, edge, full = bar_to_the_left(fraction, width)
    assert eighths == 8 * len(full) + sum(8 - blocks.index(block) for block in edge)
    assert abs(eighths - fraction * width * 8) <= 1


def test_what_is_not_nothing_shows() -> None:
    assert bar(1e-9, 10).strip() == "▏"
    assert bar(0, 10).strip() == ""


def test_a_recording_has_no_latency() -> None:
    assert latency_text(0.042) == "42 ms"
    assert latency_text(-3.0) == "-3000 ms"
    assert latency_text(1869 * 86_400) == "-"
    assert latency_text(None) == "-"
