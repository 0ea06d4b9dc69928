"""A side of a book in C, for floats: `_native_side.c`.

It is compiled when depthcli is installed and a C compiler is available. Without one, this module
can't be imported, and books of floats use the Python implementation.
"""

from __future__ import annotations

from typing import Any

from depthcli.core._native_side import Side
from depthcli.core.side import BookSide


class NativeSide(Side, BookSide[float]):
    """One side of a book, in doubles: 16 bytes per level.

    Args:
        falling: whether the highest price is the best, as among bids; among asks it is the lowest.
    """

    __slots__ = ()

    def reaches(self, count: int) -> bool:
        """Return whether there are at least `count` levels within the horizon. O(log n)."""
        return len(self) >= count

    def __deepcopy__(self, _memo: dict[int, Any]) -> NativeSide:
        return _loaded(*self._contents())

    def __reduce__(self) -> tuple[Any, ...]:
        return _loaded, self._contents()

    def _contents(self) -> tuple[bool, list[tuple[float, float]], float | None]:
        return self.falling, [*self.levels(), *self.beyond()], self.horizon


def _loaded(falling: bool, levels: list[tuple[float, float]], horizon: float | None) -> NativeSide:
    side = NativeSide(falling=falling)
    side.load(levels, horizon)
    return side
