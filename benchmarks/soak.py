"""A soak: many books over real sockets against an exchange that misbehaves every few seconds.

    python benchmarks/soak.py --minutes 30 --symbols 200
    python benchmarks/soak.py --minutes 1 --symbols 10 --every 2 --market coinm

The exchange runs in a process of its own and remembers the last thousand changes of each symbol.
Every live book, kept by the market's fastest stream, is compared with it, again and again and
whenever it becomes live: best levels at the very update id that the book has. A book that ends
because its symbol was taken off is started anew, and the symbol is taken on again. Memory, tasks,
sockets and file descriptors are watched meanwhile. It ends with 1 if a live book was wrong, if a
book isn't live a while after the last fault, if one ended for another reason, or if anything grew;
the last line on standard output is the account, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.apart import DEPTH, Apart, Setting, exchange_apart
from benchmarks.processes import resident
from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.markets import MARKETS, market_named
from depthcli.synchronizer import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CHECKS_A_SECOND = 50
"""Live books that are compared in a second."""

CALM = 120.0
"""Seconds after the last fault within which everything must be live again."""

GROWTH = 0.05
"""The share by which memory may grow between the first and the last third of a run."""

LONGEST_OUTDATED = 60.0
"""Seconds within which a book must notice that the exchange has begun another one."""

HELD_UP = 3.0
"""A process in which nothing ran for so many seconds, for the machine had other things to do, tells
nothing by the memory that the system has given it."""

SAMPLE = 5.0
"""Seconds between two looks at memory, tasks, sockets and file descriptors."""

TAKEN_OFF = "the exchange no longer lists it"
"""How a book's last words begin when its symbol was taken off."""


@dataclass(slots=True)
class Sample:
    """One look at what the process uses.

    `memory_mb` is what the system has given it; a burst leaves that higher than it was. `blocks`
    are the pieces of memory that Python holds: if something is kept for good, they tell.
    """

    seconds: float
    memory_mb: float
    blocks: int
    tasks: int
    sockets: int
    descriptors: int
    live: int


def look(seconds: float, live: int) -> Sample:
    """Return what this process uses now."""
    links = [str(link) for link in _links()]
    return Sample(
        round(seconds, 1),
        round(resident() / 2**20, 1),
        sys.getallocatedblocks(),
        len(asyncio.all_tasks()),
        sum(link.startswith("socket:") for link in links),
        len(links),
        live,
    )


def _links() -> Iterator[Path]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            yield entry.readlink()
        except OSError:
            continue


