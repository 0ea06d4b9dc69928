"""The ladder: levels at their prices, marks where something changed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, strategies as st
from rich.cells import cell_len

from depthcli.tui.model.flashes import Flasher
from depthcli.tui.model.price_axis import Axis, placed
from depthcli.tui.views.ladder import ladder
from depthcli.tui.views.theme import palette
from tests.tui.views.test_books import BOOK, pictures, text

AXIS = Axis(1e-7, 98128, 11)


def rows(picture=BOOK, axis: Axis = AXIS, flashes=None, width: int = 60) -> list[str]:
    return text(ladder(picture, width, 17, axis, flashes or {}))


def test_each_level_stands_at_its_price() -> None:
    drawn = rows()
    at = {price: row for row in drawn for price in ("0.0098124", "0.0098131") if f" {price}" in row}
    assert "14.392" in at["0.0098124"]
    assert at["0.0098124"].index("14.392") < at["0.0098124"].index("0.0098124"), "bids are left"
    assert at["0.0098131"].index("18.798") > at["0.0098131"].index("0.0098131"), "asks are right"
    prices = [row.split("0.00981")[1][:2] for row in drawn if "0.00981" in row and "mid" not in row]
    assert prices == sorted(prices, reverse=True)
    assert len(prices) == 11, "prices without a level have a row, too"


def test_what_lies_past_the_horizon_is_marked_level_or_not() -> None:
    cut = replace(BOOK, horizons=(0.0098124, 0.0098132))
    drawn = rows(cut, replace(AXIS, count=12), width=80)
    assert "░ beyond snapshot" in drawn[1]
    at = {row.split("0.00981")[1][:2]: row for row in drawn[2:14]}
    assert "≥" not in at["24"] + at["31"] + at["32"]
    assert "6.459≥" in at["23"]
    assert "≥  12.35M" in at["33"]
    assert "░" in at["22"], "whether anything rests there isn't known"
    assert not any("░" in row or "≥" in row for row in rows())


def test_a_spread_wider_than_the_axis_says_where_its_ends_are() -> None:
    drawn = rows(axis=Axis(1e-7, 98127, 3))
    assert drawn[2].endswith("0.0098128 ▲ 0.0098131")
    assert drawn[4].endswith("0.0098124 ▼ 0.0098126")
    assert not any("▲" in row or "▼" in row for row in rows())


def test_nothing_moves_when_the_market_moves_a_little() -> None:
    moved = replace(BOOK, bids=BOOK.bids[1:], asks=BOOK.asks)
    axis = placed(AXIS, float(moved.mid), AXIS.step, AXIS.count)
    before, after = rows(), rows(moved, axis)
    changed = [row for row, other in zip(before, after, strict=True) if row != other]
    assert any("0.0098124" in row for row in changed)
    assert not any("0.0098132" in row for row in changed)


def test_what_changed_is_marked_for_a_moment() -> None:
    flasher = Flasher()
    assert flasher.look(BOOK, 10.0) == {}
    more = replace(BOOK, bids=((0.0098124, 99.0), *BOOK.bids[1:]), asks=((0.0098131, 1.0),))
    flashes = flasher.look(more, 10.1)
    assert flashes == {("bid", 0.0098124): 1, ("ask", 0.0098131): -1}
    assert any("99.000▴ 0.0098124" in row for row in rows(more, flashes=flashes))
    assert any("0.0098131 ▾   1.000" in row for row in rows(more, flashes=flashes))
    assert flasher.look(more, 10.5) == flashes
    assert flasher.look(more, 10.7) == {}, "it doesn't go on"


def test_levels_that_come_and_go_do_not_flash() -> None:
    flasher = Flasher()
    flasher.look(BOOK, 10.0)
    assert flasher.look(replace(BOOK, bids=BOOK.bids[1:]), 10.1) == {}
    assert flasher.look(BOOK, 10.2) == {}


@given(
    pictures(),
    st.integers(1, 160),
    st.integers(1, 50),
    st.none() | st.integers(0, 10**6),
    st.integers(1, 50),
)
def test_every_ladder_has_exactly_its_size(picture, width, height, centre, count) -> None:
    axis = None if centre is None else Axis(0.01, centre, count)
    lines = ladder(picture, width, height, axis, {})
    assert len(lines) == height
    assert {sum(cell_len(part) for part, _ in line) for line in lines} == {width}
    known = palette(dark=True)
    assert all(name in known for line in lines for _, name in line)
