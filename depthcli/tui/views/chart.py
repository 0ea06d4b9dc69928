"""The depth chart: cumulative quantity as steps on both sides."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from depthcli.tui.drawing.numbers import price_text, price_within, size_text
from depthcli.tui.drawing.styled_lines import fit, left, line, right, shortened
from depthcli.tui.model.observer import MOST_LEVELS
from depthcli.tui.model.price_axis import ceiling, deepest_known, index_of, known_range
from depthcli.tui.views.tile import (
    BEYOND_SNAPSHOT,
    ROOMY,
    UNKNOWN_NOTE,
    cost_line,
    covered,
    described,
    pulse_line,
    spread,
    title,
    waiting,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.analytics import Side
    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.price_axis import Axis
    from depthcli.tui.model.watched import Picture

LEAST_WIDTH: Final = 34
LEAST_HEIGHT: Final = 9
_GUTTER: Final = 7
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_UNSURE: Final = "░"
_CURSOR: Final = "│"


def columns(width: int) -> int:
    """Return how many prices fit into a tile's width."""
    return max(1, width - _GUTTER - 1)


def chart(
    picture: Picture,
    width: int,
    height: int,
    axis: Axis | None,
    cursor: int | None,
    *,
    focused: bool = False,
) -> list[Line]:
    """Return the tile of a symbol: `height` lines, each `width` cells wide.

    Args:
        picture: the book, not grouped.
        width: cells.
        height: rows.
        axis: the prices, one per column; None without a book.
        cursor: the price under the cursor, as a multiple of the axis' step; None: no cursor.
        focused: whether the tile has the focus.
    """
    head = title(picture, width, focused=focused)
    if axis is None or picture.empty or height < 4:
        rest = waiting(picture, width) if picture.empty else [spread(picture, width)]
        return fit([head, *rest], width, height)
    roomy = height >= ROOMY
    rows = height - 4 - roomy
    totals = _totals(picture, axis)
    unsure = any(total and not known for total, _, known in totals)
    body = [spread(picture, width, UNKNOWN_NOTE if unsure else "")]
    body += _steps(totals, axis, cursor, rows, width)
    body.append(_prices(picture, axis, width))
    words = None if cursor is None else reading(picture, axis, cursor)
    below = [cost_line(picture, width)]
    if roomy:
        below.append(pulse_line(picture, width))
    if words is not None:
        below[-1] = line(width, [(" " + shortened(words, width - 2), "name")])
    body += below
    return fit([head, *covered(body, picture, width)], width, height)


def reading(picture: Picture, axis: Axis, cursor: int) -> str:
    """Return what lies between the touch and a price: its side, distance, size and cost."""
    price = float(axis.price(cursor))
    bid, ask = picture.best_bid, picture.best_ask
    text = price_text(axis.price(cursor), picture.price_decimals)
    lowest, highest = known_range(picture.horizons, axis.step)
    for side, best, levels in (("bid", bid, picture.bids), ("ask", ask, picture.asks)):
        if best is None or (price > best[0] if side == "bid" else price < best[0]):
            continue
        upto = _upto(levels, price, axis.step, side)
        if upto:
            past = cursor < lowest if side == "bid" else cursor > highest
            return f"{side} {text}{BEYOND_SNAPSHOT if past else ''}{described(picture, upto)}"
    if bid and ask:
        return f"{text}  between bid and ask"
    return f"{text}  no {'bids' if ask else 'asks'}"


def _upto(
    levels: Sequence[tuple[float, float]], price: float, step: float, side: Side | str
) -> list[tuple[float, float]]:
    slack = step * 1e-6
    worst = price - slack if side == "bid" else price + slack
    return [
        (float(one), float(quantity))
        for one, quantity in levels
        if (one >= worst if side == "bid" else one <= worst)
    ]


