"""A reader of `dump --follow` that is slow: it costs no memory, no connection and no line.

    python -m benchmarks.slow_reader
    python -m benchmarks.slow_reader --symbols 20 --seconds 5 --runs 2

First a reader of many symbols sleeps for two minutes. Memory is measured meanwhile; afterwards
each symbol's next line must be its newest book, and the exchange's. Then a reader stalls again and
again, and the command is told to end while the pipe is full; the reader goes on a little later.
The exchange runs in a process of its own. It prints the account, and ends with 1 if anything in
it isn't as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks.apart import DEPTH, Apart, Setting, exchange_apart
from benchmarks.processes import cpu, resident

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_MB: Final = 50.0
"""By so much memory may grow while the reader sleeps."""

AT_ONCE: Final = 5.0
"""Seconds after waking within which each symbol's newest book must have come."""

CALM: Final = 10.0
"""Seconds for which the reader keeps up before it falls asleep."""

PATIENCE: Final = 240.0
"""Seconds that anything else may take at the most."""

FULL: Final = 60_000
"""Bytes in a pipe that is full, almost: it holds 65,536 on Linux."""

ENDINGS: Final = (signal.SIGINT, signal.SIGTERM)


class Line(msgspec.Struct):
    """What a line of `dump --json` says."""

    symbol: str
    state: str
    last_update_id: int
    received_time: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    reason: str = ""


@dataclass(slots=True)
class Account:
    """What happened.

    Attributes:
        symbols: how many were followed while the reader slept.
        slept_seconds: for how long it did.
        lines_a_second: before that.
        core_awake: the share of a core that the command took while the reader kept up.
        core_asleep: the same while it slept.
        before_mb: the most memory before it fell asleep.
        grown_mb: by how much the most memory while it slept was more.
        skipped: changes of which it was told that they were skipped.
        not_live: lines that weren't live books, with the state and its reason.
        connections: WebSockets that were open at any look, the least and the most.
        newest_seconds: from waking until each symbol's newest book had come.
        compared: books that were compared with the exchange's then.
        wrong: those that differed.
        stalled: runs that were ended while the pipe was full.
        whole_lines: lines in all of those.
        longest_end: seconds that the longest end took, from the signal on.
        complaints: what isn't as it must be, in words.
    """

    symbols: int = 0
    slept_seconds: float = 0.0
    lines_a_second: float = 0.0
    core_awake: float = 0.0
    core_asleep: float = 0.0
    before_mb: float = 0.0
    grown_mb: float = 0.0
    skipped: int = 0
    not_live: list[str] = field(default_factory=list)
    connections: tuple[int, int] = (0, 0)
    newest_seconds: float = 0.0
    compared: int = 0
    wrong: list[str] = field(default_factory=list)
    stalled: int = 0
    whole_lines: int = 0
    longest_end: float = 0.0
    complaints: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Note whatever isn't as it must be."""
        for wrong, complaint in (
            (self.grown_mb > MOST_MB, f"memory grew by {self.grown_mb} MB"),
            (bool(self.not_live), f"{len(self.not_live)} lines weren't live"),
            (self.connections != (1, 1), f"{self.connections} connections"),
            (self.newest_seconds > AT_ONCE, f"newest books after {self.newest_seconds} s only"),
            (self.compared < self.symbols, f"only {self.compared} books were compared"),
            (bool(self.wrong), f"{len(self.wrong)} wrong books"),
        ):
            if wrong:
                self.complaints.append(complaint)


