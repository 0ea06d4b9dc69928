"""The panel of one symbol, as lines."""

from __future__ import annotations

from itertools import accumulate, zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.synchronizer import State
from depthcli.tui.layout import CENTRE, LEAST_BAR, Form, Widths
from depthcli.tui.lines import blank, cells, cut, ends, fit, left, line, old, right, width_of, wrap
from depthcli.tui.numbers import (
    age_text,
    bar,
    bar_to_the_left,
    basis_points_text,
    price_text,
    quantity_text,
    quantity_width,
    time_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.tui.layout import Shape
    from depthcli.tui.lines import Line, Segment
    from depthcli.tui.numbers import Number
    from depthcli.tui.watched import Levels, Picture

SIGNS: Final = {
    State.LIVE: "●",
    State.CONNECTING: "◌",
    State.BUFFERING: "◍",
    State.STALE: "▲",
    State.CLOSED: "■",
}
"""A sign for each state, so that neither colour nor the word alone has to be seen."""


class Row(NamedTuple):
    """One level as it is drawn."""

    price: Number
    quantity: Number
    cumulative: Number
    best: bool


class Columns(NamedTuple):
    """Cells of each column of one side; zero where there's no room for it."""

    price: int
    quantity: int
    cumulative: int
    bar: int


def widths_of(picture: Picture) -> Widths:
    """Return the cells that the numbers of a symbol take."""
    return Widths(max(picture.price_width, len("price")), quantity_width(picture.quantity_decimals))


def panel(picture: Picture, width: int, shape: Shape) -> list[Line]:
    """Return the panel's lines: `shape.height` of them, each `width` cells wide."""
    if picture.empty:
        return fit([_title(picture, width), *_waiting(picture, width)], width, shape.height)
    body = (
        _ladder(picture, width, shape)
        if shape.form is Form.LADDER
        else _stack(picture, width, shape)
    )
    if not picture.live:
        body = _covered([old(drawn) for drawn in body], picture, width, shape)
    return fit([_title(picture, width), *body], width, shape.height)


def _title(picture: Picture, width: int) -> Line:
    sign, word = SIGNS[picture.state], picture.state.name
    style = f"state.{picture.state.value}"
    age: Segment = (f" {age_text(picture.age):>6} ", "title.text")
    full: list[Segment] = [(f"{sign} {word}", style), age]
    moment: Segment = (f" {time_text(picture.update_time)} UTC ", "title.text")
    wishes: tuple[list[Segment], ...] = (
        [*full, moment] if picture.update_time is not None else full,
        full,
        [(sign, style), age] if picture.live else [(f"{sign} {word}", style)],
        [(sign, style)],
    )
    room = width - cells(picture.symbol) - 2
    end = next((wish for wish in wishes if width_of(wish) <= room), wishes[-1])
    start = [
        ("▌", f"mark.{picture.state.value}"),
        (cut(picture.symbol, max(width - width_of(end) - 2, 1)), "title.name"),
    ]
    return ends(width, start, end, "title")


def _waiting(picture: Picture, width: int) -> list[Line]:
    """Return what stands in place of the levels before there is a book."""
    words = {
        State.CONNECTING: "waiting for the stream",
        State.BUFFERING: "waiting for the first snapshot",
        State.LIVE: "the book is empty",
    }
    says = [picture.reason or words.get(picture.state, "no book")]
    if picture.live and picture.reason:
        says.append(words[State.LIVE])
    rows = [row for text in says for row in wrap(text, width - 4, 4)]
    return [
        blank(width),
        *[line(width, [("  ", ""), (row, "reason")]) for row in rows],
    ]


def _covered(body: list[Line], picture: Picture, width: int, shape: Shape) -> list[Line]:
    """Lay the reason why a book isn't live over lines that can be spared: nothing else moves."""
    reason = picture.reason or f"{picture.state.value}: the last true book"
    if not shape.header and shape.spread:
        where, most = (0, 1) if shape.form is Form.LADDER else (shape.levels, 1)
    else:
        where, most = 0, 2 if shape.levels > 1 else 1
    rows = wrap(reason, width - 2, most)
    covered = [line(width, [(" ", ""), (row, "reason")]) for row in rows]
    return [*body[:where], *covered, *body[where + len(covered) :]]


def _rows(levels: Levels, count: int) -> list[Row]:
    shown = levels[:count]
    totals = accumulate(quantity for _, quantity in shown)
    return [
        Row(price, quantity, total, index == 0)
        for index, ((price, quantity), total) in enumerate(zip(shown, totals, strict=True))
    ]


def _deepest(*sides: Sequence[Row]) -> float:
    """Return the quantity that a full bar stands for."""
    return max((float(side[-1].cumulative) for side in sides if side), default=0.0) or 1.0


def columns_for(width: int, widths: Widths) -> Columns:
    """Return the columns of one side in so many cells: what doesn't fit goes, the bar last."""
    price = min(widths.price, width)
    quantity = min(widths.quantity, max(0, width - price - 1))
    quantity = quantity if quantity >= 4 else 0
    rest = width - price - (1 + quantity if quantity else 0)
    cumulative = widths.cumulative if rest >= widths.cumulative + LEAST_BAR + 2 else 0
    rest -= 1 + cumulative if cumulative else 0
    return Columns(price, quantity, cumulative, rest - 1 if rest > 1 else 0)


def _numbers(row: Row, side: str, columns: Columns, picture: Picture) -> list[list[Segment]]:
    """Return price, quantity and cumulative quantity, where there is a column for them."""
    best = ".best" if row.best else ""
    price = price_text(row.price, picture.price_decimals)
    found = [[(right(price, columns.price), side + best)]]
    for value, width, style in (
        (row.quantity, columns.quantity, "quantity"),
        (row.cumulative, columns.cumulative, "cumulative"),
    ):
        if width:
            decimals = min(picture.quantity_decimals, max(0, width - 4))
            text = quantity_text(value, decimals, width)
            found.append([(right(text, width), style + best)])
    return found


def _joined(parts: Sequence[Sequence[Segment]]) -> list[Segment]:
    """Return the parts with a blank between each two."""
    joined: list[Segment] = []
    for part in parts:
        joined += [(" ", ""), *part] if joined else part
    return joined


def _to_the_right(
    row: Row, side: str, columns: Columns, full: float, picture: Picture
) -> list[Segment]:
    parts = _numbers(row, side, columns, picture)
    if columns.bar:
        drawn = bar(float(row.cumulative) / full, columns.bar)
        parts.append([(drawn, f"{side}.bar")])
    return _joined(parts)


def _to_the_left(
    row: Row, side: str, columns: Columns, full: float, picture: Picture
) -> list[Segment]:
    parts = _numbers(row, side, columns, picture)
    if columns.bar:
        before, edge, filled = bar_to_the_left(float(row.cumulative) / full, columns.bar)
        parts.append([(before, ""), (edge, f"{side}.edge"), (filled, f"{side}.bar")])
    return _joined(parts[::-1])


def _ladder(picture: Picture, width: int, shape: Shape) -> list[Line]:
    half = (width - CENTRE) // 2
    columns = columns_for(half - 1, widths_of(picture))
    bids, asks = _rows(picture.bids, shape.levels), _rows(picture.asks, shape.levels)
    full = _deepest(bids, asks)
    body = [_spread(picture, width)] if shape.spread else []
    if shape.header:
        names = _names(columns)
        bid_side = " " + " ".join(["bid".rjust(columns.price), *names][::-1])
        ask_side = " ".join(["ask".rjust(columns.price), *names])
        body.append(
            line(width, [(right(bid_side, half), "label"), (" │ ", "rule"), (ask_side, "label")])
        )
    for bid, ask in zip_longest(bids, asks):
        start = _to_the_left(bid, "bid", columns, full, picture) if bid else []
        end = _to_the_right(ask, "ask", columns, full, picture) if ask else []
        before = " " * (half - width_of(start))
        body.append(line(width, [(before, ""), *start, (" │ ", "rule"), *end]))
    body += [blank(width)] * (shape.levels - max(len(bids), len(asks)))
    return [*body, _foot(picture, bids, asks, width)] if shape.foot else body


def _stack(picture: Picture, width: int, shape: Shape) -> list[Line]:
    columns = columns_for(max(width - 2, 1), widths_of(picture))
    bids, asks = _rows(picture.bids, shape.levels), _rows(picture.asks, shape.levels)
    full = _deepest(bids, asks)
    above = [
        line(width, [(" ", ""), *_to_the_right(row, "ask", columns, full, picture)])
        for row in reversed(asks)
    ]
    below = [
        line(width, [(" ", ""), *_to_the_right(row, "bid", columns, full, picture)]) for row in bids
    ]
    body = []
    if shape.header:
        names = " ".join(["price".rjust(columns.price), *_names(columns)])
        body.append(line(width, [(" " + names, "label")]))
    body += [blank(width)] * (shape.levels - len(asks)) + above
    if shape.spread:
        body.append(_spread(picture, width))
    body += below + [blank(width)] * (shape.levels - len(bids))
    return [*body, _foot(picture, bids, asks, width)] if shape.foot else body


def _names(columns: Columns) -> list[str]:
    """Return the names of the columns after the price, as wide as the columns."""
    named = ((columns.quantity, "quantity"), (columns.cumulative, "total"))
    return [right(name, width) for width, name in named if width] + (
        [" " * columns.bar] if columns.bar else []
    )


def _spread(picture: Picture, width: int) -> Line:
    spread, mid = picture.spread, picture.mid
    decimals = picture.price_decimals
    if spread is None or mid is None:
        side = "bids" if not picture.bids else "asks"
        return line(width, [("─ ", "spread.rule"), (f"no {side} ", "spread")], "spread")
    spread_text = price_text(spread, decimals).rjust(decimals + 2)
    points = f"{basis_points_text(spread, mid):>6} bp"
    half_ticks = price_text(mid, decimals + 1).rjust(picture.price_width + 1)
    texts = (
        f"spread {spread_text}  {points}   mid {half_ticks}",
        f"{spread_text} {points}  mid {half_ticks}",
        f"{spread_text} {points}",
        points.strip(),
    )
    text = next((text for text in texts if len(text) + 4 <= width), texts[-1])
    segments = [("─ ", "spread.rule"), (text + " ", "spread")]
    rest = max(0, width - len(text) - 3)
    return line(width, [*segments, ("─" * rest, "spread.rule")])


def _foot(picture: Picture, bids: Sequence[Row], asks: Sequence[Row], width: int) -> Line:
    audit = audit_text(picture)
    beside = width - len(audit) - 5
    room = beside if audit and beside >= 24 else width - 2
    segments: list[Segment] = [(" ", ""), *imbalance(bids, asks, room)]
    if room == width - 2 or not audit:
        return line(width, segments)
    return ends(width, segments, [(audit + " ", "label" if not picture.differences else "reason")])


def imbalance(bids: Sequence[Row], asks: Sequence[Row], width: int) -> list[Segment]:
    """Return how the quantity shown is shared by both sides: `bid 62% ━━━━━━──── 38% ask`."""
    share = bid_share(bids, asks)
    if share is None:
        return [(" " * width, "")]
    percent = round(share * 100)
    start, end = f"bid {percent:>3}% ", f" {100 - percent:>3}% ask"
    room = width - len(start) - len(end)
    if room < LEAST_BAR:
        return [(left(start, width), "label")]
    return [(start, "label"), *balance(share, room), (end, "label")]


def balance(share: float, width: int) -> list[Segment]:
    """Return a line that is heavy for the bids' share and light for the rest."""
    heavy = round(share * width)
    return [("━" * heavy, "bid.balance"), ("─" * (width - heavy), "ask.balance")]


def bid_share(bids: Sequence[Row], asks: Sequence[Row]) -> float | None:
    """Return the bids' share of the quantity on both sides, 0 to 1; None if there is none."""
    bid = float(bids[-1].cumulative) if bids else 0.0
    ask = float(asks[-1].cumulative) if asks else 0.0
    return bid / (bid + ask) if bid + ask > 0 else None


def audit_text(picture: Picture) -> str:
    """Return what the last audit found, in words; empty before the first."""
    if picture.audit_age is None or picture.differences is None:
        return ""
    return f"audited {age_text(picture.audit_age)} ago: {picture.differences} differ"
