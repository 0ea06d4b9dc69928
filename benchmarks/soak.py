"""A soak: many books over real sockets against an exchange that misbehaves every few seconds.

    python benchmarks/soak.py --minutes 30 --symbols 200
    python benchmarks/soak.py --minutes 1 --symbols 10 --every 2 --market coinm
    python benchmarks/soak.py --early

The exchange runs in a process of its own and remembers the last thousand changes of each symbol.
Every live book, kept by the market's fastest stream, is compared with it, again and again and
whenever it becomes live: best levels at the very update id that the book has. A book that ends
because its symbol was taken off is started anew, and the symbol is taken on again. Memory, tasks,
sockets and file descriptors are watched meanwhile. It ends with 1 if a live book was wrong, if a
book isn't live a while after the last fault, if one ended for another reason, or if anything grew;
standard output gets the account, as JSON: one line for each market.

With `--early` seven in ten snapshots of derivatives bear the id of an event that they lack. Every 3
seconds each book is refreshed, every 5 seconds each symbol loses an event, and nothing else goes
wrong. The best 500 levels are compared. At such an id a book may still be that of the snapshot, but
only until the event comes; and no audit may find a difference.
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
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks.apart import DEPTH, Apart, Setting, exchange_apart
from benchmarks.soak_account import CALM, Account, judge, look
from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.markets import market_named
from depthcli.core.state import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.apart import Book
    from benchmarks.soak_account import Sample

CHECKS_A_SECOND = 50
"""Live books that are compared in a second."""

LIMIT = 500
"""Levels a side of each snapshot."""

OWED = 5.0
"""Seconds within which the event comes that an early snapshot lacks."""

USUAL = {"market": "spot", "minutes": 5.0, "symbols": 200, "every": 3.0, "refresh": 30.0}
EARLY = {"market": "usdm,coinm,options", "minutes": 1.0, "symbols": 4, "every": 5.0, "refresh": 3.0}
"""What holds unless it is said otherwise: usually, and with `--early`."""

SAMPLE = 5.0
"""Seconds between two looks at memory, tasks, sockets and file descriptors."""

TAKEN_OFF = "the exchange no longer lists it"
"""How a book's last words begin when its symbol was taken off."""


class Soak:
    """The books, and their comparison with the exchange's.

    Attributes:
        account: what happened so far.
    """

    def __init__(self, apart: Apart, options: argparse.Namespace) -> None:
        self.account = Account(market=options.market)
        self._apart = apart
        self._options = options
        self._levels = DEPTH if options.early is None else LIMIT
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
                ordered[await self._misbehave()] += 1
            if clock() >= next_sample:
                next_sample += SAMPLE
                sample = self._look()
                account.samples.append(sample)
                if self._options.verbose:
                    print(sample, account.checked, len(account.wrong), file=sys.stderr)
        account.live_share = round(seen / max(looks, 1), 4)
        account.ordered = dict(ordered)
        account.faults = await self._apart.behave()

    async def _misbehave(self) -> str:
        if self._options.early is None:
            return await self._apart.misbehave()
        await self._apart.gap()
        return "gap"

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
            limit=LIMIT,
            depth=DEPTH,
            refresh_interval=self._options.refresh,
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
        update_id, ours = cache.last_update_id, cache.top(self._levels)
        truth = await self._apart.book(manager.symbol, update_id, self._levels)
        if truth.update_id != update_id:
            self.account.unknown += 1
            if truth.update_id is None:
                self._note_outdated(manager.symbol)
            return
        self._outdated_since.pop(manager.symbol, None)
        self.account.checked += 1
        wrong = different_sides(ours, truth)
        if wrong:
            early = await self._apart.early_book(manager.symbol, update_id, self._levels)
            if early.update_id is not None and not different_sides(ours, early):
                wrong = await self._once_it_came(manager, truth)
                self.account.early += 1
        self.account.short += sum(map(len, truth[1:])) > sum(map(len, ours))
        self.account.wrong += [f"{manager.symbol} at {update_id}: {side}" for side in wrong]

    async def _once_it_came(self, manager: DepthCacheManager[float], truth: Book) -> list[str]:
        """Return what differs at that update id when the event has come that ends there."""
        wrong = ["its event never came"]
        for _ in range(int(OWED * 100)):
            cache = manager.cache
            if manager.state is not State.LIVE or cache.last_update_id != truth.update_id:
                return []
            wrong = different_sides(cache.top(self._levels), truth)
            if not wrong:
                return []
            await asyncio.sleep(0.01)
        return wrong

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


def different_sides(ours: Sequence[list[tuple[float, float]]], theirs: Book) -> list[str]:
    """Return the first difference of each side, as far as ours goes, in words."""
    different = []
    for side, mine, other in zip(("bids", "asks"), ours, theirs[1:], strict=True):
        if mine != other[: len(mine)]:
            pairs = zip(mine, other, strict=False)
            different.append(f"{side} {next((pair for pair in pairs if pair[0] != pair[1]), None)}")
    return different


async def soak(apart: Apart, options: argparse.Namespace) -> Account:
    """Run it."""
    soaking = Soak(apart, options)
    await soaking.run()
    return soaking.account


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--symbols", type=int, help="in each market")
    parser.add_argument("--market", help="several with commas between: one after the other")
    parser.add_argument("--every", type=float, help="seconds between two faults")
    parser.add_argument("--refresh", type=float, help="seconds between two refreshes of a book")
    parser.add_argument(
        "--early",
        type=float,
        nargs="?",
        const=0.7,
        metavar="SHARE",
        help="so many snapshots lack the event at their own id (0.7), and events are lost",
    )
    parser.add_argument("--faults", help="a plan of random faults besides: see depthcli simulate")
    parser.add_argument("--weight", type=int, default=60_000, help="request weight a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    for name, value in (USUAL if options.early is None else EARLY).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if not options.verbose:
        logging.getLogger("depthcli").addHandler(logging.NullHandler())
        logging.getLogger("depthcli").propagate = False
    markets = [market_named(name) for name in options.market.split(",")]
    return max([_soak_in(market.name, options) for market in markets])


def _soak_in(market: str, options: argparse.Namespace) -> int:
    """Run it in one market, print its account, and return the exit code."""
    options.market = market
    early = [] if options.early is None else [f"early:{options.early}"]
    plan = ",".join(filter(None, [*early, options.faults]))
    setting = Setting(market, options.symbols, options.seed, options.weight, plan=plan or None)
    with exchange_apart(setting) as apart:
        account = asyncio.run(soak(apart, options))
    print(json.dumps(asdict(account)), flush=True)
    for complaint in account.complaints:
        print(f"soak: {market}: {complaint}", file=sys.stderr)
    return 1 if account.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
