"""The depth chart: steps that are the cumulative quantities, and a cursor that reads them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, strategies as st
from rich.cells import cell_len

from depthcli.tui.model.price_axis import Axis
from depthcli.tui.views.chart import chart, columns, cursor_at, reading
from depthcli.tui.views.theme import palette
from tests.tui.views.test_books import BOOK, pictures, text

PICTURE = replace(
    BOOK,
    price_decimals=1,
    price_width=5,
    base="BTC",
    quote="USDT",
    bids=((100.0, 1.0), (99.0, 1.0), (98.0, 2.0)),
    asks=((101.0, 4.0), (103.0, 4.0)),
)
AXIS = Axis(1.0, 100, 11)


def drawn(picture=PICTURE, axis: Axis = AXIS, cursor: int | None = None) -> list[str]:
    return text(chart(picture, 19, 12, axis, cursor))


def heights(lines: list[str]) -> list[int]:
    """Return how high each column is, in eighths of a row."""
    body = [line.ljust(19)[8:19] for line in lines[2:10]]
    return [sum(" ▁▂▃▄▅▆▇█".find(row[x]) for row in body) for x in range(11)]


def test_columns_are_as_high_as_what_has_to_be_traded() -> None:
    full = 64 / 8.0
    assert [round(high / full) for high in heights(drawn())] == [4, 4, 4, 4, 2, 1, 4, 4, 8, 8, 8]
    assert drawn()[2].split()[0] == "8"


def test_what_lies_past_the_horizon_is_drawn_otherwise() -> None:
    known = replace(PICTURE, horizons=(98.0, None))
    assert all(line.ljust(19)[8:10] in {"  ", "░░"} for line in drawn(known)[2:10])
    assert any("░" in line for line in drawn(known))
    assert not any("░" in line for line in drawn())
    assert "░ beyond snapshot" in text(chart(known, 60, 12, AXIS, None))[1]
    assert "beyond" not in text(chart(PICTURE, 60, 12, AXIS, None))[1]
    assert reading(known, AXIS, 97).startswith("bid 97.0  beyond the snapshot")
    assert "beyond" not in reading(known, AXIS, 98), "the horizon itself is known"


def test_the_cursor_says_what_lies_up_to_it() -> None:
    assert reading(PICTURE, AXIS, 98).startswith(
        "bid 98.0  -248.76 bp  4 BTC = 395 USDT   3 levels"
    )
    assert "8 BTC = 816 USDT   2 levels" in reading(PICTURE, AXIS, 104)
    assert "between bid and ask" in reading(PICTURE, Axis(0.5, 200, 11), 201)
    assert any("│" in line for line in drawn(cursor=105)[2:4])
    assert "ask 104.0" in text(chart(PICTURE, 80, 12, AXIS, 104))[-1]


def test_a_cell_stands_for_a_price() -> None:
    assert columns(19) == 11
    assert cursor_at(AXIS, 8) == AXIS.lowest
    assert cursor_at(AXIS, 18) == AXIS.highest
    assert cursor_at(AXIS, 7) is None
    assert cursor_at(AXIS, 19) is None


@given(
    pictures(),
    st.integers(1, 160),
    st.integers(1, 50),
    st.none() | st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
)
def test_every_chart_has_exactly_its_size(picture, width, height, centre, cursor) -> None:
    axis = None if centre is None else Axis(0.01, centre, columns(width))
    lines = chart(picture, width, height, axis, cursor)
    assert len(lines) == height
    assert {sum(cell_len(part) for part, _ in line) for line in lines} == {width}
    known = palette(dark=True)
    assert all(name in known for line in lines for _, name in line)