def _totals(picture: Picture, axis: Axis) -> list[tuple[float, str, bool]]:
    """Return for each column the cumulative quantity, side, and whether the snapshot covers it."""
    found = [(0.0, "", True)] * axis.count
    for side, levels, horizon in (
        ("bid", picture.bids, picture.horizons[0]),
        ("ask", picture.asks, picture.horizons[1]),
    ):
        sign = -1 if side == "bid" else 1
        end = axis.highest if side == "ask" else -axis.lowest
        reached = []
        for price, _ in levels:
            reached.append(sign * index_of(price, axis.step, side))
            if reached[-1] > end:
                break
        sums = [0.0, *accumulate(float(size) for _, size in levels[: len(reached)])]
        edge = levels[-1][0] if len(levels) >= MOST_LEVELS else horizon
        last = None if edge is None else sign * deepest_known(float(edge), axis.step, side)
        if not reached:
            continue
        for column in range(axis.count):
            at = sign * (axis.lowest + column)
            if at >= reached[0]:
                known = last is None or at <= last
                found[column] = (sums[bisect_right(reached, at)], side, known)
    return found


def _steps(
    totals: Sequence[tuple[float, str, bool]],
    axis: Axis,
    cursor: int | None,
    rows: int,
    width: int,
) -> list[Line]:
    largest = max((total for total, _, _ in totals), default=0.0)
    full = ceiling(largest) if largest > 0 else 0.0
    most = rows * 8
    heights = [
        min(max(round(total / full * most), 1), most) if total > 0 else 0 for total, _, _ in totals
    ]
    drawn = [
        _column(height, rows, known) for height, (_, _, known) in zip(heights, totals, strict=True)
    ]
    marked = -1 if cursor is None else cursor - axis.lowest
    ends = [at for at in (marked, marked + 1) if 0 <= at <= len(totals)]
    sides = [side for _, side, _ in totals]
    ends += [at for at in range(1, len(sides)) if sides[at] != sides[at - 1]]
    runs = list(pairwise(sorted({0, *ends, len(totals)})))
    after = width - _GUTTER - 1 - len(totals)
    lines: list[Line] = []
    for row, cells_of_row in enumerate(zip(*drawn, strict=True)):
        text = "".join(cells_of_row)
        segments: list[Segment] = [(right(_label(row, rows, full), _GUTTER) + " ", "label")]
        for start, end in runs:
            if start == marked:
                style = "cursor" if heights[start] > (rows - 1 - row) * 8 else "cursor.line"
                segments.append((_CURSOR, style))
            elif side := sides[start]:
                segments.append((text[start:end], f"{side}.bar"))
            else:
                segments.append((text[start:end], ""))
        if after > 0:
            segments.append((" " * after, ""))
        lines.append(tuple(segments) if after >= 0 else line(width, segments))
    return lines


def _label(row: int, rows: int, full: float) -> str:
    """Return the label of a row: the quantity at its upper edge, for some rows.

    Empty if nothing lies on the axis.
    """
    if full == 0:
        return ""
    if row == 0:
        return size_text(full)
    if row == rows // 2 and rows >= 6:
        return size_text(float(f"{full * (rows - row) / rows:.2g}"))
    return ""


@lru_cache(maxsize=4096)
def _column(height: int, rows: int, known: bool) -> str:
    """Return the cells of a column from top to bottom, filled from below to so many eighths."""
    if not known:
        filled = -(-height // 8)
        return " " * (rows - filled) + _UNSURE * filled
    whole, eighths = divmod(height, 8)
    return " " * (rows - whole - bool(eighths)) + _EIGHTHS[eighths].strip() + "█" * whole


def _prices(picture: Picture, axis: Axis, width: int) -> Line:
    """Return the line of the prices below the steps: both ends, and the middle if it fits."""
    room, decimals = columns(width), picture.price_decimals
    low, high = (
        price_within(axis.price(at), decimals, (room - 1) // 2)
        for at in (axis.lowest, axis.highest)
    )
    if low == high:
        low = high = ""
    middle = price_within(axis.price(axis.middle), decimals, room)
    at = axis.count // 2 - len(middle) // 2
    text = low
    if not low or (len(low) + 2 <= at and at + len(middle) + 2 <= room - len(high)):
        text = left(low, max(at, 0)) + middle
    text = left(text, room - len(high)) + high
    return line(width, [(" " * (_GUTTER + 1), ""), (text, "label")])


def cursor_at(axis: Axis, x: int) -> int | None:
    """Return the price in a column of the tile, as a multiple of the axis' step, or None."""
    column = x - _GUTTER - 1
    return axis.lowest + column if 0 <= column < axis.count else None
