"""The heatmap: quantity as colour, price over time, with best bid and ask on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthcli.tui.drawing.numbers import age_text, price_text, price_within, size_text, span_text
from depthcli.tui.drawing.styled_lines import cells, fit, line
from depthcli.tui.model.history import NOWHERE
from depthcli.tui.model.price_axis import ceiling, index_of
from depthcli.tui.views.tile import (
    ROOMY,
    cost_line,
    covered,
    pulse_line,
    spread,
    title,
    waiting,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.history import History, Sample
    from depthcli.tui.model.price_axis import Axis
    from depthcli.tui.model.watched import Picture

LEAST_WIDTH: Final = 34
LEAST_HEIGHT: Final = 9

SHADES: Final = 8
"""Shades of quantity; the first means none."""

NOTHING_KNOWN: Final = "u"
NOT_YET: Final = "n"
"""The time before the first sample."""

BID: Final = "b"
ASK: Final = "a"

_PLAIN: Final = " .:-=+*#"
"""The shades where there are no colours."""

_PLAIN_OTHERS: Final = {NOTHING_KNOWN: "░", NOT_YET: " ", BID: "▴", ASK: "▾"}
_SHARE_AT_FULL: Final = 0.9
_CURVE: Final = 0.7


def columns(picture: Picture, axis: Axis, width: int) -> int:
    """Return how many columns fit beside the prices in a tile's width."""
    highest = price_text(axis.price(axis.highest), picture.price_decimals)
    price = max(picture.price_width, len(highest))
    return max(1, width - 2 - price, width // 4)


def prices(height: int, *, plain: bool) -> int:
    """Return how many prices fit into a tile's height."""
    return max(1, _rows(height)) * (1 if plain else 2)


def _rows(height: int) -> int:
    """Return how many rows of a tile's height show prices."""
    return height - 4 - (height >= ROOMY)


def heatmap(  # noqa: PLR0917, the parts of one drawing
    picture: Picture,
    history: History,
    width: int,
    height: int,
    axis: Axis | None,
    seconds: int,
    now: float,
    *,
    plain: bool,
    focused: bool = False,
) -> list[Line]:
    """Return the tile of a symbol: `height` lines, each `width` cells wide.

    Args:
        picture: the book as it is now.
        history: its last minutes.
        width: cells.
        height: rows.
        axis: the prices, two per row, or one without colours; None without a book.
        seconds: seconds per column.
        now: seconds of the app's clock; the last column is of this moment, or of the last in which
            the book was true.
        plain: whether there are no colours, or too few.
        focused: whether the tile has the focus.
    """
    head = title(picture, width, focused=focused)
    if axis is None or picture.empty or height < 5:
        rest = waiting(picture, width) if picture.empty else [spread(picture, width)]
        return fit([head, *rest], width, height)
    if not picture.live:
        now -= picture.age
    count = columns(picture, axis, width)
    samples = history.columns(seconds, count, now)
    full = _full(samples, history, axis)
    codes = [_codes(sample, history, axis, full) for sample in samples]
    draw = _plain_row if plain else _row
    per_row = 1 if plain else 2
    body = [spread(picture, width)]
    for row in range(_rows(height)):
        top = axis.count - 1 - row * per_row
        drawn = draw(codes, top)
        room = width - count - 1
        label = _label(picture, axis, top, per_row, row, room)
        body.append(line(width, [*drawn, (" ", ""), *label]))
    unknown = ""
    if any(NOTHING_KNOWN in column for column in codes):
        unknown = "░ unknown" if plain else "grey: unknown"
    body.append(_times(seconds, count, full, unknown, picture, width))
    body.append(cost_line(picture, width))
    if height >= ROOMY:
        body.append(pulse_line(picture, width))
    return fit([head, *covered(body, picture, width)], width, height)


def _full(samples: Sequence[Sample | None], history: History, axis: Axis) -> float:
    """Return the quantity of the strongest shade, rounded so that it seldom changes."""
    largest = sorted(max(history.sizes(sample, axis)) for sample in samples if sample)
    return ceiling(largest[int(len(largest) * _SHARE_AT_FULL)]) if largest else 1.0


def _codes(sample: Sample | None, history: History, axis: Axis, full: float) -> str:
    """Return a character for each price, lowest first: a shade or a marker."""
    if sample is None:
        return NOT_YET * axis.count
    found = [
        NOTHING_KNOWN
        if size == NOWHERE
        else str(
            min(SHADES - 1, 1 + int((SHADES - 1) * min(size / full, 1.0) ** _CURVE) if size else 0)
        )
        for size in history.sizes(sample, axis)
    ]
    for price, side, code in ((sample.bid, "bid", BID), (sample.ask, "ask", ASK)):
        if price is not None:
            at = index_of(price, axis.step, side) - axis.lowest
            if 0 <= at < axis.count:
                found[at] = code
    return "".join(found)


def _row(codes: Sequence[str], top: int) -> list[Segment]:
    """Return one row of cells, two prices in each: the upper half block's two colours."""
    segments: list[Segment] = []
    before, length = "", 0
    for column in codes:
        pair = f"{column[top]}.{column[top - 1] if top else NOTHING_KNOWN}"
        if pair != before and length:
            segments.append((_half(before) * length, f"heat.{before}"))
            length = 0
        before, length = pair, length + 1
    segments.append((_half(before) * length, f"heat.{before}"))
    return segments


def _half(pair: str) -> str:
    return " " if pair[0] == pair[-1] else "▀"


def _plain_row(codes: Sequence[str], top: int) -> list[Segment]:
    text = "".join(_PLAIN_OTHERS.get(column[top]) or _PLAIN[int(column[top])] for column in codes)
    return [(text, "")]


def _label(  # noqa: PLR0917, the parts of one label
    picture: Picture, axis: Axis, top: int, per_row: int, row: int, room: int
) -> list[Segment]:
    """Return the price beside a row, where it is the touch or one of every four.

    If best bid and ask share a row, the bid goes below it, so that both are shown.
    """
    decimals = picture.price_decimals
    covers = range(axis.lowest + top - per_row + 1, axis.lowest + top + 1)
    rows_down = []
    for level, side in ((picture.best_ask, "ask"), (picture.best_bid, "bid")):
        if level:
            down = (covers[-1] - index_of(level[0], axis.step, side)) // per_row
            rows_down.append(down + 1 if down in rows_down else down)
            if rows_down[-1] == 0:
                return [(price_within(level[0], decimals, room), f"{side}.best")]
    if row % 4:
        return []
    return [(price_within(axis.price(covers[-1]), decimals, room), "label")]


def _times(  # noqa: PLR0917, the parts of one line
    seconds: int, count: int, full: float, unknown: str, picture: Picture, width: int
) -> Line:
    """Return the line of the times below the cells, and what their colours stand for."""
    start = f"-{span_text(seconds * count)}"
    end = "now" if picture.live else f"{age_text(picture.age)} ago"
    unit = f" {picture.base}".rstrip()
    shade, column = f"full shade {size_text(full)}{unit}", f"{seconds} s/column"
    after = f", {unknown}" if unknown else ""
    wishes = (
        f"{column}, {shade}{after}",
        f"{shade}{after}",
        f"{size_text(full)}{unit}{after}",
        unknown or shade,
    )
    room = count - cells(start) - cells(end)
    if room < 1:
        start, room = "", max(count - cells(end), 0)
    middle = next((text for text in wishes if cells(text) + 2 <= room), "")
    text = start + middle.center(room - cells(middle) + len(middle)) + end
    return line(width, [(text, "label")])
