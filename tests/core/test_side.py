"""One side of a book: what a reader sees after whatever was written, with either kind of side."""

from __future__ import annotations

import gc
import random
import sys
import tracemalloc
from copy import deepcopy
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from depthcli.core import python_side
from depthcli.core.python_side import PythonSide
from tests.naive import NaiveBook

try:
    from depthcli.core.native_side import NativeSide
except ImportError:
    NativeSide = None

compiled = pytest.mark.skipif(NativeSide is None, reason="the side in C wasn't built here")
kinds = pytest.mark.parametrize(
    "kind", [PythonSide, pytest.param(NativeSide, marks=compiled)], ids=["python", "c"]
)

prices = st.integers(1, 60)
changes = st.lists(st.tuples(prices, st.integers(0, 5)), max_size=12)
whole = st.lists(st.tuples(prices, st.integers(0, 5)), max_size=40)


class SideMachine(RuleBasedStateMachine):
    """Whatever is written and read in between, a read gives what the naive side gives."""

    kind: ClassVar[Any] = PythonSide
    number: ClassVar[Any] = float

    @initialize(falling=st.booleans(), levels=whole, known=st.integers(0, 40))
    def begin(self, falling, levels, known):
        self.falling = falling
        self.side = self.kind(falling=falling)
        self.load(levels, known, in_order=True)

    @rule(levels=whole, known=st.integers(0, 40), in_order=st.booleans())
    def load(self, levels, known, in_order):
        levels = self.numbers(levels)
        if in_order:
            levels = sorted(dict(levels).items(), reverse=self.falling)
        self.naive = {}
        NaiveBook.put(self.naive, levels)
        best_first = sorted(self.naive, reverse=self.falling)
        self.horizon = best_first[known] if known < len(best_first) else None
        self.side.load(levels, self.horizon)

    @rule(levels=changes)
    def update(self, levels):
        self.side.update(self.numbers(levels))
        NaiveBook.put(self.naive, self.numbers(levels))

    @rule(count=st.integers(-1, 70))
    def read_top(self, count):
        assert self.side.top(count) == self.expected(within=True)[: max(count, 0)]

    @rule()
    def read_all(self):
        within, beyond = self.expected(within=True), self.expected(within=False)
        assert (self.side.levels(), self.side.beyond()) == (within, beyond)
        assert self.side.exhausted() == (self.horizon is not None and not within)
        assert len(self.side) == len(within)
        assert self.side.reaches(len(within))
        assert not self.side.reaches(len(within) + 1)
        assert self.side.best() == next(iter(within), None)

    @rule()
    def copy(self):
        self.side = deepcopy(self.side)

    @invariant()
    def holds_its_invariants(self):
        # A check reads, and reading hides what only shows unread: so it looks at a copy.
        deepcopy(self.side)._check()

    def numbers(self, levels):
        return [(self.number(price), self.number(quantity)) for price, quantity in levels]

    def expected(self, *, within: bool):
        def is_within(price):
            if self.horizon is None:
                return True
            return price >= self.horizon if self.falling else price <= self.horizon

        levels = sorted(self.naive.items(), reverse=self.falling)
        return [level for level in levels if is_within(level[0]) == within]


class PythonMachine(SideMachine):
    @rule()
    def compact(self):
        self.side._compact()


class DecimalMachine(PythonMachine):
    number = Decimal


class NativeMachine(SideMachine):
    kind = NativeSide


TestPythonSide = PythonMachine.TestCase
TestDecimals = DecimalMachine.TestCase
TestNativeSide = compiled(NativeMachine.TestCase)
TestPythonSide.settings = TestDecimals.settings = TestNativeSide.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None
)


@compiled
@pytest.mark.parametrize("seed", range(5))
def test_both_kinds_show_the_same_for_hours(seed):
    """A market that wanders from its snapshot, with the float prices and digits of a real one."""
    chance = random.Random(seed)
    falling = chance.random() < 0.5
    inward = 1 if falling else -1
    python, c = PythonSide(falling=falling), NativeSide(falling=falling)
    touch = 50_000

    def levels(count: int, removed: float) -> list[tuple[float, float]]:
        ticks = (touch - inward * int(chance.expovariate(1 / 40)) for _ in range(count))
        return [
            (
                round(tick * 0.01, 2),
                0.0 if chance.random() < removed else round(chance.uniform(0, 1e4), 8),
            )
            for tick in ticks
        ]

    start = sorted(dict(levels(400, removed=0)).items(), reverse=falling)
    for side in (python, c):
        side.load(start, start[-1][0])
    for _ in range(3_000):
        touch += chance.choice((-1, 0, 0, 1))
        change = levels(chance.randrange(12), removed=0.4)
        python.update(change)
        c.update(change)
        if chance.random() < 0.2:
            count = chance.choice((1, 5, 20, 1_000))
            assert c.top(count) == python.top(count)
        assert c.exhausted() == python.exhausted()
    assert (c.levels(), c.beyond()) == (python.levels(), python.beyond())


