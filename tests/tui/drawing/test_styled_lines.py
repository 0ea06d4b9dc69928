"""Lines are always exactly as wide as they should be, in cells of the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from depthcli.tui.drawing.styled_lines import (
    Line,
    changed,
    cut,
    ends,
    fit,
    left,
    line,
    old,
    right,
    wrap,
)

TEXTS = st.text(alphabet="ab 币安😀é.0", max_size=30)
SEGMENTS = st.lists(st.tuples(TEXTS, st.sampled_from(["", "bid", "ask.bar"])), max_size=6)
WIDTHS = st.integers(0, 40)


def cells(drawn: Line) -> int:
    return sum(cell_len(text) for text, _ in drawn)


@given(TEXTS, WIDTHS)
def test_texts_fit(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width
    assert cell_len(left(text, width)) == width
    assert cell_len(right(text, width)) == width


def test_cut_says_that_something_is_missing() -> None:
    assert cut("币安人生USDT", 8) == "币安人…"
    assert cut("BNBBTC", 6) == "BNBBTC"


@pytest.mark.parametrize(
    ("text", "width", "cut_text"),
    [
        ("2013", 3, "…"),
        ("gap after 4711, next", 13, "gap after…"),
        ("depth 12.3k", 11, "depth 12.3k"),
        ("depth 12.3k more", 11, "depth…"),
        ("BTC-261225-100000-C", 14, "BTC-261225-…"),
        ("at 12:04:31 UTC", 8, "at…"),
    ],
)
def test_a_number_is_whole_or_left_out(text: str, width: int, cut_text: str) -> None:
    assert cut(text, width) == cut_text
    bare = "".join(part for part, _ in line(width, [(text, "")])).rstrip()
    assert text.startswith(bare)
    assert not (text[len(bare) :][:1].isdigit() and bare[-1:].isdigit())


@given(SEGMENTS, SEGMENTS, WIDTHS)
def test_lines_have_their_width(start: list, end: list, width: int) -> None:
    assert cells(line(width, start)) == width
    assert cells(ends(width, start, end)) == width


def test_the_end_of_a_line_stays_whole() -> None:
    text = "".join(text for text, _ in ends(10, [("a long start", "")], [("end", "")]))
    assert text == "a long end"


@given(TEXTS, st.integers(1, 20), st.integers(1, 4))
def test_wrapped_text_fits(text: str, width: int, most: int) -> None:
    rows = wrap(text, width, most)
    assert len(rows) <= most
    assert all(cell_len(row) <= width for row in rows)


def test_wrapping_breaks_between_words() -> None:
    reason = "snapshot refused: HTTP 500, asking again in 2.0 s"
    assert wrap(reason, 30, 2) == ["snapshot refused: HTTP 500,", "asking again in 2.0 s"]
    assert wrap(reason, 30, 1) == ["snapshot refused: HTTP 500, a…"]


def test_old_lines_keep_their_text_and_lose_their_colours() -> None:
    drawn = (("1.5", "bid.best"), ("▌", "bid.edge"), ("██", "bid.bar"))
    assert old(drawn) == (("1.5", "old"), ("▌", "old.edge"), ("██", "old.bar"))


def test_fit_cuts_and_fills() -> None:
    one = line(3, [("abc", "")])
    assert fit([one] * 3, 3, 2) == [one, one]
    assert fit([one], 3, 2) == [one, (("   ", ""),)]


@given(SEGMENTS, SEGMENTS, st.integers(1, 40))
def test_all_that_differs_is_repainted(before: list, after: list, width: int) -> None:
    one, other = line(width, before), line(width, after)
    span = changed(one, other)
    first, count = span or (0, 0)
    assert (span is None) == (one == other)
    assert 0 <= first <= first + count <= width
    for drawn_cells in zip(painted(one), painted(other), range(width), strict=True):
        if not first <= drawn_cells[2] < first + count:
            assert drawn_cells[0] == drawn_cells[1]


def painted(drawn: Line) -> list[tuple[str, str]]:
    """Return character and style of each cell; a wide character's second cell is empty."""
    found = []
    for text, style in drawn:
        for character in text:
            found += [(character, style), ("", style)][: cell_len(character)]
    return found
