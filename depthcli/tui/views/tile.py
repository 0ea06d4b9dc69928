"""What the tiles of all views share: title, reason, and the figures below the levels."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthcli.tui.drawing.numbers import (
    age_text,
    basis_points_text,
    latency_text,
    price_text,
    quantity_text,
    rate_text,
    size_text,
    time_text,
)
from depthcli.tui.drawing.styled_lines import (
    blank,
    cells,
    cut,
    ends,
    left,
    line,
    old,
    width_of,
    wrap,
)
from depthcli.tui.model.conditions import condition, explained
from depthcli.tui.model.watched import bid_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.analytics import Cost, Side
    from depthcli.tui.drawing.numbers import Number
    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.watched import Levels, Picture

LEAST_BALANCE: Final = 4
_LEAST_LEANING: Final = 24
_LEANING_LEVELS: Final = 20
_LEAST_BODY: Final = 6
ROOMY: Final = 16
"""Rows from which the tile of a chart or a heatmap has room for the figures."""

BEYOND_SNAPSHOT: Final = "  beyond the snapshot"
UNKNOWN_NOTE: Final = "░ beyond snapshot"


class Row(NamedTuple):
    """One level as drawn; `whole`: it is within the snapshot."""

    price: Number
    quantity: Number
    cumulative: Number
    best: bool
    whole: bool


def rows_of(levels: Levels, count: int, tail: int, skip: int = 0) -> list[Row]:
    """Return the best levels with cumulative quantities, which start at the best level.

    Args:
        levels: best first.
        count: most rows to return.
        tail: how many of `levels`, from the end, are beyond the snapshot.
        skip: levels to leave out from the best on; fewer where that would leave blanks.
    """
    skip = max(0, min(skip, len(levels) - count))
    shown = levels[: skip + count]
    totals = accumulate(quantity for _, quantity in shown)
    known = len(levels) - tail
    return [
        Row(price, quantity, total, index == 0, index < known)
        for index, ((price, quantity), total) in enumerate(zip(shown, totals, strict=True))
        if index >= skip
    ]


def title(picture: Picture, width: int, *, focused: bool = False) -> Line:
    """Return the first line of a tile: symbol, state, age and time."""
    says = condition(picture)
    style = f"state.{says.state.value}"
    age: Segment = (f" {age_text(picture.age):>6} ", "title.text")
    full: list[Segment] = [(f"{says.sign} {says.word}", style), age]
    time: Segment = (f" {time_text(picture.update_time)} UTC ", "title.text")
    wishes: tuple[list[Segment], ...] = (
        [*full, time] if picture.update_time is not None else full,
        full,
        [(says.sign, style), age] if picture.live else [(f"{says.sign} {says.word}", style)],
        [(says.sign, style)],
    )
    group = f" x{10**picture.group:,}" if picture.group else ""
    name = picture.symbol + group
    if cells(name) > width - 3:
        name = picture.symbol
    room = width - cells(name) - 2
    end = next((wish for wish in wishes if width_of(wish) <= room), wishes[-1])
    start = [
        ("▶" if focused else "▌", f"mark.{says.state.value}"),
        (
            cut(name, max(width - width_of(end) - 2, 1)),
            "title.focused" if focused else "title.name",
        ),
    ]
    return ends(width, start, end, "title")


def widest_price(picture: Picture) -> int:
    """Return the cells of the widest price among the levels; it never shrinks."""
    highest = [levels[at][0] for levels, at in ((picture.asks, -1), (picture.bids, 0)) if levels]
    texts = [price_text(price, picture.price_decimals) for price in highest]
    return max(picture.price_width, *map(len, texts), 0)


def waiting(picture: Picture, width: int) -> list[Line]:
    """Return the lines that replace the levels while there is no book."""
    says = [explained(picture)] if not picture.live or not picture.trading else []
    if picture.live:
        says.append("the book is empty")
    rows = [row for text in says for row in wrap(text, width - 4, 4)]
    style = "reason" if picture.reason else "label"
    return [
        blank(width),
        *[line(width, [("  ", ""), (row, style)]) for row in rows],
    ]


def reasons(picture: Picture, width: int, most: int) -> list[Line]:
    """Return why a book isn't live, in at most `most` lines."""
    rows = wrap(explained(picture), width - 2, most)
    return [line(width, [(" ", ""), (row, "reason")]) for row in rows]


def covered(body: list[Line], picture: Picture, width: int) -> list[Line]:
    """Return a body as it is if the book is live; else greyed, with the reason on top."""
    if picture.live and picture.trading:
        return body
    said = reasons(picture, width, 2 if len(body) > _LEAST_BODY else 1)
    shown = body if picture.live else [old(drawn) for drawn in body]
    return [*said, *shown[len(said) :]]


