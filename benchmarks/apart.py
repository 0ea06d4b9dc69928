"""An exchange in a process of its own: it misbehaves when told to, and knows what its books were.

What measures the client must not share its processor, its memory or its event loop with the
exchange. The two talk over a pipe.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthcli.core.markets import market_named
from depthcli.simulator import Simulator, source_for
from depthcli.simulator.faults.corruption import CORRUPTIONS
from depthcli.simulator.faults.plan import FaultPlan
from depthcli.simulator.market.instruments import default_symbols, instrument_named
from depthcli.simulator.wire.service import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from depthcli.simulator.market.exchange import Exchange

DEPTH: Final = 50
"""Levels a side that are compared."""

FIRST_ID_AFTER_RESTART: Final = 50_000_000
"""Below all ids that an exchange begins with."""

LOWER_ID_AFTER_RESTART: Final = 1_000_000
"""By so much each further restart goes back: no id is met again soon with another book."""

SNAPSHOT_FAULTS: Final = ("fail", "limit", "ban", "truncate", "hang", "slow", "stale", "mistyped")
"""Faults of snapshots, which are met only by books that need one."""

_INVENTED: Final[dict[str, Callable[[int], str]]] = {
    "spot": "SOAK{:03}BTC".format,
    "usdm": "SOAK{:03}USDT".format,
    "coinm": "SOAK{:03}USD_PERP".format,
    "options": lambda number: f"BTC-351228-{60_000 + 500 * (number // 2)}-{'CP'[number % 2]}",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What such an exchange is like.

    Attributes:
        market: its name.
        count: how many symbols it has.
        seed: of everything random.
        weight: the request weight a minute; None: the market's own.
        lifetime: seconds after which it ends a connection.
        plan: random faults besides those that are told, or None.
    """

    market: str
    count: int
    seed: int = 1
    weight: int | None = None
    lifetime: float = 24 * 3600.0
    plan: str | None = None

    @property
    def symbols(self) -> list[str]:
        """The well-known symbols, which do the most, and then invented ones."""
        invented = map(_INVENTED[self.market], range(self.count))
        return [*default_symbols(market_named(self.market)), *invented][: self.count]


class Book(NamedTuple):
    """The exchange's book, read without any of the client's code.

    Attributes:
        update_id: of the book; None: the exchange has no such symbol, or began another book.
        bids: `(price, quantity)`, best first.
        asks: the same.
    """

    update_id: int | None
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


class Apart:
    """The exchange, as it is seen from the process that measures.

    Attributes:
        rest_url: where requests go.
        ws_url: where WebSockets connect to.
        symbols: what is traded.
    """

    def __init__(self, pipe: Connection) -> None:
        self.rest_url, self.ws_url, self.symbols = pipe.recv()
        self._pipe = pipe
        self._lock = asyncio.Lock()
        self._numbers = itertools.count()

    async def misbehave(self) -> str:
        """Let something go wrong; return what."""
        return await self._ask("misbehave")

    async def behave(self) -> dict[str, int]:
        """Let nothing go wrong any more; return how often each fault has happened."""
        return await self._ask("behave")

    async def announce_shutdown(self, seconds: float) -> None:
        """Tell all connections that they will be ended, and end them after so long."""
        await self._ask("announce_shutdown", seconds)

    async def relist(self, symbol: str) -> None:
        """Take a symbol on again that was taken off."""
        await self._ask("relist", symbol)

    async def gap(self) -> None:
        """Lose the next event of each symbol, but for those that early snapshots lack."""
        await self._ask("gap")

    async def book(self, symbol: str, update_id: int, levels: int = DEPTH) -> Book:
        """Return the best levels of the book as it was at that update id.

        Its own id is another one if the exchange doesn't know that book, or no longer.
        """
        return await self._book("book", symbol, update_id, levels)

    async def early_book(self, symbol: str, update_id: int, levels: int = DEPTH) -> Book:
        """Return the levels that an early snapshot with that update id had.

        Its own id is None if there was no such snapshot.
        """
        return await self._book("early_book", symbol, update_id, levels)

    async def _book(self, *question: Any) -> Book:
        told = json.loads(await self._ask(*question))
        bids, asks = (
            [(float(price), float(quantity)) for price, quantity in told.get(side, ())]
            for side in ("bids", "asks")
        )
        return Book(told.get("lastUpdateId"), bids, asks)

    async def manners(self) -> Manners:
        """Return how the client has behaved."""
        return Manners(*await self._ask("manners"))

    async def _ask(self, *question: Any) -> Any:
        """Ask without waiting in a way that the loop would notice."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            arrived = asyncio.Event()
            loop.add_reader(self._pipe.fileno(), arrived.set)
            try:
                asked = next(self._numbers)
                self._pipe.send((asked, *question))
                while True:
                    await arrived.wait()
                    arrived.clear()
                    number, answer = self._pipe.recv()
                    # What somebody asked who was cancelled meanwhile is answered, too.
                    if number == asked:
                        return answer
            finally:
                loop.remove_reader(self._pipe.fileno())


@dataclass(frozen=True, slots=True)
class Manners:
    """How the client has behaved, on the exchange's account.

    Attributes:
        connections: WebSockets that are open.
        most_weight: the most request weight in any minute.
        statuses: how often each HTTP status was answered.
    """

    connections: int
    most_weight: int
    statuses: dict[int, int]


@contextmanager
def exchange_apart(setting: Setting) -> Iterator[Apart]:
    """Run an exchange in a process of its own for as long as the context lasts."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(there, setting))
    process.start()
    there.close()
    try:
        yield Apart(here)
    finally:
        here.close()
        process.join(10)


