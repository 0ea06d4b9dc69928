"""One side of a book: levels by price, read best first.

The deepest price in the snapshot is the side's *horizon*. Levels beyond it are known only in part:
the exchange's diff events name those that change and say nothing about the others. Reads return the
levels within the horizon; `beyond()` returns the rest.

Memory is bounded however long a book is kept. Levels within the horizon are never dropped; there
are never more of them than the exchange has. Beyond it, the nearest are kept: as many as there are
levels within, but at least 1,000. The others are dropped from time to time.

There are two implementations with the same behaviour: `python_side.PythonSide` for any number type,
and `native_side.NativeSide`, in C, for floats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Generic

from depthcli.core.messages import N

if TYPE_CHECKING:
    from collections.abc import Iterable

FEWEST_BEYOND: Final = 1_000
"""At least so many levels beyond the horizon are kept."""


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
        """The deepest price covered by the snapshot; None if it covered the whole side."""

    @abstractmethod
    def load(self, levels: list[tuple[N, N]], horizon: N | None = None, /) -> None:
        """Replace all levels. O(n) if they are given best first.

        Args:
            levels: `(price, quantity)` in any order.
            horizon: the deepest price up to which `levels` is complete; None if it is the whole
                side.
        """

    @abstractmethod
    def update(self, levels: Iterable[tuple[N, N]], /) -> None:
        """Set the levels' absolute quantities; zero removes one. O(k) for k levels near the top."""

    @abstractmethod
    def top(self, count: int, /) -> list[tuple[N, N]]:
        """Return the best `count` levels as `(price, quantity)`, best first.

        Returns fewer if the side has fewer within the horizon. O(count).
        """

    @abstractmethod
    def levels(self) -> list[tuple[N, N]]:
        """Return all levels within the horizon as `(price, quantity)`, best first. O(n)."""

    @abstractmethod
    def beyond(self) -> list[tuple[N, N]]:
        """Return the known levels beyond the horizon, best first. O(n).

        Each of them is correct, but there may be unknown levels in between. The farthest are
        dropped when there are more than 1,000 and more than there are levels within the horizon.
        """

    @abstractmethod
    def exhausted(self) -> bool:
        """Return whether no level is left within the horizon. O(1) almost always.

        The best price has then moved past the horizon and is unknown.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of levels within the horizon."""

    def best(self) -> tuple[N, N] | None:
        """Return the best `(price, quantity)`, or None if the side is empty."""
        return next(iter(self.top(1)), None)

    def reaches(self, count: int) -> bool:
        """Return whether there are at least `count` levels within the horizon. O(count)."""
        return len(self.top(count)) == count

    def within(self, horizon: N | None) -> dict[N, N]:
        """Return price to quantity within a horizon that is no deeper than the side's own. O(n)."""
        levels = self.levels()
        if horizon is None:
            return dict(levels)
        return {price: quantity for price, quantity in levels if not self._deeper(price, horizon)}

    def nearer(self, one: N | None, other: N | None) -> N | None:
        """Return the one of two horizons that is nearer to the best price."""
        if one is None or other is None:
            return other if one is None else one
        return other if self._deeper(one, other) else one

    def _deeper(self, price: N, than: N) -> bool:
        return price < than if self.falling else price > than

    def _check(self) -> None:
        """Check the invariants of all reads, for tests. O(n)."""
        within, beyond = self.levels(), self.beyond()
        assert len(self) == len(within)
        for count in (0, 1, 5, len(within) + len(beyond)):
            assert self.top(count) == within[:count], "the top is a prefix of the levels"
        assert all(quantity for _, quantity in within + beyond), "removed levels are never read"
        prices = [price for price, _ in within + beyond]
        assert len(set(prices)) == len(prices), "prices are unique"
        for better, worse in pairwise(prices):
            assert self._deeper(worse, better), "reads are best first"
        if self.horizon is not None:
            assert not any(self._deeper(price, self.horizon) for price, _ in within)
            assert all(self._deeper(price, self.horizon) for price, _ in beyond)
