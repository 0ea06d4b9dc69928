"""Hundreds of books over few connections, and the exchange's 24 hours: not an event is missed.

    python -m benchmarks.scale
    python -m benchmarks.scale --market usdm --symbols 300

First all symbols are followed at the market's fastest stream, with snapshots of 100 levels and the
exchange's real budget of request weight, until all are live. Then connections are handed over as
they are before the exchange ends them: here it ends them after a minute and a half instead of 24
hours, and the client replaces them half a minute earlier instead of an hour; at last the exchange
announces that it goes in half a minute. No book may be anything but live meanwhile, none may meet a
gap or be built anew, and at the end all are compared with the exchange's. It prints the account,
and ends with 1 if anything in it isn't as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.apart import DEPTH, Apart, Setting, exchange_apart
from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.markets import MARKETS, market_named
from depthcli.core.state import State
from depthcli.exchange import stream_pool
from depthcli.exchange.network import connect_directly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMIT: Final = 100
"""Levels a side of each snapshot."""

MOST_SECONDS: Final = 90.0
"""Until all are live."""

PATIENCE: Final = 300.0
"""Seconds after which that isn't waited for any more."""

MOST_CONNECTIONS: Final = 3

LIFETIME: Final = 90.0
"""Seconds after which the exchange ends a connection, by default; the client begins to replace it
when a third of them is left. As long before its end the exchange announces that it goes."""

BY_AGE: Final = 2
"""So often each connection is replaced because it is old; once more because the exchange goes."""


@dataclass(slots=True)
class Account:
    """What happened.

    Attributes:
        market: whose symbols.
        symbols: how many.
        live_seconds: until all books were live.
        connections: WebSockets that the exchange saw open then.
        most_weight: the most request weight that the exchange counted in any minute.
        allowed_weight: what it allows.
        statuses: how often it answered with each HTTP status.
        handovers: connections that took over from another.
        gaps: breaks in the chain of events; after the first book of each symbol.
        resyncs: books that were built anew.
        not_live: moments in which a book wasn't live, with the reason.
        applied: events that went into the books.
        compared: books that were compared with the exchange's at the end.
        wrong: those that differed.
        complaints: what isn't as it must be, in words.
    """

    market: str
    symbols: int
    live_seconds: float = 0.0
    connections: int = 0
    most_weight: int = 0
    allowed_weight: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    handovers: int = 0
    gaps: int = 0
    resyncs: int = 0
    not_live: list[str] = field(default_factory=list)
    applied: int = 0
    compared: int = 0
    wrong: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Note whatever isn't as it must be."""
        refusals = {status: count for status, count in self.statuses.items() if status != 200}
        for wrong, complaint in (
            (self.live_seconds > MOST_SECONDS, f"all live after {self.live_seconds:.0f} s only"),
            (self.connections > MOST_CONNECTIONS, f"{self.connections} connections"),
            (self.most_weight > self.allowed_weight, f"{self.most_weight} weight in a minute"),
            (bool(refusals), f"the exchange refused: {refusals}"),
            (self.handovers < BY_AGE + 1, f"{self.handovers} handovers only"),
            (bool(self.gaps or self.resyncs), f"{self.gaps} gaps, {self.resyncs} resyncs"),
            (bool(self.not_live), f"{len(self.not_live)} stale moments"),
            (self.compared < self.symbols, f"only {self.compared} books were compared"),
            (bool(self.wrong), f"{len(self.wrong)} wrong books"),
        ):
            if wrong:
                self.complaints.append(complaint)


