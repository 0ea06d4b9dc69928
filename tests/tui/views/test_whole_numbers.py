"""Each number on the screen is whole, rounded with a unit, or absent; never a part of another.

The drawn lines are read as a user would: whatever looks like a number is parsed, and must be one
that the book, its axis or the size that is traded can explain.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from depthcli.core.analytics import cost_to_trade, group_levels, micro_price
from depthcli.core.messages import Snapshot
from depthcli.core.state import State
from depthcli.tui.model.view_names import View
from depthcli.tui.model.view_state import ViewState
from depthcli.tui.model.watched import Watched
from depthcli.tui.views.header_footer import Status
from depthcli.tui.views.screen import FrameContext, ScreenRenderer
from depthcli.tui.views.tile import cost_line
from tests.tui.books import FakeManager
from tests.tui.views.test_books import BOOK, drawn as panelled, listed, text as texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depthcli.tui.model.price_axis import Axis
    from depthcli.tui.model.view_state import TileState

SEEDS = range(40)
BOOKS_A_SEED = 12
NAMES = (
    ("BNBBTC", "BNB", "BTC"),
    ("options:BTC-261225-100000-C", "BTC", "USDT"),
    ("币安人生USDT", "币安人生币安人生", "USDT"),
    ("1000000MOGUSDT", "1000000MOG", "USDT"),
    ("BTCUSD_261225", "", ""),
)
STATUS = Status("title", "view", None, None, 0, {State.LIVE: 1}, 0.0, None)

NUMBER = re.compile(
    r"(?<![\w.…])(?P<less><?)(?P<digits>\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(?P<unit>[kMBT]?)(?![\w.])"
)
UNITS = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
SAID_OTHERWISE = re.compile(
    r"\d+(\.\d)? (s|min|h|d)\b|-(\d+:)*\d+ (s|min|h)|(\d\d:){2}\d\d\.\d{3}|\d+%|top \d+"
    r"|imbalance +[+-]\d\.\d\d|[+-]\d\.\d\d(?! bp)|\d+( updates)?/s|\d+ s/column| x[\d,]+\b"
    r"|\d+ levels?\b|\d+( differ| bids| asks)|known \d+/\d+"
)
"""Ages, shares and counts: no prices, no quantities."""

SCALED = re.compile(r"(?=.{7} ) {0,6}\d[\d.e+-]{0,6}[kMBT]? [ ▁▂▃▄▅▆▇█░│]*")
"""A row of a chart with a label of its scale."""


@dataclass
class Truth:
    """What may stand on the screen.

    Attributes:
        whole: a price to the decimals that it must have.
        rounded: quantities and what is reckoned from them, sorted.
    """

    whole: dict[Decimal, int] = field(default_factory=dict)
    rounded: list[float] = field(default_factory=list)

    def explains(self, less: str, digits: str, unit: str) -> bool:
        number = Decimal(digits.replace(",", ""))
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)
        decimals = max(-exponent, 0) if "e" not in digits else 0
        slack = Decimal(UNITS[unit]) * Decimal(10) ** exponent / 2
        number *= UNITS[unit]
        if less:
            return any(0 < one <= float(number) for one in self.rounded)
        if not unit and "e" not in digits:
            for price, wanted in self.whole.items():
                if decimals == wanted and abs(price - number) <= abs(price) * Decimal("1e-15"):
                    return True
        elif any(abs(price - number) <= slack * Decimal("1.0001") for price in self.whole):
            return True
        low = float(number - slack) * (1 - 1e-9)
        at = bisect_left(self.rounded, low)
        high = float(number + slack) * (1 + 1e-9)
        return at < len(self.rounded) and self.rounded[at] <= high


@dataclass
class Case:
    """A book as it was made, and the place that shows it."""

    manager: FakeManager
    decimals: int
    watched: Watched

    @property
    def bids(self) -> list[tuple[Any, Any]]:
        return self.manager.cache.bids.levels()

    @property
    def asks(self) -> list[tuple[Any, Any]]:
        return self.manager.cache.asks.levels()


def book(rnd: random.Random) -> Case:
    """Return a book of any price from 1e-8 to 1e12, in which a side may be empty."""
    decimals = rnd.randint(0, 8)
    most = 12 + decimals
    ticks = max(1, min(int(10 ** rnd.uniform(0, most)), 10**most))
    name, base, quote = rnd.choice(NAMES)
    made = FakeManager(name, rnd.choice([float, Decimal]))
    made.price_decimals, made.quantity_decimals = decimals, rnd.randint(0, 8)
    far = rnd.choice([1, 1, 5, max(1, ticks // 50), ticks])

    def side(first: int, way: int) -> Iterator[tuple[Any, Any]]:
        at = first
        for _ in range(rnd.choice([0, 1, 3, 30])):
            if not 0 < at <= 10**most:
                return
            lots = max(1, int(10 ** rnd.uniform(0, made.quantity_decimals + 9)))
            yield made.price(at), made.quantity(lots)
            at += way * rnd.randint(1, far)

    bids, asks = list(side(ticks, -1)), list(side(ticks + rnd.randint(1, far), 1))
    if not bids and not asks:
        bids = [(made.price(ticks), made.quantity(5))]
    made.synchronizer.opened()
    made.synchronizer.offer(Snapshot(100, bids, asks), 5000)
    made.change(1000.0, [], [])
    watched = Watched(
        made, decimals, made.quantity_decimals, base=base, quote=quote, inverse=rnd.random() < 0.1
    )
    return Case(made, decimals, watched)


def truth_of(
    case: Case, tile: TileState, axis: Axis | None, in_quote: bool, grouped: bool
) -> Truth:
    """Return what may be said of a book, reckoned from its levels alone."""
    truth, decimals = Truth(), case.decimals
    step = tile.observer.step
    bids, asks = case.bids, case.asks
    if axis:
        assert axis.lowest >= 0, "prices aren't negative"
        for at in range(axis.lowest, axis.highest + 1):
            truth.whole[at * Decimal(f"{axis.step:.12g}")] = decimals
        if tile.cursor is not None:
            at = round(tile.cursor / axis.step)
            truth.whole[at * Decimal(f"{axis.step:.12g}")] = decimals
    for price, _ in (*bids, *asks):
        truth.whole[Decimal(str(price))] = decimals
    values: list[Any] = [0]
    bid, ask = next(iter(bids), None), next(iter(asks), None)
    mid = None
    if bid and ask:
        mid = (bid[0] + ask[0]) / 2
        truth.whole[
            Decimal(repr(ask[0] - bid[0])) if isinstance(mid, float) else ask[0] - bid[0]
        ] = decimals
        values += [(ask[0] - bid[0]), mid, micro_price(bid, ask)]
        values.append((ask[0] - bid[0]) / mid * 10_000)
        values.append(0.01)
    size = tile.observer.size
    for side, levels in (("bid", bids), ("ask", asks)):
        groups = group_levels(levels, step, side=side) if grouped else levels  # type: ignore[arg-type]
        for price, _ in groups:
            truth.whole[Decimal(str(price))] = decimals
        notionals = [float(price) * float(quantity) for price, quantity in groups]
        quantities = [float(quantity) for _, quantity in groups]
        for row in (quantities, notionals):
            values += [*row, *accumulate(row)]
        exact = [float(price) * float(quantity) for price, quantity in levels]
        values += [*accumulate(exact), *accumulate(float(quantity) for _, quantity in levels)]
        if size is not None and mid is not None and levels:
            cost = cost_to_trade(levels, case.manager.conv_type(str(size)), reference=mid)
            values += [size, cost.slippage, cost.filled]
        if mid is not None:
            values += [abs(float(price) / float(mid) - 1) * 1e4 for price, _ in levels]
            sums = zip(
                accumulate(exact),
                accumulate(float(quantity) for _, quantity in levels),
                strict=True,
            )
            values += [abs(worth / base / float(mid) - 1) * 1e4 for worth, base in sums]
    truth.rounded = sorted(float(value) for value in values)
    return truth


def numbers_in(lines: Iterable[str], cases: Iterable[Case]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the numbers that a user reads, each with the line that it is in."""
    names = {case.watched.name for case in cases}
    assets = {name for case in cases for name in (case.watched.base, case.watched.quote) if name}
    cut = {
        f"{name[:end]}…"
        for name in names
        for end in range(1, len(name))
        if not (name[end - 1].isdigit() and name[end].isdigit())
    }
    words = sorted(names | assets | cut, key=len, reverse=True)
    for drawn in lines:
        text = drawn
        for word in words:
            text = text.replace(word, " ")
        assert not re.search(r"\d…", text), f"a number is cut: {drawn!r}"
        text = SAID_OTHERWISE.sub(" ", text)
        for match in NUMBER.finditer(text):
            yield drawn, match["less"], match["digits"], match["unit"]


