"""Start: what a command and an import cost, as ratios to what nobody can do without."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from benchmarks.report import Section
from benchmarks.timing import take_turns

PYTHON = (sys.executable,)
RUNS = {
    "python -c 'import typer'": (*PYTHON, "-c", "import typer"),
    "depthcli --help": (*PYTHON, "-m", "depthcli", "--help"),
    "depthcli --version": (*PYTHON, "-m", "depthcli", "--version"),
    "import httpx": (*PYTHON, "-c", "import httpx"),
    "import depthcli": (*PYTHON, "-c", "import depthcli"),
    "from depthcli import DepthCacheManager, AsyncClient": (
        *PYTHON,
        "-c",
        "from depthcli import DepthCacheManager, AsyncClient",
    ),
}
BARS = {
    "depthcli --help": ("python -c 'import typer'", 1.4),
    "depthcli --version": ("python -c 'import typer'", 1.4),
    "import depthcli": ("import httpx", 1.3),
    "from depthcli import DepthCacheManager, AsyncClient": ("import httpx", None),
}
HEAVY = ("textual", "httpx", "websockets")


def measure(*, tiny: bool) -> Section:
    """Measure the starts by turns, and look at what is loaded."""
    section = Section(
        "Start",
        "Wall time of a whole process, and the ratio to the import that is the measure for it.",
        ["", "ms", "ratio to", "ratio", "bar"],
    )
    runs = {name: lambda command=command: _seconds(command) for name, command in RUNS.items()}
    found = take_turns(runs, rounds=1 if tiny else 15)
    for name, seconds in found.items():
        measure_of, bar = BARS.get(name, (name, None))
        ratio = f"{seconds / found[measure_of]:.2f}"
        row = [name, f"{seconds * 1e3:.0f}", measure_of, ratio, f"{bar}" if bar else ""]
        section.rows.append(row)
    for words in (("--help",), ("--version",), ("dump", "--help"), ("dump", "--json", "BNBBTC")):
        loaded = ", ".join(_heavy(words)) or "none"
        section.notes.append(f"`depthcli {' '.join(words)}` loads of {', '.join(HEAVY)}: {loaded}.")
    return section


def _seconds(command: tuple[str, ...]) -> float:
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def _heavy(words: tuple[str, ...]) -> list[str]:
    """Return which of the heavy modules a command loads; it may well fail, without an exchange."""
    nowhere = (
        ("--rest-url", "http://127.0.0.1:9", "--timeout", "1") if words[-1] == "BNBBTC" else ()
    )
    command = (*PYTHON, "-X", "importtime", "-m", "depthcli", *words, *nowhere)
    told = subprocess.run(command, check=False, capture_output=True, text=True).stderr
    modules = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in told.splitlines()}
    return [name for name in HEAVY if name in modules]
