"""Many runs beside each other."""

from __future__ import annotations

from multiprocessing import get_context
from typing import TYPE_CHECKING

from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulation.outcome import Outcome


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
