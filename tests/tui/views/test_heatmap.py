"""The heatmap: where how much rested, with colours and without."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from depthcli.core.book import DepthCache
from depthcli.core.state import State
from depthcli.tui.model.history import NOWHERE, SAMPLES, History
from depthcli.tui.model.price_axis import Axis
from depthcli.tui.views.heatmap import columns, heatmap, prices
from depthcli.tui.views.theme import palette
from tests.horizons import end_at
from tests.tui.views.test_books import BOOK, pictures, text

PICTURE = replace(
    BOOK, price_decimals=1, price_width=5, bids=((100.0, 1.0),), asks=((102.0, 4.0),), base="BTC"
)
AXIS = Axis(1.0, 101, 7)


def cache(bids: dict[float, float], asks: dict[float, float]) -> DepthCache[float]:
    made = DepthCache("BNBBTC")
    made.bids.update(bids.items())
    made.asks.update(asks.items())
    for side, levels in ((made.bids, bids), (made.asks, asks)):
        if levels:
            end_at(side, side.levels()[-1][0])
    return made


def remembered() -> History:
    history = History()
    history.add(10.0, cache({100.0: 1.0, 99.0: 9.0}, {102.0: 4.0, 103.0: 1.0}))
    history.add(11.0, cache({101.0: 1.0, 99.0: 9.0}, {102.0: 4.0, 103.0: 9.0}))
    return history


def plain(now: float = 11.5) -> list[str]:
    rows = text(heatmap(PICTURE, remembered(), 9, 11, AXIS, 1, now, plain=True))
    return [row.ljust(9) for row in rows]


def test_each_column_is_a_moment_and_each_row_a_price() -> None:
    body = [row[:2] for row in plain()[2:9]]
    assert body == ["░░", ":#", "▾▾", " ▴", "▴ ", "##", "░░"], "104 down to 98"


def test_time_goes_on_to_the_left() -> None:
    assert [row[:2] for row in plain(12.5)[2:9]] == ["░ ", "# ", "▾ ", "▴ ", "  ", "# ", "░ "]


def test_prices_beyond_the_snapshot_are_not_empty_but_unknown() -> None:
    (sample,) = [one for one in remembered().columns(1, 1, 11.0) if one]
    assert sample.sizes(Axis(1.0, 101, 7)) == [NOWHERE, 9.0, 0.0, 1.0, 4.0, 9.0, NOWHERE]


def test_a_side_that_is_known_whole_is_empty_beyond_its_levels() -> None:
    history = History()
    history.add(10.0, cache({100.0: 1.0, 99.0: 9.0}, {}))
    (sample,) = [one for one in history.columns(1, 1, 10.0) if one]
    assert sample.sizes(AXIS) == [NOWHERE, 9.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_columns_of_several_seconds_show_the_last_of_them() -> None:
    history = remembered()
    (before, last) = history.columns(5, 2, 11.0)
    assert before is None
    assert last is not None
    assert last.time == 11.0
    assert not history.due(11.9)
    assert history.due(12.0)


def test_memory_is_bounded() -> None:
    history = History()
    book = cache({100.0: 1.0}, {102.0: 4.0})
    for second in range(SAMPLES + 50):
        history.add(float(second), book)
    found = history.columns(1, SAMPLES + 50, SAMPLES + 49.0)
    assert [one is None for one in found] == [True] * 50 + [False] * SAMPLES


def test_a_book_that_is_no_longer_true_keeps_its_picture_in_grey() -> None:
    then = heatmap(PICTURE, remembered(), 40, 11, AXIS, 1, 11.5, plain=False)
    stale = replace(PICTURE, state=State.STALE, reason="gap", age=120.0)
    now = heatmap(stale, remembered(), 40, 11, AXIS, 1, 131.5, plain=False)
    assert text(now)[3:9] == text(then)[3:9], "the first line of it says why"
    assert "now" in text(then)[-2]
    assert "2 min ago" in text(now)[-2]
    named = {name for line in now[3:9] for _, name in line}
    assert any(name.startswith("old.heat.") for name in named)
    assert not any(name.startswith("heat.") for name in named)


def test_neither_best_price_is_left_out_where_they_share_a_row() -> None:
    wide = Axis(2.0, 50, 8)
    rows = text(heatmap(PICTURE, remembered(), 30, 8, wide, 1, 11.5, plain=False))[2:6]
    assert [row.split()[-1] for row in rows[1:3]] == ["102.0", "100.0"]


def test_what_is_not_known_is_said() -> None:
    assert (
        "grey: unknown"
        in text(heatmap(PICTURE, remembered(), 70, 11, AXIS, 1, 11.5, plain=False))[-2]
    )
    assert (
        "░ unknown" in text(heatmap(PICTURE, remembered(), 70, 11, AXIS, 1, 11.5, plain=True))[-2]
    )
    within = Axis(1.0, 101, 5)
    known = text(heatmap(PICTURE, remembered(), 70, 9, within, 1, 11.5, plain=True))
    assert "unknown" not in known[-2]
    assert "1 s/column" in known[-2]


@pytest.mark.parametrize("base", ["", "BTC", "币安人生", "币安人生币安人生币安人生"])
@pytest.mark.parametrize("width", [24, 40, 41, 60, 80])
def test_the_last_column_is_now_however_wide_the_assets_name_is(base: str, width: int) -> None:
    named = replace(PICTURE, base=base)
    lines = heatmap(named, remembered(), width, 11, AXIS, 1, 11.5, plain=True)
    times = "".join(part for part, _ in lines[-2])
    assert cell_len(times.rstrip()) == columns(named, AXIS, width)
    assert times.rstrip().endswith("now")
    assert "…" not in times


def test_prices_wider_than_the_touch_are_whole() -> None:
    axis = Axis(1.0, 9_999, 9)
    near = replace(PICTURE, bids=((9998.0, 1.0),), asks=((9999.0, 4.0),), price_width=6)
    rows = text(heatmap(near, remembered(), 40, 13, axis, 1, 11.5, plain=True))
    assert "10003.0" in [row.split()[-1] for row in rows if row]


def test_colours_put_two_prices_into_a_cell() -> None:
    axis = Axis(1.0, 101, prices(7, plain=False))
    lines = heatmap(PICTURE, remembered(), 9, 7, axis, 1, 11.5, plain=False)
    styles = [[name for _, name in line if name.startswith("heat.")] for line in lines[2:5]]
    assert styles == [["heat.2.a", "heat.7.a"], ["heat.0.b", "heat.b.0"], ["heat.7.u"]]


@given(
    pictures(),
    st.integers(1, 160),
    st.integers(1, 50),
    st.none() | st.integers(0, 10**6),
    st.booleans(),
)
def test_every_heatmap_has_exactly_its_size(picture, width, height, centre, bare) -> None:
    axis = None if centre is None else Axis(0.01, centre, prices(height, plain=bare))
    lines = heatmap(picture, remembered(), width, height, axis, 1, 12.0, plain=bare)
    assert len(lines) == height
    assert {sum(cell_len(part) for part, _ in line) for line in lines} == {width}
    known = palette(dark=True)
    assert all(name in known for line in lines for _, name in line)
    assert axis is None or columns(picture, axis, width) >= 1