def scales(lines: list[str], view: View) -> tuple[list[str], list[float]]:
    """Return lines without the scale of a chart or a heatmap, and what that scale said."""
    found: list[float] = []
    rest = []
    for row, drawn in enumerate(lines):
        text = drawn
        if view is View.CHART and row > 1 and SCALED.fullmatch(drawn):
            label = drawn[:8].strip()
            unit = label[-1] if label[-1] in UNITS else ""
            found.append(float(label.removesuffix(unit)) * UNITS[unit])
            text = drawn[8:]
        if view is View.HEATMAP and drawn.rstrip().endswith("now"):
            text = ""
        rest.append(text)
    return rest, found


@dataclass
class Shown:
    """A screen and all that is needed to judge it."""

    cases: list[Case]
    view_state: ViewState
    view: View
    width: int
    lines: list[str]
    axes: list[Axis | None]


def screen(seed: str) -> Shown:
    """Return a screen made by chance."""
    rnd = random.Random(seed)
    view = rnd.choice(list(View))
    alone = view in {View.CHART, View.HEATMAP}
    cases = [book(rnd) for _ in range(1 if alone else rnd.choice([1, 1, 2, 5]))]
    view_state = ViewState([case.watched for case in cases], rnd.choice([1, 5, 100]))
    view_state.look_at(view)
    view_state.in_quote = rnd.random() < 0.3
    width, height = rnd.choice([40, 60, 80, 120, rnd.randint(40, 200)]), rnd.randint(10, 60)
    moment = FrameContext(1000.5, None, rnd.random() < 0.5, ())

    def drawn() -> list[str]:
        scene = ScreenRenderer(view_state, moment, width, height).draw(STATUS)
        return ["".join(text for text, _ in one) for one in scene.lines[1:-1]]

    for tile in view_state.tiles:
        tile.observer.look(1000.5)
        tile.observer.coarser(rnd.choice([0, 0, 1, 3]))
    drawn()
    for _ in range(rnd.randint(0, 3)):
        view_state.wider(rnd.choice([-1, 1, 3]))
        view_state.scroll_levels(rnd.choice([-30, -1, 1, 30]))
        view_state.point(rnd.choice([-30, 1, 30]))
        view_state.resize(rnd.choice([-1, 1]))
        lines = drawn()
    lines = drawn()
    axes = [
        {View.LADDER: tile.ladder, View.CHART: tile.chart, View.HEATMAP: tile.heat}.get(view)
        for tile in view_state.tiles
    ]
    return Shown(cases, view_state, view, width, lines, axes)


