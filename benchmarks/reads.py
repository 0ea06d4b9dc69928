"""Reads of a book that stands still: the top, whole sides, cost to trade, groups."""

from __future__ import annotations

from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Contender, Depthcli, present
from benchmarks.feeds import synthetic
from benchmarks.report import Lines, Section
from benchmarks.timing import take_turns
from depthcli.core.analytics import cost_to_trade, group_levels

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = (100, 1_000, 5_000)
TURN = 0.01
"""Seconds that one turn should take."""


def measure(*, tiny: bool) -> Section:
    """Measure all reads by all contenders at all sizes."""
    kinds, absent = present()
    section = Section(
        "Reads",
        "Microseconds a read, both sides, by levels a side. Cost to trade is for half of the"
        " quantity of the side; groups are of ten ticks. The peers offer neither: theirs is what"
        " their users write, a loop over the full sides.",
        ["read", "", *(f"{levels:,} levels" for levels in LEVELS)],
    )
    lines: dict[str, dict[str, dict[int, float]]] = {name: {} for name in READS}
    for levels in LEVELS:
        contenders = {kind.name: kind(synthetic(levels, events=30)) for kind in kinds}
        runs = {
            (read, name): _repeated(READS[read], contender)
            for read in READS
            for name, contender in contenders.items()
        }
        for (read, name), seconds in take_turns(runs, rounds=1 if tiny else 15).items():
            lines[read].setdefault(name, {})[levels] = seconds * 1e6
    for read, found in lines.items():
        for name, line in found.items():
            section.rows.append([read, name, *(f"{value:,.2f}" for value in line.values())])
        title = f"µs a read by levels a side: {read}"
        section.plots[f"reads-{read.replace(' ', '-')}"] = Lines(title, found)
    if absent:
        section.notes.append(f"Not installed, and so skipped: {', '.join(absent)}.")
    return section


def _repeated(read: Callable[[Any], Any], contender: Contender) -> Callable[[], float]:
    started = perf_counter()
    read(contender)
    read(contender)
    times = max(1, int(TURN / (perf_counter() - started)))

    def run() -> float:
        started = perf_counter()
        for _ in range(times):
            read(contender)
        return (perf_counter() - started) / times

    return run


def _cost(contender: Contender) -> list[Any]:
    if isinstance(contender, Depthcli):
        return [cost_to_trade(side, _half(side)) for side in contender.full()]
    return [_naive_cost(side, _half(side)) for side in contender.full()]


def _half(side: list[Any]) -> Any:
    return sum(level[1] for level in side) / 2


def _naive_cost(side: list[Any], quantity: Any) -> tuple[Any, Any]:
    left, notional = quantity, 0
    for level in side:
        taken = min(level[1], left)
        notional += level[0] * taken
        left -= taken
        if left <= 0:
            break
    return quantity - left, notional


def _groups(contender: Contender) -> list[Any]:
    bids, asks = contender.full()
    if isinstance(contender, Depthcli):
        step = Decimal("0.001")
        return [group_levels(bids, step, side="bid"), group_levels(asks, step, side="ask")]
    return [_naive_groups(bids), _naive_groups(asks)]


def _naive_groups(side: list[Any]) -> dict[Any, Any]:
    step = type(side[0][0])("0.001")
    groups: dict[Any, Any] = {}
    for level in side:
        price = level[0] // step * step
        groups[price] = groups.get(price, 0) + level[1]
    return groups


READS = {
    "top 5": lambda contender: contender.top(5),
    "full sides": lambda contender: contender.full(),
    "cost to trade": _cost,
    "groups": _groups,
}
