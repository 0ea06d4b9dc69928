"""The whole screen as lines: header, panels or overview, footer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthcli.tui.layout import BETWEEN, Widths, arrange
from depthcli.tui.lines import blank, fit, line, width_of
from depthcli.tui.numbers import age_text, clock_text, rate_text
from depthcli.tui.overview import furthest, overview
from depthcli.tui.panel import SIGNS, panel, widths_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from depthcli.synchronizer import State
    from depthcli.tui.layout import Arrangement
    from depthcli.tui.lines import Line, Segment
    from depthcli.tui.watched import Picture

_HEADER_ROWS: Final = 1
_SMALLEST_WITH_FOOTER: Final = 4
_SMALLEST_WITH_HEADER: Final = 6


@dataclass(frozen=True, slots=True)
class Status:
    """What the header and the footer tell.

    Attributes:
        title: where the books come from.
        frames_per_second: how often the screen was drawn lately; None until it is known.
        events_per_second: events applied to all books lately; None until it is known.
        gaps: breaks in the chains of events, of all books, since the start.
        states: how many books there are in each state.
        clock: seconds since the epoch.
        paused_for: seconds since the picture was frozen; None while it moves.
        depth: levels a side that are wanted.
        dark: whether the theme is dark.
    """

    title: str
    frames_per_second: float | None
    events_per_second: float | None
    gaps: int
    states: Mapping[State, int]
    clock: float
    paused_for: float | None
    depth: int
    dark: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How a screen of a given size is used.

    Attributes:
        width: cells.
        height: rows.
        header: whether there is a header.
        footer: whether there is a footer.
        panels: the panels' arrangement; None for the overview.
    """

    width: int
    height: int
    header: bool
    footer: bool
    panels: Arrangement | None

    @property
    def body(self) -> int:
        """Rows between header and footer."""
        return body_height(self.height)


def body_height(height: int) -> int:
    """Return the rows that header and footer leave: a tiny screen has neither."""
    return max(0, height - (height >= _SMALLEST_WITH_HEADER) - (height >= _SMALLEST_WITH_FOOTER))


def plan(pictures: Sequence[Picture], width: int, height: int, depth: int) -> Plan:
    """Return how the screen is best used for those books."""
    each = [widths_of(picture) for picture in pictures]
    widest = Widths(max(one.price for one in each), max(one.quantity for one in each))
    return Plan(
        width,
        height,
        header=height >= _SMALLEST_WITH_HEADER,
        footer=height >= _SMALLEST_WITH_FOOTER,
        panels=arrange(len(pictures), width, body_height(height), depth, widest),
    )


def furthest_scroll(planned: Plan, count: int) -> int:
    """Return how far down the overview of so many symbols goes; 0 for panels."""
    return 0 if planned.panels else furthest(count, planned.body)


def draw(pictures: Sequence[Picture], planned: Plan, status: Status, scroll: int) -> list[Line]:
    """Return the screen: `planned.height` lines, each `planned.width` cells wide."""
    width = planned.width
    if planned.panels:
        body = _panels(pictures, planned.panels)
    else:
        body = overview(pictures, width, planned.body, scroll)
    lines = [header(status, width)] if planned.header else []
    lines += fit(body, width, planned.body)
    if planned.footer:
        scrolls = furthest_scroll(planned, len(pictures)) > 0
        lines.append(footer(status, width, scrolls=scrolls))
    return lines


def _panels(pictures: Sequence[Picture], arrangement: Arrangement) -> list[Line]:
    lines: list[Line] = []
    total = sum(arrangement.widths) + BETWEEN * (arrangement.columns - 1)
    for start in range(0, len(pictures), arrangement.columns):
        row = pictures[start : start + arrangement.columns]
        drawn = [
            panel(picture, width, arrangement.shape)
            for picture, width in zip(row, arrangement.widths, strict=False)
        ]
        lines += [blank(total)] * (arrangement.gap if lines else 0)
        beside = [_beside(parts) for parts in zip(*drawn, strict=True)]
        lines += beside if len(row) == arrangement.columns else [line(total, one) for one in beside]
    return lines


def _beside(parts: Sequence[Line]) -> Line:
    joined: list[Segment] = []
    for index, part in enumerate(parts):
        if index:
            joined.append((" " * BETWEEN, ""))
        joined += part
    return tuple(joined)


def header(status: Status, width: int) -> Line:
    """Return the first line: what this is, how fast it runs, what the books are worth.

    Where room lacks, what matters less is given up first; that it's paused, and what the books are
    worth, last.
    """
    start: list[Segment] = [(" depthcli ", "brand"), (f" {status.title} ", "header")]
    states, signs = _states(status, words=True), _states(status, words=False)
    frames = (f"{rate_text(status.frames_per_second)} fps", "header.text")
    events = (f"{rate_text(status.events_per_second)} events/s", "header.text")
    noun = "gap" if status.gaps == 1 else "gaps"
    gaps = (f"{status.gaps} {noun}", "header.warning" if status.gaps else "header.text")
    clock = (f"{clock_text(status.clock)} UTC", "header.text")
    paused: list[Segment] = []
    if status.paused_for is not None:
        paused = [(f" PAUSED {age_text(status.paused_for)} ", "paused")]
    wishes: tuple[tuple[list[Segment], list[Segment]], ...] = (
        (start, [frames, events, gaps, *states, clock]),
        (start, [frames, events, gaps, *states]),
        (start, [events, gaps, *states]),
        (start, [gaps, *states]),
        (start[:1], [gaps, *states]),
        (start[:1], states),
        ([], states),
        ([], signs),
    )
    for name, parts in wishes:
        end = _spaced([*paused, *parts])
        room = width - width_of(name) - width_of(end)
        if room >= 2:
            return line(width, [*name, (" " * (room - 1), "header"), *end])
    return line(width, _spaced([*paused, *signs]))


def _states(status: Status, *, words: bool) -> list[Segment]:
    """Return how many books there are in each state that there is."""
    return [
        (f"{SIGNS[state]} {count}{f' {state.value}' if words else ''}", f"sign.{state.value}")
        for state, count in status.states.items()
        if count
    ]


def footer(status: Status, width: int, *, scrolls: bool) -> Line:
    """Return the last line: the keys that work here, where room lacks the last are left out."""
    keys = [
        ("q", "quit"),
        ("?", "help"),
        ("p", "pause" if status.paused_for is None else "go on"),
        ("+/-", f"depth {status.depth}"),
        ("t", "light" if status.dark else "dark"),
    ]
    if scrolls:
        keys.insert(2, ("↑↓", "scroll"))
    room = sum(len(key) + len(word) + 4 for key, word in keys)
    between = " " if room > width else "  "
    segments: list[Segment] = []
    for key, word in keys:
        shown: list[Segment] = [(f" {key} ", "key"), (word + between, "footer")]
        if width_of(segments) + width_of(shown) > width + len(between):
            break
        segments += shown
    return line(width, segments, "footer")


def _spaced(parts: Sequence[Segment]) -> list[Segment]:
    spaced: list[Segment] = []
    for part in parts:
        spaced += [("  ", "header"), part] if spaced else [part]
    return spaced


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
