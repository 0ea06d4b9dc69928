"""The panel of one symbol, as lines: its best levels, with all their numbers."""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from depthcli.tui.drawing.layout import CENTRE, LEAST_BAR, Form, Widths
from depthcli.tui.drawing.numbers import (
    SHORTEST_QUANTITY,
    bar,
    bar_to_the_left,
    price_within,
    quantity_text,
    quantity_width,
)
from depthcli.tui.drawing.styled_lines import blank, fit, line, old, right
from depthcli.tui.views.tile import (
    facts,
    foot,
    reasons,
    rows_of,
    spread,
    title,
    waiting,
    widest_price,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.analytics import Side
    from depthcli.tui.drawing.layout import Shape
    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.watched import Picture
    from depthcli.tui.views.tile import Row


class Columns(NamedTuple):
    """Cells of each column of one side; zero where there's no room for it."""

    price: int
    quantity: int
    cumulative: int
    bar: int

    @property
    def width(self) -> int:
        """Cells of all columns, with a blank between each two."""
        return sum(self) + sum(1 for width in self if width) - 1


def widths_of(picture: Picture) -> Widths:
    """Return the cells that the numbers of a symbol take."""
    price = max(widest_price(picture), len("price"))
    return Widths(price, quantity_width(picture.quantity_decimals))


def panel(
    picture: Picture, width: int, shape: Shape, *, focused: bool = False, scroll: int = 0
) -> list[Line]:
    """Return the panel's lines: `shape.height` of them, each `width` cells wide.

    Args:
        picture: the book.
        width: cells.
        shape: the layout.
        focused: whether the panel has the focus.
        scroll: how many of the best levels are scrolled away.
    """
    head = title(picture, width, focused=focused)
    if picture.empty:
        return fit([head, *waiting(picture, width)], width, shape.height)
    levels = levels_of(
        picture.bids,
        picture.asks,
        picture.bids_tail,
        picture.asks_tail,
        _Measures(
            picture.price_decimals,
            picture.quantity_decimals,
            widths_of(picture),
            width,
            shape,
            scroll,
        ),
    )
    body = _framed(levels, picture, width, shape)
    if not picture.live or not picture.trading:
        shown = body if picture.live else [old(drawn) for drawn in body]
        body = _covered(shown, picture, width, shape)
    return fit([head, *body], width, shape.height)


class _Measures(NamedTuple):
    """What drawing a level depends on besides the level."""

    price_decimals: int
    quantity_decimals: int
    widths: Widths
    width: int
    shape: Shape
    scroll: int


@lru_cache(maxsize=64)
def levels_of(
    bids: tuple[tuple[float, float], ...],
    asks: tuple[tuple[float, float], ...],
    bids_tail: int,
    asks_tail: int,
    measures: _Measures,
) -> tuple[Line, ...]:
    """Return the rows of the levels; cached while the book doesn't change."""
    levels, scroll = measures.shape.levels, measures.scroll
    bid_rows = rows_of(bids, levels, bids_tail, scroll)
    ask_rows = rows_of(asks, levels, asks_tail, scroll)
    draw = _beside if measures.shape.form is Form.BESIDE else _stack
    return tuple(draw(bid_rows, ask_rows, measures))


def columns_for(width: int, widths: Widths) -> Columns:
    """Return the columns of one side in so many cells: what doesn't fit goes, the bar last."""
    price = min(widths.price, width)
    quantity = min(widths.quantity, max(0, width - price - 1))
    quantity = quantity if quantity >= SHORTEST_QUANTITY else 0
    rest = width - price - (1 + quantity if quantity else 0)
    cumulative = widths.cumulative if rest >= widths.cumulative + LEAST_BAR + 2 else 0
    rest -= 1 + cumulative if cumulative else 0
    return Columns(price, quantity, cumulative, rest - 1 if rest > 1 else 0)


def _deepest(*sides: Sequence[Row]) -> float:
    """Return the quantity that a full bar stands for."""
    return max((float(side[-1].cumulative) for side in sides if side), default=0.0) or 1.0


def _texts(row: Row, columns: Columns, measures: _Measures) -> tuple[str, str, str]:
    """Return price, quantity and cumulative quantity, each as wide as its column."""
    price = right(price_within(row.price, measures.price_decimals, columns.price), columns.price)
    decimals, wide = measures.quantity_decimals, columns.quantity
    quantity = cumulative = ""
    if wide:
        quantity = right(quantity_text(row.quantity, min(decimals, wide - 4), wide), wide)
    wide = columns.cumulative
    if wide:
        cumulative = right(quantity_text(row.cumulative, min(decimals, wide - 4), wide), wide)
    return price, quantity, cumulative


def _styles(row: Row, side: Side) -> tuple[str, str, str]:
    if not row.whole:
        return "tail", "tail", "tail"
    best = ".best" if row.best else ""
    return side + best, "quantity" + best, "cumulative" + best


def _to_the_right(
    row: Row, side: Side, columns: Columns, full: float, measures: _Measures
) -> list[Segment]:
    """Return a level that begins with its price: after each blank or sign comes a column."""
    price, quantity, cumulative = _texts(row, columns, measures)
    price_style, quantity_style, cumulative_style = _styles(row, side)
    before = "" if row.whole else "≥"
    segments = [(price, price_style)]
    if quantity:
        segments.append((_marked(" " + quantity, before), quantity_style))
    if cumulative:
        segments.append((_marked(" " + cumulative, before), cumulative_style))
    if columns.bar:
        drawn = bar(float(row.cumulative) / full, columns.bar)
        segments.append((" " + drawn, f"{side if row.whole else 'tail'}.bar"))
    return segments


def _to_the_left(
    row: Row, side: Side, columns: Columns, full: float, measures: _Measures
) -> list[Segment]:
    """Return a level that ends in its price."""
    price, quantity, cumulative = _texts(row, columns, measures)
    price_style, quantity_style, cumulative_style = _styles(row, side)
    before = "" if row.whole else "≥"
    segments: list[Segment] = []
    if columns.bar:
        blanks, edge, filled = bar_to_the_left(float(row.cumulative) / full, columns.bar)
        named = side if row.whole else "tail"
        segments += [(blanks, ""), (edge, f"{named}.edge"), (filled, f"{named}.bar")]
        segments = [(text, style) for text, style in segments if text]
    for number, style in ((cumulative, cumulative_style), (quantity, quantity_style)):
        if number:
            between = " " if segments else ""
            segments.append((_marked(between + number, before), style))
    segments += [(" ", ""), (price, price_style)] if segments else [(price, price_style)]
    return segments


def _marked(text: str, sign: str) -> str:
    """Return a right-aligned number with a sign before it, where there is a blank for it."""
    bare = text.lstrip()
    return (sign + bare).rjust(len(text)) if sign and len(bare) < len(text) else text


def _beside(bids: Sequence[Row], asks: Sequence[Row], measures: _Measures) -> list[Line]:
    width = measures.width
    half = (width - CENTRE) // 2
    rest = width - half - CENTRE
    columns = columns_for(half - 1, measures.widths)
    full = _deepest(bids, asks)
    used = columns.width
    before: Segment = (" " * (half - used), "")
    nothing: Segment = (" " * half, "")
    middle: Segment = (" │ ", "rule")
    after: list[Segment] = [(" " * (rest - used), "")] if rest > used else []
    body: list[Line] = []
    if measures.shape.header:
        names = _names(columns)
        bid_side = " " + " ".join(["bid".rjust(columns.price), *names][::-1])
        ask_side = " ".join(["ask".rjust(columns.price), *names])
        body.append(
            line(width, [(right(bid_side, half), "label"), (" │ ", "rule"), (ask_side, "label")])
        )
    for bid, ask in zip_longest(bids, asks):
        start = [before, *_to_the_left(bid, "bid", columns, full, measures)] if bid else [nothing]
        end = (
            [*_to_the_right(ask, "ask", columns, full, measures), *after]
            if ask
            else [(" " * rest, "")]
        )
        body.append((*start, middle, *end))
    body += [blank(width)] * (measures.shape.levels - max(len(bids), len(asks)))
    return body


def _stack(bids: Sequence[Row], asks: Sequence[Row], measures: _Measures) -> list[Line]:
    width, levels = measures.width, measures.shape.levels
    columns = columns_for(max(width - 2, 1), measures.widths)
    full = _deepest(bids, asks)
    used = columns.width + 1
    after: list[Segment] = [(" " * (width - used), "")] if width > used else []

    def drawn(row: Row, side: Side) -> Line:
        segments = [(" ", ""), *_to_the_right(row, side, columns, full, measures), *after]
        return tuple(segments) if width >= used else line(width, segments)

    body = []
    if measures.shape.header:
        names = " ".join(["price".rjust(columns.price), *_names(columns)])
        body.append(line(width, [(" " + names, "label")]))
    body += [blank(width)] * (levels - len(asks)) + [drawn(row, "ask") for row in reversed(asks)]
    body += [drawn(row, "bid") for row in bids] + [blank(width)] * (levels - len(bids))
    return body


def _names(columns: Columns) -> list[str]:
    """Return the names of the columns after the price, as wide as the columns."""
    named = ((columns.quantity, "quantity"), (columns.cumulative, "total"))
    return [right(name, width) for width, name in named if width] + (
        [" " * columns.bar] if columns.bar else []
    )


def _framed(body: Sequence[Line], picture: Picture, width: int, shape: Shape) -> list[Line]:
    """Return the rows of the levels with the spread in its place, and the numbers below."""
    framed = list(body)
    if shape.spread:
        where = 0 if shape.form is Form.BESIDE else shape.header + shape.levels
        framed.insert(where, spread(picture, width))
    if shape.foot:
        framed.append(foot(picture, shape.levels, width))
    return framed + facts(picture, width, shape.facts, shape.levels)


def _covered(body: list[Line], picture: Picture, width: int, shape: Shape) -> list[Line]:
    """Put the reason over lines that matter less, so that nothing else moves."""
    if not shape.header and shape.spread:
        where, most = (0, 1) if shape.form is Form.BESIDE else (shape.levels, 1)
    else:
        where, most = 0, 2 if shape.levels > 1 else 1
    covered = reasons(picture, width, most)
    return [*body[:where], *covered, *body[where + len(covered) :]]


def level_at(picture: Picture, width: int, shape: Shape, x: int, y: int) -> tuple[Side, int] | None:
    """Return the side and the index of the level that is drawn at a cell of the panel, or None."""
    y -= 1
    if shape.form is Form.BESIDE:
        y -= shape.spread + shape.header
        side: Side = "bid" if x < width // 2 else "ask"
        index = y
    else:
        y -= shape.header
        side = "ask" if y < shape.levels else "bid"
        index = shape.levels - 1 - y if side == "ask" else y - shape.levels - shape.spread
    count = min(shape.levels, len(picture.bids if side == "bid" else picture.asks))
    return (side, index) if 0 <= index < count else None
