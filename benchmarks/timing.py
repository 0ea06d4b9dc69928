"""Taking turns: what is compared runs alternately in one process, and medians count."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Name = TypeVar("Name")


def take_turns(runs: Mapping[Name, Callable[[], float]], rounds: int) -> dict[Name, float]:
    """Return the median of what each run returns, over so many rounds of all of them.

    Args:
        runs: each returns its own measurement, such as seconds an event.
        rounds: how often each one is run, after one round that doesn't count.
    """
    found: dict[Name, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            value = run()
            if number:
                found[name].append(value)
    return {name: median(values) for name, values in found.items()}
