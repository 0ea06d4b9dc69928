"""The overview: one line per symbol, for more symbols than panels can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthcli.tui.drawing.numbers import (
    age_text,
    basis_points_text,
    latency_text,
    price_text,
    price_within,
    quantity_text,
    quantity_width,
    rate_text,
    time_text,
)
from depthcli.tui.drawing.styled_lines import OLD, cells, cut, fit, left, line, right, width_of
from depthcli.tui.model.conditions import condition, explained, wait_first
from depthcli.tui.model.sorting import COLUMNS
from depthcli.tui.model.watched import bid_share
from depthcli.tui.views.tile import balance, differ_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.sorting import Sorting
    from depthcli.tui.model.watched import Levels, Picture

_LONGEST_SYMBOL: Final = 28
_SHORTEST_SYMBOL: Final = 6
_LEAST_REASON: Final = 8
_NO_SIDE: Final = "no bids"
_POINTS: Final = 7
_AGE: Final = 8
_TIME: Final = 12
_RATE: Final = 6
_WIDE_RATE: Final = 10
_LATENCY: Final = 8
_AUDIT: Final = 17
_PERCENT: Final = 5
_LEAST_BALANCE: Final = 8
_MOST_BALANCE: Final = 40


@dataclass(frozen=True, slots=True)
class _Columns:
    """Cells of each column; zero where there is no room for it.

    Attributes:
        symbol: the symbol.
        whole: the digits of a price before the point.
        fraction: the point and the digits after it, of the symbol that has the most.
        quantity: the quantity at the touch, per side.
        points: the spread in basis points.
        balance: the share of the bids.
        rate: updates a second.
        latency: the latency of events.
        time: the time of the last event.
        audit: the result and the age of the last audit.
        ask: whether there is room for the best ask.
    """

    symbol: int
    whole: int
    fraction: int
    quantity: int
    points: int
    balance: int
    rate: int
    latency: int
    time: int
    audit: int
    ask: bool

    @property
    def price(self) -> int:
        return self.whole + self.fraction


def overview(
    pictures: Sequence[Picture],
    shown: Sequence[int],
    width: int,
    height: int,
    *,
    focus: int,
    order: Sorting,
) -> list[Line]:
    """Return the heading, and a line for each symbol shown.

    Args:
        pictures: all symbols; the widest sets the columns.
        shown: indices of those with a line, in order.
        width: cells.
        height: rows, with the heading.
        focus: index of the selected symbol.
        order: how the lines are sorted.
    """
    columns = _columns_for(pictures, width)
    rows = [
        _row(pictures[index], width, columns, selected=index == focus)
        for index in shown[: max(0, height - 1)]
    ]
    if not rows:
        rows = [line(width, [("  no matching symbol", "reason")])]
    return fit([_heading(width, columns, order), *rows], width, height)


def column_at(pictures: Sequence[Picture], width: int, x: int) -> str | None:
    """Return the sorting column at a cell of the heading, or None."""
    at = 1
    for name, text in _headings(_columns_for(pictures, width)):
        at += cells(text) + 1
        if x < at:
            return name if name in COLUMNS else None
    return "state"


def _columns_for(pictures: Sequence[Picture], width: int) -> _Columns:
    symbol = min(_LONGEST_SYMBOL, max(cells(picture.symbol) for picture in pictures))
    fraction = max(_fraction(picture) for picture in pictures)
    whole = max(_price_cells(picture) - _fraction(picture) for picture in pictures)
    quantity = max(quantity_width(picture.quantity_decimals) for picture in pictures)
    room = width - 3 - symbol - _AGE
    if room < 2 * (whole + fraction + 1):
        # Rather the best ask than aligned decimal points.
        whole, fraction = max(_price_cells(picture) for picture in pictures), 0
        # Names stay whole: the age goes first, all but the sign, then the ask.
        wishes = ((2, _AGE + 1), (2, 1), (1, _AGE + 1), (1, 1))
        rooms = [(sides * (whole + 1), width - 2 - symbol - age) for sides, age in wishes]
        room = next((has for needed, has in rooms if has >= needed), -1)
        if room < 0:
            symbol = min(symbol, max(_SHORTEST_SYMBOL, width - whole - 5))
            room = width - 4 - symbol
    else:
        # Room for the words of an empty side, if there is any.
        lacks = max(0, len(_NO_SIDE) - whole - fraction)
        whole += lacks if room >= 2 * (whole + fraction + lacks + 1) else 0
    price = whole + fraction
    room -= price + 1
    ask = room >= price + 1
    room -= (price + 1) * ask
    points = _POINTS if ask and room >= _POINTS + 1 else 0
    room -= points + 1 if points else 0
    share = _LEAST_BALANCE if points and room >= _LEAST_BALANCE + 2 else 0
    room -= share + 2 if share else 0
    rate = _RATE if share and room >= _RATE + 1 else 0
    room -= rate + 1 if rate else 0
    latency = _LATENCY if rate and room >= _LATENCY + 1 else 0
    room -= latency + 1 if latency else 0
    both = quantity if latency and room >= 2 * (quantity + 1) else 0
    room -= 2 * (both + 1) if both else 0
    time = _TIME if both and room >= _TIME + 2 else 0
    room -= time + 2 if time else 0
    audit = _AUDIT if time and room >= _AUDIT + 2 else 0
    room -= audit + 2 if audit else 0
    # A percentage beside the bar matters more than a whole word.
    if rate and share + room > 2 * _PERCENT + _WIDE_RATE - _RATE:
        room -= _WIDE_RATE - _RATE
        rate = _WIDE_RATE
    if share:
        share = min(share + room, _MOST_BALANCE)
    return _Columns(symbol, whole, fraction, both, points, share, rate, latency, time, audit, ask)


def _fraction(picture: Picture) -> int:
    """Return the cells of a price's point and the digits after it."""
    return picture.price_decimals + 1 if picture.price_decimals else 0


