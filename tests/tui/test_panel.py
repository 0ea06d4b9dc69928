"""What panels, overview, header and footer say, as text."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from depthcli.synchronizer import State
from depthcli.tui.frame import Status, draw, footer, header, plan
from depthcli.tui.layout import shape
from depthcli.tui.overview import overview
from depthcli.tui.palette import palette
from depthcli.tui.panel import panel, widths_of
from depthcli.tui.watched import Picture

if TYPE_CHECKING:
    from depthcli.tui.lines import Line

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
STALE = replace(BOOK, state=State.STALE, reason="gap: 12 updates after 4711 are missing", age=3.2)
NOTHING = replace(
    BOOK,
    state=State.CONNECTING,
    reason="socket lost: connection refused, trying again in 2.0 s",
    bids=(),
    asks=(),
    update_time=None,
)
STATUS = Status(
    title="spot · embedded exchange",
    frames_per_second=10.0,
    events_per_second=412.0,
    gaps=0,
    states={State.LIVE: 4, State.STALE: 1},
    clock=1_767_355_471.0,
    paused_for=None,
    depth=5,
    dark=True,
)


def text(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in drawn).rstrip() for drawn in lines]


def drawn(picture: Picture, width: int, height: int, depth: int = 5) -> list[Line]:
    return panel(picture, width, shape(width, height, depth, widths_of(picture)))


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
    assert lines[-1].endswith("audited 12 s ago: 0 differ")


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
        assert "gap: 12 updates after 4711 are" in styled(lines, "reason").replace("|", " ")
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
    assert "◌ CONNECTING" in lines[0]
    assert " ".join(" ".join(lines[1:]).split()) == NOTHING.reason
    silent = text(drawn(replace(NOTHING, state=State.BUFFERING, reason=""), 44, 20))
    assert "waiting for the first snapshot" in " ".join(silent)


def test_one_empty_side_is_named() -> None:
    assert "no asks" in " ".join(text(drawn(replace(BOOK, asks=()), 44, 20)))
    assert "no bids" in " ".join(text(drawn(replace(BOOK, bids=()), 80, 20)))


def test_an_audit_that_found_something_is_not_overlooked() -> None:
    lines = drawn(replace(BOOK, differences=3), 80, 20)
    assert styled(lines, "reason") == "audited 12 s ago: 3 differ"


def test_overview_says_of_each_symbol_what_it_is_worth() -> None:
    btc = replace(
        BOOK, symbol="BTCUSDT", price_decimals=2, bids=((104123.45, 1.0),), asks=((104123.5, 3.0),)
    )
    lines = text(overview([BOOK, replace(STALE, symbol="ETHBTC"), btc, NOTHING], 100, 6, 0))
    assert "symbol" in lines[0]
    assert "0.0098124" in lines[1]
    assert "●" in lines[1]
    assert "▲ STALE 3.2 s: gap: 12 updates" in lines[2]
    assert "◌ CONNECTING 0.3 s: socket lost: connection refused, trying again in 2.0 s" in lines[4]
    assert lines[1].index("0.0098124") + 1 == lines[3].index("104123.45") + 6, "points are aligned"


def test_overview_scrolls() -> None:
    pictures = [replace(BOOK, symbol=f"COIN{index}") for index in range(9)]
    assert [row.split()[0] for row in text(overview(pictures, 80, 4, 5))[1:]] == [
        "COIN5",
        "COIN6",
        "COIN7",
    ]


def test_header_gives_up_the_less_important_first() -> None:
    wide, middle, narrow = ("".join(text([header(STATUS, width)])) for width in (120, 80, 30))
    for word in ("depthcli", "spot · embedded exchange", "10 fps", "412 events/s", "0 gaps"):
        assert word in wide
    assert "12:04:31 UTC" in wide
    assert "412 events/s" in middle
    for shown in (wide, middle, narrow):
        assert "● 4 live  ▲ 1 stale" in shown


def test_a_pause_is_announced_with_its_age() -> None:
    paused = replace(STATUS, paused_for=12.0)
    for width in (120, 80, 40):
        assert "PAUSED 12 s" in "".join(text([header(paused, width)]))
    assert "p go on" in "".join(text([footer(paused, 80, scrolls=False)]))


def test_footer_names_scrolling_only_where_it_works() -> None:
    assert "↑↓ scroll" in "".join(text([footer(STATUS, 80, scrolls=True)]))
    assert "scroll" not in "".join(text([footer(STATUS, 80, scrolls=False)]))


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
    )


@given(
    st.lists(pictures(), min_size=1, max_size=7),
    st.integers(1, 200),
    st.integers(1, 60),
    st.integers(1, 20),
    st.none() | st.floats(0, 1e6),
)
def test_every_screen_has_exactly_its_size(
    shown: list[Picture], width: int, height: int, depth: int, paused_for: float | None
) -> None:
    planned = plan(shown, width, height, depth)
    lines = draw(shown, planned, replace(STATUS, paused_for=paused_for), 0)
    assert len(lines) == height
    assert {sum(cell_len(part) for part, _ in line) for line in lines} == {width}
    known = palette(dark=True)
    assert all(name in known for line in lines for _, name in line)


@pytest.mark.parametrize("dark", [True, False])
def test_what_is_old_shows_without_colours(dark: bool) -> None:
    styles = palette(dark=dark)
    assert all(styles[name].dim for name in ("old", "old.bar", "old.edge"))
    assert all(styles[name].bold for name in ("bid.best", "ask.best", "reason", "paused"))
