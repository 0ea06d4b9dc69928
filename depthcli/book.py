"""The local order book: levels by price, read best first.

A book is written far more often than it is read, and read mostly at its top. So:

- a side keeps its levels in one dict, price to quantity, and an event goes in with one bulk update;
- a removed level stays as a *tombstone* (quantity zero) until a read meets it or too many pile up;
  a level that comes back to life is its tombstone filled again;
- the sorted index of the prices is caught up only when somebody reads. A dict keeps the order of
  insertion, so the prices that the index lacks are the dict's last `len(dict) - len(index)` keys;

What lies beyond the deepest price of the snapshot is known only in part: the exchange's diff events
name levels there when they change, and say nothing of the others. That price is the side's
*horizon*. Reads give what the snapshot vouches for and stop there; `beyond()` gives the rest.

Memory is bounded however long a book is kept: of the levels beyond the horizon the nearest are
kept, as many as are vouched for or 1,000, whichever is more; the farther ones go when tombstones
do. What is vouched for is never dropped, and isn't more than the exchange itself has there.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, cast, overload

from depthcli.messages import N, check_number_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from depthcli.messages import DepthEvent, Snapshot

_FEW = 1_000
"""Tombstones up to this number are never worth a rebuild of the index."""

_FEWEST_BEYOND = 1_000
"""Levels beyond the horizon up to this number are always kept."""

_MANY = 64
"""So many new prices at once are sorted into the index with all others, not put in one by one."""


class Difference(NamedTuple):
    """A level on which two books disagree; a quantity of zero means that the level is absent."""

    side: str
    price: float | Decimal
    ours: float | Decimal
    theirs: float | Decimal


class Comparison(NamedTuple):
    """What came of comparing two books as far as both are vouched for.

    Attributes:
        levels: how many levels were compared, of both sides together.
        differences: those on which the books disagree.
    """

    levels: int
    differences: list[Difference]


class BookSide(Generic[N]):
    """One side of a book.

    Args:
        falling: whether the highest price is the best, as among bids; among asks it is the lowest.
    """

    __slots__ = ("_compact_at", "_falling", "_index", "_levels", "_pin", "horizon")

    horizon: N | None
    """The deepest price that the snapshot vouched for; None where it covered the whole side."""

    def __init__(self, *, falling: bool) -> None:
        self._falling = falling
        self.load([])

    def load(self, levels: list[tuple[N, N]], horizon: N | None = None) -> None:
        """Replace all levels. O(n), and O(n log n) at the next read.

        Args:
            levels: `(price, quantity)` in any order.
            horizon: the deepest price up to which `levels` is complete; None: all of it.
        """
        self._levels: dict[N, N] = dict(levels)
        self._pin: Any = horizon
        self.horizon = horizon
        self._forget_index()

    def update(self, levels: Iterable[tuple[N, N]]) -> None:
        """Set the absolute quantities of the given levels; zero removes. O(k) for k levels."""
        known = self._levels
        known.update(levels)
        if len(known) > self._compact_at:
            self._compact()

    def best(self) -> tuple[N, N] | None:
        """Return the best `(price, quantity)`, or None if the side is empty."""
        return next(iter(self.top(1)), None)

    def top(self, count: int) -> list[tuple[N, N]]:
        """Return the best `count` levels as `(price, quantity)`, best first.

        Fewer where the side has fewer, or where the horizon comes first. O(count), and O(log n) and
        a move in memory for each price that is new since the last read.
        """
        levels, index = self._levels, self._index
        if len(levels) != len(index):
            self._catch_up()
        found: list[tuple[N, N]] = []
        if count > 0:
            for price in index[: -count - 1 : -1] if self._falling else index[:count]:
                quantity = levels[price]
                if not quantity:
                    self._bury(count)
                    return self.top(count)
                found.append((price, quantity))
            horizon = self.horizon
            if horizon is not None:
                if self._falling:
                    while found and found[-1][0] < horizon:
                        found.pop()
                else:
                    while found and found[-1][0] > horizon:
                        found.pop()
        return found

    def levels(self) -> list[tuple[N, N]]:
        """Return all levels up to the horizon as `(price, quantity)`, best first. O(n)."""
        return self._read(vouched=True)

    def beyond(self) -> list[tuple[N, N]]:
        """Return the levels beyond the horizon that happen to be known, best first. O(n).

        Each of them is true, but others may lie between them, and the farthest are forgotten where
        there are more than 1,000 of them and more than there are vouched levels.
        """
        return self._read(vouched=False)

    def exhausted(self) -> bool:
        """Return whether no level is left of what the snapshot vouched for. O(1) almost always.

        The best price has then moved past the horizon: what the side is like isn't known. One
        vouched level that lives is proof of the contrary: the deepest is watched, for it changes
        most seldom, and another is looked for when it goes.
        """
        if self.horizon is None or self._levels.get(self._pin):
            return False
        self._catch_up()
        edge, prices = self._edge(), self._index
        deepest_first = prices[edge:] if self._falling else prices[:edge][::-1]
        self._pin = next((price for price in deepest_first if self._levels[price]), None)
        return self._pin is None

    def within(self, horizon: N | None) -> dict[N, N]:
        """Return the levels up to a horizon no deeper than the side's own, price to quantity."""
        levels = self.levels()
        if horizon is None:
            return dict(levels)
        return {price: quantity for price, quantity in levels if not self._deeper(price, horizon)}

    def nearer(self, one: N | None, other: N | None) -> N | None:
        """Return which of two horizons is nearer to the touch."""
        if one is None or other is None:
            return other if one is None else one
        return other if self._deeper(one, other) else one

    def __len__(self) -> int:
        """Return the number of levels up to the horizon. O(n)."""
        return len(self.levels())

    def _deeper(self, price: N, than: N) -> bool:
        return price < than if self._falling else price > than

    def _read(self, *, vouched: bool) -> list[tuple[N, N]]:
        """Return the levels up to the horizon, or those beyond it, best first."""
        self._catch_up()
        levels, prices, edge = self._levels, self._index, self._edge()
        prices = prices[edge:] if vouched == self._falling else prices[:edge]
        if self._falling:
            prices.reverse()
        return [(price, quantity) for price in prices if (quantity := levels[price])]

    def _edge(self) -> int:
        """Return where in the index the horizon divides what is vouched for from what is beyond."""
        index, horizon = self._index, self.horizon
        if self._falling:
            return 0 if horizon is None else bisect_left(index, horizon)
        return len(index) if horizon is None else bisect_right(index, horizon)

    def _bury(self, count: int) -> None:
        """Drop the tombstones that lie among the best `count` levels."""
        levels, index = self._levels, self._index
        at = len(index) - 1 if self._falling else 0
        while count and 0 <= at < len(index):
            if levels[index[at]]:
                count -= 1
                at += -1 if self._falling else 1
            else:
                del levels[index.pop(at)]
                at -= self._falling

    def _catch_up(self) -> None:
        """Put the prices that are new since the last read into the index."""
        index = self._index
        count = len(self._levels) - len(index)
        new = islice(reversed(self._levels), count)
        if count > _MANY:
            index.extend(new)
            index.sort()
        else:
            for price in new:
                insort(index, price)

    def _compact(self) -> None:
        """Drop the tombstones, and of the levels beyond the horizon the farthest."""
        self._levels = {price: quantity for price, quantity in self._levels.items() if quantity}
        if self.horizon is not None:
            beyond = [price for price in self._levels if self._deeper(price, self.horizon)]
            kept = max(len(self._levels) - len(beyond), _FEWEST_BEYOND)
            if len(beyond) > kept:
                beyond.sort(reverse=self._falling)
                for price in beyond[kept:]:
                    del self._levels[price]
        self._forget_index()

    def _forget_index(self) -> None:
        self._index: list[N] = []
        self._compact_at = 2 * len(self._levels) + _FEW

    def _check(self) -> None:
        """Verify every invariant, for tests. O(n)."""
        index = self._index
        assert index == sorted(set(index)), "the index is sorted and holds no price twice"
        assert len(index) <= len(self._levels)
        indexed = list(islice(self._levels, len(index)))
        assert sorted(indexed) == index, "the index holds the oldest keys of the dict"
        assert len(self._levels) <= self._compact_at, "tombstones are bounded"
        live = {price: quantity for price, quantity in self._levels.items() if quantity}
        vouched, beyond = self.levels(), self.beyond()
        assert dict(vouched + beyond) == live, "reads give all that lives"
        for count in (0, 1, 5, len(self._levels)):
            assert self.top(count) == vouched[:count], "a top is the beginning of it"
        prices = [price for price, _ in vouched + beyond]
        assert len(set(prices)) == len(prices), "a price is given once"
        for better, worse in pairwise(prices):
            assert self._deeper(worse, better), "reads are best first"
        if self.horizon is not None:
            assert not any(self._deeper(price, self.horizon) for price, _ in vouched)
            assert all(self._deeper(price, self.horizon) for price, _ in beyond)


