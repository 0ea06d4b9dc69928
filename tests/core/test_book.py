"""The book: what a reader sees after whatever was written."""

from __future__ import annotations

import copy
import pickle
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from depthcli.core import book as book_module
from depthcli.core.book import DepthCache, Difference
from depthcli.core.messages import DepthEvent, Snapshot
from depthcli.core.python_side import PythonSide
from depthcli.core.state import ByRank

QUANTITIES = st.integers(0, 3)
"""Zero: there is no such level."""


def book(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> DepthCache[float]:
    cache = DepthCache("BNBBTC")
    cache.load(Snapshot(10, bids, asks), limit=100)
    return cache


def event(first: int, last: int, bids=(), asks=(), time: int = 1_000) -> DepthEvent[float]:
    return DepthEvent(time, "BNBBTC", first, last, list(bids), list(asks))


def test_reads_are_best_first():
    cache = book([(1.0, 5.0), (3.0, 6.0), (2.0, 7.0)], [(6.0, 1.0), (4.0, 2.0), (5.0, 3.0)])
    assert cache.get_bids() == [[3.0, 6.0], [2.0, 7.0], [1.0, 5.0]]
    assert cache.get_asks() == [[4.0, 2.0], [5.0, 3.0], [6.0, 1.0]]
    assert cache.top(2) == ([(3.0, 6.0), (2.0, 7.0)], [(4.0, 2.0), (5.0, 3.0)])
    assert cache.best_bid == (3.0, 6.0)
    assert cache.best_ask == (4.0, 2.0)
    assert (cache.mid, cache.spread) == (3.5, 1.0)


def test_an_event_sets_absolute_quantities_and_its_own_id_and_time():
    cache = book([(3.0, 6.0)], [(4.0, 2.0)])
    assert cache.update_time is None
    cache.apply(event(11, 12, bids=[(3.0, 1.5), (2.0, 9.0)], asks=[(4.0, 0.0)], time=77))
    assert cache.get_bids() == [[3.0, 1.5], [2.0, 9.0]]
    assert cache.get_asks() == []
    assert (cache.last_update_id, cache.update_time) == (12, 77)


def test_removing_what_is_not_there_is_normal():
    cache = book([(3.0, 6.0)], [])
    cache.apply(event(11, 11, bids=[(2.5, 0.0)]))
    assert cache.get_bids() == [[3.0, 6.0]]


def test_a_level_that_was_removed_comes_back():
    cache = book([(3.0, 6.0), (2.0, 1.0)], [])
    cache.apply(event(11, 11, bids=[(3.0, 0.0)]))
    cache.apply(event(12, 12, bids=[(3.0, 4.0)]))
    assert cache.get_bids() == [[3.0, 4.0], [2.0, 1.0]]
    cache.apply(event(13, 13, bids=[(3.0, 0.0)]))
    assert cache.best_bid == (2.0, 1.0)
    cache.apply(event(14, 14, bids=[(3.0, 8.0)]))
    assert cache.best_bid == (3.0, 8.0)


def test_an_empty_side_has_no_best_no_mid_no_spread():
    cache = book([], [(4.0, 2.0)])
    assert cache.best_bid is None
    assert cache.mid is None
    assert cache.spread is None


@pytest.mark.parametrize("count", [0, -1])
def test_asking_for_no_levels_gives_none(count):
    assert book([(3.0, 6.0)], []).top(count) == ([], [])


def test_decimals_stay_exact():
    cache: DepthCache[Decimal] = DepthCache("BNBBTC", Decimal)
    price, quantity = Decimal("0.00981240"), Decimal("123456789012.12345678")
    cache.bids.update([(price, quantity)])
    assert cache.get_bids() == [[price, quantity]]
    assert str(cache.best_bid[1]) == "123456789012.12345678"


@pytest.mark.parametrize("conv_type", [str, int, None.__class__])
def test_only_numbers_that_sort_as_prices_are_taken(conv_type):
    with pytest.raises(ValueError, match="float or Decimal"):
        DepthCache("BNBBTC", conv_type)


class TestHorizon:
    def full(self) -> DepthCache[float]:
        cache = DepthCache("BNBBTC")
        cache.load(Snapshot(10, [(9.0, 1.0), (8.0, 1.0)], [(10.0, 1.0), (11.0, 1.0)]), limit=2)
        return cache

    def test_levels_deeper_than_the_snapshot_are_kept_apart(self):
        cache = self.full()
        cache.apply(event(11, 11, bids=[(7.0, 5.0), (8.5, 2.0)], asks=[(12.0, 5.0)]))
        assert cache.get_bids() == [[9.0, 1.0], [8.5, 2.0], [8.0, 1.0]]
        assert cache.get_asks() == [[10.0, 1.0], [11.0, 1.0]]
        assert cache.bids.beyond() == [(7.0, 5.0)]
        assert cache.asks.beyond() == [(12.0, 5.0)]
        assert cache.top(10)[0][-1] == (8.0, 1.0)

    def test_a_side_that_the_snapshot_covers_whole_has_no_horizon(self):
        cache = DepthCache("BNBBTC")
        cache.load(Snapshot(10, [(9.0, 1.0), (8.0, 1.0)], [(10.0, 1.0)]), limit=2)
        cache.apply(event(11, 11, asks=[(99.0, 5.0)]))
        assert cache.get_asks() == [[10.0, 1.0], [99.0, 5.0]]
        assert cache.asks.beyond() == []

    def test_the_horizon_is_a_price_not_a_number_of_levels(self):
        cache = self.full()
        cache.apply(event(11, 11, bids=[(9.0, 0.0), (8.0, 0.0), (7.0, 3.0)]))
        assert cache.best_bid is None

    def test_it_says_when_no_level_is_left_within_the_snapshot(self):
        cache = self.full()
        assert not cache.exhausted()
        cache.apply(event(11, 11, bids=[(9.0, 0.0), (7.0, 3.0)]))
        assert not cache.exhausted()
        cache.apply(event(12, 12, bids=[(8.0, 0.0)]))
        assert cache.exhausted()
        cache.apply(event(13, 13, bids=[(8.5, 1.0)]))
        assert not cache.exhausted()

    def test_a_side_that_is_known_whole_may_be_empty(self):
        cache = book([(3.0, 6.0)], [])
        cache.apply(event(11, 11, bids=[(3.0, 0.0)]))
        assert (cache.get_bids(), cache.exhausted()) == ([], False)


class TestDifferences:
    def test_equal_books_have_none(self):
        one = book([(3.0, 6.0)], [(4.0, 2.0)])
        assert one.differences(book([(3.0, 6.0)], [(4.0, 2.0)])) == []

    def test_each_level_that_differs_is_named_with_both_quantities(self):
        ours = book([(3.0, 6.0), (2.0, 1.0)], [(4.0, 2.0)])
        theirs = book([(3.0, 5.0)], [(4.0, 2.0), (5.0, 9.0)])
        assert ours.differences(theirs) == [
            Difference("bid", 3.0, 6.0, 5.0, 1),
            Difference("bid", 2.0, 1.0, 0.0, 2),
            Difference("ask", 5.0, 0.0, 9.0, 2),
        ]

    def test_a_rank_is_the_place_on_the_side_of_the_other_book(self):
        ours = book([], [(price, 1.0) for price in (1.0, 2.0, 2.5, 2.6, 3.0, 9.0)])
        theirs = book([], [(price, 1.0) for price in (1.5, 2.0, 3.0)])
        assert [(one.price, one.rank) for one in ours.differences(theirs)] == [
            (1.0, 1),  # only ours: the place that it would take,
            (1.5, 1),  # which it shares with the level that has it
            (2.5, 3),
            (2.6, 3),
            (9.0, 4),
        ]
        assert [(one.price, one.rank) for one in theirs.differences(ours)] == [
            (1.0, 1),
            (1.5, 2),
            (2.5, 3),
            (2.6, 4),
            (9.0, 6),
        ]

    def test_a_difference_is_told_in_words_without_exponents(self):
        ours = book([(2.5, 1e-07)], [])
        (found,) = ours.differences(book([(2.5, 3e-08)], []))
        assert str(found) == ("bid 2.5, rank 1: 0.0000001 in the book, 0.00000003 at the exchange")
        exact = Difference("ask", Decimal("1E-8"), Decimal("0E-8"), Decimal("10.50"), 1)
        assert str(exact) == (
            "ask 0.00000001, rank 1: 0.00000000 in the book, 10.50 at the exchange"
        )

    @given(
        kind=st.sampled_from([float, Decimal]),
        truth=st.lists(st.dictionaries(st.integers(1, 60), QUANTITIES), min_size=2, max_size=2),
        wrong=st.lists(st.dictionaries(st.integers(1, 60), QUANTITIES), min_size=2, max_size=2),
        spread=st.sampled_from([1, 7, 40]),
    )
    def test_differences_and_their_ranks_are_those_of_a_naive_count(
        self, kind, truth, wrong, spread
    ):
        # Some 1,200 levels that both have stand between those that may differ.
        plain = {500 + number * spread: 1 for number in range(600)}
        theirs = [
            plain | {number * spread: count for number, count in one.items()} for one in truth
        ]
        ours = [
            {
                price: count
                for price, count in (side | {n * spread: c for n, c in one.items()}).items()
                if count
            }
            for side, one in zip(theirs, wrong, strict=True)
        ]
        theirs = [{price: count for price, count in side.items() if count} for side in theirs]
        books = []
        for bids, asks in (ours, theirs):
            cache = DepthCache("X", kind)
            for side, levels in ((cache.bids, bids), (cache.asks, asks)):
                side.load([(kind(price), kind(count)) for price, count in levels.items()])
            books.append(cache)
        found = books[0].differences(books[1])
        named = {(one.side, int(one.price)): one for one in found}
        naive: dict[tuple[str, int], tuple[int, int, int]] = {}
        for name, mine, yours in zip(("bid", "ask"), ours, theirs, strict=True):
            for price in mine.keys() | yours.keys():
                if mine.get(price, 0) != yours.get(price, 0):
                    better = [p for p in yours if (p > price if name == "bid" else p < price)]
                    naive[name, price] = (mine.get(price, 0), yours.get(price, 0), len(better) + 1)
        assert {key: (one.ours, one.theirs, one.rank) for key, one in named.items()} == naive
        assert len(found) == len(naive)
        by_rank = ByRank.of(found)
        for most, count in ((20, by_rank.best_20), (100, by_rank.best_100)):
            assert count == sum(rank <= most for *_, rank in naive.values())
        assert by_rank.best_1000 == sum(rank <= 1000 for *_, rank in naive.values())
        assert by_rank.best_1000 + by_rank.deeper == len(naive)

    def test_it_says_how_many_levels_were_compared(self):
        ours = book([(3.0, 6.0), (2.0, 1.0)], [(4.0, 2.0)])
        assert ours.compare(book([(3.0, 6.0), (2.0, 1.0)], [(4.0, 2.0)])) == (3, [])
        levels, differences = ours.compare(book([(3.0, 5.0)], [(4.0, 2.0), (5.0, 9.0)]))
        assert (levels, len(differences)) == (4, 3)

    @pytest.mark.parametrize("kind", [float, Decimal])
    def test_a_wrong_level_shows_within_the_nearer_horizon_only(self, kind):
        def side(*prices: str):
            return [(kind(price), kind("1.50")) for price in prices]

        deep, shallow = DepthCache("X", kind), DepthCache("X", kind)
        deep.load(Snapshot(1, side("9", "8", "7", "6"), side("10", "11", "12", "13")), limit=4)
        shallow.load(Snapshot(1, side("9.0", "8.00"), side("10", "11")), limit=2)
        assert deep.compare(shallow) == (4, [])
        deep.bids.update([(kind("7"), kind("9"))])
        assert deep.compare(shallow) == (4, []) == shallow.compare(deep)
        deep.bids.update([(kind("8"), kind("9"))])
        assert [found.price for found in deep.differences(shallow)] == [kind("8")]
        assert [found.price for found in shallow.differences(deep)] == [kind("8")]

    def test_only_what_both_vouch_for_is_compared(self):
        ours = book([(3.0, 6.0), (2.0, 1.0), (1.0, 1.0)], [])
        shallow = DepthCache("BNBBTC")
        shallow.load(Snapshot(10, [(3.0, 6.0), (2.0, 1.0)], []), limit=2)
        assert ours.differences(shallow) == []
        assert shallow.differences(ours) == []


def test_a_book_can_be_filled_by_hand_with_strings():
    cache = DepthCache("BNBBTC", Decimal)
    cache.add_bid(["0.0024", "10"])
    cache.add_bid(["0.0025", "1"])
    cache.add_ask(["0.0027", "3"])
    cache.add_ask([Decimal("0.0026"), 5])
    assert cache.get_bids() == [[Decimal("0.0025"), 1], [Decimal("0.0024"), 10]]
    assert cache.get_asks() == [[Decimal("0.0026"), 5], [Decimal("0.0027"), 3]]
    cache.add_bid(["0.00250", "0.00000000"])
    cache.add_ask(["0.0026", 0])
    assert cache.top(5) == ([(Decimal("0.0024"), 10)], [(Decimal("0.0027"), 3)])


@pytest.mark.parametrize("vals", [{"9": "1", "10": "2"}, [["9", "1"], ["10", "2"]]])
def test_levels_are_sorted_as_numbers(vals):
    assert DepthCache.sort_depth(vals) == [[9.0, 1.0], [10.0, 2.0]]
    falling = DepthCache.sort_depth(vals, reverse=True, conv_type=Decimal)
    assert falling == [[Decimal(10), Decimal(2)], [Decimal(9), Decimal(1)]]
    assert all(isinstance(number, Decimal) for level in falling for number in level)


def test_a_book_is_shown_by_its_symbol_its_id_and_its_best_levels():
    cache = book([(3.0, 6.0)], [])
    assert repr(cache) == "<DepthCache BNBBTC at 10: bid (3.0, 6.0), ask None>"


@pytest.mark.parametrize("number", [float, Decimal])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))])
def test_a_copy_of_a_book_shows_the_same_and_goes_its_own_way(number, copied):
    def levels(*numbers: int):
        return [(number(price), number(1)) for price in numbers]

    cache = DepthCache("BNBBTC", number)
    cache.load(Snapshot(10, levels(9, 8), levels(10, 11)), limit=2)
    cache.apply(event(11, 12, bids=levels(7), asks=levels(12), time=77))
    twin = copied(cache)
    assert twin.top(9) == cache.top(9) == (levels(9, 8), levels(10, 11))
    assert (twin.bids.beyond(), twin.asks.beyond()) == (levels(7), levels(12))
    assert (twin.bids.horizon, twin.last_update_id, twin.update_time) == (8, 12, 77)
    cache.bids.update([(number(9), number(0))])
    assert (twin.best_bid, cache.best_bid) == (levels(9)[0], levels(8)[0])


class TestKinds:
    def test_floats_are_kept_in_c_where_it_was_built(self, monkeypatch):
        built = SimpleNamespace(NativeSide=object())
        monkeypatch.delenv("DEPTHCLI_NO_EXTENSIONS", raising=False)
        monkeypatch.setitem(sys.modules, "depthcli.core.native_side", built)
        assert book_module._float_side_type() is built.NativeSide

    def test_where_it_was_not_they_are_kept_in_python(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "depthcli.core.native_side", None)
        assert book_module._float_side_type() is PythonSide

    def test_a_variable_leaves_it_out(self, monkeypatch):
        monkeypatch.setenv("DEPTHCLI_NO_EXTENSIONS", "1")
        assert book_module._float_side_type() is PythonSide
