"""The first and the last line of the screen: the status, and the key hints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from depthcli.tui.drawing.numbers import age_text, clock_text, rate_text
from depthcli.tui.drawing.styled_lines import cells, line, shortened, width_of
from depthcli.tui.model.conditions import SIGNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from depthcli.core.state import State
    from depthcli.tui.drawing.styled_lines import Line, Segment

Hint = tuple[str, str]
"""A key, and what it does in a word or two."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the header shows.

    Attributes:
        title: where the books come from.
        view: the name of the view, with its page where not all tiles fit.
        frames_per_second: recent frame rate; None: not known yet.
        events_per_second: recent rate of events applied to all books; None: not known yet.
        gaps: gaps in the events of all books since the start.
        states: number of books in each state.
        clock: seconds since the epoch.
        paused_for: seconds since the display was paused; None: it isn't.
    """

    title: str
    view: str
    frames_per_second: float | None
    events_per_second: float | None
    gaps: int
    states: Mapping[State, int]
    clock: float
    paused_for: float | None


def header(status: Status, width: int) -> Line:
    """Return the first line: title, rates and the states of the books.

    Where room is short, the least important parts go first. The pause and the states go last.
    """
    brand: Segment = (" depthcli ", "brand")
    view: Segment = (f" {status.view} ", "header.view")
    title: Segment = (f" {status.title} ", "header")
    states, signs = _states(status, words=True), _states(status, words=False)
    frames = (f"{rate_text(status.frames_per_second):>2} fps", "header.text")
    events = (f"{rate_text(status.events_per_second):>4} events/s", "header.text")
    noun = "gap" if status.gaps == 1 else "gaps"
    gaps = (f"{status.gaps} {noun}", "header.warning" if status.gaps else "header.text")
    clock = (f"{clock_text(status.clock)} UTC", "header.text")
    paused: list[Segment] = []
    if status.paused_for is not None:
        paused = [(f" PAUSED {age_text(status.paused_for)} ", "paused")]
    wishes: tuple[tuple[list[Segment], list[Segment]], ...] = (
        ([brand, view, title], [frames, events, gaps, *states, clock]),
        ([brand, view, title], [frames, events, gaps, *states]),
        ([brand, view, title], [events, gaps, *states]),
        ([brand, view, title], [gaps, *states]),
        ([brand, view], [gaps, *states]),
        *([] if status.gaps else [([brand, view], states)]),
        ([view], [gaps, *states]),
        ([view], states),
        ([view], signs),
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
    """Return the number of books in each state, without the empty states."""
    return [
        (f"{SIGNS[state]} {count}{f' {state.value}' if words else ''}", f"sign.{state.value}")
        for state, count in status.states.items()
        if count
    ]


def footer(hints: Sequence[Hint], width: int) -> Line:
    """Return the last line: as many of the key hints as fit."""
    room = sum(cells(key) + cells(word) + 4 for key, word in hints)
    between = " " if room > width else "  "
    segments: list[Segment] = []
    for key, word in hints:
        shown: list[Segment] = [(f" {key} ", "key"), (word + between, "footer")]
        if width_of(segments) + width_of(shown) > width + len(between):
            break
        segments += shown
    return line(width, segments, "footer")


def pointed_at(text: str, width: int) -> Line:
    """Return the last line while the mouse is over something: what it is."""
    return line(width, [(" ", "footer"), (shortened(text, width - 2), "footer.pointed")], "footer")


def _spaced(parts: Sequence[Segment]) -> list[Segment]:
    spaced: list[Segment] = []
    for part in parts:
        spaced += [("  ", "header"), part] if spaced else [part]
    return spaced
