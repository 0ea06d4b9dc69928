"""The log panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthcli.tui.drawing.numbers import clock_text
from depthcli.tui.drawing.styled_lines import blank, cells, line, wrap
from depthcli.tui.model.conditions import SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.event_log import Entry

_LEAST_TEXT: Final = 28


def log_panel(entries: Iterable[Entry], width: int, height: int, back: int) -> list[Line]:
    """Return the panel: the newest entries at the bottom.

    Args:
        entries: the oldest first.
        width: cells.
        height: rows, with the heading.
        back: rows scrolled back from the newest.
    """
    rows: list[Line] = []
    entries = list(entries)
    names = max((cells(entry.symbol) for entry in entries), default=0)
    narrow = width < 10 + names + 4 + _LEAST_TEXT
    start = 3 if narrow else 10 + names + 4
    for entry in entries[-(height + back) :]:
        sign = f"sign.{entry.state.value}"
        named = entry.symbol + " " * (names - cells(entry.symbol) + 2)
        head: list[Segment] = [
            (f" {clock_text(entry.time)} ", "label"),
            (f"{SIGNS[entry.state]} ", sign),
            (named, "name"),
        ]
        if narrow:
            rows.append(line(width, head))
            head = []
        for text in wrap(entry.text, max(width - start - 1, 10), 3 if narrow else 2):
            rows.append(line(width, [*(head or [(" " * start, "")]), (text, "")]))
            head = []
    end = max(len(rows) - back, min(len(rows), height - 1))
    shown = rows[max(0, end - (height - 1)) : end]
    heading = line(
        width, [(" log", "title.name"), ("   what happened, UTC", "title.text")], "title"
    )
    return [heading, *[blank(width)] * (height - 1 - len(shown)), *shown][:height]