def _price_cells(picture: Picture) -> int:
    """Return the cells of the best prices; they never shrink."""
    prices = [levels[0][0] for levels in (picture.bids, picture.asks) if levels]
    texts = [price_text(price, picture.price_decimals) for price in prices]
    return max(picture.price_width, *map(len, texts), 0)


def _headings(columns: _Columns) -> list[tuple[str, str]]:
    """Return the columns with room, each with its heading."""
    share = "bid share" if columns.balance > len("bid share") else "bids"
    headings = [
        ("symbol", left("symbol", columns.symbol)),
        ("quantity", right("quantity", columns.quantity)),
        ("bid", right("bid", columns.price)),
        ("ask", right("ask", columns.price * columns.ask)),
        ("quantity", right("quantity", columns.quantity)),
        ("bp", right("bp", columns.points)),
        ("bid share", " " + left(share, columns.balance) if columns.balance else ""),
        ("upd/s", right("updates/s" if columns.rate > _RATE else "upd/s", columns.rate)),
        ("latency", right("latency", columns.latency)),
        ("time", " " + left("time, UTC", columns.time) if columns.time else ""),
        ("audit", " " + right("audited, ago", columns.audit) if columns.audit else ""),
    ]
    return [(name, text) for name, text in headings if text]


def _heading(width: int, columns: _Columns, order: Sorting) -> Line:
    sign = "▼" if order.descending else "▲"
    segments: list[Segment] = [(" ", "title.text")]
    for name, text in _headings(columns):
        style = "title.text"
        if name == order.column:
            # The sign takes a blank of the column, so that nothing moves.
            bare, style = text.strip(), "title.sorted"
            wide = cells(text)
            text = left(f" {bare}{sign}", wide) if text[-1] == " " else right(sign + bare, wide)  # noqa: PLW2901
            text = text if name != "symbol" else left(bare + sign, wide)  # noqa: PLW2901
        segments += [(text, style), (" ", "title.text")]
    if width_of(segments) + _AGE <= width:
        by_state = order.column == "state"
        style = "title.sorted" if by_state else "title.text"
        segments.append((f"{sign if by_state else ' '} age", style))
    return line(width, segments, "title")


