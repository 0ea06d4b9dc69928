"""Lines of text with named styles, always exactly as wide as they should be.

A line is plain data, so it can be compared with the one that was drawn before, and tested without a
terminal. The names of the styles are turned into colours by `palette`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Segment = tuple[str, str]
"""A text and the name of its style."""

Line = tuple[Segment, ...]
"""Segments from left to right."""

OLD: Final = "old"
"""The style of levels that are no longer live."""

OLD_BAR: Final = "old.bar"
"""The style of their bars."""

OLD_EDGE: Final = "old.edge"
"""The style of the edge of their bars to the left."""

_BETWEEN_PARTS: Final = re.compile(r"  +| = ")
_NUMBER: Final = re.compile(r"\d(?:[\d.,:]*\d)?(?:e[+-]?\d+)?[kMBT%]?")
_OLD_NAMES: Final = {"bar": OLD_BAR, "edge": OLD_EDGE}


def cells(text: str) -> int:
    """Return how many cells of the terminal a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def width_of(segments: Iterable[Segment]) -> int:
    """Return the cells of all segments."""
    return sum(cells(text) for text, _ in segments)


def cut(text: str, width: int) -> str:
    """Return the text in at most `width` cells, with an ellipsis where something is left out.

    A number is whole or left out: a part of one would be another number.

    >>> cut("gap after 4711", 13)
    'gap after…'
    """
    if cells(text) <= width:
        return text
    return _start(text, width - 1).rstrip() + "…" if width > 0 else ""


def _start(text: str, width: int) -> str:
    """Return the beginning of a text that is too wide, in `width` cells; no number is cut."""
    start = set_cell_size(text, width)
    end = len(start)
    for match in _NUMBER.finditer(text):
        if match.start() < end < match.end():
            return set_cell_size(text[: match.start()], width)
    return start


def shortened(text: str, width: int) -> str:
    """Return as many of a text's parts, from the first on, as fit.

    >>> shortened("ask 10.5  +1.2 bp  7 BTC = 73 USDT   3 levels", 30)
    'ask 10.5  +1.2 bp  7 BTC'
    """
    ends = [len(text), *[match.start() for match in _BETWEEN_PARTS.finditer(text)][::-1]]
    return next((text[:end] for end in ends if cells(text[:end]) <= width), cut(text, width))


def left(text: str, width: int) -> str:
    """Return the text left-aligned in exactly `width` cells."""
    return set_cell_size(cut(text, width), width)


def right(text: str, width: int) -> str:
    """Return the text right-aligned in exactly `width` cells."""
    text = cut(text, width)
    return " " * (width - cells(text)) + text


def line(width: int, segments: Iterable[Segment], fill: str = "") -> Line:
    """Return the segments as a line of exactly `width` cells.

    Args:
        width: cells.
        segments: what the line begins with; what is too much is cut off, numbers as a whole.
        fill: the style of the blanks that fill the rest.
    """
    fitted: list[Segment] = []
    room = width
    for text, style in segments:
        wide = cells(text)
        if wide > room:
            text = _start(text, room)  # noqa: PLW2901
            wide = room
        if text:
            fitted.append((text, style))
        room -= wide
    if room > 0:
        fitted.append((" " * room, fill))
    return tuple(fitted)


def ends(width: int, start: Iterable[Segment], end: Iterable[Segment], fill: str = "") -> Line:
    """Return a line with something at either end; the end stays whole, the start gives way."""
    end = list(end)
    taken = width_of(end)
    if taken > width:
        return line(width, end, fill)
    return (*line(width - taken, start, fill), *end)


def wrap(text: str, width: int, most: int) -> list[str]:
    """Return the text in at most `most` lines of `width` cells, broken between words.

    What doesn't fit into the last line ends in an ellipsis.
    """
    rows: list[str] = []
    words = text.split()
    while words and len(rows) < most - 1:
        row = words.pop(0)
        while words and cells(row) + 1 + cells(words[0]) <= width:
            row += " " + words.pop(0)
        rows.append(cut(row, width))
    return [*rows, cut(" ".join(words), width)] if words else rows


def old(drawn: Line) -> Line:
    """Return a line as it is shown when the book isn't live: without colours."""
    return tuple((text, _old_name(style)) for text, style in drawn)


def _old_name(style: str) -> str:
    """Return the style that replaces a style when the book isn't live."""
    if style.startswith("heat."):
        return f"{OLD}.{style}"
    return _OLD_NAMES.get(style.rpartition(".")[2], OLD)


def blank(width: int) -> Line:
    """Return an empty line."""
    return line(width, ())


def fit(lines: Sequence[Line], width: int, height: int) -> list[Line]:
    """Return exactly `height` lines, cut off or filled with blank ones."""
    return [*lines[:height], *[blank(width)] * (height - len(lines))]


def changed(before: Line, after: Line) -> tuple[int, int] | None:
    """Return where two lines of one width differ, as first cell and number of cells; or None.

    Whole segments are compared: the answer may be a little too wide, never too narrow.
    """
    if before == after:
        return None
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    most = min(len(before), len(after)) - start
    while end < most and before[-1 - end] == after[-1 - end]:
        end += 1
    return width_of(after[:start]), width_of(after[start : len(after) - end])
