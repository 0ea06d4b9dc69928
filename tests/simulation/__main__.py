"""Run seeds of the deterministic simulation: `python -m tests.simulation --seeds 0:10000`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.runs import outcomes, summary
from tests.simulation.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run one seed, and print its trace")
    parser.add_argument("--seeds", default="0:1000", help="FIRST:END, END not included")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of each seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes at the same time")
    parser.add_argument("--most", type=int, default=5, help="failures after which to stop")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return run_one(arguments.seed, arguments.hours)
    first, end = (int(part) for part in arguments.seeds.split(":"))
    return run_many(range(first, end), arguments.hours, arguments.jobs, arguments.most)


def run_one(seed: int, hours: float) -> int:
    """Run one seed and print everything about it."""
    world = World(seed, hours)
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


def run_many(seeds: range, hours: float, jobs: int, most: int) -> int:
    """Run many seeds, print what failed, and a summary."""
    started = time.perf_counter()
    ended = []
    failed = 0
    for outcome in outcomes(seeds, hours, jobs):
        ended.append(outcome)
        if outcome.failure:
            failed += 1
            print(outcome.report, flush=True)
            if failed == most:
                break
    print(summary(ended, time.perf_counter() - started))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