@dataclass(slots=True)
class Account:
    """What happened.

    Attributes:
        checked: comparisons of a live book with the exchange's.
        unknown: comparisons that couldn't be made: the exchange no longer knew that update id.
        outdated: among them those in which the exchange had begun another book, or had none: ids
            had gone back, or the symbol was taken off.
        most_outdated: for so many seconds a book was live then, at the most.
        short: sides of which fewer levels were known than the exchange has.
        wrong: live books that differed, with the levels.
        live_share: the share of looks at which a book was live.
        ordered: how often each fault was ordered.
        faults: how often each happened.
        slowest: seconds from the last fault until every book was live.
        left_stale: books that weren't live even then, and why.
        taken_off: books that ended because their symbols were taken off.
        ended: books that ended otherwise, and why.
        held_up: for so many seconds at the most nothing ran in this process; 0.5 is usual.
        counters: the sums of what the managers counted.
        complaints: what isn't as it must be, in words.
        samples: memory, tasks, sockets and file descriptors in the course of time.
    """

    checked: int = 0
    unknown: int = 0
    outdated: int = 0
    most_outdated: float = 0.0
    short: int = 0
    wrong: list[str] = field(default_factory=list)
    live_share: float = 0.0
    ordered: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    left_stale: list[str] = field(default_factory=list)
    taken_off: int = 0
    ended: list[str] = field(default_factory=list)
    held_up: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Soak:
    """The books, and their comparison with the exchange's.

    Attributes:
        account: what happened so far.
    """

    def __init__(self, apart: Apart, options: argparse.Namespace) -> None:
        self.account = Account()
        self._apart = apart
        self._options = options
        self._market = market_named(options.market)
        self._managers: dict[str, DepthCacheManager[float]] = {}
        self._became_live: asyncio.Queue[DepthCacheManager[float]] = asyncio.Queue()
        self._ended: asyncio.Queue[DepthCacheManager[float]] = asyncio.Queue()
        self._counters: Counter[str] = Counter()
        self._outdated_since: dict[str, float] = {}
        self._began = time.monotonic()

    async def run(self) -> None:
        """Soak, let it calm down, and judge."""
        before = self._look()
        async with self._books():
            tasks = [asyncio.create_task(self._compare_for_ever())]
            tasks += [asyncio.create_task(self._renew_for_ever())]
            await self._trouble(tasks)
            await self._calm()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.result()
            for manager in self._managers.values():
                await self._compare(manager)
                self._count(manager)
        self.account.counters = dict(self._counters)
        await asyncio.sleep(0.1)
        judge(self.account, before, self._look())

    @asynccontextmanager
    async def _books(self) -> AsyncIterator[None]:
        """Keep a book of each symbol."""
        where = self._apart
        async with AsyncClient(rest_url=where.rest_url, ws_url=where.ws_url) as client:
            await client.exchange_info(self._market)
            self._client, self._sockets = client, BinanceSocketManager(client, max_reconnects=None)
            try:
                for symbol in where.symbols:
                    await self._follow(symbol)
                yield
            finally:
                await asyncio.gather(*(manager.close() for manager in self._managers.values()))
                await self._sockets.close()

    async def _trouble(self, tasks: list[asyncio.Task[None]]) -> None:
        """Let something go wrong every few seconds, for as long as is wanted."""
        every, clock, account = self._options.every, time.monotonic, self.account
        end = clock() + self._options.minutes * 60
        ordered: Counter[str] = Counter()
        looks = seen = 0
        next_fault = next_sample = clock()
        while clock() < end and not any(task.done() for task in tasks):
            slept = clock()
            await asyncio.sleep(min(0.5, every))
            account.held_up = max(account.held_up, round(clock() - slept, 1))
            looks, seen = looks + len(self._managers), seen + self._live
            if clock() >= next_fault:
                next_fault = clock() + random.uniform(0.5, 1.5) * every
                ordered[await self._apart.misbehave()] += 1
            if clock() >= next_sample:
                next_sample += SAMPLE
                sample = self._look()
                account.samples.append(sample)
                if self._options.verbose:
                    print(sample, account.checked, len(account.wrong), file=sys.stderr)
        account.live_share = round(seen / max(looks, 1), 4)
        account.ordered = dict(ordered)
        account.faults = await self._apart.behave()

    async def _calm(self) -> None:
        """Wait until all are live again."""
        clock = time.monotonic
        calm = clock()
        while self._live < len(self._managers) and clock() - calm < CALM:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self.account.slowest = round(clock() - calm, 1)
        self.account.left_stale = [
            f"{one.symbol}: {one.state} {one.reason}"
            for one in self._managers.values()
            if one.state is not State.LIVE
        ]

    @property
    def _live(self) -> int:
        return sum(manager.state is State.LIVE for manager in self._managers.values())

    async def _follow(self, symbol: str) -> None:
        """Keep a book that says when it becomes live and when it ends."""

        def turned(state: State, _reason: str) -> None:
            if state is State.LIVE:
                self._became_live.put_nowait(manager)
            elif state is State.CLOSED:
                self._ended.put_nowait(manager)

        manager = DepthCacheManager(
            self._client,
            symbol,
            bm=self._sockets,
            market=self._market,
            limit=500,
            depth=DEPTH,
            refresh_interval=30,
            ws_interval=self._market.fastest,
            callback=lambda _: None,
            on_state=turned,
        )
        self._managers[symbol] = manager
        await manager.__aenter__()

    async def _renew_for_ever(self) -> None:
        """Start anew whatever ends, for its symbol is traded again from now on."""
        while True:
            manager = await self._ended.get()
            if manager.reason.startswith(TAKEN_OFF) or "-1121" in manager.reason:
                self.account.taken_off += 1
            else:
                self.account.ended.append(f"{manager.symbol}: {manager.reason}")
            self._count(manager)
            await manager.close()
            await self._apart.relist(manager.symbol)
            await self._follow(manager.symbol)

    async def _compare_for_ever(self) -> None:
        """Compare book after book, and first whatever has just become live."""
        number = 0
        symbols = self._apart.symbols
        while True:
            manager = self._managers[symbols[number % len(symbols)]]
            with suppress(TimeoutError):
                async with asyncio.timeout(1 / CHECKS_A_SECOND):
                    manager = await self._became_live.get()
                    number -= 1
            number += 1
            await self._compare(manager)

    async def _compare(self, manager: DepthCacheManager[float]) -> None:
        """Compare a book, if it is live, with the exchange's at the same update id."""
        if manager.state is not State.LIVE:
            self._outdated_since.pop(manager.symbol, None)
            return
        cache = manager.cache
        update_id, ours = cache.last_update_id, cache.top(DEPTH)
        truth = await self._apart.book(manager.symbol, update_id)
        if truth.update_id != update_id:
            self.account.unknown += 1
            if truth.update_id is None:
                self._note_outdated(manager.symbol)
            return
        self._outdated_since.pop(manager.symbol, None)
        self.account.checked += 1
        for side, mine, theirs in zip(("bids", "asks"), ours, truth[1:], strict=True):
            self.account.short += len(mine) < len(theirs)
            if mine != theirs[: len(mine)]:
                different = next(
                    (pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]), None
                )
                self.account.wrong.append(f"{manager.symbol} {side} at {update_id}: {different}")

    def _note_outdated(self, symbol: str) -> None:
        now = time.monotonic()
        seconds = now - self._outdated_since.setdefault(symbol, now)
        self.account.outdated += 1
        self.account.most_outdated = max(self.account.most_outdated, round(seconds, 1))

    def _count(self, manager: DepthCacheManager[float]) -> None:
        for name, value in asdict(manager.counters).items():
            if not isinstance(value, dict):
                self._counters[name] += value or 0

    def _look(self) -> Sample:
        return look(time.monotonic() - self._began, self._live)


