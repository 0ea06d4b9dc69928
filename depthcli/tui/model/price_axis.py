"""A price axis that stays where it is as long as the market stays within it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil, floor, inf, log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthcli.tui.drawing.numbers import Number

_ROUND: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)

_CALM: Final = 0.3
"""The market may go so far from the middle, as a share of the axis, before the axis moves."""


_MOST_STEPS: Final = 1e9
"""Steps beyond which a quotient of floats may miss a whole number."""


_MOST_DIGITS: Final = 1e24
"""Steps beyond which a Decimal of the default precision may miss it, too."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Prices at equal steps.

    Attributes:
        step: between two neighbours, in the quote asset.
        centre: the price to be in the middle, as a multiple of the step; near zero it is below it,
            as no price is negative.
        count: how many prices there are.
        held: whether the user moved it, so that it doesn't follow the market.
    """

    step: float
    centre: int
    count: int
    held: bool = False

    @property
    def lowest(self) -> int:
        """The lowest price, as a multiple of the step."""
        return max(self.centre - self.count // 2, 0)

    @property
    def middle(self) -> int:
        """The price in the middle, as a multiple of the step."""
        return self.lowest + self.count // 2

    @property
    def highest(self) -> int:
        """The highest price, as a multiple of the step."""
        return self.lowest + self.count - 1

    def price(self, multiple: int) -> Number:
        """Return a multiple of the step, exact where a float's rounding could be seen."""
        if not _MOST_STEPS < multiple < _MOST_DIGITS:
            return multiple * self.step
        return multiple * _exact(self.step)

    def moved(self, steps: int) -> Axis:
        """Return the axis moved by hand; it stays there until it is released."""
        return replace(self, centre=max(self.middle + steps, self.count // 2), held=True)


def placed(before: Axis | None, mid: Number, step: float, count: int) -> Axis:
    """Return the axis for a market at `mid`: the previous one while it still fits.

    Args:
        before: the previous axis, or None.
        mid: the price to be near the middle.
        step: between two prices.
        count: how many prices.
    """
    at = index_of(mid, step, "mid")
    if before is None or before.step != step:
        return Axis(step, at, count)
    if before.held or abs(at - before.centre) <= max(1, count * _CALM):
        return before if before.count == count else replace(before, count=count)
    return Axis(step, at, count)


def step_for(span: float, count: int, tick: float) -> float:
    """Return the smallest step of 1, 2, 5, 10, ... ticks so that `count` steps cover a span."""
    ticks = max(span / max(count, 1) / tick, 1.0)
    power = 10.0 ** floor(log10(ticks) + 1e-9)
    digit = next(digit for digit in (1, 2, 5, 10) if digit * power >= ticks * (1 - 1e-9))
    return digit * power * tick


def coarser(step: float, tick: float, steps: int) -> float:
    """Return the neighbour of a step in the series 1, 2, 5, 10, ... ticks; never below the tick."""
    ticks = step / tick
    position = 3 * floor(log10(ticks) + 1e-9)
    digit = ticks / 10.0 ** (position // 3)
    position += 0 if digit < 1.5 else 1 if digit < 3.5 else 2
    position = min(max(position + steps, 0), 24)
    return (1, 2, 5)[position % 3] * 10.0 ** (position // 3) * tick


def ceiling(number: float) -> float:
    """Return a round number not below one, so that a scale made of it seldom changes."""
    if number <= 0:
        return 1.0
    power = 10.0 ** floor(log10(number))
    return next(digit for digit in _ROUND if digit * power >= number * (1 - 1e-9)) * power


def index_of(price: Number, step: float, side: str) -> int:
    """Return the multiple of the step that a level belongs to: bids round down, asks up.

    What is neither belongs to the nearest one.
    """
    multiple = float(price) / step
    if _MOST_STEPS < multiple < _MOST_DIGITS:
        whole, rest = divmod(Decimal(str(price)), _exact(step))
        if side == "mid":
            return int(whole) + (2 * rest > _exact(step))
        return int(whole) + (side == "ask" and rest > 0)
    nearest = round(multiple)
    if side == "mid" or abs(multiple - nearest) < 1e-6:
        return nearest
    return floor(multiple) if side == "bid" else ceil(multiple)


def _exact(step: float) -> Decimal:
    """Return a step, which has few digits, without the noise of its float."""
    return Decimal(f"{step:.12g}")


def deepest_known(horizon: float, step: float, side: str) -> int:
    """Return the multiple of the step up to which a side is known whole, its horizon being given.

    >>> deepest_known(99.97, 0.05, "bid"), deepest_known(99.97, 0.01, "bid")
    (2000, 9997)
    """
    at = index_of(horizon, step, side)
    if abs(horizon / step - at) < 1e-6:
        return at
    return at + 1 if side == "bid" else at - 1


def known_range(horizons: tuple[Number | None, Number | None], step: float) -> tuple[float, float]:
    """Return the lowest and the highest multiple of the step that is known whole.

    >>> known_range((99.97, None), 0.05)
    (2000, inf)
    """
    bid, ask = horizons
    lowest = -inf if bid is None else deepest_known(float(bid), step, "bid")
    highest = inf if ask is None else deepest_known(float(ask), step, "ask")
    return lowest, highest