def _run(pipe: Connection, setting: Setting) -> None:
    asyncio.run(_Served(pipe, setting).until_hung_up())


class _Served:
    """The exchange in its own process: answers what is asked over the pipe."""

    def __init__(self, pipe: Connection, setting: Setting) -> None:
        self._pipe = pipe
        self._setting = setting
        self._source: Exchange = source_for(setting.market, setting.symbols, setting.seed)
        if setting.weight is not None:
            self._source.weight_per_minute = setting.weight
        plan = FaultPlan.parse(setting.plan) if setting.plan else None
        limits = Limits(lifetime=setting.lifetime)
        self._simulator = Simulator(self._source, faults=plan, seed=setting.seed, limits=limits)
        self._chance = random.Random(setting.seed)
        self._halted: set[str] = set()
        self._next_first_id = FIRST_ID_AFTER_RESTART

    async def until_hung_up(self) -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with self._simulator as simulator:
            self._pipe.send((simulator.rest_url, simulator.ws_url, self._source.symbols))
            loop.add_reader(self._pipe.fileno(), self._answer, over)
            await over.wait()
            loop.remove_reader(self._pipe.fileno())

    def _answer(self, over: asyncio.Event) -> None:
        try:
            while self._pipe.poll():
                number, name, *arguments = self._pipe.recv()
                self._pipe.send((number, getattr(self, name)(*arguments)))
        except (EOFError, OSError):
            over.set()

    # What can be asked, as `Apart` has it.

    def misbehave(self) -> str:
        faults, chance = self._simulator.faults, self._chance
        symbols = self._source.symbols
        target = chance.choice([*symbols, "*"])
        count = chance.randrange(1, 5)
        kinds: dict[str, Callable[[], object]] = {
            "drop": lambda: faults.drop_next_events(target, count),
            "duplicate": lambda: faults.duplicate_next(target, count),
            "swap": lambda: faults.swap_next(target, count),
            "corrupt": lambda: faults.corrupt_next(chance.choice(CORRUPTIONS), target, count),
            "delay": lambda: faults.delay_next(chance.uniform(0.2, 5), target, count),
            "abort": faults.abort_connections,
            "close": lambda: faults.close_connections(chance.choice([1000, 1001, 1008, 1011])),
            "freeze": faults.freeze_connections,
            "shutdown": faults.announce_shutdown,
            "leave": lambda: faults.announce_shutdown(chance.uniform(2, 10)),
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
            "halt": lambda: self._halt(chance.choice(symbols)),
            "delist": lambda: len(symbols) > 1 and self._source.delist(chance.choice(symbols)),
            "restart": self._restart,
        }
        kind = chance.choice(list(kinds))
        kinds[kind]()
        if kind in SNAPSHOT_FAULTS:
            faults.drop_next_events("*", len(symbols) // 20 + 1)
        return kind

    def behave(self) -> dict[str, int]:
        self._simulator.faults.refuse_connections(0)
        for symbol in self._halted.intersection(self._source.symbols):
            self._source.resume(symbol)
        return dict(self._simulator.faults.log)

    def announce_shutdown(self, seconds: float) -> None:
        self._simulator.faults.announce_shutdown(seconds)

    def relist(self, symbol: str) -> None:
        instrument = instrument_named(self._source.market, symbol, self._setting.seed)
        self._source.list_symbol(instrument)

    def gap(self) -> None:
        for symbol in self._source.symbols:
            self._simulator.faults.drop_next_events(symbol)

    def book(self, symbol: str, update_id: int, levels: int) -> bytes:
        if symbol not in self._source.symbols:
            return b"{}"
        age = self._source.last_update_id(symbol) - update_id
        return self._source.snapshot(symbol, levels, age) if age >= 0 else b"{}"

    def early_book(self, symbol: str, update_id: int, levels: int) -> bytes:
        follows = self._source.early.get((symbol, update_id))
        return b"{}" if follows is None else self.book(symbol, follows, levels)

    def manners(self) -> tuple[int, int, dict[int, int]]:
        simulator = self._simulator
        return simulator.connections, simulator.most_weight, dict(simulator.statuses)

    def _halt(self, symbol: str) -> None:
        self._halted.add(symbol)
        self._source.halt(symbol, self._chance.uniform(5, 40))

    def _restart(self) -> None:
        self._source.restart_ids(self._next_first_id)
        self._next_first_id -= LOWER_ID_AFTER_RESTART
