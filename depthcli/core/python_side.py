"""A side of a book in Python, for any number type: written in bulk, put in order when it is read.

A book is written far more often than it is read, and read mostly at its top. So:

- a side keeps its levels in one dict, price to quantity, and an event goes in with one bulk update;
- a removed level stays as a *tombstone* (quantity zero) until a read meets it or too many pile up;
  a level that comes back to life is its tombstone filled again;
- the sorted index of the prices is caught up only when somebody reads. A dict keeps the order of
  insertion, so the prices that the index lacks are the dict's last `len(dict) - len(index)` keys;
- what lies too far beyond the horizon goes when tombstones do.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from copy import copy
from itertools import islice
from typing import TYPE_CHECKING, Any

from depthcli.core.messages import N
from depthcli.core.side import FEWEST_BEYOND, BookSide

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEW = 250
"""Tombstones up to this number are never worth a rebuild of the index."""

_MANY = 64
"""So many new prices at once are sorted into the index with all others, not put in one by one."""


class PythonSide(BookSide[N]):
    """One side of a book.

    Args:
        falling: whether the highest price is the best, as among bids; among asks it is the lowest.
    """

    __slots__ = ("_compact_at", "_falling", "_horizon", "_index", "_levels", "_pin")

    def __init__(self, *, falling: bool) -> None:
        self._falling = falling
        self.load([])

    @property
    def falling(self) -> bool:
        """Whether the highest price is the best."""
        return self._falling

    @property
    def horizon(self) -> N | None:
        """The deepest price that the snapshot vouched for; None where it covered the whole side."""
        return self._horizon

    def load(self, levels: list[tuple[N, N]], horizon: N | None = None, /) -> None:
        """Replace all levels. O(n), and O(n log n) at the next read."""
        self._levels: dict[N, N] = dict(levels)
        self._pin: Any = horizon
        self._horizon: N | None = horizon
        self._forget_index()

    def update(self, levels: Iterable[tuple[N, N]], /) -> None:
        """Set the absolute quantities of the given levels; zero removes. O(k) for k levels."""
        known = self._levels
        known.update(levels)
        if len(known) > self._compact_at:
            self._compact()

    def top(self, count: int, /) -> list[tuple[N, N]]:
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
            horizon = self._horizon
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
        """Return the levels beyond the horizon that happen to be known, best first. O(n)."""
        return self._read(vouched=False)

    def exhausted(self) -> bool:
        """Return whether no level is left of what the snapshot vouched for. O(1) almost always.

        One vouched level that lives is proof of the contrary: the deepest is watched, for it
        changes most seldom, and another is looked for when it goes.
        """
        if self._horizon is None or self._levels.get(self._pin):
            return False
        self._catch_up()
        edge, prices = self._edge(), self._index
        deepest_first = prices[edge:] if self._falling else prices[:edge][::-1]
        self._pin = next((price for price in deepest_first if self._levels[price]), None)
        return self._pin is None

    def __len__(self) -> int:
        """Return the number of levels up to the horizon. O(n)."""
        return len(self.levels())

    def __deepcopy__(self, _memo: dict[int, Any]) -> PythonSide[N]:
        twin = copy(self)  # numbers never change: only what holds them is made anew
        twin._levels, twin._index = dict(self._levels), list(self._index)  # noqa: SLF001
        return twin

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
        index, horizon = self._index, self._horizon
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
        if self._horizon is not None:
            beyond = [price for price in self._levels if self._deeper(price, self._horizon)]
            kept = max(len(self._levels) - len(beyond), FEWEST_BEYOND)
            if len(beyond) > kept:
                beyond.sort(reverse=self._falling)
                for price in beyond[kept:]:
                    del self._levels[price]
        self._forget_index()

    def _forget_index(self) -> None:
        self._index: list[N] = []
        self._compact_at = len(self._levels) * 3 // 2 + _FEW

    def _check(self) -> None:
        """Verify every invariant, for tests. O(n)."""
        index = self._index
        assert index == sorted(set(index)), "the index is sorted and holds no price twice"
        assert len(index) <= len(self._levels)
        indexed = list(islice(self._levels, len(index)))
        assert sorted(indexed) == index, "the index holds the oldest keys of the dict"
        assert len(self._levels) <= self._compact_at, "tombstones are bounded"
        live = {price: quantity for price, quantity in self._levels.items() if quantity}
        assert dict(self.levels() + self.beyond()) == live, "reads give all that lives"
        super()._check()
