"""What runs gave, and how it is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """What a run gave.

    Attributes:
        seed: of the run.
        hours: how much was simulated.
        failure: what was wrong first; empty if nothing was.
        report: everything about a failure, to print.
        digest: of the trace: equal for equal runs.
        events: depth events that the exchange sent.
        given: books that were given out, each of them checked.
        faults: how many of each kind happened.
        longest_behind: seconds that a book said `live` while it lacked something.
        longest_short: seconds that too few levels were left and no snapshot came.
        longest_mended: seconds that a book took that the market had left behind.
        causes: why books turned stale, and how often.
        slowest_back: seconds from the last fault until all were live.
        counters: what happened to the books.
    """

    seed: int
    hours: float
    failure: str = ""
    report: str = ""
    digest: str = ""
    events: int = 0
    given: int = 0
    requests: int = 0
    connections: int = 0
    longest_behind: float = 0.0
    longest_short: float = 0.0
    longest_mended: float = 0.0
    slowest_back: float = 0.0
    causes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)


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