class TestPruning:
    """Of the levels beyond the horizon only the nearest are kept; the others are as before."""

    @given(
        falling=st.booleans(),
        known=st.integers(1, 30),
        changes=st.lists(
            st.lists(st.tuples(st.integers(1, 400), st.integers(0, 2)), max_size=30), max_size=40
        ),
    )
    @settings(max_examples=100, deadline=None)
    def test_levels_within_the_horizon_are_never_dropped_and_the_rest_is_true(
        self, falling, known, changes
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(python_side, "_SPARE_KEYS", 40)
            patch.setattr(python_side, "FEWEST_BEYOND", 8)
            best_first = sorted(range(1, 401), reverse=falling)
            levels = [(float(price), 1.0) for price in best_first[:known]]
            side, naive = PythonSide(falling=falling), dict(levels)
            side.load(levels, levels[-1][0])
            deeper = set(map(float, best_first[known:]))
            for numbers in changes:
                change = [(float(price), float(quantity)) for price, quantity in numbers]
                side.update(change)
                NaiveBook.put(naive, change)
                within, beyond = side.levels(), side.beyond()
                assert (
                    within
                    == [(p, naive[p]) for p in map(float, best_first) if p in naive][
                        : len(naive.keys() - deeper)
                    ]
                )
                assert set(beyond) <= {(p, q) for p, q in naive.items() if p in deeper}
                assert side.exhausted() == (not within)
                side._check()
            side._compact()
            kept = max(len(side), 8)
            assert len(side.beyond()) <= kept
            assert len(side._levels) == len(side) + len(side.beyond())

    @kinds
    @pytest.mark.parametrize("falling", [True, False])
    def test_the_nearest_are_kept(self, kind, falling):
        side = kind(falling=falling)
        best, deeper = (10_000, range(9_999, 0, -1)) if falling else (1, range(2, 10_001))
        side.load([(float(best), 1.0)], float(best))
        far_first = [(float(price), 1.0) for price in reversed(deeper)]
        for at in range(0, len(far_first), 100):
            side.update(far_first[at : at + 100])
        beyond = [price for price, _ in side.beyond()]
        assert beyond == list(map(float, deeper))[: len(beyond)]
        assert 1_000 <= len(beyond) <= 1.5 * 1_001 + 250 + 100
        assert side.levels() == [(float(best), 1.0)]


@kinds
def test_memory_is_bounded_though_nobody_reads(kind):
    side = kind(falling=True)
    for price in range(100_000):
        side.update([(float(price), 1.0)])
        side.update([(float(price - 10), 0.0)])
    if kind is PythonSide:
        assert len(side._levels) < 5_000
    assert side.top(2) == [(99_999.0, 1.0), (99_998.0, 1.0)]
    assert len(side) == 10


@kinds
def test_memory_is_bounded_though_millions_of_levels_are_named_beyond_the_horizon(kind):
    chance = random.Random(7)
    side = kind(falling=False)
    side.load([(float(price), 1.0) for price in range(500)], 499.0)
    most = 0
    for _ in range(20_000):
        start = chance.randrange(500, 3_000_000)
        side.update([(float(price), 1.0) for price in range(start, start + 100)])
        most = max(most, len(side._levels) if kind is PythonSide else sys.getsizeof(side) // 16)
    bound = 1.5 * (500 + 1_000) + 250 + 100
    assert most <= (bound if kind is PythonSide else 1.25 * bound + 16), "C takes memory ahead"
    assert len(side.levels()) == 500
    assert len(side.beyond()) >= 1_000


@kinds
@pytest.mark.parametrize(("falling", "deepest"), [(True, 1.0), (False, 5.0)])
def test_the_nearer_of_two_horizons_is_the_one_closer_to_the_touch(kind, falling, deepest):
    side = kind(falling=falling)
    nearest = 6.0 - deepest
    assert side.nearer(deepest, nearest) == nearest
    assert side.nearer(nearest, None) == nearest
    assert side.nearer(None, None) is None


@kinds
def test_the_length_of_a_side_is_the_number_of_levels_within_the_horizon(kind):
    side = kind(falling=True)
    side.load([(5.0, 1.0), (4.0, 1.0), (3.0, 1.0)], 3.0)
    side.update([(4.0, 0.0), (2.0, 1.0)])
    assert len(side) == 2


@kinds
def test_of_a_price_that_is_named_twice_the_later_quantity_counts(kind):
    side = kind(falling=True)
    side.load([(5.0, 1.0), (5.0, 2.0), (4.0, 1.0), (4.0, 0.0)])
    assert side.levels() == [(5.0, 2.0)]
    side.update([(3.0, 7.0), (3.0, 0.0), (2.0, 0.0), (2.0, 6.0)])
    assert side.levels() == [(5.0, 2.0), (2.0, 6.0)]


@kinds
def test_levels_may_come_from_anywhere(kind):
    side = kind(falling=False)
    side.update((price, 1.0) for price in (3.0, 2.0))
    side.update({4.0: 1.5}.items())
    side.update([[1, 2]])
    assert side.levels() == [(1.0, 2.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.5)]


@kinds
@pytest.mark.parametrize("count", [10**6, sys.maxsize, 10**30])
def test_more_levels_than_there_are_can_be_asked_for(kind, count):
    side = kind(falling=False)
    side.update([(3.0, 1.0)])
    assert side.top(count) == [(3.0, 1.0)]


@compiled
class TestCarefulC:
    """Carelessness in C means a process that dies, or memory that never returns."""

    @pytest.mark.parametrize(
        "levels",
        [
            None,
            3,
            [3.0],
            [(1.0,)],
            [(1.0, 2.0, 3.0)],
            [("1.0", "2.0")],
            [(1.0, None)],
            [(float("nan"), 1.0)],
            [(1.0, float("nan"))],
            [(10**400, 1)],
        ],
    )
    @pytest.mark.parametrize("method", ["load", "update"])
    def test_what_is_no_level_is_refused_and_the_book_stays(self, method, levels):
        side = NativeSide(falling=True)
        side.load([(2.0, 1.0)], 2.0)
        with pytest.raises((TypeError, ValueError, OverflowError)):
            getattr(side, method)(levels)
        assert (side.levels(), side.horizon) == ([(2.0, 1.0)], 2.0)

    @pytest.mark.parametrize("arguments", [(), ([], "1"), ([], float("nan")), ([], 1.0, 2)])
    def test_a_load_of_something_else_is_refused(self, arguments):
        side = NativeSide(falling=True)
        with pytest.raises((TypeError, ValueError)):
            side.load(*arguments)

    @pytest.mark.parametrize("arguments", [{}, {"falling": None, "rising": 1}, {"up": True}])
    def test_a_side_must_be_told_which_it_is(self, arguments):
        with pytest.raises(TypeError):
            NativeSide(**arguments)

    @pytest.mark.parametrize("count", [None, "5", 2.0])
    def test_a_count_is_a_whole_number(self, count):
        with pytest.raises(TypeError):
            NativeSide(falling=True).top(count)

    @pytest.mark.parametrize("method", ["load", "update"])
    def test_a_number_may_empty_the_very_list_it_stands_in(self, method):
        class Clearing:
            def __float__(self):
                levels.clear()
                side.update([(7.0, 0.0), (1.0, 1.0)])
                return 5.0

        side = NativeSide(falling=True)
        side.update([(7.0, 1.0)])
        levels: list[Any] = [(2.0, 1.0), (Clearing(), 1.0), (3.0, 1.0)]
        getattr(side, method)(levels)
        side._check()
        left = [5.0, 3.0] if method == "load" else [5.0, 2.0, 1.0]
        assert [price for price, _ in side.levels()] == left

    def test_nothing_is_left_behind(self):
        def work() -> None:
            side = NativeSide(falling=False)
            side.load(levels, 900.0)
            side.update(levels)
            side.load(list(reversed(levels)))
            side.top(50), side.levels(), side.beyond(), side.horizon, len(side), deepcopy(side)
            for wrong in ([(1.0,)], [(None, 1.0)], [(float("nan"), 1.0)], 3):
                for method in (side.load, side.update):
                    with pytest.raises((TypeError, ValueError)):
                        method(wrong)

        levels = [(float(price), 1.0) for price in range(1, 1_000)]
        references = [sys.getrefcount(levels), sys.getrefcount(levels[5][0])]
        tracemalloc.start()
        try:
            for _ in range(3):
                work()
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(200):
                work()
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 16_000, "one lost level a round would be as much"
        assert references == [sys.getrefcount(levels), sys.getrefcount(levels[5][0])]
