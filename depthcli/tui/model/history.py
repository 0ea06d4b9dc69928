"""The last minutes of a book, in little memory."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final

from depthcli.tui.model.price_axis import index_of

if TYPE_CHECKING:
    from depthcli.core.book import DepthCache
    from depthcli.core.side import BookSide
    from depthcli.tui.model.price_axis import Axis

SAMPLES: Final = 900
"""Samples kept, one per second."""

LEVELS: Final = 250
"""Levels per side in each sample."""

NOWHERE: Final = -1.0
"""The size at a price that a sample doesn't cover."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The levels at one time.

    Attributes:
        time: seconds of the app's clock.
        bids: price, quantity, price, quantity, ..., best first.
        asks: the same for asks.
        known: the lowest and the highest price between which the levels are complete.
    """

    time: float
    bids: array[float]
    asks: array[float]
    known: tuple[float, float]

    @property
    def bid(self) -> float | None:
        """The best bid's price."""
        return self.bids[0] if self.bids else None

    @property
    def ask(self) -> float | None:
        """The best ask's price."""
        return self.asks[0] if self.asks else None

    def sizes(self, axis: Axis) -> list[float]:
        """Return the quantity at each price of an axis, lowest first; NOWHERE if unknown."""
        found = [NOWHERE] * axis.count
        lowest = axis.lowest
        bottom, top = self.known
        known = _within(
            axis,
            lowest if bottom == -inf else index_of(bottom, axis.step, "bid"),
            axis.highest + 1 if top == inf else index_of(top, axis.step, "ask") + 1,
        )
        found[known] = [0.0] * (known.stop - known.start)
        for side, levels in (("bid", self.bids), ("ask", self.asks)):
            for price, quantity in zip(levels[::2], levels[1::2], strict=True):
                at = index_of(price, axis.step, side) - lowest
                if 0 <= at < axis.count:
                    found[at] += quantity
        return found


class History:
    """The last minutes of one book, one sample per second."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._axis: Axis | None = None
        self._sizes: dict[float, list[float]] = {}

    def due(self, now: float) -> bool:
        """Return whether a second has passed since the last sample."""
        return not self._samples or int(now) > int(self._samples[-1].time)

    def add(self, now: float, cache: DepthCache[Any]) -> None:
        """Keep a sample of the book as it is now."""
        bids, asks = cache.top(LEVELS)
        known = (_end(cache.bids, bids, -inf), _end(cache.asks, asks, inf))
        self._samples.append(Sample(now, _packed(bids), _packed(asks), known))

    def columns(self, seconds: int, count: int, now: float) -> list[Sample | None]:
        """Return one sample, or None, for each of the last `count` spans of `seconds`."""
        newest = int(now) // seconds
        found: list[Sample | None] = [None] * count
        for sample in reversed(self._samples):
            age = newest - int(sample.time) // seconds
            if age >= count:
                break
            if age >= 0 and found[count - 1 - age] is None:
                found[count - 1 - age] = sample
        return found

    def sizes(self, sample: Sample, axis: Axis) -> list[float]:
        """Return `sample.sizes(axis)`, from memory if it was asked for before."""
        if axis != self._axis:
            self._axis, self._sizes = axis, {}
        found = self._sizes.get(sample.time)
        if found is None:
            if len(self._sizes) > 2 * SAMPLES:
                self._sizes.clear()
            found = self._sizes[sample.time] = sample.sizes(axis)
        return found


def _within(axis: Axis, first: int, end: int) -> slice:
    """Return where prices from `first` to before `end` lie on an axis; empty if nowhere."""
    start = min(max(first - axis.lowest, 0), axis.count)
    return slice(start, max(start, min(end - axis.lowest, axis.count)))


def _end(side: BookSide[Any], levels: list[tuple[Any, Any]], whole: float) -> float:
    """Return the price up to which so many of the best levels are a whole side."""
    deepest = levels[-1][0] if len(levels) == LEVELS else side.horizon
    return whole if deepest is None else float(deepest)


def _packed(levels: list[tuple[Any, Any]]) -> array[float]:
    return array("d", [float(number) for level in levels for number in level])
