"""The book: what a reader sees after whatever was written."""

from __future__ import annotations

import random
from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from depthcli import book as book_module
from depthcli.book import BookSide, DepthCache, Difference
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

    def test_it_says_when_nothing_is_left_of_what_the_snapshot_vouched_for(self):
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


class TestPruning:
    """Of the levels beyond the horizon only the nearest are kept; the others are as before."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch):
        monkeypatch.setattr(book_module, "_FEW", 40)
        monkeypatch.setattr(book_module, "_FEWEST_BEYOND", 8)

    @given(
        falling=st.booleans(),
        known=st.integers(1, 30),
        changes=st.lists(
            st.lists(st.tuples(st.integers(1, 400), st.integers(0, 2)), max_size=30), max_size=40
        ),
    )
    @settings(max_examples=100, deadline=None)
    def test_what_is_vouched_for_is_never_touched_and_the_rest_is_true(
        self, falling, known, changes
    ):
        best_first = sorted(range(1, 401), reverse=falling)
        levels = [(float(price), 1.0) for price in best_first[:known]]
        side, naive = BookSide(falling=falling), dict(levels)
        side.load(levels, horizon=levels[-1][0])
        deeper = set(map(float, best_first[known:]))
        for numbers in changes:
            change = [(float(price), float(quantity)) for price, quantity in numbers]
            side.update(change)
            NaiveBook.put(naive, change)
            vouched, beyond = side.levels(), side.beyond()
            assert (
                vouched
                == [(p, naive[p]) for p in map(float, best_first) if p in naive][
                    : len(naive.keys() - deeper)
                ]
            )
            assert set(beyond) <= {(p, q) for p, q in naive.items() if p in deeper}
            assert side.exhausted() == (not vouched)
            side._check()
        side._compact()
        kept = max(len(side.levels()), 8)
        beyond = [p for p, _ in side.beyond()]
        assert len(beyond) <= kept
        assert len(side._levels) == len(side.levels()) + len(beyond)

    @pytest.mark.parametrize(("falling", "kept"), [(True, (82.0, 89.0)), (False, (11.0, 18.0))])
    def test_the_nearest_are_kept(self, falling, kept):
        side = BookSide(falling=falling)
        best = 90.0 if falling else 10.0
        side.load([(best, 1.0)], horizon=best)
        deeper = [price for price in map(float, range(1, 100)) if side._deeper(price, best)]
        side.update([(price, 1.0) for price in deeper])
        side._compact()
        prices = sorted(price for price, _ in side.beyond())
        assert (prices[0], prices[-1], len(prices)) == (*kept, 8)


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


def test_memory_is_bounded_though_nobody_reads():
    side: BookSide[float] = BookSide(falling=True)
    for price in range(100_000):
        side.update([(float(price), 1.0)])
        side.update([(float(price - 10), 0.0)])
    assert len(side._levels) < 5_000
    assert side.top(2) == [(99_999.0, 1.0), (99_998.0, 1.0)]


def test_memory_is_bounded_though_millions_of_levels_are_named_beyond_the_horizon():
    chance = random.Random(7)
    side: BookSide[float] = BookSide(falling=False)
    side.load([(float(price), 1.0) for price in range(500)], horizon=499.0)
    most = 0
    for _ in range(20_000):
        start = chance.randrange(500, 3_000_000)
        side.update([(float(price), 1.0) for price in range(start, start + 100)])
        most = max(most, len(side._levels))
    assert most < 2 * (500 + 1_000) + 1_000 + 100
    assert len(side.levels()) == 500
    assert len(side.beyond()) >= 1_000


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
        deepcopy(self.cache)._check()


TestBookMachine = BookMachine.TestCase
TestBookMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(("falling", "deepest"), [(True, 1.0), (False, 5.0)])
def test_the_nearer_of_two_horizons_is_the_one_closer_to_the_touch(falling, deepest):
    side: BookSide[float] = BookSide(falling=falling)
    nearest = 6.0 - deepest
    assert side.nearer(deepest, nearest) == nearest
    assert side.nearer(nearest, None) == nearest
    assert side.nearer(None, None) is None


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


def test_the_length_of_a_side_is_the_number_of_its_vouched_levels():
    side: BookSide[float] = BookSide(falling=True)
    side.load([(5.0, 1.0), (4.0, 1.0), (3.0, 1.0)], horizon=3.0)
    side.update([(4.0, 0.0), (2.0, 1.0)])
    assert len(side) == 2


def test_a_book_is_shown_by_its_symbol_its_id_and_its_best_levels():
    cache = book([(3.0, 6.0)], [])
    assert repr(cache) == "<DepthCache BNBBTC at 10: bid (3.0, 6.0), ask None>"