def spread(picture: Picture, width: int, note: str = "") -> Line:
    """Return the line of spread and mid, drawn as a rule, with a note at its end."""
    between, mid = picture.spread, picture.mid
    decimals = picture.price_decimals
    if between is None or mid is None:
        side = "bids" if not picture.bids else "asks"
        return line(width, [("─ ", "spread.rule"), (f"no {side} ", "spread")], "spread")
    spread_text = price_text(between, decimals).rjust(decimals + 2)
    points = f"{basis_points_text(between, mid):>6} bp"
    wide = picture.price_width + 1
    half_ticks = price_text(mid, decimals + 1).rjust(wide)
    texts = [
        f"spread {spread_text}  {points}   mid {half_ticks}",
        f"{spread_text} {points}  mid {half_ticks}",
        f"{spread_text} {points}",
        points.strip(),
    ]
    if picture.micro is not None:
        micro = price_text(picture.micro, decimals + 1).rjust(wide)
        texts.insert(0, f"{texts[0]}   micro {micro}")
        texts.insert(1, f"{texts[2]}  micro {micro}")
    room = width - 4 - (len(note) + 3 if note else 0)
    text = next((text for text in texts if len(text) <= room), texts[-1])
    segments = [("─ ", "spread.rule"), (text + " ", "spread")]
    rest = max(0, width - len(text) - 3)
    if note and rest >= len(note) + 3:
        end = (f" {note} ", "reason")
        return line(width, [*segments, ("─" * (rest - len(note) - 2), "spread.rule"), end])
    return line(width, [*segments, ("─" * rest, "spread.rule")])


def foot(picture: Picture, count: int, width: int) -> Line:
    """Return the line of the bids' share, the levels within the snapshot, and the last audit."""
    style = "reason" if _odd(picture) else "label"
    audit: Segment = (audit_text(picture), style)
    audit_where: Segment = (audit_text(picture, where=True), style)
    bids, asks = picture.known
    known: Segment = (f"in snapshot: {bids} bids, {asks} asks" if picture.cut else "", "reason")
    for wish in ((known, audit_where), (known, audit), (known,), (audit_where,), (audit,)):
        said = [part for part in wish if part[0]]
        room = width - width_of(said) - 3 * len(said) - 2
        if said and room >= _LEAST_LEANING:
            end: list[Segment] = []
            for part in said:
                end += [("   ", ""), part]
            start: list[Segment] = [(" ", ""), *leaning(picture, count, room)]
            return ends(width, start, [*end, (" ", "")])
    return line(width, [(" ", ""), *leaning(picture, count, width - 2)])


def leaning(picture: Picture, count: int, width: int) -> list[Segment]:
    """Return both sides' shares of the quantity: `top 5  bid 62% ━━━━━━──── 38% ask`."""
    share = bid_share(picture, count)
    if share is None:
        return [(" " * width, "")]
    count = picture.comparable(count)
    percent = round(share * 100)
    top = f"top {count}  " if width >= 34 else ""
    start, end = f"{top}bid {percent:>3}% ", f" {100 - percent:>3}% ask"
    room = width - len(start) - len(end)
    if room < LEAST_BALANCE:
        return [(left(start, width), "label")]
    return [(start, "label"), *balance(share, room), (end, "label")]


def balance(share: float, width: int) -> list[Segment]:
    """Return a bar, heavy for the bids' share and light for the rest."""
    heavy = round(share * width)
    return [("━" * heavy, "bid.balance"), ("─" * (width - heavy), "ask.balance")]


def _odd(picture: Picture) -> bool:
    """Return whether an audit ever found a difference."""
    return bool(picture.differences or picture.differences_ever)


def audit_text(picture: Picture, *, where: bool = False) -> str:
    """Return the result of the last audit; empty before the first.

    Args:
        picture: the book.
        where: whether to add the rank of the nearest level that ever differed.
    """
    if picture.audit_age is None or picture.differences is None:
        return ""
    ever = f", {picture.differences_ever} ever" if picture.differences_ever else ""
    nearest = picture.by_rank.nearest if where else ""
    said = f"audited {age_text(picture.audit_age)} ago: {picture.differences} differ{ever}"
    return f"{said}, {nearest}" if nearest else said


def differ_text(picture: Picture) -> str:
    """Return how many levels differed in the last audit, and in all of them if any did."""
    ever = f"/{picture.differences_ever}" if picture.differences_ever else ""
    return f"{picture.differences}{ever} differ"


def facts(picture: Picture, width: int, rows: int, count: int) -> list[Line]:
    """Return the rows below a tile: the cost of an order, then rate and latency.

    Args:
        picture: the book.
        width: cells.
        rows: most rows to return.
        count: levels per side shown.
    """
    return [cost_line(picture, width), pulse_line(picture, width, count)][:rows]


