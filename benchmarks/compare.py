"""`python -m benchmarks.compare BASE`: what a change costs, against a git revision.

The real path of an event is run by the code at BASE and by the code here, on the same frames; both
are installed anew, so that what is in C is built of each. Where valgrind is installed, instructions
are counted, which no other process disturbs; else the two take turns and the medians of their times
are compared. The exit code is 1 if something here takes more than `--tolerance` longer.
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
    with _installed(options.base) as (base, here):
        print(f"| path | {options.base} | here | ratio |\n| --- | --- | --- | --- |")
        for path in PATHS:
            if counted:
                before, after = _instructions(base, path), _instructions(here, path)
            else:
                before, after = _times_in_turns(base, here, path)
            worst = max(worst, after / before - 1)
            print(f"| {path} | {before:,.0f} | {after:,.0f} | {after / before:.3f} |", flush=True)
    what = "instructions" if counted else "nanoseconds"
    print(f"\nThe unit is {what} an event. The worst change is {worst:+.1%}.")
    return int(worst > options.tolerance)


@contextmanager
def _installed(revision: str) -> Iterator[tuple[Path, Path]]:
    """Give two folders with depthcli installed: as it was at a revision, and as it is here."""
    with tempfile.TemporaryDirectory() as folder:
        tree, before, after = (Path(folder) / name for name in ("tree", "before", "after"))
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(tree), revision], check=True)
        try:
            for source, target in ((tree, before), (HERE, after)):
                pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
                subprocess.run([*pip, "--target", str(target), str(source)], check=True)
            yield before, after
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _command(folder: Path, path: str, events: int) -> tuple[list[str], dict[str, str]]:
    """Return how to run what is installed in a folder by the benchmarks of this tree."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import depthcli;"
        # The benchmarks are this tree's, and so are the frames that they find.
        f" sys.path[0] = {str(HERE)!r}; import benchmarks.compare as compare;"
        f" print(compare.run({path!r}, {events}))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, "-P", "-c", code], environment


def _instructions(folder: Path, path: str) -> float:
    """Return the instructions an event."""
    counts = []
    for events in (FEW, MANY):
        command, environment = _command(folder, path, events)
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
        told = subprocess.run(
            valgrind, env=environment, check=True, capture_output=True, text=True
        ).stderr
        found = re.search(r"Collected : (\d+)", told)
        if found is None:
            raise RuntimeError(f"valgrind counts nothing: {told[-500:]}")
        counts.append(int(found[1]))
    return (counts[1] - counts[0]) / (MANY - FEW) / len(_feeds())


def _times(folder: Path, path: str) -> float:
    """Return the nanoseconds an event."""
    command, environment = _command(folder, path, MANY)
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(answer.stdout) * 1e9


def _times_in_turns(base: Path, here: Path, path: str) -> tuple[float, float]:
    runs = {"before": lambda: _times(base, path), "after": lambda: _times(here, path)}
    found = take_turns(runs, rounds=9)
    return found["before"], found["after"]


if __name__ == "__main__":
    sys.exit(main())