def _row(picture: Picture, width: int, columns: _Columns, *, selected: bool) -> Line:
    first: Segment = ("▶", "selected") if selected else (" ", "")
    name = "selected" if selected else "name"
    segments: list[Segment] = [(left(picture.symbol, columns.symbol), name)]
    if not picture.empty:
        segments += _touch(picture, columns)
    if not picture.live or not picture.trading:
        return _not_live(picture, width, segments, first)
    share = _share(picture, columns)
    if columns.rate:
        share.append((f" {rate_text(picture.rate):>{columns.rate}}", "quantity"))
    if columns.latency:
        share.append((f" {latency_text(picture.latency):>{columns.latency}}", "quantity"))
    if columns.time:
        share += [("  ", ""), (time_text(picture.update_time), "quantity")]
    if columns.audit:
        style = "reason" if picture.differences_ever else "quantity"
        share.append((f"  {_audit(picture):>{columns.audit}}", style))
    age = f"{condition(picture).sign} {age_text(picture.age):>6}"
    if _room(width, segments) < len(age):
        age = age[:1]
    # Numbers are never cut.
    while len(segments) > 1 and _room(width, segments) < len(age):
        segments = segments[:-1]
    end: list[Segment] = [(" ", ""), (age[:1], "sign.live"), (age[1:], "quantity")]
    return line(width, [first, *segments, *share, *end])


def _not_live(picture: Picture, width: int, segments: list[Segment], first: Segment) -> Line:
    """Return the row of a symbol that isn't live, with the reason where there is room."""
    says, reason = condition(picture), explained(picture)
    state = f"{says.sign} {says.word}"
    if not picture.empty and not picture.live:
        segments = [segments[0], *[(text, OLD) for text, _ in segments[1:]]]
    while len(segments) > 1 and _room(width, segments) < len(state):
        segments = segments[:-1]
    room = _room(width, segments)
    text = says.sign
    for longer in (state, f"{state} {age_text(picture.age)}"):
        text = longer if len(longer) <= room else text
    if reason and room - len(text) >= _LEAST_REASON:
        whole = f"{text}: {reason}"
        text = whole if cells(whole) <= room else f"{text}: {wait_first(reason)}"
    style = f"sign.{says.state.value}"
    name, *rest = segments
    named = (cut(name[0], max(1, width - 3)), name[1])
    return line(width, [first, named, *rest, (" ", ""), (cut(text, max(room, 1)), style)])


def _room(width: int, segments: list[Segment]) -> int:
    """Return the cells left in a row after its segments and two blanks."""
    return width - 2 - width_of(segments)


def _touch(picture: Picture, columns: _Columns) -> list[Segment]:
    """Return the best bid and ask, with quantities and spread where there is room."""
    segments: list[Segment] = []
    if columns.quantity:
        segments += _quantity(picture.bids, picture, columns)
    segments += _price(picture.bids, "bid", picture, columns)
    if columns.ask:
        segments += _price(picture.asks, "ask", picture, columns)
    if columns.quantity:
        segments += _quantity(picture.asks, picture, columns)
    spread, mid = picture.spread, picture.mid
    if columns.points and picture.live:
        points = "-" if spread is None or mid is None else basis_points_text(spread, mid)
        segments.append((f" {points:>{_POINTS}}", "quantity"))
    return segments


def _price(levels: Levels, side: str, picture: Picture, columns: _Columns) -> list[Segment]:
    if not levels:
        text = f"no {side}s" if columns.price >= len(_NO_SIDE) else "-"
        return [(" " + right(text, columns.price), "reason")]
    behind = max(0, columns.fraction - _fraction(picture))
    text = price_within(levels[0][0], picture.price_decimals, columns.price - behind)
    text = right(text, columns.price - behind) + " " * behind
    return [(" " + text, side)]


def _quantity(levels: Levels, picture: Picture, columns: _Columns) -> list[Segment]:
    width = columns.quantity
    text = quantity_text(levels[0][1], picture.quantity_decimals, width) if levels else "-"
    return [(" " + right(text, width), "quantity")]


def _share(picture: Picture, columns: _Columns) -> list[Segment]:
    if not columns.balance:
        return []
    share = bid_share(picture, len(picture.bids))
    if share is None:
        return [(" " * (columns.balance + 2), "")]
    percent = f"{share:>4.0%} " if columns.balance > 2 * _PERCENT else ""
    bar = balance(share, columns.balance - len(percent))
    return [("  ", ""), (percent, "quantity"), *bar] if percent else [("  ", ""), *bar]


def _audit(picture: Picture) -> str:
    """Return the result and the age of the last audit."""
    if picture.audit_age is None or picture.differences is None:
        return "-"
    return f"{differ_text(picture)} {age_text(picture.audit_age):>6}"
