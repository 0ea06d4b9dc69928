"""What is read off the levels, against exact arithmetic with fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, strategies as st

from depthcli.core.analytics import (
    cost_to_trade,
    group_levels,
    imbalance,
    micro_price,
    reaches_past,
)

BIDS = [(100.7, 1.0), (100.4, 2.0), (99.9, 4.0), (98.0, 8.0)]
ASKS = [(101.0, 1.0), (101.2, 2.0), (102.0, 4.0)]

ticks = st.lists(
    st.tuples(st.integers(1, 5_000), st.integers(1, 10**12)),
    min_size=1,
    max_size=40,
    unique_by=lambda level: level[0],
)
tick_sizes = st.sampled_from(["0.00000001", "0.001", "0.1", "0.5", "10"])


def side_of(ticks, tick, number, *, reverse):
    return [
        (number(str(Decimal(price) * Decimal(tick))), number(str(Decimal(quantity) / 10**8)))
        for price, quantity in sorted(ticks, reverse=reverse)
    ]


class TestGroups:
    def test_bids_round_down_and_asks_round_up(self):
        assert group_levels(BIDS, 1, side="bid") == [(100.0, 3.0), (99.0, 4.0), (98.0, 8.0)]
        assert group_levels(ASKS, 1, side="ask") == [(101.0, 1.0), (102.0, 6.0)]

    def test_no_levels_give_no_groups(self):
        assert group_levels([], 1, side="bid") == []

    def test_a_float_on_the_edge_of_a_group_belongs_to_it(self):
        # 0.3 / 0.1 is 2.9999999999999996 as floats.
        assert group_levels([(0.3, 1.0)], 0.1, side="bid") == [(0.3, 1.0)]
        assert group_levels([(0.3, 1.0)], 0.1, side="ask") == [(0.3, 1.0)]
        # 1.1 / 0.1 is 11.000000000000002.
        assert group_levels([(1.1, 1.0)], 0.1, side="ask") == [(1.1, 1.0)]

    def test_decimals_stay_exact(self):
        levels = [(Decimal("0.00981239"), Decimal("123456789012345678901.12345678"))] * 2
        assert group_levels(levels, Decimal("0.000001"), side="bid") == [
            (Decimal("0.009812"), Decimal("246913578024691357802.24691356"))
        ]

    @pytest.mark.parametrize("number", [float, Decimal])
    @pytest.mark.parametrize("side", ["bid", "ask"])
    @given(ticks=ticks, tick=tick_sizes, multiple=st.sampled_from([1, 2, 3, 10, 25, 1_000]))
    def test_groups_are_those_of_fractions(self, number, side, ticks, tick, multiple):
        step = Decimal(tick) * multiple
        levels = side_of(ticks, tick, number, reverse=side == "bid")
        expected: dict[Fraction, Fraction] = {}
        for price, quantity in levels:
            count = Fraction(str(price)) / Fraction(step)
            edge = (floor(count) if side == "bid" else ceil(count)) * Fraction(step)
            expected[edge] = expected.get(edge, Fraction(0)) + Fraction(quantity)
        groups = group_levels(levels, step, side=side)
        assert [Fraction(str(price)) for price, _ in groups] == list(expected)
        if number is Decimal:
            assert [Fraction(quantity) for _, quantity in groups] == list(expected.values())
        else:
            assert [quantity for _, quantity in groups] == [float(q) for q in expected.values()]
        assert group_levels(levels, number(step), side=side) == groups

    @pytest.mark.parametrize("step", [0, -1.0, float("nan"), float("inf"), Decimal("NaN")])
    def test_a_step_that_is_none_is_refused(self, step):
        with pytest.raises(ValueError, match="positive number"):
            group_levels(BIDS, step, side="bid")

    def test_a_side_that_is_none_is_refused(self):
        with pytest.raises(ValueError, match="'bid' or 'ask'"):
            group_levels(BIDS, 1, side="buy")
        with pytest.raises(ValueError, match="'bid' or 'ask'"):
            reaches_past(1.0, 2.0, side="bids")

    def test_a_group_that_reaches_past_the_horizon_is_told(self):
        price, _ = group_levels(BIDS, 3, side="bid")[-1]
        assert price == 96.0
        assert reaches_past(price, 98.0, side="bid")
        assert not reaches_past(price, 96.0, side="bid")
        assert not reaches_past(price, None, side="bid")
        assert reaches_past(103.0, 102.0, side="ask")
        assert not reaches_past(102.0, 102.0, side="ask")


class TestCostToTrade:
    def test_a_buyer_eats_the_asks_from_the_best(self):
        cost = cost_to_trade(ASKS, 2.0)
        assert cost.filled == 2.0
        assert cost.notional == pytest.approx(202.2)
        assert cost.average_price == pytest.approx(101.1)
        assert cost.worst_price == 101.2
        assert cost.slippage == pytest.approx(0.1 / 101 * 10_000)
        assert cost.complete

    def test_a_seller_who_gets_less_has_positive_slippage(self):
        assert cost_to_trade(BIDS, 3.0).slippage == pytest.approx(0.2 / 100.7 * 10_000)

    def test_slippage_can_be_measured_from_the_mid(self):
        cost = cost_to_trade(ASKS, 1.0, reference=100.0)
        assert cost.slippage == pytest.approx(100.0)
        assert cost_to_trade(ASKS, 1.0).slippage == 0.0

    def test_levels_that_run_out_are_told(self):
        cost = cost_to_trade(ASKS, 8.0)
        assert (cost.filled, cost.worst_price, cost.complete) == (7.0, 102.0, False)
        assert cost_to_trade(ASKS, 7.0).complete

    def test_no_levels_fill_nothing(self):
        assert cost_to_trade([], 1.0) == (0.0, 0.0, None, None, None, False)

    def test_rounding_does_not_touch_a_level_more_than_needed(self):
        # 0.8 - 0.7 is a little more than 0.1 as floats.
        cost = cost_to_trade([(1.0, 0.7), (2.0, 0.1), (3.0, 9.0)], 0.8)
        assert (cost.filled, cost.worst_price, cost.complete) == (0.8, 2.0, True)
        assert cost_to_trade([(1.0, 0.7), (2.0, 0.1)], 0.8).complete

    def test_levels_deeper_than_needed_are_not_read(self):
        def levels():
            yield 1.0, 5.0
            raise AssertionError("read too far")

        assert cost_to_trade(levels(), 5.0).complete

    @given(ticks=ticks, tick=tick_sizes, share=st.fractions(Fraction(1, 50), Fraction(3, 2)))
    def test_decimals_are_exact(self, ticks, tick, share):
        levels = side_of(ticks, tick, Decimal, reverse=False)
        total = sum(quantity for _, quantity in levels)
        wanted = (total * share.numerator / share.denominator).quantize(Decimal("1e-8"))
        if not wanted:
            return
        left, notional, worst = wanted, Fraction(0), None
        for price, quantity in levels:
            if left:
                taken = min(left, quantity)
                notional += Fraction(price) * Fraction(taken)
                left -= taken
                worst = price
        cost = cost_to_trade(levels, wanted)
        assert cost.complete is (left == 0)
        assert cost.filled == wanted - left
        assert Fraction(cost.notional) == notional
        assert cost.worst_price == worst
        floats = [(float(price), float(quantity)) for price, quantity in levels]
        rounded = cost_to_trade(floats, float(wanted))
        assert rounded.notional == pytest.approx(float(notional))
        assert rounded.worst_price == float(worst)

    @pytest.mark.parametrize("quantity", [0, 0.0, -1.0, float("nan"), float("inf"), Decimal(-2)])
    def test_a_quantity_that_is_none_is_refused(self, quantity):
        with pytest.raises(ValueError, match="positive number"):
            cost_to_trade(ASKS, quantity)


def test_imbalance_goes_from_all_asks_to_all_bids():
    assert imbalance([(1.0, 3.0)], [(2.0, 1.0)]) == 0.5
    assert imbalance([], [(2.0, 1.0)]) == -1.0
    assert imbalance([(1.0, 3.0)], []) == 1.0
    assert imbalance([], []) is None
    assert imbalance([(Decimal(1), Decimal(3))], [(Decimal(2), Decimal(1))]) == Decimal("0.5")


def test_the_micro_price_leans_to_the_side_with_less():
    assert micro_price((100.0, 9.0), (101.0, 1.0)) == pytest.approx(100.9)
    assert micro_price((100.0, 1.0), (101.0, 1.0)) == 100.5
    assert micro_price(None, (101.0, 1.0)) is None
    assert micro_price((Decimal(100), Decimal(1)), (Decimal(101), Decimal(3))) == Decimal("100.25")
