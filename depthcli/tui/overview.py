"""One line per symbol, for when there are more symbols than panels can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthcli.tui.lines import OLD, cells, cut, fit, left, line, right, width_of
from depthcli.tui.numbers import (
    age_text,
    basis_points_text,
    price_text,
    quantity_text,
    quantity_width,
    time_text,
)
from depthcli.tui.panel import SIGNS, balance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.tui.lines import Line, Segment
    from depthcli.tui.watched import Levels, Picture

_LONGEST_SYMBOL: Final = 28
_SHORTEST_SYMBOL: Final = 6
_LEAST_REASON: Final = 8
_POINTS: Final = 7
_AGE: Final = 8
_TIME: Final = 12
_LEAST_BALANCE: Final = 8
_MOST_BALANCE: Final = 40


@dataclass(frozen=True, slots=True)
class _Columns:
    """Cells of each column; zero where there's no room for it.

    Attributes:
        symbol: the symbol.
        whole: the digits of a price before the point.
        fraction: the point and the digits after it, of the symbol that has the most.
        quantity: the quantity at the touch, on either side.
        points: the spread in basis points.
        balance: the share of the bids.
        time: the time of the last event.
        ask: whether there is room for the best ask.
    """

    symbol: int
    whole: int
    fraction: int
    quantity: int
    points: int
    balance: int
    time: int
    ask: bool

    @property
    def price(self) -> int:
        return self.whole + self.fraction


def overview(pictures: Sequence[Picture], width: int, height: int, scroll: int) -> list[Line]:
    """Return a heading and a line for each symbol, beginning with symbol number `scroll`."""
    columns = _columns_for(pictures, width)
    shown = pictures[scroll : scroll + max(0, height - 1)]
    rows = [_row(picture, width, columns) for picture in shown]
    return fit([_heading(width, columns), *rows], width, height)


def furthest(count: int, height: int) -> int:
    """Return how far down so many symbols can be scrolled in so many rows."""
    return max(0, count - max(1, height - 1))


def _columns_for(pictures: Sequence[Picture], width: int) -> _Columns:
    symbol = min(_LONGEST_SYMBOL, max(cells(picture.symbol) for picture in pictures))
    fraction = max(picture.price_decimals for picture in pictures) + 1
    whole = max(picture.price_width - picture.price_decimals - 1 for picture in pictures)
    whole = max(whole, 1)
    quantity = max(quantity_width(picture.quantity_decimals) for picture in pictures)
    room = width - 1 - symbol - 1 - _AGE - 1
    if room < 2 * (whole + fraction + 1):
        # Points in one column are a luxury where the best ask wouldn't fit.
        whole, fraction = max(picture.price_width for picture in pictures), 0
        symbol = min(symbol, max(_SHORTEST_SYMBOL, width - 2 * whole - _AGE - 5))
        room = width - 1 - symbol - 1 - _AGE - 1
    price = whole + fraction
    room -= price + 1
    ask = room >= price + 1
    room -= (price + 1) * ask
    points = _POINTS if ask and room >= _POINTS + 1 else 0
    room -= points + 1 if points else 0
    share = _LEAST_BALANCE if points and room >= _LEAST_BALANCE + 2 else 0
    room -= share + 2 if share else 0
    both = quantity if share and room >= 2 * (quantity + 1) else 0
    room -= 2 * (both + 1) if both else 0
    time = _TIME if both and room >= _TIME + 2 else 0
    room -= time + 2 if time else 0
    if share:
        share = min(share + room, _MOST_BALANCE)
    return _Columns(symbol, whole, fraction, both, points, share, time, ask)


def _heading(width: int, columns: _Columns) -> Line:
    texts = [left("symbol", columns.symbol)]
    if columns.quantity:
        texts.append(right("quantity", columns.quantity))
    texts.append(right("bid", columns.price))
    if columns.ask:
        texts.append(right("ask", columns.price))
    if columns.quantity:
        texts.append(right("quantity", columns.quantity))
    if columns.points:
        texts.append(right("bp", columns.points))
    if columns.balance:
        texts.append(" " + left("bid share", columns.balance))
    if columns.time:
        texts.append(" " + left("time, UTC", columns.time))
    heading = " " + " ".join(texts)
    if cells(heading) + 1 + _AGE <= width:
        heading += "   age"
    return line(width, [(heading, "title.text")], "title")


def _row(picture: Picture, width: int, columns: _Columns) -> Line:
    segments: list[Segment] = [(left(picture.symbol, columns.symbol), "name")]
    if not picture.empty:
        segments += _touch(picture, columns)
    if not picture.live:
        return _not_live(picture, width, segments)
    share = _share(picture, columns)
    if columns.time:
        share += [("  ", ""), (time_text(picture.update_time), "quantity")]
    age = f"{SIGNS[picture.state]} {age_text(picture.age):>6}"
    if _room(width, segments) < len(age):
        age = age[:1]
    # Rather no number than a part of one.
    while len(segments) > 1 and _room(width, segments) < len(age):
        segments = segments[:-1]
    blanks = max(1, width - 2 - len(age) - width_of([*segments, *share]))
    end: list[Segment] = [(age[:1], "sign.live"), (age[1:], "quantity")]
    return line(width, [(" ", ""), *segments, *share, (" " * blanks, ""), *end])


def _not_live(picture: Picture, width: int, segments: list[Segment]) -> Line:
    """Return the row of a symbol that isn't live: the reason stands where there is room for it."""
    state = f"{SIGNS[picture.state]} {picture.state.name}"
    if not picture.empty:
        segments = [(text, OLD) for text, _ in segments]
    while len(segments) > 1 and _room(width, segments) < len(state):
        segments = segments[:-1]
    room = _room(width, segments)
    text = SIGNS[picture.state]
    for longer in (state, f"{state} {age_text(picture.age)}"):
        text = longer if len(longer) <= room else text
    if picture.reason and room - len(text) >= _LEAST_REASON:
        text += f": {picture.reason}"
    style = f"sign.{picture.state.value}"
    name, *rest = segments
    named = (cut(name[0], max(1, width - 3)), name[1])
    return line(width, [(" ", ""), named, *rest, (" ", ""), (cut(text, max(room, 1)), style)])


def _room(width: int, segments: list[Segment]) -> int:
    """Return the cells that a row has left beside its first blank, the segments and a blank."""
    return width - 2 - width_of(segments)


def _touch(picture: Picture, columns: _Columns) -> list[Segment]:
    """Return the best bid and ask, and what the columns leave room for beside them."""
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
    text = price_text(levels[0][0], picture.price_decimals) if levels else "-"
    decimals = picture.price_decimals
    behind = max(0, columns.fraction - (decimals + 1 if decimals else 0))
    text = right(text, columns.price - behind) + " " * behind
    return [(" " + text, side)]


def _quantity(levels: Levels, picture: Picture, columns: _Columns) -> list[Segment]:
    width = columns.quantity
    text = quantity_text(levels[0][1], picture.quantity_decimals, width) if levels else "-"
    return [(" " + right(text, width), "quantity")]


def _share(picture: Picture, columns: _Columns) -> list[Segment]:
    if not columns.balance:
        return []
    bid, ask = _total(picture.bids), _total(picture.asks)
    if bid + ask <= 0:
        return [(" " * (columns.balance + 2), "")]
    return [("  ", ""), *balance(bid / (bid + ask), columns.balance)]


def _total(levels: Levels) -> float:
    return sum(float(quantity) for _, quantity in levels)
