"""The whole exchange on one core: `depthcli dump --follow` on 1,500 simulated symbols."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path
from string import ascii_uppercase
from time import monotonic, sleep, time

from benchmarks.report import Section

SYMBOLS = 1_500
SETTLED = 60.0
"""Seconds that the start may take: 1,500 snapshots within the weight budget."""

WATCHED = 20.0


def measure(*, tiny: bool) -> Section:
    """Measure the dump's processor time, its memory, and the age of the events it prints."""
    symbols = [f"{''.join(letters)}BTC" for letters in product(ascii_uppercase, repeat=3)]
    symbols = symbols[: 5 if tiny else SYMBOLS]
    settled, watched = (3.0, 2.0) if tiny else (SETTLED, WATCHED)
    section = Section(
        "The whole exchange",
        f"`depthcli dump --json --follow --depth 1` on {len(symbols):,} symbols of"
        f" `depthcli simulate` in its own process, {watched:.0f} s from {settled:.0f} s after the"
        " start on. An event's age is from its time to the line that shows it.",
        ["", "value"],
    )
    simulate = [sys.executable, "-m", "depthcli", "simulate", *symbols]
    with subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        where = json.loads(simulator.stdout.readline())
        dump = [sys.executable, "-m", "depthcli", "dump", "--json", "--follow", "--depth", "1"]
        there = ["--rest-url", where["rest_url"], "--ws-url", where["ws_url"]]
        with subprocess.Popen([*dump, *there, *symbols], stdout=subprocess.PIPE) as process:
            reader = _Reader(process)
            sleep(settled)
            section.rows.extend(_watch(reader, process, simulator, watched))
            process.terminate()
        simulator.terminate()
    return section


class _Reader(threading.Thread):
    """Reads the lines, so that the dump never waits; notes the ages while `noting`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.noting = False
        self.ages: list[float] = []
        self.symbols: set[str] = set()
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            now = time() * 1_000
            if self.noting:
                entry = json.loads(line)
                self.symbols.add(entry["symbol"])
                if entry["update_time"] is not None:
                    self.ages.append(now - entry["update_time"])


def _watch(
    reader: _Reader,
    process: subprocess.Popen[bytes],
    simulator: subprocess.Popen[str],
    seconds: float,
) -> list[list[str]]:
    started, cpu, other = monotonic(), _cpu(process.pid), _cpu(simulator.pid)
    reader.noting = True
    sleep(seconds)
    reader.noting = False
    taken = monotonic() - started
    ages = sorted(reader.ages)
    if not ages:
        raise RuntimeError("not one event came: is the simulator quick enough?")
    half = sorted(reader.ages[len(ages) // 2 :])
    return [
        ["symbols seen", f"{len(reader.symbols):,}"],
        ["lines a second", f"{len(ages) / taken:,.0f}"],
        ["processor share of the dump", f"{(_cpu(process.pid) - cpu) / taken:.0%}"],
        ["processor share of the simulator", f"{(_cpu(simulator.pid) - other) / taken:.0%}"],
        ["event age, median", f"{ages[len(ages) // 2]:.0f} ms"],
        ["event age, 99th percentile", f"{ages[len(ages) * 99 // 100]:.0f} ms"],
        ["the same, second half", f"{half[len(half) * 99 // 100]:.0f} ms"],
        ["memory of the dump", f"{_resident(process.pid) / 2**20:,.0f} MB"],
    ]


def _cpu(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process_id: int) -> int:
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
