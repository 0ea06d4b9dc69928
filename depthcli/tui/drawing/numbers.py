"""Numbers as text of a known width, so that columns stay where they are while digits change."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Number = float | Decimal

_SUFFIXES: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
SHORTEST_QUANTITY: Final = 6
"""Cells that any quantity fits into, compacted if need be."""

_NO_LATENCY: Final = 86_400
_BEYOND_SUFFIXES: Final = 10**15
_MOST_FLOAT: Final = 2**53
_FEW_DIGITS: Final = 9e6
_FEW_DECIMALS: Final = 10
"""Below both a float has all digits that are shown."""

_LEAST_PLAIN: Final = 1e-4
_MOST_PLACES: Final = 9
"""Behind the point of a price with a unit: a float has no more that mean anything."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def quantity_width(decimals: int) -> int:
    """Return the cells that quantities with so many decimals take; larger ones are compacted."""
    return max(8, decimals + 4)


def price_text(price: Number, decimals: int) -> str:
    """Return a price with exactly so many decimals; absurdly large ones in powers of ten.

    >>> price_text(317223722224.2375, 8)
    '317223722224.23750000'
    """
    if price < _FEW_DIGITS and decimals < _FEW_DECIMALS:
        return f"{price:.{decimals}f}"
    if price >= _BEYOND_SUFFIXES:
        return f"{float(price):.3e}"
    if isinstance(price, float) and price >= _MOST_FLOAT // 10**decimals:
        # More digits than a float has: no digits of its binary fraction stand for the rest.
        price = Decimal(str(price))
    return f"{price:.{decimals}f}"


def price_within(price: Number, decimals: int, width: int) -> str:
    """Return a price in at most `width` cells: whole, else rounded with a unit, else nothing.

    >>> price_within(104512.25, 2, 9), price_within(104512.25, 2, 7), price_within(4.25, 2, 3)
    ('104512.25', '104.51k', '')
    """
    whole = price_text(price, decimals)
    if len(whole) <= width:
        return whole
    if price < _SUFFIXES[-1][0]:
        return ""
    return next((text for text in _compacted(price, width) if len(text) <= width), "")


def quantity_text(quantity: Number, decimals: int, width: int) -> str:
    """Return a quantity in at most `width` cells, compacted (`12.3k`, `4.56M`) if it must be.

    A compacted quantity has as many characters behind its point as the others where they have two
    decimals or more, so that right-aligned numbers keep their points in one column. What is too
    small for the decimals isn't nothing: `<0.01`.
    """
    plain = f"{quantity:.{decimals}f}"
    if 0 < quantity < 1 and not plain.strip("0."):
        plain = f"<{10.0**-decimals:.{decimals}f}"
    if len(plain) <= width:
        return plain
    for places in range(max(decimals - 1, 1), -1, -1):
        compact = _compact(quantity, places)
        if len(compact) <= width:
            return compact
    return _compact(quantity, 0)


def _compacted(number: Number, width: int) -> Iterator[str]:
    """Yield a number of at least 1000 with a unit, the most exact way first."""
    return (
        _compact(number, places) for places in range(min(max(width - 3, 0), _MOST_PLACES), -1, -1)
    )


def _compact(quantity: Number, places: int) -> str:
    if quantity >= _BEYOND_SUFFIXES:
        return f"{float(quantity):.{min(places, 2)}e}"
    for size, suffix in _SUFFIXES:
        if quantity >= size:
            return f"{float(quantity) / size:.{places}f}{suffix}"
    return f"{quantity:.{places}f}"


def basis_points_text(spread: Number, mid: Number) -> str:
    """Return a spread in hundredths of a percent of the mid, in at most seven characters."""
    points = float(spread) / float(mid) * 10_000 if mid else 0.0
    if 0 < points < 0.005:
        return "<0.01"
    if abs(points) < 1000:
        return f"{points:.2f}"
    return f"{points:.0f}" if abs(points) < 10**7 else f"{points:.1e}"


def age_text(seconds: float) -> str:
    """Return an age in at most six characters: `0.3 s`, `12 s`, `5 min`, `3 h`, `2 d`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{seconds // size:.0f} {unit}"
    return f"{min(seconds // 86_400, 9999):.0f} d"


def span_text(seconds: int) -> str:
    """Return a span of time exactly: `48 s`, `1:27 min`, `1:05:00 h`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes_left:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def time_text(milliseconds: int | None) -> str:
    """Return a time, ms since the epoch, as `HH:MM:SS.mmm` in UTC; dashes for None."""
    if milliseconds is None:
        return "--:--:--.---"
    seconds, rest = divmod(milliseconds, 1000)
    return f"{clock_text(seconds)}.{rest:03d}"


def clock_text(seconds: float) -> str:
    """Return a time, seconds since the epoch, as `HH:MM:SS` in UTC."""
    return datetime.fromtimestamp(int(seconds) % 86_400, UTC).strftime("%H:%M:%S")


def rate_text(per_second: float | None) -> str:
    """Return a rate in at most five characters; a dash while it isn't known."""
    if per_second is None:
        return "-"
    return f"{per_second:.0f}" if per_second < 99_999.5 else f"{per_second / 1000:.0f}k"


def latency_text(seconds: float | None) -> str:
    """Return a latency in at most seven characters; a dash while unknown.

    A clock that is a little wrong can make it negative; that is shown as it is. One that is wrong
    by a day or more, or a recording that is played back, makes it say nothing.
    """
    if seconds is None or abs(seconds) >= _NO_LATENCY:
        return "-"
    milliseconds = round(seconds * 1000)
    if abs(milliseconds) < 10_000:
        return f"{milliseconds} ms"
    return f"{'-' if seconds < 0 else ''}{age_text(abs(seconds))}"


def size_text(size: Number) -> str:
    """Return a size in a few digits: `10`, `0.25`, `104512`, `1.5M`, `1.5e-8`."""
    if 0 < size < _LEAST_PLAIN or size >= _BEYOND_SUFFIXES:
        digits, _, power = f"{float(size):.2e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}" if power else digits
    if size >= 10**6:
        compact = quantity_text(size, 4, 6)
        digits = compact.rstrip("kMBT")
        shorter = digits.rstrip("0").rstrip(".") if "." in digits else digits
        return shorter + compact[len(digits) :]
    if size >= 10**4:
        return f"{float(size):.0f}"
    return format(Decimal(f"{float(size):.5g}"), "f")


def bar(fraction: float, width: int) -> str:
    """Return a bar that grows to the right, in eighths of a cell, padded to `width` cells."""
    full, eighths = _cells(fraction, width)
    partial = _EIGHTHS[eighths] if eighths else ""
    return ("█" * full + partial).ljust(width)


def bar_to_the_left(fraction: float, width: int) -> tuple[str, str, str]:
    """Return a bar that grows to the left, `width` cells in three texts: blank, edge, full.

    There are no blocks that fill a cell from the right, so the edge is the block that fills the
    rest of its cell from the left: it is to be drawn with its two colours exchanged.
    """
    full, eighths = _cells(fraction, width)
    edge = _EIGHTHS[8 - eighths] if eighths else ""
    return " " * (width - full - len(edge)), edge, "█" * full


def _cells(fraction: float, width: int) -> tuple[int, int]:
    """Return how many whole cells and eighths a bar fills; what isn't nothing shows."""
    wanted = round(min(max(fraction, 0.0), 1.0) * width * 8)
    return divmod(max(wanted, 1 if fraction > 0 and width else 0), 8)
