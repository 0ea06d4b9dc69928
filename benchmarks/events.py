"""An event, from bytes to the book, with the top 5 of both sides read after each, or each tenth."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Contender, Depthcli, decode_event, decode_levels, present
from benchmarks.feeds import feeds
from benchmarks.report import Bars, Section
from benchmarks.timing import take_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.feeds import Feed

LIMIT = "decode alone"
LEVELS_ALONE = "decode of the levels alone"
TURN = 0.05
"""Seconds that one turn of a slow contender may take; it plays fewer frames then."""


def measure(*, tiny: bool) -> Section:
    """Measure all contenders on all feeds."""
    kinds, absent = present()
    section = Section(
        "An event, decoded and applied",
        "Microseconds an event, the top 5 of both sides read after every event or every tenth, and"
        f" the ratio to the limit for Python: *{LIMIT}*, msgspec's bare decode of the same bytes"
        " into floats.",
        ["feed", "", "each read", "ratio", "tenth read", "ratio"],
    )
    for feed in feeds():
        found = take_turns(_runs(feed, kinds, tiny=tiny), rounds=1 if tiny else 40)
        limit = found[LIMIT, 1]
        for name in (LIMIT, LEVELS_ALONE, *(kind.name for kind in kinds)):
            each, tenth = found[name, 1], found[name, 10]
            section.rows.append(
                [
                    feed.name,
                    name,
                    f"{each * 1e6:,.2f}",
                    f"{each / limit:,.2f}",
                    f"{tenth * 1e6:,.2f}",
                    f"{tenth / limit:,.2f}",
                ]
            )
        names = [LIMIT, *(kind.name for kind in kinds)]
        section.plots[f"events-{feed.symbol.lower()}"] = Bars(
            f"µs an event, {feed.name}, top 5 read after each",
            {name: found[name, 1] * 1e6 for name in names},
        )
    if absent:
        section.notes.append(f"Not installed, and so skipped: {', '.join(absent)}.")
    section.notes.append(
        "cryptofeed keeps its books in Decimals, and the others that are shown in floats."
    )
    section.notes.extend(_disagreements(kinds))
    return section


def _runs(
    feed: Feed, kinds: list[type[Contender]], *, tiny: bool
) -> dict[tuple[str, int], Callable[[], float]]:
    frames = feed.frames[1:20] if tiny else feed.frames[1:]
    runs: dict[tuple[str, int], Callable[[], float]] = {}
    for every in (1, 10):
        runs[LIMIT, every] = lambda: _decode(decode_event, frames)
        runs[LEVELS_ALONE, every] = lambda: _decode(decode_levels, frames)
        for kind in kinds:
            enough = frames[: _affordable(kind, feed, every)]
            runs[kind.name, every] = lambda kind=kind, enough=enough, every=every: kind(feed).play(
                enough, every
            )
    return runs


def _decode(decode: Callable[[bytes], Any], frames: list[bytes]) -> float:
    started = perf_counter()
    for frame in frames:
        decode(frame)
    return (perf_counter() - started) / len(frames)


def _affordable(kind: type[Contender], feed: Feed, every: int) -> int:
    """Return how many frames a contender plays in a turn, always whole tens."""
    cost = kind(feed).play(feed.frames[1:11], every)
    return max(10, 10 * int(TURN / cost / 10))


def _disagreements(kinds: list[type[Contender]]) -> list[str]:
    """Tell which contenders don't show depthcli's book after the same frames."""
    notes = []
    for feed in feeds():
        frames = feed.frames[1:250]
        expected = _shown(Depthcli, feed, frames)
        notes.extend(
            f"{kind.name} doesn't show the exchange's book of the feed {feed.name}."
            for kind in kinds
            if _shown(kind, feed, frames) != expected
        )
    return notes


def _shown(kind: type[Contender], feed: Feed, frames: list[bytes]) -> list[list[tuple[float, ...]]]:
    contender = kind(feed)
    for frame in frames:
        contender.event(frame)
    return [[tuple(map(float, level[:2])) for level in side] for side in contender.top(20)]
