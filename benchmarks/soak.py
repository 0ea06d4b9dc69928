"""A soak: many books over real sockets against an exchange that misbehaves every few seconds.

    python benchmarks/soak.py --minutes 30 --symbols 200

The exchange runs in a process of its own and remembers the last thousand changes of each symbol.
Every live book is compared with it, again and again and whenever it becomes live: best levels at
the very update id that the book has. Memory, tasks, sockets and file descriptors are watched
meanwhile. It ends with 1 if a live book was wrong, if a book isn't live a while after the last
fault, or if anything grew; the last line on standard output is the account, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.markets import market_named
from depthcli.simulator import Simulator, source_for
from depthcli.simulator.corruption import CORRUPTIONS
from depthcli.simulator.faults import FaultPlan
from depthcli.synchronizer import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from depthcli.simulator.faults import Faults

DEPTH = 50
"""Levels a side that are compared."""

CHECKS_A_SECOND = 50
"""Live books that are compared in a second."""

CALM = 120.0
"""Seconds after the last fault within which everything must be live again."""

GROWTH = 0.05
"""The share by which memory may grow between the first and the last third of a run."""

SAMPLE = 5.0
"""Seconds between two looks at memory, tasks, sockets and file descriptors."""

Levels = list[tuple[float, float]]


def misbehave(faults: Faults, chance: random.Random, symbols: tuple[str, ...]) -> str:
    """Order one fault; return its name."""
    target = chance.choice([*symbols, "*"])
    count = chance.randrange(1, 5)
    kinds: dict[str, Callable[[], None]] = {
        "drop": lambda: faults.drop_next_events(target, count),
        "duplicate": lambda: faults.duplicate_next(target, count),
        "swap": lambda: faults.swap_next(target, count),
        "corrupt": lambda: faults.corrupt_next(chance.choice(CORRUPTIONS), target, count),
        "abort": faults.abort_connections,
        "close": lambda: faults.close_connections(chance.choice([1000, 1001, 1008, 1011, 1012])),
        "shutdown": faults.announce_shutdown,
        "stall": lambda: faults.stall(chance.uniform(1, 8)),
        "refuse": lambda: (faults.refuse_connections(count=count), faults.abort_connections()),
        "fail": lambda: faults.fail_next("depth", chance.choice([500, 502, 503]), count),
        "limit": lambda: faults.fail_next("depth", 429, retry_after=2),
        "ban": lambda: faults.fail_next("depth", 418, retry_after=3),
        "truncate": lambda: faults.truncate_next_body("depth", count),
        "hang": lambda: faults.hang_next(15, "depth"),
        "slow": lambda: faults.slow_next(chance.uniform(0.1, 3), "depth", count),
        "stale": lambda: faults.stale_next_snapshot(chance.randrange(1, 500), count),
        "mistyped": lambda: faults.mistyped_next("depth", count),
    }
    kind = chance.choice(list(kinds))
    kinds[kind]()
    if kind in {"fail", "limit", "ban", "truncate", "hang", "slow", "stale", "mistyped"}:
        # What happens to snapshots is met only by books that need one.
        faults.drop_next_events("*", len(symbols) // 20 + 1)
    return kind


def exchange_process(pipe: Connection, options: argparse.Namespace) -> None:
    """Run the exchange until the pipe closes; answer what its books were at given update ids."""
    asyncio.run(_exchange(pipe, options))


async def _exchange(pipe: Connection, options: argparse.Namespace) -> None:
    names = [f"SOAK{number:03}BTC" for number in range(options.symbols)]
    source = source_for(options.market, names, options.seed)
    source.weight_per_minute = options.weight
    plan = FaultPlan.parse(options.faults) if options.faults else None
    chance = random.Random(options.seed)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer() -> None:
        try:
            while pipe.poll():
                question = pipe.recv()
                if question == "misbehave":
                    pipe.send(misbehave(simulator.faults, chance, source.symbols))
                elif question == "behave":
                    simulator.faults.refuse_connections(0)
                    pipe.send(dict(simulator.faults.log))
                else:
                    symbol, update_id = question
                    age = source.last_update_id(symbol) - update_id
                    body = source.snapshot(symbol, DEPTH, age) if age >= 0 else b"{}"
                    pipe.send(body)
        except EOFError:
            over.set()

    async with Simulator(source, faults=plan, seed=options.seed) as simulator:
        pipe.send((simulator.rest_url, simulator.ws_url, source.symbols))
        loop.add_reader(pipe.fileno(), answer)
        await over.wait()
        loop.remove_reader(pipe.fileno())


@dataclass(slots=True)
class Sample:
    """One look at what the process uses."""

    seconds: float
    memory_mb: float
    tasks: int
    sockets: int
    descriptors: int
    live: int


def look(seconds: float, live: int) -> Sample:
    """Return what this process uses now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    links = [str(link) for link in _links()]
    return Sample(
        round(seconds, 1),
        round(int(resident.split()[1]) / 1024, 1),
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
        short: sides of which fewer levels were known than the exchange has.
        wrong: live books that differed, with the levels.
        live_share: the share of looks at which a book was live.
        ordered: how often each fault was ordered.
        faults: how often each happened.
        slowest: seconds from the last fault until every book was live.
        left_stale: books that weren't live even then, and why.
        counters: the sums of what the managers counted.
        complaints: what isn't as it must be, in words.
        samples: memory, tasks, sockets and file descriptors in the course of time.
    """

    checked: int = 0
    unknown: int = 0
    short: int = 0
    wrong: list[str] = field(default_factory=list)
    live_share: float = 0.0
    ordered: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    left_stale: list[str] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Soak:
    """The books, and their comparison with the exchange's."""

    def __init__(self, pipe: Connection) -> None:
        self.account = Account()
        self.managers: list[DepthCacheManager[float]] = []
        self.became_live: asyncio.Queue[DepthCacheManager[float]] = asyncio.Queue()
        self._pipe = pipe
        self._lock = asyncio.Lock()

    async def ask(self, question: object) -> Any:
        """Ask the exchange's process, without waiting in a way that the loop would notice."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            arrived = asyncio.Event()
            loop.add_reader(self._pipe.fileno(), arrived.set)
            try:
                self._pipe.send(question)
                await arrived.wait()
                return self._pipe.recv()
            finally:
                loop.remove_reader(self._pipe.fileno())

    async def compare(self, manager: DepthCacheManager[float]) -> None:
        """Compare a book, if it is live, with the exchange's at the same update id."""
        if manager.state is not State.LIVE:
            return
        cache = manager.cache
        update_id, ours = cache.last_update_id, cache.top(DEPTH)
        truth = json.loads(await self.ask((manager.symbol, update_id)))
        if truth.get("lastUpdateId") != update_id:
            self.account.unknown += 1
            return
        self.account.checked += 1
        for mine, side in zip(ours, ("bids", "asks"), strict=True):
            theirs = [(float(price), float(quantity)) for price, quantity in truth[side]]
            self.account.short += len(mine) < len(theirs)
            if mine != theirs[: len(mine)]:
                different = next(
                    (pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]), None
                )
                self.account.wrong.append(f"{manager.symbol} {side} at {update_id}: {different}")

    async def compare_for_ever(self) -> None:
        """Compare book after book, and first whatever has just become live."""
        number = 0
        while True:
            try:
                async with asyncio.timeout(1 / CHECKS_A_SECOND):
                    manager = await self.became_live.get()
            except TimeoutError:
                manager = self.managers[number % len(self.managers)]
                number += 1
            await self.compare(manager)

    @property
    def live(self) -> int:
        """How many books are live."""
        return sum(manager.state is State.LIVE for manager in self.managers)

    def follow(self, symbol: str, client: AsyncClient, sockets: BinanceSocketManager, market: Any):
        """Return a manager that says when it becomes live."""

        def turned(state: State, _reason: str) -> None:
            if state is State.LIVE:
                self.became_live.put_nowait(manager)

        manager = DepthCacheManager(
            client, symbol, bm=sockets, market=market, limit=500, depth=DEPTH, refresh_interval=30,
            ws_interval=market.fastest, callback=lambda _: None, on_state=turned,
        )  # fmt: skip
        self.managers.append(manager)
        return manager


