"""Plant faults in the client, and see that the simulation and the unit tests notice each.

`python -m tests.simulation.mutations` prints a table, and exits with 1 if one goes unnoticed.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import sys
import textwrap
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

import pytest

from depthcli.core.audit import Audit
from depthcli.core.book import DepthCache
from depthcli.core.handover import Handover
from depthcli.core.python_side import PythonSide
from depthcli.core.refresh_schedule import Schedule
from depthcli.core.request_weight import WeightBudget
from depthcli.core.synchronizer import Synchronizer
from depthcli.exchange.rest import Rest
from depthcli.managers.snapshots import SnapshotScheduler
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

HOURS: Final = 0.25
UNIT_TESTS: Final = tuple(
    f"tests/{name}.py"
    for name in (
        "core/test_book",
        "core/test_handover",
        "core/test_refresh_schedule",
        "core/test_side",
        "core/test_synchronizer",
        "exchange/test_request_queue",
    )
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One planted fault: in the source of some methods a piece of text is replaced by another.

    It is looked for among faults of those kinds; by default of all.
    """

    name: str
    owner: type[Any]
    methods: tuple[str, ...]
    old: str
    new: str
    kinds: tuple[str, ...] = ()

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """Let the client have the fault for a while."""
        before = {method: self.owner.__dict__[method] for method in self.methods}
        for method, function in before.items():
            plain = getattr(function, "__func__", function)
            source = textwrap.dedent(inspect.getsource(plain))
            if self.old not in source:
                raise LookupError(f"{self.name}: {method} no longer has {self.old!r}")
            namespace: dict[str, Any] = {}
            changed = "from __future__ import annotations\n" + source.replace(self.old, self.new)
            exec(compile(changed, f"<{self.name}>", "exec"), plain.__globals__, namespace)
            setattr(self.owner, method, namespace[method])
        try:
            yield
        finally:
            for method, function in before.items():
                setattr(self.owner, method, function)