def judged(shown: Shown) -> int:
    """Judge each number of a screen; return how many there were."""
    grouped = shown.view in {View.LADDER, View.BOOKS, View.OVERVIEW}
    truths = [
        truth_of(case, tile, axis, shown.view_state.in_quote, grouped)
        for case, tile, axis in zip(shown.cases, shown.view_state.tiles, shown.axes, strict=True)
    ]
    lines, scale = scales(shown.lines, shown.view)
    for top, half in pairwise(scale):
        assert 0.4 <= half / top <= 0.7, "half of it is in the middle"
    for top in scale[:1]:
        assert any(top / 1.6 <= one <= top * 1.001 for one in truths[0].rounded), "its scale fits"
    count = 0
    for drawn, less, digits, unit in numbers_in(lines, shown.cases):
        assert any(truth.explains(less, digits, unit) for truth in truths), (
            f"{less}{digits}{unit} is no number of the book: {drawn!r}"
        )
        count += 1
    return count


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_are_whole_or_rounded_with_a_unit_or_absent(seed: int) -> None:
    seen = sum(judged(screen(f"{seed}:{index}")) for index in range(BOOKS_A_SEED))
    assert seen > 50


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("view", [View.BOOKS, View.LADDER, View.OVERVIEW])
def test_a_best_price_is_never_absent_where_its_column_is_there(view: View, seed: int) -> None:
    rnd = random.Random(f"best:{view}:{seed}")
    for _ in range(20):
        case = book(rnd)
        view_state = ViewState([case.watched], 5)
        view_state.look_at(view)
        width = rnd.randint(40, 120)
        drawn = (
            ScreenRenderer(view_state, FrameContext(1000.5, None, True, ()), width, 24)
            .draw(STATUS)
            .lines
        )
        best = (case.bids or case.asks)[0][0]
        text = ["".join(part for part, _ in one) for one in drawn]
        if (view is View.OVERVIEW and not case.bids) or any("▲" in row for row in text):
            continue
        exact = f"{Decimal(str(best)):.{case.decimals}f}"
        assert any(exact in row.split() for row in text), "\n".join(text)


@pytest.mark.parametrize(
    ("price", "decimals"),
    [(2013.0, 0), (15_234_567.0, 0), (1.0, 0), (1e12, 8), (0.00000001, 8), (104512.25, 2)],
)
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_prices_of_the_overview_are_whole(price: float, decimals: int, width: int) -> None:
    best = f"{price:.{decimals}f}"
    tight = replace(
        BOOK,
        price_decimals=decimals,
        price_width=max(len(best), decimals + 2),
        bids=((price, 1.0),),
        asks=((price, 1.0),),
    )
    others = replace(BOOK, symbol="X")
    assert best in listed([tight], width, 5)[1].split()
    assert best in listed([tight, others], width, 5)[1].split()


def test_levels_wider_than_the_touch_are_whole() -> None:
    deep = replace(
        BOOK, price_decimals=2, price_width=4, bids=((9.98, 1.0),), asks=((9.99, 1.0), (10.01, 2.0))
    )
    for width in (24, 40, 80):
        assert "10.01" in " ".join(texts(panelled(deep, width, 12))).split()


def test_a_cost_that_the_levels_cannot_fill_is_never_cut() -> None:
    cost = cost_to_trade([(100.0, 0.00123456)], 5.0, reference=99.0)
    costly = replace(BOOK, size=5.0, buy=cost, sell=cost, base="BTC", price_width=5)
    for width in range(40, 90):
        (row,) = texts([cost_line(costly, width)])
        assert row.count("0.0012346") == 2, row