async def soak(pipe: Connection, options: argparse.Namespace) -> Account:
    """Run it."""
    rest_url, ws_url, symbols = pipe.recv()
    market = market_named(options.market)
    soaking = Soak(pipe)
    account = soaking.account
    ordered: Counter[str] = Counter()
    counters: Counter[str] = Counter()
    clock = time.monotonic
    began = clock()
    before = look(0, 0)
    end = began + options.minutes * 60
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncClient(rest_url=rest_url, ws_url=ws_url))
        await client.exchange_info(market)
        sockets = BinanceSocketManager(client, max_reconnects=None)
        stack.push_async_callback(sockets.close)
        for symbol in symbols:
            manager = soaking.follow(symbol, client, sockets, market)
            await stack.enter_async_context(manager)
        comparing = asyncio.create_task(soaking.compare_for_ever())
        looks, seen = 0, 0
        next_fault = next_sample = clock()
        while clock() < end and not comparing.done():
            await asyncio.sleep(min(0.5, options.every))
            looks, seen = looks + len(symbols), seen + soaking.live
            if clock() >= next_fault:
                next_fault = clock() + random.uniform(0.5, 1.5) * options.every
                ordered[await soaking.ask("misbehave")] += 1
            if clock() >= next_sample:
                next_sample += SAMPLE
                account.samples.append(look(clock() - began, soaking.live))
                if options.verbose:
                    print(account.samples[-1], account.checked, len(account.wrong), file=sys.stderr)
        account.live_share = round(seen / max(looks, 1), 4)
        account.faults = await soaking.ask("behave")
        calm = clock()
        while soaking.live < len(symbols) and clock() - calm < CALM:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        account.slowest = round(clock() - calm, 1)
        account.left_stale = [
            f"{one.symbol}: {one.state} {one.reason}"
            for one in soaking.managers
            if one.state is not State.LIVE
        ]
        for manager in soaking.managers:
            await soaking.compare(manager)
            for name, value in asdict(manager.counters).items():
                counters[name] += value or 0
        account.ordered, account.counters = dict(ordered), dict(counters)
        comparing.cancel()
        await asyncio.wait([comparing])
        if not comparing.cancelled():
            comparing.result()
    await asyncio.sleep(0.1)
    judge(account, before, look(clock() - began, 0))
    return account