MUTATIONS: Final = (
    Mutation(
        "off by one where events link",
        Synchronizer,
        ("advance",),
        "if follows > at:",
        "if follows > at + 1:",
    ),
    Mutation(
        "a derivatives' event at its snapshot's own id is dropped",
        Synchronizer,
        ("_awaits_own_event", "_belongs_on"),
        "self._event_at_snapshot_id_applies",
        "False",
    ),
    Mutation("a gap goes unseen", Synchronizer, ("advance",), "if follows > at:", "if False:"),
    Mutation(
        "an old event is applied",
        Synchronizer,
        ("advance",),
        "event.last_update_id <= at and not self._may_be_missing(event):",
        "False:",
    ),
    Mutation(
        "the buffer is kept when a stream is lost and opened",
        Synchronizer,
        ("opened", "lost"),
        "self.pending.clear()",
        "pass",
    ),
    Mutation(
        "a snapshot too old for the events is taken",
        Synchronizer,
        ("_adopt",),
        "newer is not None and newer.follows > at",
        "False",
    ),
    Mutation(
        "a snapshot below the last true book is believed at once",
        Synchronizer,
        ("_adopt",),
        "self._lower_snapshots <= LOWER_SNAPSHOTS",
        "False",
    ),
    Mutation(
        "an event under way when the snapshot was made is taken for a restart",
        Synchronizer,
        ("_adopt",),
        "None if newer is None else pending[-1].event_time",
        "pending[-1].event_time if pending else None",
        ("status", "abort"),
    ),
    Mutation(
        "a lost stream leaves the book live",
        Synchronizer,
        ("lost",),
        "self._turn(State.STALE if self._was_live else State.CONNECTING, reason)",
        "pass",
    ),
    Mutation(
        "a refresh replaces without replaying the events since",
        Audit,
        ("replayed",),
        "fresh.apply(event)",
        "pass",
    ),
    Mutation(
        "a deeper snapshot is dated back where ids are shared",
        Synchronizer,
        ("_compare",),
        "self._replacement = audit if audit.replace else None",
        "fresh.last_update_id = ours; self.cache.adopt(fresh)",
        kinds=("slow", "abort"),
    ),
    Mutation(
        "events from before a restart are kept",
        Synchronizer,
        ("_adopt",),
        "if ended := ended_before(pending):",
        "if (ended := 0):",
        kinds=("drop", "restart", "rest-slow", "rest-hang"),
    ),
    Mutation(
        "a removed level comes back",
        PythonSide,
        ("update",),
        "known.update(levels)",
        "known.update(level for level in levels if level[1] or level[0] not in known)",
    ),
    Mutation(
        "the horizon is ignored",
        DepthCache,
        ("load",),
        "levels[-1][0] if levels and len(levels) >= limit else None",
        "None",
    ),
    Mutation(
        "a snapshot asked for before the stream was opened is taken",
        SnapshotScheduler,
        ("_resync",),
        "openings != feed.openings",
        "False",
        kinds=("abort", "rest-slow"),
    ),
    Mutation(
        "a stream that lags behind the snapshots is never suspected",
        SnapshotScheduler,
        ("_audit",),
        "feed.subscription.suspect",
        "str",
    ),
    Mutation(
        "a silent book is never checked",
        Schedule,
        ("silence_check_at",),
        "return max(",
        "return 1e9 + max(",
    ),
    Mutation(
        "no early refresh when levels run short",
        Schedule,
        ("refresh_early",),
        "self.refresh_at = min(self.refresh_at, max(now, self._early_refresh_at))",
        "pass",
    ),
    Mutation(
        "a side counts as exhausted while levels are left",
        PythonSide,
        ("exhausted",),
        "return self._witness is None",
        "return len(self.top(3)) < 3",
    ),
    Mutation(
        "the silence that a 418 asks for isn't kept",
        Rest,
        ("get",),
        "error.retry_after:",
        "False:",
        kinds=("status", "abort"),
    ),
    Mutation(
        "request weight isn't counted",
        WeightBudget,
        ("used",),
        "return max(own, reported + self._under_way + since)",
        "return 0",
        kinds=("others", "corrupt", "rest-stale"),
    ),
    Mutation(
        "a successor takes over before it has caught up",
        Handover,
        ("_join",),
        "kept[0].follows > reached",
        "False",
        kinds=("shutdown", "slow"),
    ),
)


def caught_by_simulation(seeds: int, kinds: tuple[str, ...] = ()) -> str:
    """Return the first seed that fails and why, or nothing."""
    for seed in range(seeds):
        if failure := World(seed, HOURS, kinds).run().failure:
            return f"seed {seed}: {failure}"
    return ""


def caught_by_unit_tests() -> bool:
    """Return whether a unit test fails, in a process of its own that has the fault, too."""
    process = get_context("fork").Process(target=_run_unit_tests)
    process.start()
    process.join()
    return process.exitcode == pytest.ExitCode.TESTS_FAILED


def _run_unit_tests() -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # What is imported here already can't be rewritten, which is nothing to be warned of.
        warned = "ignore::pytest.PytestAssertRewriteWarning"
        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", warned]
        code = pytest.main([*options, *UNIT_TESTS])
    sys.exit(code)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.mutations", description=__doc__
    )
    parser.add_argument("--seeds", type=int, default=300, help="tried for each fault at the most")
    parser.add_argument("--unit", action="store_true", help="run the unit tests, too")
    arguments = parser.parse_args()
    if arguments.unit and caught_by_unit_tests():
        print("the unit tests fail without a planted fault")
        return 1
    missed = 0
    print(f"{'planted fault':60}{'unit tests  ' if arguments.unit else ''}simulation")
    for mutation in MUTATIONS:
        with mutation.planted():
            found = caught_by_simulation(arguments.seeds, mutation.kinds)
            unit = arguments.unit and caught_by_unit_tests()
        missed += not (found or unit)
        column = f"{'caught' if unit else 'missed':12}" if arguments.unit else ""
        shown = found if len(found) <= 100 else found[:99] + "…"
        print(f"{mutation.name:60}{column}{shown or 'missed'}", flush=True)
    print(f"{len(MUTATIONS)} planted, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
