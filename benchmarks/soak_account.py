"""The account of a soak: what happened, what the process used meanwhile, and what wasn't right."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.processes import resident

if TYPE_CHECKING:
    from collections.abc import Iterator

CALM = 120.0
"""Seconds after the last fault within which everything must be live again."""

GROWTH = 0.05
"""The share by which memory may grow between the first and the last third of a run."""

LONGEST_OUTDATED = 60.0
"""Seconds within which a book must notice that the exchange has begun another one."""

HELD_UP = 3.0
"""A process in which nothing ran for so many seconds, for the machine had other things to do, tells
nothing by the memory that the system has given it."""


@dataclass(slots=True)
class Sample:
    """One look at what the process uses.

    `memory_mb` is what the system has given it; a burst leaves that higher than it was. `blocks`
    are the pieces of memory that Python holds: if something is kept for good, they tell.
    """

    seconds: float
    memory_mb: float
    blocks: int
    tasks: int
    sockets: int
    descriptors: int
    live: int


def look(seconds: float, live: int) -> Sample:
    """Return what this process uses now."""
    links = [str(link) for link in _links()]
    return Sample(
        round(seconds, 1),
        round(resident() / 2**20, 1),
        sys.getallocatedblocks(),
        len(asyncio.all_tasks()),
        sum(link.startswith("socket:") for link in links),
        len(links),
        live,
    )


def _links() -> Iterator[Path]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            yield entry.readlink()
        except OSError:
            continue


@dataclass(slots=True)
class Account:
    """What happened.

    Attributes:
        market: on which one.
        checked: comparisons of a live book with the exchange's.
        early: among them books built from a snapshot whose own event was still to come, and came.
        unknown: comparisons that couldn't be made: the exchange no longer knew that update id.
        outdated: among them those in which the exchange had begun another book, or had none: ids
            had gone back, or the symbol was taken off.
        most_outdated: for so many seconds a book was live then, at the most.
        short: sides of which fewer levels were known than the exchange has.
        wrong: live books that differed, with the levels.
        live_share: the share of looks at which a book was live.
        ordered: how often each fault was ordered.
        faults: how often each happened.
        slowest: seconds from the last fault until every book was live.
        left_stale: books that weren't live even then, and why.
        taken_off: books that ended because their symbols were taken off.
        ended: books that ended otherwise, and why.
        held_up: for so many seconds at the most nothing ran in this process; 0.5 is usual.
        counters: the sums of what the managers counted.
        complaints: what isn't as it must be, in words.
        samples: memory, tasks, sockets and file descriptors in the course of time.
    """

    market: str = ""
    checked: int = 0
    early: int = 0
    unknown: int = 0
    outdated: int = 0
    most_outdated: float = 0.0
    short: int = 0
    wrong: list[str] = field(default_factory=list)
    live_share: float = 0.0
    ordered: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    left_stale: list[str] = field(default_factory=list)
    taken_off: int = 0
    ended: list[str] = field(default_factory=list)
    held_up: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def judge(account: Account, before: Sample, afterwards: Sample) -> None:
    """Note whatever isn't as it must be."""
    outdated, differences = account.most_outdated, account.counters["differences_ever"]
    left_behind = afterwards.tasks > before.tasks or afterwards.sockets > before.sockets
    for wrong, complaint in (
        (account.wrong, f"{len(account.wrong)} live books were wrong"),
        (
            account.left_stale,
            f"{len(account.left_stale)} books weren't live {CALM:.0f} s after the last fault",
        ),
        (account.ended, f"{len(account.ended)} books ended: {account.ended[:1]}"),
        (
            outdated > LONGEST_OUTDATED,
            f"a book was live for {outdated} s though the exchange had begun another",
        ),
        (not account.checked, "nothing was compared"),
        (differences, f"audits found {differences} differences"),
        (left_behind, f"left behind: {afterwards}"),
    ):
        if wrong:
            account.complaints.append(complaint)
    account.complaints.extend(growth(account.samples, account.held_up))


def growth(samples: list[Sample], held_up: float) -> Iterator[str]:
    """Give what grew between the second and the last third of a run.

    Of the memory that the system has given the most counts, unless the machine held the process up:
    then it takes in at once what came meanwhile, and gives no memory back for it. The others go up
    and down with the faults, so that it is their median which tells whether something stays behind.
    """
    third = len(samples) // 3
    if third < 4:
        return
    early, late = samples[third : 2 * third], samples[-third:]
    first, last = (max(sample.memory_mb for sample in part) for part in (early, late))
    if last > first * (1 + GROWTH) and held_up <= HELD_UP:
        yield f"memory grew from {first} to {last} MB"
    for name, more in (("blocks", 0), ("tasks", 8), ("sockets", 8), ("descriptors", 8)):
        first, last = (median(getattr(sample, name) for sample in part) for part in (early, late))
        if last > first * (1 + GROWTH) + more:
            yield f"{name} grew from {first} to {last}"
