"""A side of a book in Python, for any number type. Writes are bulk updates; reads sort.

A book is written far more often than it is read, and mostly its top is read. So:

- the levels are in one dict, price to quantity, and an event is one bulk update of it;
- a removed level stays as a *tombstone* (quantity zero) until a read comes across it or too many
  pile up; a level that returns overwrites its tombstone;
- the sorted index of prices is brought up to date only by reads. A dict keeps insertion order, so
  the prices missing from the index are the last `len(dict) - len(index)` keys of the dict;
- levels too far beyond the horizon are dropped along with the tombstones.
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

_SPARE_KEYS = 250
"""However small a side, so many keys can be added before it is compacted."""

_MOST_INSERTIONS = 64
"""With more new prices than this, the index is sorted again instead of inserting one by one."""


class PythonSide(BookSide[N]):
    """One side of a book.

    Args:
        falling: whether the highest price is the best, as among bids; among asks it is the lowest.
    """

    __slots__ = ("_compact_at", "_falling", "_horizon", "_index", "_levels", "_witness")

    def __init__(self, *, falling: bool) -> None:
        self._falling = falling
        self.load([])

    @property
    def falling(self) -> bool:
        """Whether the highest price is the best."""
        return self._falling

    @property
    def horizon(self) -> N | None:
        """The deepest price covered by the snapshot; None if it covered the whole side."""
        return self._horizon

    def load(self, levels: list[tuple[N, N]], horizon: N | None = None, /) -> None:
        """Replace all levels. O(n); the next read takes O(n log n)."""
        self._levels: dict[N, N] = dict(levels)
        self._witness: Any = horizon
        self._horizon: N | None = horizon
        self._forget_index()

    def update(self, levels: Iterable[tuple[N, N]], /) -> None:
        """Set the levels' absolute quantities; zero removes one. O(k) for k levels."""
        known = self._levels
        known.update(levels)
        if len(known) > self._compact_at:
            self._compact()

    def top(self, count: int, /) -> list[tuple[N, N]]:
        """Return the best `count` levels as `(price, quantity)`, best first.

        Returns fewer if the side has fewer within the horizon. O(count), plus O(log n) and a move
        in memory for each new price since the last read.
        """
        levels, index = self._levels, self._index
        if len(levels) != len(index):
            self._catch_up()
        found: list[tuple[N, N]] = []
        if count > 0:
            for price in index[: -count - 1 : -1] if self._falling else index[:count]:
                quantity = levels[price]
                if not quantity:
                    self._drop_tombstones(count)
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
        """Return all levels within the horizon as `(price, quantity)`, best first. O(n)."""
        return self._read(within=True)

    def beyond(self) -> list[tuple[N, N]]:
        """Return the known levels beyond the horizon, best first. O(n)."""
        return self._read(within=False)

    def exhausted(self) -> bool:
        """Return whether no level is left within the horizon. O(1) almost always.

        A single level proves that there is one. The deepest changes least often, so its price is
        remembered, and the next deepest is searched for only when it is gone.
        """
        if self._horizon is None or self._levels.get(self._witness):
            return False
        self._catch_up()
        edge, prices = self._edge(), self._index
        deepest_first = prices[edge:] if self._falling else prices[:edge][::-1]
        self._witness = next((price for price in deepest_first if self._levels[price]), None)
        return self._witness is None

    def __len__(self) -> int:
        """Return the number of levels within the horizon. O(n)."""
        return len(self.levels())

    def __deepcopy__(self, _memo: dict[int, Any]) -> PythonSide[N]:
        twin = copy(self)  # numbers are immutable: copying the containers is enough
        twin._levels, twin._index = dict(self._levels), list(self._index)  # noqa: SLF001
        return twin

    def _read(self, *, within: bool) -> list[tuple[N, N]]:
        """Return the levels within the horizon, or those beyond it, best first."""
        self._catch_up()
        levels, prices, edge = self._levels, self._index, self._edge()
        prices = prices[edge:] if within == self._falling else prices[:edge]
        if self._falling:
            prices.reverse()
        return [(price, quantity) for price in prices if (quantity := levels[price])]

    def _edge(self) -> int:
        """Return the position in the index that separates prices within the horizon from others."""
        index, horizon = self._index, self._horizon
        if self._falling:
            return 0 if horizon is None else bisect_left(index, horizon)
        return len(index) if horizon is None else bisect_right(index, horizon)

    def _drop_tombstones(self, count: int) -> None:
        """Drop the tombstones among the best `count` levels."""
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
        """Add the new prices since the last read to the index."""
        index = self._index
        count = len(self._levels) - len(index)
        new = islice(reversed(self._levels), count)
        if count > _MOST_INSERTIONS:
            index.extend(new)
            index.sort()
        else:
            for price in new:
                insort(index, price)

    def _compact(self) -> None:
        """Drop the tombstones, and the farthest levels beyond the horizon."""
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
        self._compact_at = len(self._levels) * 3 // 2 + _SPARE_KEYS

    def _check(self) -> None:
        """Check every invariant, for tests. O(n)."""
        index = self._index
        assert index == sorted(set(index)), "the index is sorted and holds no price twice"
        assert len(index) <= len(self._levels)
        indexed = list(islice(self._levels, len(index)))
        assert sorted(indexed) == index, "the index holds the oldest keys of the dict"
        assert len(self._levels) <= self._compact_at, "tombstones are bounded"
        live = {price: quantity for price, quantity in self._levels.items() if quantity}
        assert dict(self.levels() + self.beyond()) == live, "reads return every live level"
        super()._check()
