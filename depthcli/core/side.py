"""One side of a book: levels by price, read best first.

What lies beyond the deepest price of the snapshot is known only in part: the exchange's diff events
name levels there when they change, and say nothing of the others. That price is the side's
*horizon*. Reads give what the snapshot vouches for and stop there; `beyond()` gives the rest.

Memory is bounded however long a book is kept: of the levels beyond the horizon the nearest are
kept, as many as are vouched for or 1,000, whichever is more; the farther ones go now and then. What
is vouched for is never dropped, and isn't more than the exchange itself has there.

There are two kinds, which differ in nothing that a reader sees: `python_side.PythonSide` for any
number type, and `native_side.NativeSide`, in C, for floats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Generic

from depthcli.core.messages import N

if TYPE_CHECKING:
    from collections.abc import Iterable

FEWEST_BEYOND: Final = 1_000
"""Levels beyond the horizon up to this number are always kept."""


class BookSide(ABC, Generic[N]):
    """One side of a book.

    Args:
        falling: whether the highest price is the best, as among bids; among asks it is the lowest.
    """

    __slots__ = ()

    @abstractmethod
    def __init__(self, *, falling: bool) -> None: ...

    @property
    @abstractmethod
    def falling(self) -> bool:
        """Whether the highest price is the best."""

    @property
    @abstractmethod
    def horizon(self) -> N | None:
        """The deepest price that the snapshot vouched for; None where it covered the whole side."""

    @abstractmethod
    def load(self, levels: list[tuple[N, N]], horizon: N | None = None, /) -> None:
        """Replace all levels. O(n) where they come best first.

        Args:
            levels: `(price, quantity)` in any order.
            horizon: the deepest price up to which `levels` is complete; None: all of it.
        """

    @abstractmethod
    def update(self, levels: Iterable[tuple[N, N]], /) -> None:
        """Set the absolute quantities of the given levels; zero removes. O(k) for k near levels."""

    @abstractmethod
    def top(self, count: int, /) -> list[tuple[N, N]]:
        """Return the best `count` levels as `(price, quantity)`, best first.

        Fewer where the side has fewer, or where the horizon comes first. O(count).
        """

    @abstractmethod
    def levels(self) -> list[tuple[N, N]]:
        """Return all levels up to the horizon as `(price, quantity)`, best first. O(n)."""

    @abstractmethod
    def beyond(self) -> list[tuple[N, N]]:
        """Return the levels beyond the horizon that happen to be known, best first. O(n).

        Each of them is true, but others may lie between them, and the farthest are forgotten where
        there are more than 1,000 of them and more than there are vouched levels.
        """

    @abstractmethod
    def exhausted(self) -> bool:
        """Return whether no level is left of what the snapshot vouched for. O(1) almost always.

        The best price has then moved past the horizon: what the side is like isn't known.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of levels up to the horizon."""

    def best(self) -> tuple[N, N] | None:
        """Return the best `(price, quantity)`, or None if the side is empty."""
        return next(iter(self.top(1)), None)

    def reaches(self, count: int) -> bool:
        """Return whether there are that many levels up to the horizon. O(count)."""
        return len(self.top(count)) == count

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

    def _deeper(self, price: N, than: N) -> bool:
        return price < than if self.falling else price > than

    def _check(self) -> None:
        """Verify what every read promises, for tests. O(n)."""
        vouched, beyond = self.levels(), self.beyond()
        assert len(self) == len(vouched)
        for count in (0, 1, 5, len(vouched) + len(beyond)):
            assert self.top(count) == vouched[:count], "a top is the beginning of it"
        assert all(quantity for _, quantity in vouched + beyond), "what is gone is never read"
        prices = [price for price, _ in vouched + beyond]
        assert len(set(prices)) == len(prices), "a price is given once"
        for better, worse in pairwise(prices):
            assert self._deeper(worse, better), "reads are best first"
        if self.horizon is not None:
            assert not any(self._deeper(price, self.horizon) for price, _ in vouched)
            assert all(self._deeper(price, self.horizon) for price, _ in beyond)