def cost_line(picture: Picture, width: int) -> Line:
    """Return the cost of buying and selling a size: `10 BTC  buy 0.80 bp → 104512.30`."""
    if picture.size is None or picture.buy is None or picture.sell is None:
        return blank(width)
    size = size_text(picture.size)
    unit = f" {picture.base}" if picture.base else ""
    decimals, price = picture.price_decimals, picture.price_width
    sides = (("buy", "ask", picture.buy), ("sell", "bid", picture.sell))
    for long in (True, False):
        for named in (unit, ""):
            segments: list[Segment] = [(f" {size}{named}  ", "label")]
            for index, (verb, side, cost) in enumerate(sides):
                between = "  " if index else ""
                text = _cost_text(cost, decimals, price, long=long)
                segments += [(f"{between}{verb} ", "label"), (text, side)]
            if width_of(segments) <= width:
                return line(width, segments)
    return line(width, segments)


def _cost_text(cost: Cost[Any], decimals: int, width: int, *, long: bool) -> str:
    """Return the cost of an order, in a constant width; or how much of it the book holds."""
    if not cost.complete or cost.slippage is None or cost.worst_price is None:
        known = size_text(float(cost.filled))
        return f"only {known} known".ljust(width + 11) if long else f"> {known}".ljust(8)
    points = f"{points_text(float(cost.slippage)):>5} bp"
    if not long:
        return points
    return f"{points} → {price_text(cost.worst_price, decimals):<{width}}"


def points_text(points: float) -> str:
    """Return basis points in at most six characters."""
    if abs(points) < 100:
        return f"{points:.2f}"
    return quantity_text(points, 0, 6) if points > 0 else f"{points:.0f}"


def pulse_line(picture: Picture, width: int, count: int | None = None) -> Line:
    """Return imbalance, updates a second and latency.

    Where room is short, the abbreviated line also has the levels within the snapshot if some shown
    are beyond it, else the last audit: `foot` has no room for them then.

    Args:
        picture: the book.
        width: cells.
        count: levels per side that the imbalance covers; None: the best twenty.
    """
    share = bid_share(picture, _LEANING_LEVELS if count is None else count)
    lean = "    -" if share is None else f"{2 * share - 1:+.2f}"
    of_which = f"top {_LEANING_LEVELS} " if count is None else ""
    parts: list[Segment] = [
        (f" {of_which}imbalance {lean}", "label"),
        (f"   {rate_text(picture.rate):>4} updates/s", "label"),
        (f"   latency {latency_text(picture.latency):>7}", "label"),
    ]
    short: list[Segment] = [
        (f" {lean}", "label"),
        (f"  {rate_text(picture.rate):>4}/s", "label"),
        (f"  {latency_text(picture.latency):>7}", "label"),
    ]
    if picture.in_quote:
        parts.append((f"   in {picture.quote or 'quote asset'}", "label"))
    if picture.cut and count is not None:
        bids, asks = picture.known
        short.append((f"  known {bids}/{asks}", "reason"))
    elif picture.differences is not None:
        style = "reason" if _odd(picture) else "label"
        short.append((f"  audit {differ_text(picture)}", style))
    chosen = parts if width_of(parts[:3]) <= width else short
    while width_of(chosen) > width and len(chosen) > 1:
        chosen = chosen[:-1]
    return line(width, chosen)


def reached(picture: Picture, side: Side, index: int) -> str:
    """Return what lies from the best level to another: distance, size, notional and cost.

    Args:
        picture: the book.
        side: `"bid"` or `"ask"`.
        index: of the level on its side; 0 is the best.
    """
    levels, tail = (
        (picture.bids, picture.bids_tail) if side == "bid" else (picture.asks, picture.asks_tail)
    )
    upto = levels[: index + 1]
    if not upto:
        return ""
    price = upto[-1][0]
    text = f"{side} {price_text(price, picture.price_decimals)}"
    if index >= len(levels) - tail:
        text += BEYOND_SNAPSHOT
    return text + described(picture, [(float(one), float(quantity)) for one, quantity in upto])


def described(picture: Picture, upto: Sequence[tuple[float, float]]) -> str:
    """Return the distance of the last level from the mid, and the totals of all levels."""
    mid = float(picture.mid or 0)
    if picture.in_quote:
        base, quote = sum(size / price for price, size in upto), sum(size for _, size in upto)
    else:
        base, quote = sum(size for _, size in upto), sum(price * size for price, size in upto)
    text = f"  {(upto[-1][0] / mid - 1) * 10_000:+.2f} bp" if mid else ""
    noun = "level" if len(upto) == 1 else "levels"
    text += f"  {size_text(base)} {picture.base}".rstrip()
    if not picture.inverse:
        text += f" = {size_text(quote)} {picture.quote}".rstrip()
    text += f"   {len(upto)} {noun}"
    if mid and base and not picture.inverse:
        text += f"   average {abs(quote / base / mid - 1) * 10_000:.2f} bp"
    return text
