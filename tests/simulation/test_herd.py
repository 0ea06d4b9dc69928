"""A herd: 300 USD-M and 300 COIN-M books that go stale at once, on virtual time.

The two markets draw on one pool of request weight, 2,400 a minute and address; the exchange counts
it here by the minutes of its clock, for both hosts together.
"""

from __future__ import annotations

import asyncio
import contextlib
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Any

from depthcli.core import backoff
from depthcli.core.markets import COINM, USDM
from depthcli.core.request_weight import RESERVE
from depthcli.core.state import State
from depthcli.exchange.client import AsyncClient
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.depth_cache import DepthCacheManager
from tests.simulation.exchange import Exchange
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import VirtualNetwork
from tests.simulation.transport import VirtualHttp
from tests.simulation.world import REST_URL, WS_URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depthcli.core.markets import Market

COUNT = 300
PER_MINUTE = 2400
MINUTE = 60.0


class Account:
    """What the exchange counts for this address, in whichever of the two markets."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.spent: list[tuple[float, int]] = []
        self.refused: list[float] = []

    def weigh(self, weight: int) -> tuple[int, bool]:
        """Count a request; return the weight used in this minute, and whether that is too much."""
        now = self._loop.time()
        self.spent.append((now, weight))
        used = self.used(since=now // MINUTE * MINUTE)
        if used > PER_MINUTE:
            self.refused.append(now)
        return used, used > PER_MINUTE

    def used(self, since: float) -> int:
        """Return the weight of all requests since that time."""
        return sum(weight for at, weight in self.spent if at >= since)


class Host(VirtualNetwork):
    """The network to one market's hosts, whose weight is counted on the account of both."""

    def __init__(self, market: Market, loop: VirtualLoop, account: Account) -> None:
        suffix = "USD_PERP" if market is COINM else "USDT"
        symbols = [f"A{number:03}{suffix}" for number in range(COUNT)]
        streams = [(symbol, market.stream(symbol, 500)) for symbol in symbols]
        # No symbol is silent for so long that a snapshot is asked only for that.
        exchange = Exchange(market, streams, 0.5, Random(f"{market.name}:exchange"), loop, pace=0.1)
        super().__init__(
            loop,
            exchange,
            Random(f"{market.name}:network"),
            (0.02, 0.1),
            PER_MINUTE,
            24 * 3600.0,
            0.0,
            lambda _: None,  # the account tells
            lambda _: None,
        )
        self.account = account

    def weigh(self, weight: int) -> tuple[int, bool]:
        return self.account.weigh(weight)


class Hosts:
    """Both hosts: each request and connection goes to the one that it is for."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.account = Account(loop)
        self.usdm = Host(USDM, loop, self.account)
        self.coinm = Host(COINM, loop, self.account)
        self._http = {host: VirtualHttp(host) for host in (self.usdm, self.coinm)}

    def stream(self, method: str, url: str, params: Mapping[str, str]) -> Any:
        """Ask, as httpx's client does."""
        host = self.usdm if "/fapi/" in url else self.coinm
        return self._http[host].stream(method, url, params)

    async def aclose(self) -> None:
        """Nothing is open between two requests."""

    def connect(self, url: str, **options: Any) -> Any:
        """Open a WebSocket."""
        host = self.usdm if "/public/" in url else self.coinm
        return host.connect(url, **options)

    def break_off(self) -> None:
        """Cut all connections."""
        for host in (self.usdm, self.coinm):
            for connection in [*host.connections]:
                connection.end(None)


class Herd:
    """The books.

    Attributes:
        account: what the exchange counted.
        waited: seconds until all were live: after the start, and after the break.
        weighed: the weight of the requests meanwhile, and in the minute before.
        resyncs: how often each book was built again.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.hosts = Hosts(loop)
        self.account = self.hosts.account
        self.waited: list[float] = []
        self.weighed: list[int] = []
        self.resyncs: set[int] = set()

    async def run(self) -> None:
        """Build all books, let them be for some minutes, and break off all connections at once."""
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(AsyncClient(rest_url=REST_URL, ws_url=WS_URL))
            await client._rest.http.aclose()
            client._rest.http = self.hosts  # type: ignore[assignment]
            for market in (USDM, COINM):
                await client.exchange_info(market)
            sockets = BinanceSocketManager(
                client, max_reconnects=None, connector=self.hosts.connect
            )
            stack.push_async_callback(sockets.close)
            managers = [
                self._manager(client, sockets, host.exchange.market, symbol)
                for host in (self.hosts.usdm, self.hosts.coinm)
                for symbol in host.exchange.listings
            ]
            for manager in managers:
                await stack.enter_async_context(manager)
            await self._all_live(managers)
            await asyncio.sleep(1.2 * MINUTE)
            self.hosts.break_off()
            await asyncio.sleep(0.001)
            assert not any(manager.state is State.LIVE for manager in managers)
            await self._all_live(managers)
            self.resyncs = {manager.counters.resyncs for manager in managers}

    @staticmethod
    def _manager(
        client: AsyncClient, sockets: BinanceSocketManager, market: Market, symbol: str
    ) -> DepthCacheManager[float]:
        return DepthCacheManager(
            client,
            symbol,
            bm=sockets,
            market=market,
            ws_interval=500,
            refresh_interval=None,
            callback=lambda _: None,
        )

    async def _all_live(self, managers: list[DepthCacheManager[float]]) -> None:
        began = self._loop.time()
        used = self.account.used(since=began - MINUTE)
        while not all(manager.state is State.LIVE for manager in managers):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self.waited.append(self._loop.time() - began)
        self.weighed.append(used + self.account.used(since=began))


def herded() -> Herd:
    backoff.JITTER.seed(1)
    loop = VirtualLoop()
    herd = Herd(loop)
    try:
        loop.run_until_complete(herd.run())
    finally:
        loop.close()
    return herd


def test_600_stale_futures_books_are_never_refused_and_live_again_as_soon_as_may_be():
    herd = herded()
    assert herd.account.refused == []
    assert len(herd.waited) == 2
    assert herd.resyncs == {1}
    snapshots = 2 * COUNT * USDM.weight(USDM.default_limit)
    for waited, weighed in zip(herd.waited, herd.weighed, strict=True):
        assert snapshots <= weighed
        minutes = ceil(weighed / (PER_MINUTE * (1 - RESERVE)))
        assert waited < (minutes - 1) * MINUTE + 10