class DepthCache(Generic[N]):
    """The book of one symbol, as of one update id.

    Attributes:
        symbol: in the exchange's upper case.
        conv_type: the type of all prices and quantities: `float`, or `Decimal` for exactness.
        bids: the bids, highest first.
        asks: the asks, lowest first.
        last_update_id: the exchange's id of the last update in the book; 0 before the first.
        update_time: the exchange's time of the last event applied, ms since the epoch; None before
            the first event.

    >>> cache = DepthCache("BNBBTC")
    >>> cache.bids.update([(0.0024, 10.0)])
    >>> cache.asks.update([(0.0026, 100.0)])
    >>> cache.get_bids(), cache.get_asks()
    ([[0.0024, 10.0]], [[0.0026, 100.0]])
    """

    __slots__ = ("asks", "bids", "conv_type", "last_update_id", "symbol", "update_time")

    @overload
    def __init__(self: DepthCache[float], symbol: str) -> None: ...
    @overload
    def __init__(self, symbol: str, conv_type: type[N]) -> None: ...
    def __init__(self, symbol: str, conv_type: type[N] | None = None) -> None:
        self.symbol = symbol
        self.conv_type: type[N] = check_number_type(conv_type or cast("Any", float))
        self.bids: BookSide[N] = BookSide(falling=True)
        self.asks: BookSide[N] = BookSide(falling=False)
        self.last_update_id = 0
        self.update_time: int | None = None

    def load(self, snapshot: Snapshot[N], limit: int) -> None:
        """Replace the book by a snapshot; the time of the last event stays.

        Args:
            snapshot: the levels, best first.
            limit: how many levels a side were asked for. A side that has fewer is complete.
        """
        for side, levels in ((self.bids, snapshot.bids), (self.asks, snapshot.asks)):
            side.load(levels, levels[-1][0] if levels and len(levels) >= limit else None)
        self.last_update_id = snapshot.last_update_id

    def apply(self, event: DepthEvent[N]) -> None:
        """Set the levels that the event names. O(k); whether it is the next one isn't asked."""
        self.bids.update(event.bids)
        self.asks.update(event.asks)
        self.last_update_id = event.last_update_id
        self.update_time = event.event_time

    def adopt(self, other: DepthCache[N]) -> None:
        """Take over another book's levels, horizons and update id; the other is used up."""
        self.bids, self.asks = other.bids, other.asks
        self.last_update_id = other.last_update_id

    def get_bids(self) -> list[list[N]]:
        """Return the bids up to the horizon as `[price, quantity]`, highest price first. O(n)."""
        return [[price, quantity] for price, quantity in self.bids.levels()]

    def get_asks(self) -> list[list[N]]:
        """Return the asks up to the horizon as `[price, quantity]`, lowest price first. O(n)."""
        return [[price, quantity] for price, quantity in self.asks.levels()]

    def top(self, count: int) -> tuple[list[tuple[N, N]], list[tuple[N, N]]]:
        """Return the best `count` bids and asks as `(price, quantity)`, best first. O(count)."""
        return self.bids.top(count), self.asks.top(count)

    @property
    def best_bid(self) -> tuple[N, N] | None:
        """The highest bid, `(price, quantity)`, or None."""
        return self.bids.best()

    @property
    def best_ask(self) -> tuple[N, N] | None:
        """The lowest ask, `(price, quantity)`, or None."""
        return self.asks.best()

    @property
    def mid(self) -> N | None:
        """The price halfway between the best bid and the best ask; None if a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return None if bid is None or ask is None else (bid[0] + ask[0]) / 2

    @property
    def spread(self) -> N | None:
        """Best ask less best bid, in the quote asset; None if a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return None if bid is None or ask is None else ask[0] - bid[0]

    def exhausted(self) -> bool:
        """Return whether a side has nothing left that a snapshot vouched for. O(1) almost always.

        Such a book is in step and yet doesn't say what the side's best price is.
        """
        bids, asks = self.bids, self.asks
        # Asked after every event: where both sides have their proof, nothing is called.
        if bids._levels.get(bids._pin) and asks._levels.get(asks._pin):  # noqa: SLF001
            return False
        return bids.exhausted() or asks.exhausted()

    def compare(self, other: DepthCache[N]) -> Comparison:
        """Compare two books level by level, as far as both are vouched for. O(n)."""
        count = 0
        found: list[Difference] = []
        for name, ours, theirs in (("bid", self.bids, other.bids), ("ask", self.asks, other.asks)):
            horizon = ours.nearer(ours.horizon, theirs.horizon)
            mine, yours = ours.within(horizon), theirs.within(horizon)
            if mine == yours:
                count += len(mine)
                continue
            prices = mine.keys() | yours.keys()
            count += len(prices)
            nothing = self.conv_type(0)
            found.extend(
                Difference(name, price, mine.get(price, nothing), yours.get(price, nothing))
                for price in sorted(prices)
                if mine.get(price) != yours.get(price)
            )
        return Comparison(count, found)

    def differences(self, other: DepthCache[N]) -> list[Difference]:
        """Return the levels on which two books disagree, as far as both are vouched for. O(n)."""
        return self.compare(other).differences

    def add_bid(self, bid: Sequence[Any]) -> None:
        """Set one bid, `[price, quantity]` as numbers or strings; a quantity of zero removes it."""
        self.bids.update([(self.conv_type(bid[0]), self.conv_type(bid[1]))])

    def add_ask(self, ask: Sequence[Any]) -> None:
        """Set one ask, `[price, quantity]` as numbers or strings; a quantity of zero removes it."""
        self.asks.update([(self.conv_type(ask[0]), self.conv_type(ask[1]))])

    @staticmethod
    def sort_depth(
        vals: Mapping[Any, Any] | Iterable[Sequence[Any]],
        reverse: bool = False,
        conv_type: Callable[[Any], Any] = float,
    ) -> list[list[Any]]:
        """Return levels as `[price, quantity]` by rising price. O(n log n).

        Args:
            vals: price to quantity, or pairs of them; as numbers or strings.
            reverse: by falling price, as bids are read.
            conv_type: what makes a price or a quantity of what is given.
        """
        pairs = vals.items() if isinstance(vals, Mapping) else vals
        levels = [[conv_type(price), conv_type(quantity)] for price, quantity in pairs]
        return sorted(levels, key=operator.itemgetter(0), reverse=reverse)

    def __repr__(self) -> str:
        return (
            f"<DepthCache {self.symbol} at {self.last_update_id}:"
            f" bid {self.best_bid}, ask {self.best_ask}>"
        )

    def _check(self) -> None:
        """Verify every invariant of both sides, for tests. O(n)."""
        self.bids._check()  # noqa: SLF001
        self.asks._check()  # noqa: SLF001