def judge(account: Account, before: Sample, afterwards: Sample) -> None:
    """Note whatever isn't as it must be."""
    outdated, differences = account.most_outdated, account.counters["differences_ever"]
    left_behind = afterwards.tasks > before.tasks or afterwards.sockets > before.sockets
    for wrong, complaint in (
        (account.wrong, f"{len(account.wrong)} live books were wrong"),
        (
            account.left_stale,
            f"{len(account.left_stale)} books weren't live {CALM:.0f} s after the last fault",
        ),
        (account.ended, f"{len(account.ended)} books ended: {account.ended[:1]}"),
        (
            outdated > LONGEST_OUTDATED,
            f"a book was live for {outdated} s though the exchange had begun another",
        ),
        (not account.checked, "nothing was compared"),
        (differences, f"audits found {differences} differences"),
        (left_behind, f"left behind: {afterwards}"),
    ):
        if wrong:
            account.complaints.append(complaint)
    account.complaints.extend(growth(account.samples, account.held_up))


def growth(samples: list[Sample], held_up: float) -> Iterator[str]:
    """Give what grew between the second and the last third of a run.

    Of the memory that the system has given the most counts, unless the machine held the process up:
    then it takes in at once what came meanwhile, and gives no memory back for it. The others go up
    and down with the faults, so that it is their median which tells whether something stays behind.
    """
    third = len(samples) // 3
    if third < 4:
        return
    early, late = samples[third : 2 * third], samples[-third:]
    first, last = (max(sample.memory_mb for sample in part) for part in (early, late))
    if last > first * (1 + GROWTH) and held_up <= HELD_UP:
        yield f"memory grew from {first} to {last} MB"
    for name, more in (("blocks", 0), ("tasks", 8), ("sockets", 8), ("descriptors", 8)):
        first, last = (median(getattr(sample, name) for sample in part) for part in (early, late))
        if last > first * (1 + GROWTH) + more:
            yield f"{name} grew from {first} to {last}"


async def soak(apart: Apart, options: argparse.Namespace) -> Account:
    """Run it."""
    soaking = Soak(apart, options)
    await soaking.run()
    return soaking.account


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--market", default="spot", choices=[*MARKETS])
    parser.add_argument("--every", type=float, default=3, help="seconds between two faults")
    parser.add_argument("--faults", help="a plan of random faults besides: see depthcli simulate")
    parser.add_argument("--weight", type=int, default=60_000, help="request weight a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if not options.verbose:
        logging.getLogger("depthcli").addHandler(logging.NullHandler())
        logging.getLogger("depthcli").propagate = False
    setting = Setting(
        options.market, options.symbols, options.seed, options.weight, plan=options.faults
    )
    with exchange_apart(setting) as apart:
        account = asyncio.run(soak(apart, options))
    print(json.dumps(asdict(account)))
    for complaint in account.complaints:
        print(f"soak: {complaint}", file=sys.stderr)
    return 1 if account.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
