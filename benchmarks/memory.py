"""Memory of a book: what the process grows by, in a process of its own for each contender."""

from __future__ import annotations

import gc
import subprocess
import sys

from benchmarks.contenders import Contender, present
from benchmarks.feeds import synthetic
from benchmarks.processes import resident
from benchmarks.report import Bars, Section

LEVELS = 1_000


def measure(*, tiny: bool) -> Section:
    """Measure each contender in a process of its own."""
    kinds, absent = present()
    books = 5 if tiny else 100
    section = Section(
        "Memory",
        f"Resident bytes a level, of {books} books of {LEVELS:,} levels a side after 20 events and"
        " a read of the top.",
        ["", "bytes a level", "ratio"],
    )
    found = {kind.name: _in_its_own_process(kind, books) for kind in kinds}
    ours = found["depthcli"]
    for name, value in found.items():
        section.rows.append([name, f"{value:,.0f}", f"{value / ours:.2f}"])
    section.plots["memory"] = Bars("bytes a level", found)
    if absent:
        section.notes.append(f"Not installed, and so skipped: {', '.join(absent)}.")
    return section


def _in_its_own_process(kind: type[Contender], books: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", kind.name, str(books)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return max(float(answer.stdout.split()[-1]), 1.0)


def main(name: str, books: int) -> None:
    """Print the bytes a level of one contender."""
    kind = next(kind for kind in present()[0] if kind.name == name)
    feed = synthetic(LEVELS, events=21)
    kept: list[Contender] = []
    before = 0
    for number in range(books + 1):
        contender = kind(feed)
        for frame in feed.frames[1:]:
            contender.event(frame)
        contender.top(5)
        kept.append(contender)
        if not number:
            gc.collect()
            before = resident()
    gc.collect()
    print((resident() - before) / books / (2 * LEVELS))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