def judge(account: Account, before: Sample, afterwards: Sample) -> None:
    """Note whatever isn't as it must be."""
    complain = account.complaints.append
    if account.wrong:
        complain(f"{len(account.wrong)} live books were wrong")
    if account.left_stale:
        complain(f"{len(account.left_stale)} books weren't live {CALM:.0f} s after the last fault")
    if not account.checked:
        complain("nothing was compared")
    if account.counters.get("differences"):
        complain(f"audits found {account.counters['differences']} differences")
    if afterwards.tasks > before.tasks or afterwards.sockets > before.sockets:
        complain(f"left behind: {afterwards}")
    third = len(account.samples) // 3
    if third < 4:
        return
    early, late = account.samples[third : 2 * third], account.samples[-third:]
    for name, allowed in (
        ("memory_mb", GROWTH),
        ("tasks", 0.1),
        ("sockets", 0),
        ("descriptors", 0),
    ):
        first = max(getattr(sample, name) for sample in early)
        last = max(getattr(sample, name) for sample in late)
        if last > first * (1 + allowed) + (0 if name == "memory_mb" else 8):
            complain(f"{name} grew from {first} to {last}")


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--market", default="spot", help="spot, usdm, coinm")
    parser.add_argument("--every", type=float, default=3, help="seconds between two faults")
    parser.add_argument("--faults", help="a plan of random faults besides: see depthcli simulate")
    parser.add_argument("--weight", type=int, default=60_000, help="request weight a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if not options.verbose:
        logging.getLogger("depthcli").addHandler(logging.NullHandler())
        logging.getLogger("depthcli").propagate = False
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    exchange = context.Process(target=exchange_process, args=(there, options))
    exchange.start()
    there.close()
    try:
        account = asyncio.run(soak(here, options))
    finally:
        here.close()
        exchange.join(10)
    print(json.dumps(asdict(account)))
    for complaint in account.complaints:
        print(f"soak: {complaint}", file=sys.stderr)
    return 1 if account.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
