"""Many runs beside each other, and what they gave together."""

from __future__ import annotations

from collections import Counter
from multiprocessing import get_context
from typing import TYPE_CHECKING

from tests.simulation.world import Outcome, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def outcomes(seeds: range, hours: float, jobs: int, kinds: Sequence[str] = ()) -> Iterator[Outcome]:
    """Run many seeds in several processes, and give what each of them gave, as they end."""
    orders = ((seed, hours, kinds) for seed in seeds)
    with get_context("spawn").Pool(jobs) as pool:
        size = max(1, min(20, len(seeds) // jobs))
        yield from pool.imap_unordered(outcome, orders, chunksize=size)


def outcome(order: tuple[int, float, Sequence[str]]) -> Outcome:
    """Run one seed for so many hours, with faults of those kinds."""
    seed, hours, kinds = order
    try:
        return World(seed, hours, kinds).run()
    except Exception as error:
        raise RuntimeError(f"seed {seed} broke the simulation") from error


def summary(ended: list[Outcome], seconds: float) -> str:
    """Return some lines that tell what the runs gave together."""
    faults: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    counters: Counter[str] = Counter()
    for outcome in ended:
        faults.update(outcome.faults)
        causes.update(outcome.causes)
        counters.update(outcome.counters)
    hours = sum(outcome.hours for outcome in ended)
    failed = [outcome.seed for outcome in ended if outcome.failure]
    pace = f" ({60 * hours / seconds:.0f} hours a minute)" if seconds else ""
    given = sum(outcome.given for outcome in ended)
    events = sum(outcome.events for outcome in ended)
    requests = sum(outcome.requests for outcome in ended)
    connections = sum(outcome.connections for outcome in ended)
    behind, back, short, mended = (
        max((getattr(outcome, name) for outcome in ended), default=0.0)
        for name in ("longest_behind", "slowest_back", "longest_short", "longest_mended")
    )
    lines = [
        f"{len(ended)} seeds, {hours:g} simulated hours in {seconds:.1f} s{pace}",
        f"events sent {events:,}, books given out and checked {given:,}",
        f"requests {requests:,}, connections {connections:,}",
        "to the books: " + ", ".join(f"{name} {count:,}" for name, count in counters.items()),
        "turned stale: " + ", ".join(f"{why} {count:,}" for why, count in causes.most_common()),
        "faults: " + ", ".join(f"{kind} {count:,}" for kind, count in faults.most_common()),
        f"longest behind while live {behind:.1f} s, slowest back after the last fault {back:.1f} s",
        f"longest short of levels {short:.1f} s, longest left behind by the market {mended:.1f} s",
        f"failed: {len(failed)}" + "".join(f" {seed}" for seed in failed),
    ]
    return "\n".join(lines)
