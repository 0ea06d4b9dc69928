"""The book: what a reader sees after whatever was written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from depthcli.book import Asks, Bids, DepthCache, Difference
from depthcli.messages import DepthEvent, Snapshot
from tests.naive import NaiveBook, both_sides


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


class TestDifferences:
    def test_equal_books_have_none(self):
        one = book([(3.0, 6.0)], [(4.0, 2.0)])
        assert one.differences(book([(3.0, 6.0)], [(4.0, 2.0)])) == []

    def test_each_level_that_differs_is_named_with_both_quantities(self):
        ours = book([(3.0, 6.0), (2.0, 1.0)], [(4.0, 2.0)])
        theirs = book([(3.0, 5.0)], [(4.0, 2.0), (5.0, 9.0)])
        assert ours.differences(theirs) == [
            Difference("bid", 2.0, 1.0, 0.0),
            Difference("bid", 3.0, 6.0, 5.0),
            Difference("ask", 5.0, 0.0, 9.0),
        ]

    def test_only_what_both_vouch_for_is_compared(self):
        ours = book([(3.0, 6.0), (2.0, 1.0), (1.0, 1.0)], [])
        shallow = DepthCache("BNBBTC")
        shallow.load(Snapshot(10, [(3.0, 6.0), (2.0, 1.0)], []), limit=2)
        assert ours.differences(shallow) == []
        assert shallow.differences(ours) == []


def test_memory_is_bounded_though_nobody_reads():
    side: Bids[float] = Bids()
    for price in range(100_000):
        side.update([(float(price), 1.0)])
        side.update([(float(price - 10), 0.0)])
    assert len(side._levels) < 5_000
    assert side.top(2) == [(99_999.0, 1.0), (99_998.0, 1.0)]


prices = st.integers(1, 60)
levels = st.lists(st.tuples(prices, st.integers(0, 5)), max_size=12)
whole = st.lists(
    st.tuples(prices, st.integers(1, 5)), max_size=40, unique_by=lambda level: level[0]
)


class BookMachine(RuleBasedStateMachine):
    """Whatever is written and read in between, a read gives what the naive book gives."""

    @initialize(bids=whole, asks=whole)
    def load(self, bids, asks):
        self.cache = DepthCache("BNBBTC")
        self.naive = NaiveBook()
        self.reload(bids, asks)

    @rule(bids=whole, asks=whole)
    def reload(self, bids, asks):
        snapshot = Snapshot(
            1,
            [(float(price), float(quantity)) for price, quantity in sorted(bids, reverse=True)],
            [(float(price), float(quantity)) for price, quantity in sorted(asks)],
        )
        self.cache.load(snapshot, limit=20)
        self.naive.load(snapshot)

    @rule(bids=levels, asks=levels)
    def apply(self, bids, asks):
        change = event(
            1,
            1,
            [(float(price), float(quantity)) for price, quantity in bids],
            [(float(price), float(quantity)) for price, quantity in asks],
        )
        self.cache.apply(change)
        self.naive.apply(change)

    @rule(count=st.integers(1, 30))
    def read_top(self, count):
        bids, asks = self.cache.top(count)
        assert bids == self.naive.sorted_bids[: len(bids)]
        assert asks == self.naive.sorted_asks[: len(asks)]
        for side, top, everything in (
            (self.cache.bids, bids, self.naive.sorted_bids),
            (self.cache.asks, asks, self.naive.sorted_asks),
        ):
            if side.horizon is None:
                assert top == everything[:count]

    @rule()
    def compact(self):
        self.cache.bids._compact()
        self.cache.asks._compact()

    @rule()
    def read_all(self):
        assert both_sides(self.cache) == (self.naive.sorted_bids, self.naive.sorted_asks)

    @invariant()
    def holds_its_invariants(self):
        # A check reads, and reading hides what only shows unread: so it looks at a copy.
        for side in (self.cache.bids, self.cache.asks):
            copy = type(side)()
            copy._levels = dict(side._levels)
            copy._index = side._index.copy()
            copy._compact_at = side._compact_at
            copy.horizon = side.horizon
            copy._check()


TestBookMachine = BookMachine.TestCase
TestBookMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(("side", "deepest"), [(Bids, 1.0), (Asks, 5.0)])
def test_the_nearer_of_two_horizons_is_the_one_closer_to_the_touch(side, deepest):
    nearest = 6.0 - deepest
    assert side().nearer(deepest, nearest) == nearest
    assert side().nearer(nearest, None) == nearest
    assert side().nearer(None, None) is None


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
