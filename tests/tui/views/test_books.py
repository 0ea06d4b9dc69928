"""What panels, overview, header and footer say, as text."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from depthcli.core.state import ByRank, State
from depthcli.tui.drawing.layout import shape
from depthcli.tui.model.sorting import Sorting, ordered
from depthcli.tui.model.watched import Picture
from depthcli.tui.views.books import panel, widths_of
from depthcli.tui.views.header_footer import Status, footer, header
from depthcli.tui.views.overview import column_at, overview
from depthcli.tui.views.theme import palette

if TYPE_CHECKING:
    from rich.color import Color

    from depthcli.tui.drawing.styled_lines import Line

BOOK = Picture(
    symbol="BNBBTC",
    price_decimals=7,
    quantity_decimals=3,
    price_width=9,
    state=State.LIVE,
    reason="",
    bids=((0.0098124, 14.392), (0.0098123, 6.459), (0.0098121, 23.945)),
    asks=((0.0098131, 18.798), (0.0098132, 37.73), (0.0098133, 12_345_678.9)),
    update_time=1_767_355_471_412,
    age=0.3,
    audit_age=12.0,
    differences=0,
)
STALE = replace(BOOK, state=State.STALE, reason="gap: 12 updates are missing after 4711", age=3.2)
NOTHING = replace(
    BOOK,
    state=State.CONNECTING,
    reason="socket lost: connection refused, trying again in 2.0 s",
    bids=(),
    asks=(),
    update_time=None,
)
STATUS = Status(
    title="spot · built-in exchange",
    view="books",
    frames_per_second=10.0,
    events_per_second=412.0,
    gaps=0,
    states={State.LIVE: 4, State.STALE: 1},
    clock=1_767_355_471.0,
    paused_for=None,
)


def text(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in drawn).rstrip() for drawn in lines]


def drawn(picture: Picture, width: int, height: int, depth: int = 5) -> list[Line]:
    return panel(picture, width, shape(width, height, depth, widths_of(picture)))


def listed(pictures: list[Picture], width: int, height: int, **options: Any) -> list[str]:
    shown = ordered(pictures, options.get("order", Sorting()), options.pop("sought", ""))
    return text(
        overview(pictures, shown, width, height, **{"focus": 0, "order": Sorting(), **options})
    )


def styled(lines: list[Line], style: str) -> str:
    return "|".join(part.strip() for line in lines for part, name in line if name == style)


def test_ladder_has_bids_beside_asks() -> None:
    lines = text(drawn(BOOK, 80, 20))
    assert "BNBBTC" in lines[0]
    assert "● LIVE  0.3 s  12:04:31.412 UTC" in lines[0]
    assert "spread 0.0000007    0.71 bp   mid 0.00981275" in lines[1]
    assert [row.strip("▉█▏ ") for row in lines[2:6]] == [
        "total quantity       bid │       ask quantity     total",
        "14.392   14.392 0.0098124 │ 0.0098131   18.798    18.798",
        "20.851    6.459 0.0098123 │ 0.0098132   37.730    56.528",
        "44.796   23.945 0.0098121 │ 0.0098133   12.35M    12.35M",
    ]


def test_the_touch_is_next_to_the_middle_and_stands_out() -> None:
    for width in (80, 40):
        lines = drawn(BOOK, width, 20)
        assert styled(lines, "bid.best") == "0.0098124"
        assert styled(lines, "ask.best") == "0.0098131"


def test_stack_has_asks_over_bids() -> None:
    lines = text(drawn(BOOK, 44, 20))
    prices = [row[1:10] for row in lines if row.startswith(" 0.00")]
    assert prices == [f"0.0098{last}" for last in (133, 132, 131, 124, 123, 121)]
    middle = lines[lines.index(next(row for row in lines if "131 " in row)) + 1]
    assert "0.0000007" in middle
    assert "0.71 bp" in middle
    assert "mid" in middle


def test_cumulative_quantities_and_audit() -> None:
    lines = text(drawn(BOOK, 80, 20))
    assert any("44.796   23.945 0.0098121" in row for row in lines)
    assert any("12.35M" in row for row in lines)
    assert any(row.endswith("audited 12 s ago: 0 differ") for row in lines)


def test_points_stand_in_one_column() -> None:
    rows = [row for row in text(drawn(BOOK, 80, 20)) if "│ 0.00" in row]
    assert len({row.index(".", row.index("│") + 12) for row in rows}) == 1


def test_columns_stay_when_digits_change() -> None:
    other = replace(BOOK, bids=tuple((price, size * 900) for price, size in BOOK.bids), age=99.0)
    for width in (80, 44):
        for one, two in zip(drawn(BOOK, width, 20), drawn(other, width, 20), strict=True):
            if "0.00" in str(one):
                styles = [name for _, name in one if name.startswith(("bid", "ask", "q", "cum"))]
                assert starts(one, styles) == starts(two, styles)


def starts(line: Line, styles: list[str]) -> list[int]:
    found, x = [], 0
    for part, name in line:
        if name in styles and not name.endswith(("bar", "edge", "balance")):
            found.append(x + len(part))
        x += cell_len(part)
    return found


def test_a_stale_book_is_dimmed_and_says_why_and_since_when() -> None:
    for width in (80, 44, 30):
        lines = drawn(STALE, width, 20)
        assert "▲ STALE" in text(lines)[0]
        assert "3.2 s" in text(lines)[0]
        assert "gap: 12 updates are missing" in styled(lines, "reason").replace("|", " ")
        body = {name for line in lines[1:] for _, name in line if _.strip()}
        assert body <= {"old", "old.bar", "old.edge", "reason"}


def test_a_stale_book_stays_where_it_was() -> None:
    for width, height in ((80, 20), (44, 20), (40, 4), (80, 4)):
        live, stale = text(drawn(BOOK, width, height)), text(drawn(STALE, width, height))
        assert len(live) == len(stale)
        same = [row for row in stale if row in live]
        assert len(same) >= len(live) - 3


def test_before_the_first_book_the_reason_stands_in_place_of_levels() -> None:
    lines = text(drawn(NOTHING, 44, 20))
    assert "✗ UNREACHABLE" in lines[0]
    assert " ".join(" ".join(lines[1:]).split()) == NOTHING.reason.replace("2.0 s", "2 s")
    silent = text(drawn(replace(NOTHING, state=State.BUFFERING, reason=""), 44, 20))
    assert "waiting for the first snapshot" in " ".join(silent)


def test_one_empty_side_is_named() -> None:
    assert "no asks" in " ".join(text(drawn(replace(BOOK, asks=()), 44, 20)))
    assert "no bids" in " ".join(text(drawn(replace(BOOK, bids=()), 80, 20)))


def test_an_audit_that_found_something_is_not_overlooked() -> None:
    lines = drawn(replace(BOOK, differences=3), 80, 20)
    assert styled(lines, "reason") == "audited 12 s ago: 3 differ"


def test_what_audits_ever_found_stays_in_sight() -> None:
    found = replace(BOOK, differences=0, differences_ever=3)
    assert styled(drawn(found, 80, 20), "reason") == "audited 12 s ago: 0 differ, 3 ever"
    assert styled(drawn(found, 44, 20), "reason") == "audit 0/3 differ"
    assert "audit 0 differ" in text(drawn(BOOK, 44, 20))[-1]
    assert "0/3 differ   12 s" in listed([found], 200, 2)[1]


def test_an_audit_says_how_near_to_the_touch_levels_ever_differed_where_there_is_room() -> None:
    found = replace(BOOK, differences=0, differences_ever=3, by_rank=ByRank(0, 2, 3, 0))
    said = "audited 12 s ago: 0 differ, 3 ever"
    assert styled(drawn(found, 120, 20), "reason") == f"{said}, 2 in the best 100"
    assert styled(drawn(found, 80, 20), "reason") == said


CUT = replace(BOOK, horizons=(0.0098123, None), bids_tail=1)


def test_levels_past_the_horizon_are_marked_on_both_sides() -> None:
    beside = drawn(replace(CUT, asks_tail=1, horizons=(0.0098123, 0.0098132)), 80, 20)
    (row,) = [line for line in text(beside) if "0.0098121" in line]
    assert "≥44.796  ≥23.945 0.0098121 │ 0.0098133  ≥12.35M   ≥12.35M" in row
    assert "tail.edge" in {name for line in beside for _, name in line}, "of the bid's bar"
    assert styled(beside, "tail.bar"), "of the ask's"
    assert "≥23.945   ≥44.796" in " ".join(text(drawn(CUT, 44, 20)))


def test_the_horizon_bounds_the_figures_and_they_say_so() -> None:
    lines = text(drawn(CUT, 120, 20))
    bid, ask = 14.392 + 6.459, 18.798 + 37.73
    share = round(100 * bid / (bid + ask))
    assert f"top 2  bid  {share}%" in lines[-3]
    assert "in snapshot: 2 bids, 3 asks   audited 12 s ago: 0 differ" in lines[-3]
    assert f"imbalance {(bid - ask) / (bid + ask):+.2f}" in lines[-1]
    assert "known 2/3" in text(drawn(CUT, 44, 20))[-1]
    assert "in snapshot" not in " ".join(text(drawn(BOOK, 120, 20)))


def test_a_short_side_without_a_horizon_is_compared_whole() -> None:
    assert "top 3  bid" in " ".join(
        text(drawn(replace(BOOK, bids=BOOK.bids[:1]), 120, 20, depth=3))
    )


def test_names_stay_whole_in_a_narrow_overview() -> None:
    perpetual = replace(BOOK, symbol="coinm:BTCUSD_PERP")
    rows = listed([perpetual, BOOK], 40, 3)
    assert "coinm:BTCUSD_PERP" in rows[1]
    assert "0.0098124 0.0098131 ●" in rows[1]
    assert "coinm:BTCUSD_PERP" in listed([perpetual], 32, 2)[1]


def test_overview_says_of_each_symbol_what_it_is_worth() -> None:
    btc = replace(
        BOOK, symbol="BTCUSDT", price_decimals=2, bids=((104123.45, 1.0),), asks=((104123.5, 3.0),)
    )
    lines = listed([BOOK, replace(STALE, symbol="ETHBTC"), btc, NOTHING], 100, 6)
    assert "symbol" in lines[0]
    assert "0.0098124" in lines[1]
    assert "●" in lines[1]
    assert "▲ STALE 3.2 s: gap: 12 updates" in lines[2]
    assert "✗ UNREACHABLE 0.3 s: socket lost: connection refused, trying again in 2 s" in lines[4]
    assert lines[1].index("0.0098124") + 1 == lines[3].index("104123.45") + 6, "points are aligned"


def test_overview_is_sorted_and_says_by_what() -> None:
    pictures = [
        replace(BOOK, symbol=name, rate=rate)
        for name, rate in (("BNBBTC", 2.0), ("ADABTC", 9.0), ("CHZBTC", None))
    ]
    for order, names in (
        (Sorting(), "BAC"),
        (Sorting("symbol"), "ABC"),
        (Sorting("upd/s"), "BAC"),
        (Sorting("upd/s", descending=True), "ABC"),
    ):
        rows = listed(pictures, 100, 4, order=order)
        assert "".join(row[1] for row in rows[1:]) == names, "what isn't known comes last"
    assert "upd/s" in listed(pictures, 76, 4)[0]
    assert "updates/s" in listed(pictures, 100, 4)[0]
    assert "▼updates/s" in rows[0]
    assert "▲bid" in listed(pictures, 100, 4, order=Sorting("bid"))[0]
    assert rows[0].replace("▼", " ") == listed(pictures, 100, 4)[0], "no heading moves"


def test_overview_is_filtered() -> None:
    pictures = [replace(BOOK, symbol=name) for name in ("BNBBTC", "ETHBTC", "BNBUSDT")]
    assert [row[1:8].strip() for row in listed(pictures, 80, 5, sought="bnb")[1:3]] == [
        "BNBBTC",
        "BNBUSDT",
    ]
    assert "no matching symbol" in listed(pictures, 80, 5, sought="xyz")[1]


def test_the_headings_can_be_found_by_their_cells() -> None:
    heading = listed([BOOK], 110, 2)[0]
    names = ("symbol", "bid", "ask", "bp", "bid share", "updates/s", "latency")
    for name in names:
        column = "upd/s" if name == "updates/s" else name
        assert column_at([BOOK], 110, heading.index(name) + 1) == column
    assert column_at([BOOK], 110, heading.index("age")) == "state"


def test_header_gives_up_the_less_important_first() -> None:
    wide, middle, narrow = ("".join(text([header(STATUS, width)])) for width in (120, 80, 30))
    for word in ("depthcli", "spot · built-in exchange", "10 fps", "412 events/s", "0 gaps"):
        assert word in wide
    assert "12:04:31 UTC" in wide
    assert "books" in middle
    for shown in (wide, middle, narrow):
        assert "● 4 live  ▲ 1 stale" in shown


def test_a_pause_is_announced_with_its_age() -> None:
    paused = replace(STATUS, paused_for=12.0)
    for width in (120, 80, 40):
        assert "PAUSED 12 s" in "".join(text([header(paused, width)]))


def test_footer_leaves_out_the_last_keys_first() -> None:
    keys = [("q", "quit"), ("?", "help"), ("v", "view")]
    assert "".join(text([footer(keys, 80)])) == " q quit   ? help   v view"
    assert "".join(text([footer(keys, 18)])) == " q quit  ? help"


def numbers() -> st.SearchStrategy[Any]:
    return st.floats(1e-9, 1e300) | st.decimals("0.00000001", 10**30, places=8)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    kind = draw(st.sampled_from([float, Decimal]))
    side = st.lists(st.tuples(numbers(), numbers()), max_size=12)
    sides = [tuple((kind(p), kind(q)) for p, q in draw(side)) for _ in range(2)]
    return Picture(
        symbol=draw(st.sampled_from(["X", "BNBBTC", "币安人生USDT", "BTC-261225-110000-C"])),
        price_decimals=draw(st.integers(0, 8)),
        quantity_decimals=draw(st.integers(0, 8)),
        price_width=draw(st.integers(2, 12)),
        state=draw(st.sampled_from(State)),
        reason=draw(st.sampled_from(["", "gap", "a long reason " * 12, "币安" * 30])),
        bids=sides[0],
        asks=sides[1],
        update_time=draw(st.none() | st.integers(0, 2**53)),
        age=draw(st.floats(-10, 1e9)),
        audit_age=draw(st.none() | st.floats(0, 1e9)),
        differences=draw(st.none() | st.integers(0, 10**6)),
        differences_ever=draw(st.integers(0, 10**6)),
        by_rank=ByRank(*draw(st.tuples(*[st.integers(0, 10**6)] * 4))),
        horizons=tuple(draw(st.none() | st.floats(1e-9, 1e9)) for _ in sides),
        bids_tail=draw(st.integers(0, len(sides[0]))),
        asks_tail=draw(st.integers(0, len(sides[1]))),
    )


@given(
    pictures(),
    st.integers(1, 200),
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(0, 12),
    st.booleans(),
)
def test_every_panel_has_exactly_its_size(
    picture: Picture, width: int, height: int, depth: int, scroll: int, focused: bool
) -> None:
    form = shape(width, height, depth, widths_of(picture))
    lines = panel(picture, width, form, focused=focused, scroll=scroll)
    assert len(lines) == form.height
    assert {sum(cell_len(part) for part, _ in line) for line in lines} == {width}
    known = palette(dark=True)
    assert all(name in known for line in lines for _, name in line)


@given(st.lists(pictures(), min_size=1, max_size=7), st.integers(1, 200), st.integers(1, 20))
def test_every_overview_has_exactly_its_size(shown: list[Picture], width: int, height: int) -> None:
    order = Sorting("bp", descending=True)
    rows = ordered(shown, order, "")
    lines = overview(shown, rows, width, height, focus=0, order=order)
    assert len(lines) == height
    assert {sum(cell_len(part) for part, _ in line) for line in lines} == {width}
    known = palette(dark=True)
    assert all(name in known for line in lines for _, name in line)


@given(st.none() | st.floats(0, 1e6), st.integers(1, 200))
def test_header_and_footer_have_exactly_their_size(paused_for: float | None, width: int) -> None:
    for line in (
        header(replace(STATUS, paused_for=paused_for), width),
        footer([("q", "q")], width),
    ):
        assert sum(cell_len(part) for part, _ in line) == width


def luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.get_truecolor()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("dark", [True, False])
def test_text_stands_out_from_its_ground(dark: bool) -> None:
    faint = {"rule", "spread.rule"}
    for name, style in palette(dark=dark).items():
        if (
            name in faint
            or name.startswith(("heat.", "old."))
            or name.endswith((".bar", ".edge", ".balance"))
        ):
            continue
        first, second = sorted((luminance(style.color), luminance(style.bgcolor)), reverse=True)
        assert (first + 0.05) / (second + 0.05) >= 3, name


@pytest.mark.parametrize("dark", [True, False])
def test_sixteen_colours_are_the_terminals_own(dark: bool) -> None:
    made = {
        name: style for name, style in palette(dark=dark, few=True).items() if "heat." not in name
    }
    assert all(style.color.number < 16 and style.bgcolor.number < 16 for style in made.values())
    assert all(style.color != style.bgcolor for name, style in made.items())
    assert made["bid.bar"] != made["ask.bar"]
    assert made.keys() <= palette(dark=dark).keys()


@pytest.mark.parametrize("dark", [True, False])
def test_what_is_old_shows_without_colours(dark: bool) -> None:
    styles = palette(dark=dark)
    assert all(styles[name].dim for name in ("old", "old.bar", "old.edge"))
    assert all(styles[name].bold for name in ("bid.best", "ask.best", "reason", "paused"))
