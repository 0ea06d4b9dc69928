"""The price axis: still while it can be, round steps, bids down and asks up."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.tui.model.price_axis import (
    Axis,
    ceiling,
    coarser,
    deepest_known,
    index_of,
    placed,
    step_for,
)


def test_the_axis_stays_while_the_market_stays_within_it() -> None:
    axis = placed(None, 100.0, 0.5, 21)
    assert (axis.lowest, axis.centre, axis.highest) == (190, 200, 210)
    assert placed(axis, 102.9, 0.5, 21) is axis
    moved = placed(axis, 103.5, 0.5, 21)
    assert moved.centre == 207
    assert placed(moved, 101.0, 0.5, 21) is moved, "and it doesn't go back at once"


def test_an_axis_that_was_moved_by_hand_stays() -> None:
    axis = placed(None, 100.0, 0.5, 21).moved(-40)
    assert placed(axis, 100.0, 0.5, 21) is axis
    assert axis.highest < 200
    bottom = Axis(1.0, 3, 5).moved(-10)
    assert (bottom.lowest, bottom.highest) == (0, 4), "there are no prices below zero"
    assert bottom.moved(1).lowest == 1, "nor is it moved further than it seems"
    assert placed(None, 1.0, 1.0, 21).lowest == 0


def test_another_step_or_size_makes_another_axis() -> None:
    axis = placed(None, 100.0, 0.5, 21)
    assert placed(axis, 100.0, 1.0, 21) == Axis(1.0, 100, 21)
    assert placed(axis, 100.0, 0.5, 11) == Axis(0.5, 200, 11)


@given(st.floats(1e-8, 1e6), st.integers(1, 300), st.sampled_from([1e-8, 0.01, 0.5, 1.0, 25.0]))
def test_steps_are_round_and_cover_the_span(span: float, count: int, tick: float) -> None:
    step = step_for(span, count, tick)
    assert step * count >= span * (1 - 1e-6)
    assert float(f"{step / tick:.9e}".partition("e")[0]) in {1.0, 2.0, 5.0}
    assert step <= tick * 1.000001 or step * count < span * 3, "and aren't coarser than they must"


def test_steps_go_up_and_down_the_series() -> None:
    steps = [0.01]
    for _ in range(6):
        steps.append(coarser(steps[-1], 0.01, 1))
    assert steps == pytest.approx([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])
    for _ in range(6):
        steps.append(coarser(steps[-1], 0.01, -1))
    assert steps[6:] == pytest.approx([1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
    assert coarser(0.01, 0.01, -1) == 0.01


@given(st.floats(1e-9, 1e12))
def test_a_scale_is_little_more_than_what_it_must_hold(number: float) -> None:
    assert number * (1 - 1e-6) <= ceiling(number) <= number * 1.51
    assert ceiling(ceiling(number)) == pytest.approx(ceiling(number))


def test_levels_round_away_from_the_touch() -> None:
    assert index_of(100.3, 0.5, "bid") == 200
    assert index_of(100.3, 0.5, "ask") == 201
    assert index_of(0.3, 0.1, "bid") == index_of(0.3, 0.1, "ask") == 3


@given(st.integers(1, 10**7), st.sampled_from([1, 10, 25, 1000]), st.sampled_from(["bid", "ask"]))
def test_a_group_is_known_if_the_horizon_is_not_within_it(horizon, ticks, side) -> None:
    deepest = deepest_known(horizon * 0.01, ticks * 0.01, side)
    # A group of bids reaches from its price up, one of asks from its price down.
    if side == "bid":
        assert deepest * ticks >= horizon > (deepest - 1) * ticks
    else:
        assert deepest * ticks <= horizon < (deepest + 1) * ticks
