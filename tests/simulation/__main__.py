"""Run seeds of the deterministic simulation: `python -m tests.simulation --seeds 0:10000`."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from tests.simulation.outcome import summary
from tests.simulation.plan import KINDS
from tests.simulation.runs import outcomes
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.outcome import Outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run one seed, and print its trace")
    parser.add_argument("--seeds", default="0:1000", help="FIRST:END, END not included")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of each seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes at the same time")
    parser.add_argument(
        "--kinds",
        type=kinds_of_faults,
        default=(),
        help=f"only these faults, separated by commas: {', '.join(KINDS)}",
    )
    parser.add_argument("--most", type=int, default=5, help="failures after which to stop")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return run_one(arguments.seed, arguments.hours, arguments.kinds)
    first, end = (int(part) for part in arguments.seeds.split(":"))
    started = time.perf_counter()
    found = outcomes(range(first, end), arguments.hours, arguments.jobs, arguments.kinds)
    ended = run_until_enough_failed(found, arguments.most)
    print(summary(ended, time.perf_counter() - started))
    return 1 if any(outcome.failure for outcome in ended) else 0


def kinds_of_faults(text: str) -> tuple[str, ...]:
    """Return the kinds that are named, or raise ValueError."""
    kinds = tuple(text.split(","))
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
    return kinds


def run_one(seed: int, hours: float, kinds: tuple[str, ...]) -> int:
    """Run one seed and print everything about it."""
    world = World(seed, hours, kinds)
    outcome = world.run()
    if not outcome.failure:
        print(f"settings: {world.settings}", "fault plan:", sep="\n")
        print(*(f"  {fault}" for fault in world.plan), sep="\n")
    for at, line in world.trace:
        print(f"{at:10.3f}  {line}")
    if outcome.failure:
        print(outcome.report)
    print(summary([outcome], 0.0))
    return 1 if outcome.failure else 0


def run_until_enough_failed(found: Iterable[Outcome], most: int) -> list[Outcome]:
    """Print what failed as it comes; stop after so many failures."""
    ended = []
    failed = 0
    for outcome in found:
        ended.append(outcome)
        if outcome.failure:
            failed += 1
            print(outcome.report, flush=True)
            if failed == most:
                break
    return ended


if __name__ == "__main__":
    sys.exit(main())