class Dump:
    """The command, and the end of the pipe that is read from."""

    def __init__(self, apart: Apart, *arguments: str) -> None:
        command = [sys.executable, "-m", "depthcli", "dump", "--json", "--follow", *arguments]
        where = ["--rest-url", apart.rest_url, "--ws-url", apart.ws_url]
        self.process = subprocess.Popen(
            [*command, *where], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self._descriptor = self.process.stdout.fileno()
        self._begun = b""
        self._decode = msgspec.json.Decoder(Line).decode

    async def read(self, take: Callable[[Line], None], enough: Callable[[], bool]) -> None:
        """Read lines until it is enough.

        Raises:
            TimeoutError: it never is.
            EOFError: the command has ended.
        """
        async with asyncio.timeout(PATIENCE):
            while not enough():
                data = await asyncio.to_thread(os.read, self._descriptor, 1 << 20)
                if not data:
                    _, said = self.process.communicate(timeout=PATIENCE)
                    raise EOFError(f"exit code {self.process.returncode}: {said.decode()}")
                *whole, self._begun = (self._begun + data).split(b"\n")
                for line in whole:
                    take(self._decode(line))

    async def end(self, ending: signal.Signals, pause: float) -> tuple[bytes, str]:
        """Tell it to end and go on reading after a pause; return what is left, and its words."""
        self.process.send_signal(ending)
        await asyncio.sleep(pause)
        rest, said = await asyncio.to_thread(self.process.communicate, timeout=PATIENCE)
        return self._begun + rest, said.decode()

    def waiting(self) -> int:
        """Return how many bytes wait in the pipe."""
        answer = fcntl.ioctl(self._descriptor, termios.FIONREAD, b"\0" * 4)
        return int(struct.unpack("i", answer)[0])


async def sleep_long(apart: Apart, seconds: float, account: Account) -> None:
    """Let a reader of all symbols sleep."""
    account.symbols, account.slept_seconds = len(apart.symbols), seconds
    dump = Dump(apart, *apart.symbols)
    process = dump.process.pid
    newest: dict[str, Line] = {}
    count = 0

    def take(line: Line) -> None:
        nonlocal count
        count += 1
        newest[line.symbol] = line
        if line.state != "live":
            account.not_live.append(f"{line.symbol}: {line.state}, {line.reason}")

    await dump.read(take, lambda: len(newest) == account.symbols)
    before: list[int] = []
    count, began, used = 0, time.monotonic(), cpu(process)
    while (passed := time.monotonic() - began) < CALM:
        until = time.monotonic() + 1
        await dump.read(take, lambda until=until: time.monotonic() > until)  # type: ignore[misc]
        before.append(resident(process))
    account.lines_a_second = round(count / passed, 1)
    account.core_awake = round((cpu(process) - used) / passed, 2)
    asleep, connections = [], []
    began, used = time.monotonic(), cpu(process)
    while time.monotonic() - began < seconds:
        await asyncio.sleep(min(1.0, seconds))
        asleep.append(resident(process))
        connections.append((await apart.manners()).connections)
    account.core_asleep = round((cpu(process) - used) / (time.monotonic() - began), 2)
    account.before_mb = round(max(before) / 2**20, 1)
    account.grown_mb = round((max(asleep) - max(before)) / 2**20, 1)
    account.connections = min(connections), max(connections)

    woke = time.time() * 1_000
    awake: dict[str, Line] = {}

    def take_newest(line: Line) -> None:
        take(line)
        if line.received_time >= woke and line.symbol not in awake:
            awake[line.symbol] = line

    await dump.read(take_newest, lambda: len(awake) == account.symbols)
    account.newest_seconds = round(time.time() - woke / 1_000, 2)
    for line in awake.values():
        await compare(apart, line, account)
    rest, said = await dump.end(signal.SIGTERM, 0.0)
    account.skipped = sum(
        int(number.replace(",", "")) for number in re.findall(r"([\d,]+) changes skipped", said)
    )
    check_end(account, signal.SIGTERM, dump.process.returncode, rest, "")


async def compare(apart: Apart, line: Line, account: Account) -> None:
    """Compare a line with the exchange's book at its update id."""
    truth = await apart.book(line.symbol, line.last_update_id)
    if truth.update_id != line.last_update_id:
        return
    account.compared += 1
    for said, side in ((line.bids, truth.bids), (line.asks, truth.asks)):
        levels = [(float(price), float(quantity)) for price, quantity in said[:DEPTH]]
        if levels != side[: len(levels)]:
            account.wrong.append(f"{line.symbol} at {line.last_update_id}")


async def end_stalled(apart: Apart, ending: signal.Signals, pause: float, account: Account) -> None:
    """Let a reader stall, tell the command to end, and go on reading after a pause."""
    # Snapshots of 5,000 levels, one run after the other, would use up the exchange's weight.
    dump = Dump(apart, "--depth", "1000", "--limit", "1000", *apart.symbols[:2])
    full, since = 0, time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while full < FULL or time.monotonic() - since < 0.5:
            await asyncio.sleep(0.02)
            if dump.process.poll() is not None:
                break
            before, full = full, dump.waiting()
            if full != before:
                since = time.monotonic()
    began = time.monotonic()
    rest, said = await dump.end(ending, pause)
    account.longest_end = round(max(account.longest_end, time.monotonic() - began), 2)
    account.stalled += 1
    check_end(account, ending, dump.process.returncode, rest, said)


def check_end(account: Account, ending: signal.Signals, code: int, rest: bytes, said: str) -> None:
    """Complain of lines that are cut, and of another exit code than the signal's."""
    *lines, last = rest.split(b"\n")
    broken = bool(last)
    for line in lines:
        try:
            msgspec.json.decode(line, type=Line)
        except msgspec.MsgspecError:
            broken = True
        else:
            account.whole_lines += 1
    if broken or code != 128 + ending:
        cut = "with a cut line" if broken else "with whole lines"
        account.complaints.append(f"{ending.name}: {code} {cut}: {rest[-200:]!r} {said}")


async def run(options: argparse.Namespace) -> Account:
    """Do it all."""
    account, chance = Account(), random.Random(options.seed)
    with exchange_apart(Setting("spot", options.symbols, options.seed)) as apart:
        if options.seconds:
            await sleep_long(apart, options.seconds, account)
            account.judge()
    with exchange_apart(Setting("spot", 2, options.seed)) as apart:
        for number in range(options.runs):
            pause = chance.uniform(0.05, 1.5)
            await end_stalled(apart, ENDINGS[number % len(ENDINGS)], pause, account)
    return account


def main() -> None:
    """Parse the arguments, run, and print the account."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_reader")
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120.0, help="asleep; 0: not at all")
    parser.add_argument("--runs", type=int, default=20, help="ended while the pipe is full")
    parser.add_argument("--seed", type=int, default=1)
    account = asyncio.run(run(parser.parse_args()))
    for name, value in asdict(account).items():
        print(f"{name:<16} {json.dumps(value)}")
    sys.exit(bool(account.complaints))


if __name__ == "__main__":
    main()
