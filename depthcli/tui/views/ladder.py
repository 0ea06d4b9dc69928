"""The ladder: one price axis for bids and asks, which moves only when it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.tui.drawing.numbers import (
    SHORTEST_QUANTITY,
    bar,
    bar_to_the_left,
    price_text,
    price_within,
    quantity_text,
    quantity_width,
)
from depthcli.tui.drawing.styled_lines import fit, line, right, width_of
from depthcli.tui.model.price_axis import ceiling, index_of, known_range
from depthcli.tui.views.tile import UNKNOWN_NOTE, covered, facts, foot, spread, title, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depthcli.core.analytics import Side
    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.price_axis import Axis
    from depthcli.tui.model.watched import Picture

LEAST_WIDTH: Final = 32
LEAST_HEIGHT: Final = 9
_MOST_BAR: Final = 40
_MARKS: Final = {1: "▴", -1: "▾"}
_UNKNOWN: Final = "░"
"""The mark of prices beyond the snapshot."""


class _Columns(NamedTuple):
    """Cells of the columns: blank and bar, quantity and mark on both sides of the price."""

    bar: int
    quantity: int
    price: int


def frame_rows(height: int) -> tuple[int, int]:
    """Return how many rows of a tile's height are for prices, and how many for facts below."""
    if height < 6:
        return max(0, height - 1), 0
    below = 0 if height < 12 else 2
    return height - 3 - below, below


def ladder(
    picture: Picture,
    width: int,
    height: int,
    axis: Axis | None,
    flashes: Mapping[tuple[str, float], int],
    *,
    focused: bool = False,
) -> list[Line]:
    """Return the tile of a symbol: `height` lines, each `width` cells wide.

    Args:
        picture: the book; its levels or groups lie on the axis.
        width: cells.
        height: rows.
        axis: the prices, one per row; None without a book.
        flashes: what has just changed.
        focused: whether the tile has the focus.
    """
    head = title(picture, width, focused=focused)
    if axis is None or picture.empty:
        return fit([head, *waiting(picture, width)], width, height)
    known = known_range(picture.horizons, axis.step)
    body = _prices(picture, width, axis, flashes, known)
    if height >= 6:
        past = axis.lowest < known[0] or axis.highest > known[1]
        rule = spread(picture, width, UNKNOWN_NOTE if past else "")
        body = [rule, *body, foot(picture, axis.count, width)]
        body += facts(picture, width, frame_rows(height)[1], axis.count)
    return fit([head, *covered(body, picture, width)], width, height)


def columns_for(picture: Picture, width: int, axis: Axis) -> _Columns:
    """Return the columns in so many cells: prices stay whole if they can, bars take the rest."""
    highest = price_text(axis.price(axis.highest), picture.price_decimals)
    price = max(picture.price_width, len(highest))
    price = min(price, max(width - 2 * SHORTEST_QUANTITY - 6, 0))
    quantity = quantity_width(picture.quantity_decimals)
    quantity = max(SHORTEST_QUANTITY, min(quantity, (width - price - 6) // 2))
    rest = width - price - 2 * quantity - 6
    wide = min(max(rest // 2 - 1, 0), _MOST_BAR)
    return _Columns(wide if wide >= 3 else 0, quantity, price)


def _prices(
    picture: Picture,
    width: int,
    axis: Axis,
    flashes: Mapping[tuple[str, float], int],
    known: tuple[float, float],
) -> list[Line]:
    columns = columns_for(picture, width, axis)
    sides = {
        "bid": {index_of(level[0], axis.step, "bid"): level for level in picture.bids},
        "ask": {index_of(level[0], axis.step, "ask"): level for level in picture.asks},
    }
    in_view = [
        float(level[1])
        for side in sides.values()
        for index, level in side.items()
        if axis.lowest <= index <= axis.highest
    ]
    full = ceiling(max(in_view, default=0.0))
    best_bid, best_ask = max(sides["bid"], default=None), min(sides["ask"], default=None)
    lowest, highest = known
    drawn = []
    for index in range(axis.highest, axis.lowest - 1, -1):
        bid, ask = sides["bid"].get(index), sides["ask"].get(index)
        style = "ladder.price"
        if index == best_bid:
            style = "bid.best"
        elif index == best_ask:
            style = "ask.best"
        elif best_bid is not None and best_ask is not None and best_bid < index < best_ask:
            style = "ladder.gap"
        text = price_within(axis.price(index), picture.price_decimals, columns.price)
        left = _bid(bid, columns, full, picture, flashes, known=index >= lowest)
        if index == axis.lowest and picture.best_bid and best_bid is not None and best_bid < index:
            room = width_of(left)
            below = price_within(picture.best_bid[0], picture.price_decimals, room - 3)
            left = [(right(f"{below} ▼ ", room), "bid")]
        after = _ask(ask, columns, full, picture, flashes, known=index <= highest)
        if index == axis.highest and picture.best_ask and best_ask is not None and best_ask > index:
            room = width_of(after)
            above = price_within(picture.best_ask[0], picture.price_decimals, room - 3)
            after = [(f" ▲ {above}", "ask")]
        drawn.append(line(width, [*left, (right(text, columns.price), style), *after]))
    return drawn


def _quantity(
    level: tuple[float, float] | None,
    side: Side,
    columns: _Columns,
    picture: Picture,
    flashes: Mapping[tuple[str, float], int],
    *,
    known: bool,
) -> tuple[str, str, str]:
    """Return the quantity of a level, its style and its mark."""
    if level is None:
        return " " * columns.quantity, "" if known else "tail", " " if known else _UNKNOWN
    changed = flashes.get((side, level[0]), 0) if known else 0
    decimals = min(picture.quantity_decimals, columns.quantity - 3)
    text = right(quantity_text(level[1], max(decimals, 0), columns.quantity), columns.quantity)
    if not known:
        return text, "tail", "≥"
    style = {0: "quantity", 1: "flash.more", -1: "flash.less"}[changed]
    return text, style, _MARKS.get(changed, " ")


def _bid(
    level: tuple[float, float] | None,
    columns: _Columns,
    full: float,
    picture: Picture,
    flashes: Mapping[tuple[str, float], int],
    *,
    known: bool,
) -> list[Segment]:
    text, style, mark = _quantity(level, "bid", columns, picture, flashes, known=known)
    segments: list[Segment] = []
    if columns.bar:
        share = float(level[1]) / full if level else 0.0
        blanks, edge, filled = bar_to_the_left(share, columns.bar)
        named = "bid" if known else "tail"
        segments = [(blanks, ""), (edge, f"{named}.edge"), (filled, f"{named}.bar"), (" ", "")]
    return [*segments, (" " + text, style), (mark + " ", style)]


def _ask(
    level: tuple[float, float] | None,
    columns: _Columns,
    full: float,
    picture: Picture,
    flashes: Mapping[tuple[str, float], int],
    *,
    known: bool,
) -> list[Segment]:
    text, style, mark = _quantity(level, "ask", columns, picture, flashes, known=known)
    segments: list[Segment] = [(" " + mark, style), (text, style)]
    if columns.bar:
        share = float(level[1]) / full if level else 0.0
        segments += [(" " + bar(share, columns.bar), "ask.bar" if known else "tail.bar")]
    return segments


def cursor_at(axis: Axis, height: int, y: int) -> int | None:
    """Return the price in a row of the tile, as a multiple of the axis' step, or None."""
    index = axis.highest - (y - (2 if height >= 6 else 1))
    return index if axis.lowest <= index <= axis.highest else None
