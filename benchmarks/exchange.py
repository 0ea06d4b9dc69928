"""The whole exchange on one core: 1,500 simulated symbols, in `dump --follow` and in `watch`.

The exchange runs in a process of its own, and each command as its users run it: `dump` with its
lines going to a file, `watch` in a terminal of 120x40. All is on one machine, so the clocks agree.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from array import array
from pathlib import Path
from statistics import median
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from benchmarks import venue
from benchmarks.processes import cpu, resident
from benchmarks.report import Section

if TYPE_CHECKING:
    from collections.abc import Iterable

SYMBOLS = 1_500
RATES = (1_500, 5_000, 10_000)
"""Events a second of all symbols together; 15,000 would be each symbol at each tick."""

PATIENCE = 120.0
"""Seconds that the start may take at the most: 1,500 snapshots of 1,000 levels."""

CALM, WATCHED = 5.0, 20.0
"""Seconds from when all books are live until the measurement, and of it."""

SIZE = struct.pack("HHHH", 40, 120, 0, 0)
"""Rows and columns of the terminal."""

HEADINGS = (
    "events/s",
    "core",
    "µs an event",
    "memory",
    "age, median",
    "age, 99 %",
    "in the second half",
    "sent late, 99 %",
    "exchange's core",
)

Aged = tuple[float, float]
"""When an event had arrived, seconds since the epoch, and how many ms after its own time."""


def measure(*, tiny: bool) -> Section:
    """Measure both commands at all rates."""
    symbols = venue.symbols_of(5 if tiny else SYMBOLS)
    seconds = 2.0 if tiny else WATCHED
    section = Section(
        "The whole exchange",
        f"{len(symbols):,} symbols of a simulated exchange in a process of its own, streams of"
        f" 100 ms, 1,000 levels a side, {seconds:.0f} s once all books are live. An event's age is"
        " from the exchange's time to its line in `dump --json --follow --depth 5`, or to the book"
        " in `watch`, which runs in a terminal of 120x40. The age contains how late the exchange"
        " sends: it looks at its books every 20 ms.",
        ["", *HEADINGS],
    )
    for rate in (50,) if tiny else RATES:
        for command in (Dump, Watch):
            name = command.__name__.lower()
            with tempfile.TemporaryDirectory() as folder:
                try:
                    figures = measured(command(Path(folder)), symbols, rate, seconds)
                except RuntimeError as error:
                    if tiny:
                        raise
                    section.notes.append(f"`{name}` at {rate:,} events/s: {error}.")
                else:
                    section.rows.append([f"`{name}`", *figures])
    return section


class Command(Protocol):
    """A command of depthcli, to be run as its users run it."""

    def __init__(self, folder: Path) -> None:
        """Files go into that folder."""

    def start(self, words: list[str], count: int) -> int:
        """Start it for so many symbols; return its process id."""

    def settled(self) -> bool:
        """Return whether all books are live."""

    def stop(self) -> list[Aged]:
        """End it; return the events' ages in order."""


class Dump:
    """`dump --follow`, whose lines tell the ages."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "lines"
        self._seen: set[bytes] = set()
        self._read = 0

    def start(self, words: list[str], count: int) -> int:
        self._count = count
        command = [sys.executable, "-m", "depthcli", "dump", "--json", "--follow", "--depth", "5"]
        with self._out.open("wb") as out:
            self._process = subprocess.Popen([*command, *words], stdout=out)
        return self._process.pid

    def settled(self) -> bool:
        with self._out.open("rb") as lines:
            lines.seek(self._read)
            new = lines.read()
        self._read += len(new)
        self._seen.update(re.findall(rb'"symbol":"(\w+)"', new))
        return len(self._seen) == self._count

    def stop(self) -> list[Aged]:
        self._process.terminate()
        self._process.wait(timeout=30)
        decode = msgspec.json.Decoder(_Line).decode
        found = []
        with self._out.open("rb") as lines:
            for raw in lines:
                line = decode(raw)
                if line.update_time is not None:
                    age = line.received_time - line.update_time
                    found.append((line.received_time / 1_000, float(age)))
        return found


class _Line(msgspec.Struct):
    """Of a line of `dump` what is of interest here."""

    received_time: int
    update_time: int | None


class Watch:
    """`watch` in a terminal; `benchmarks.aged` writes the ages down beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ages = folder / "ages"
        self._screen = b""

    def start(self, words: list[str], count: int) -> int:
        self._live = f" {count} live".encode()
        self._terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, SIZE)
        homes = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.aged", str(self._ages), "watch", *words],
            stdin=end,
            stdout=end,
            stderr=end,
            env={**os.environ, "TERM": "xterm-256color", **dict.fromkeys(homes, str(self._folder))},
            start_new_session=True,
        )
        os.close(end)
        threading.Thread(target=self._look, daemon=True).start()
        return self._process.pid

    def _look(self) -> None:
        """Take what goes to the screen, or the command would wait."""
        try:
            while new := os.read(self._terminal, 2**16):
                self._screen = (self._screen + new)[-(2**17) :]
        except OSError:  # the terminal's other end is closed
            return

    def settled(self) -> bool:
        return self._live in self._screen

    def stop(self) -> list[Aged]:
        os.write(self._terminal, b"q")
        self._process.wait(timeout=30)
        noted = array("d", self._ages.read_bytes())
        return list(zip(noted[::2], noted[1::2], strict=True))


def measured(command: Command, symbols: list[str], rate: float, seconds: float) -> list[str]:
    """Return events a second, share of a core, and what else the table's columns name."""
    serve = [sys.executable, "-m", "benchmarks.venue", str(len(symbols)), str(rate)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as exchange:
        try:
            return _account(exchange, command, symbols, seconds)
        finally:
            exchange.kill()


def _account(
    exchange: subprocess.Popen[str], command: Command, symbols: list[str], seconds: float
) -> list[str]:
    assert exchange.stdout is not None
    where = json.loads(exchange.stdout.readline())
    there = ["--rest-url", where["rest_url"], "--ws-url", where["ws_url"]]
    ours = command.start([*there, "--limit", "1000", *symbols], len(symbols))
    until = monotonic() + PATIENCE
    while not command.settled():
        if monotonic() > until:
            command.stop()
            raise RuntimeError("not all books were live in time, the machine was too slow")
        sleep(0.5)
    sleep(min(CALM, seconds))
    started = time()
    before = [cpu(ours), cpu(exchange.pid)]
    sleep(seconds)
    taken = time() - started
    spent, its = (cpu(ours) - before[0], cpu(exchange.pid) - before[1])
    memory = resident(ours)
    ages = _within(command.stop(), started, taken)
    exchange.terminate()
    late = _within(json.loads(exchange.stdout.read()), started, taken)
    events = len(late) * venue.EVERY
    return [
        f"{events / taken:,.0f}",
        f"{spent / taken:.0%}",
        f"{spent / events * 1e6:.0f}",
        f"{memory / 2**20:,.0f} MB",
        f"{median(ages):.0f} ms",
        f"{_most(ages):.0f} ms",
        f"{_most(ages[len(ages) // 2 :]):.0f} ms",
        f"{_most(late):.0f} ms",
        f"{its / taken:.0%}",
    ]


def _within(found: Iterable[Any], started: float, taken: float) -> list[float]:
    values = [value for moment, value in found if started <= moment < started + taken]
    if not values:
        raise RuntimeError("not one event came, the machine was too slow")
    return values


def _most(values: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(values)[len(values) * 99 // 100]
