"""Order sizes: as typed, and the round ones that keys step through."""

from __future__ import annotations

from decimal import Decimal
from math import floor, log10


def size_of(text: str) -> float:
    """Return a size as people type it: `10`, `0.5`, `25k`, `1.5M`.

    Raises:
        ValueError: it isn't a positive number.
    """
    bare = text.strip().replace(",", "").replace("_", "")
    factor = {"k": 1e3, "m": 1e6, "b": 1e9}.get(bare[-1:].lower(), 1.0)
    try:
        size = float(bare[:-1] if factor > 1 else bare) * factor
    except ValueError:
        size = 0.0
    if not 0 < size < 1e15:
        raise ValueError(f"{text!r} is no size: type a number such as 10, 0.5 or 25k")
    return size


def decimals_of_notional(notional: float) -> int:
    """Return how many decimals a quantity in the quote asset needs to keep four digits."""
    return min(max(3 - floor(log10(notional)), 0), 8) if 0 < notional < 1e300 else 2


def usual_size(quantities: list[float]) -> float:
    """Return a round size that a few of such levels can fill."""
    typical = sorted(quantities)[len(quantities) // 2] * 5 if quantities else 1.0
    return round_up(typical) if 1e-12 < typical < 1e15 else 1.0


def round_up(number: float) -> float:
    """Return the next number of 1, 2, 5, 10, 20, 50, ... that isn't below a positive one."""
    return float(next(size for size in _series(number) if float(size) >= number * (1 - 1e-9)))


def next_size(size: float, steps: int) -> float:
    """Return the neighbour of a size in the series 1, 2, 5, 10, ...: above for 1, below for -1."""
    series = _series(size)
    if steps > 0:
        return float(next(one for one in series if float(one) > size * (1 + 1e-9)))
    return float(next(one for one in reversed(series) if float(one) < size * (1 - 1e-9)))


def _series(around: float) -> list[Decimal]:
    power = floor(log10(around))
    return [Decimal(digit).scaleb(power + more) for more in (-1, 0, 1) for digit in (1, 2, 5)]
