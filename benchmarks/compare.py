"""`python -m benchmarks.compare BASE`: what a change costs, against a git revision.

The real path of an event is run by the code at BASE, in a git work tree of its own, and by the code
here, on the same frames. Where valgrind is installed, instructions are counted, which no other
process disturbs; else the two take turns and the medians of their times are compared. The exit code
is 1 if something here takes more than `--tolerance` longer.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.feeds import recorded, synthetic
from benchmarks.timing import take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.feeds import Feed

HERE = Path(__file__).parents[1]
PATHS = {"decode": 0, "apply": 10**9, "read each": 1, "read tenth": 10}
"""What is run, and after how many events the top is read."""

FEW, MANY = 50, 250
"""Events of a run: the difference between the two is free of what a start costs."""


def run(path: str, events: int) -> float:
    """Play the feeds; return seconds an event. Run in a process of its own."""
    from benchmarks.contenders import Depthcli  # noqa: PLC0415, by the tree that is measured

    played = _feeds()
    taken = 0.0
    for feed in played:
        contender = Depthcli(feed)
        frames = feed.frames[1 : events + 1]
        if path == "decode":
            started = perf_counter()
            for frame in frames:
                contender.decode(frame)
            taken += (perf_counter() - started) / len(frames)
        else:
            taken += contender.play(frames, PATHS[path])
    return taken / len(played)


def _feeds() -> list[Feed]:
    found = [recorded(), synthetic(1_000, MANY + 1)]
    return [feed for feed in found if feed is not None]


def main() -> int:
    """Compare, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="a git revision, such as main")
    parser.add_argument("--tolerance", type=float, default=0.05, help="as a share; %(default)s")
    options = parser.parse_args()
    counted = shutil.which("valgrind") is not None
    worst = 0.0
    with _work_tree(options.base) as base:
        print(f"| path | {options.base} | here | ratio |\n| --- | --- | --- | --- |")
        for path in PATHS:
            if counted:
                before, after = _instructions(base, path), _instructions(HERE, path)
            else:
                before, after = _times_in_turns(base, path)
            worst = max(worst, after / before - 1)
            print(f"| {path} | {before:,.0f} | {after:,.0f} | {after / before:.3f} |", flush=True)
    what = "instructions" if counted else "nanoseconds"
    print(f"\nThe unit is {what} an event. The worst change is {worst:+.1%}.")
    return int(worst > options.tolerance)


@contextmanager
def _work_tree(revision: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "base"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(tree), revision], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _command(tree: Path, path: str, events: int) -> tuple[list[str], dict[str, str]]:
    """Return how to run the code of a tree by the benchmarks of this one."""
    code = (
        f"import sys; sys.path.insert(0, {str(tree)!r}); import depthcli;"
        # The benchmarks are this tree's, and so are the frames that they find.
        f" sys.path[0] = {str(HERE)!r}; import benchmarks.compare as compare;"
        f" print(compare.run({path!r}, {events}))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, "-P", "-c", code], environment


def _instructions(tree: Path, path: str) -> float:
    """Return the instructions an event."""
    counts = []
    for events in (FEW, MANY):
        command, environment = _command(tree, path, events)
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
        told = subprocess.run(
            valgrind, env=environment, check=True, capture_output=True, text=True
        ).stderr
        found = re.search(r"Collected : (\d+)", told)
        if found is None:
            raise RuntimeError(f"valgrind counts nothing: {told[-500:]}")
        counts.append(int(found[1]))
    return (counts[1] - counts[0]) / (MANY - FEW) / len(_feeds())


def _times(tree: Path, path: str) -> float:
    """Return the nanoseconds an event."""
    command, environment = _command(tree, path, MANY)
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(answer.stdout) * 1e9


def _times_in_turns(base: Path, path: str) -> tuple[float, float]:
    trees = {"before": base, "after": HERE}
    found = take_turns(
        {name: lambda tree=tree: _times(tree, path) for name, tree in trees.items()}, rounds=9
    )
    return found["before"], found["after"]


if __name__ == "__main__":
    sys.exit(main())