class Scale:
    """The books of all symbols of an exchange, and what happens to them.

    Args:
        apart: the exchange.
        market: its market's name.
        lifetime: seconds after which it ends a connection.
    """

    def __init__(self, apart: Apart, market: str, lifetime: float) -> None:
        self.account = Account(market, len(apart.symbols))
        self._apart = apart
        self._lifetime = lifetime
        self._market = market_named(market)
        self._managers: list[DepthCacheManager[float]] = []
        self._connected = 0

    async def run(self) -> None:
        """Do it all."""
        account = self.account
        account.allowed_weight = self._market.weight_per_minute
        async with self._books():
            began = time.monotonic()
            async with asyncio.timeout(PATIENCE):
                while any(one.state is not State.LIVE for one in self._managers):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            account.live_seconds = round(time.monotonic() - began, 1)
            account.connections = (await self._apart.manners()).connections
            for manager in self._managers:
                manager.counters.gaps = manager.counters.resyncs = 0
            account.not_live.clear()
            before = self._connected
            for _ in range(BY_AGE):
                await self._until_replaced(self._lifetime)
            notice = self._lifetime / 3
            await self._apart.announce_shutdown(notice)
            await self._until_replaced(notice)
            # Until what the exchange meant to end has ended.
            await asyncio.sleep(notice + 1)
            await self._compare()
            manners = await self._apart.manners()
            account.most_weight, account.statuses = manners.most_weight, manners.statuses
            account.handovers = self._connected - before
            for manager in self._managers:
                account.gaps += manager.counters.gaps
                account.resyncs += manager.counters.resyncs
                account.applied += manager.counters.applied
        account.judge()

    async def _until_replaced(self, seconds: float) -> None:
        """Wait until each connection has had a successor made, for so long at the most."""
        goal = self._connected + self.account.connections
        with suppress(TimeoutError):  # what is missing is complained of
            async with asyncio.timeout(seconds):
                while self._connected < goal:  # noqa: ASYNC110, it is looked at from outside
                    await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _books(self) -> AsyncIterator[None]:
        where = self._apart
        async with AsyncClient(rest_url=where.rest_url, ws_url=where.ws_url) as client:
            await client.exchange_info(self._market)
            sockets = BinanceSocketManager(client, connector=self._counted)
            try:
                for symbol in where.symbols:
                    manager = self._manager(client, sockets, symbol)
                    self._managers.append(manager)
                    await manager.__aenter__()
                yield
            finally:
                await asyncio.gather(*(manager.close() for manager in self._managers))
                await sockets.close()

    def _manager(
        self, client: AsyncClient, sockets: BinanceSocketManager, symbol: str
    ) -> DepthCacheManager[float]:
        def turned(state: State, reason: str) -> None:
            if state is State.STALE:
                self.account.not_live.append(f"{symbol}: {reason}")

        return DepthCacheManager(
            client,
            symbol,
            bm=sockets,
            market=self._market,
            limit=LIMIT,
            ws_interval=self._market.fastest,
            callback=lambda _: None,
            on_state=turned,
        )

    def _counted(self, url: str, **options: Any) -> Any:
        self._connected += 1
        return connect_directly(url, **options)

    async def _compare(self) -> None:
        """Compare all books with the exchange's; one whose past it has forgotten, once more."""
        account = self.account
        for manager in self._managers:
            for _ in range(5):
                update_id, ours = manager.cache.last_update_id, manager.cache.top(DEPTH)
                truth = await self._apart.book(manager.symbol, update_id)
                if truth.update_id == update_id and manager.state is State.LIVE:
                    break
                await asyncio.sleep(0.1)
            else:
                continue
            account.compared += 1
            for side, mine, theirs in zip(("bids", "asks"), ours, truth[1:], strict=True):
                if not mine or mine != theirs[: len(mine)]:
                    account.wrong.append(f"{manager.symbol} {side} at {update_id}")


async def _scale(apart: Apart, market: str, lifetime: float) -> Account:
    scale = Scale(apart, market, lifetime)
    await scale.run()
    return scale.account


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--market", default="spot", choices=[*MARKETS])
    parser.add_argument("--lifetime", type=float, default=LIFETIME, help="of a connection, seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stream_pool.LIFETIME = 2 / 3 * options.lifetime  # type: ignore[misc]
    setting = Setting(options.market, options.symbols, options.seed, lifetime=options.lifetime)
    with exchange_apart(setting) as apart:
        account = asyncio.run(_scale(apart, options.market, options.lifetime))
    for name, value in asdict(account).items():
        print(f"{name:>15}  {json.dumps(value)}")
    return 1 if account.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
