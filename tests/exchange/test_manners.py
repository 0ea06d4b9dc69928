"""Manners: hundreds of books, all stale at once, and never more asked than the exchange allows.

Over real HTTP and WebSocket. The simulator keeps the exchange's account of weights; its minutes and
ours are shortened to a few seconds, for the herd has to be seen to wait.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.markets import market_named
from depthcli.core.state import State
from depthcli.errors import BannedError
from depthcli.simulator import Exchange, Simulator
from depthcli.simulator.market.flow import Tempo
from depthcli.simulator.market.instruments import instrument_named
from depthcli.simulator.wire.rest import RestInterface

COUNT = 300
SHORT = 3.0
"""Seconds that a minute lasts."""


class Account(RestInterface):
    """The exchange's account with short minutes; it remembers what it answered and when."""

    def __init__(self, sources) -> None:
        super().__init__(sources)
        self.statuses: Counter[int] = Counter()
        self.asked: list[tuple[float, str]] = []
        self.most = 0

    def respond(self, method, target, now, *arguments, **options):
        answer = super().respond(method, target, now * 60 / SHORT, *arguments, **options)
        self.statuses[answer.status] += 1
        self.asked.append((asyncio.get_running_loop().time(), target))
        self.most = max(self.most, int(answer.headers["x-mbx-used-weight-1m"]))
        return answer


def quiet_exchange(market, count: int, weight_per_minute: int) -> Exchange:
    """Return an exchange of many symbols in which little happens."""
    chosen = market_named(market)
    name = "A{}USD_PERP" if market == "coinm" else "A{}USDT"
    instruments = [instrument_named(chosen, name.format(number), 1) for number in range(count)]
    tempo = Tempo(actions_per_second=2, levels=30, reach=60)
    return Exchange(
        chosen,
        instruments,
        seed=1,
        tempos={instrument.symbol: tempo for instrument in instruments},
        weight_per_minute=weight_per_minute,
    )


@asynccontextmanager
async def a_crowd(*exchanges: Exchange, limit: int = 50):
    async with (
        Simulator(*exchanges) as simulator,
        AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        account = simulator._service.rest = Account(exchanges)
        for exchange in exchanges:
            await client.exchange_info(exchange.market)  # which tells how much is allowed
        sockets = BinanceSocketManager(client, max_reconnects=None)
        managers = [
            DepthCacheManager(
                client, symbol, bm=sockets, market=exchange.market, limit=limit, callback=len_of
            )
            for exchange in exchanges
            for symbol in exchange.symbols
        ]
        try:
            for manager in managers:
                await manager.__aenter__()
            yield simulator, account, client, managers
        finally:
            await asyncio.gather(*(manager.close() for manager in managers))
            await sockets.close()


def len_of(cache) -> None:
    """Take the books, and do nothing with them."""


async def until(condition, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110, it is looked at from outside
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("market", "weight_per_minute"), [("spot", 900), ("usdm", 400)])
async def test_a_herd_of_stale_books_is_spread_and_the_exchange_never_complains(
    market, weight_per_minute, monkeypatch
):
    monkeypatch.setattr("depthcli.core.request_weight.MINUTE", SHORT)
    exchange = quiet_exchange(market, COUNT, weight_per_minute)
    async with a_crowd(exchange) as (simulator, account, _, managers):
        await until(lambda: all(manager.state is State.LIVE for manager in managers))
        simulator.faults.abort_connections()
        await until(lambda: all(manager.counters.resyncs for manager in managers))
        streams = exchange.market.streams_per_connection
        assert simulator.connections == -(-COUNT // streams)
    assert set(account.statuses) == {200}
    assert account.most <= weight_per_minute
    assert_nothing_was_asked_twice(account, managers)


async def test_markets_that_share_a_pool_of_weight_never_overdraw_it_together(monkeypatch):
    # Snapshots that cost much: two counts, each with its own requests under way, would overdraw it.
    monkeypatch.setitem(globals(), "SHORT", 1.5)
    monkeypatch.setattr("depthcli.core.request_weight.MINUTE", SHORT)
    exchanges = [quiet_exchange(market, COUNT, 2400) for market in ("usdm", "coinm")]
    async with a_crowd(*exchanges, limit=1000) as (simulator, account, _, managers):
        await until(lambda: all(manager.state is State.LIVE for manager in managers))
        simulator.faults.abort_connections()
        await until(lambda: all(manager.counters.resyncs for manager in managers))
    assert set(account.statuses) == {200}
    assert account.most <= 2400
    assert_nothing_was_asked_twice(account, managers)


def assert_nothing_was_asked_twice(account: Account, managers: list[DepthCacheManager]) -> None:
    # A snapshot a book for each time that it had to be built, or for an audit, where a slow machine
    # made a silence long.
    snapshots = sum("/depth" in target for _, target in account.asked)
    counters = [manager.counters for manager in managers]
    assert snapshots == sum(1 + counted.resyncs + counted.audits for counted in counters)


async def test_a_ban_silences_its_market_until_its_end_and_no_other():
    spot, usdm = quiet_exchange("spot", 30, 6000), quiet_exchange("usdm", 30, 2400)
    async with a_crowd(spot, usdm) as (simulator, account, client, managers):
        await until(lambda: all(manager.state is State.LIVE for manager in managers))
        simulator.faults.fail_next("/api/v3/depth", 418, retry_after=3)
        with pytest.raises(BannedError):
            await client.snapshot(spot.market, spot.symbols[0], 50, float)
        banned = asyncio.get_running_loop().time()
        account.asked.clear()
        simulator.faults.abort_connections()
        derivatives = [manager for manager in managers if manager.market is usdm.market]
        await until(lambda: all(manager.counters.resyncs for manager in derivatives))
        others = [manager for manager in managers if manager.market is spot.market]
        assert not any(manager.counters.resyncs for manager in others)
        await until(lambda: any("may be asked again in" in manager.reason for manager in others))
        await until(lambda: all(manager.counters.resyncs for manager in others))
        first = min(at for at, target in account.asked if target.startswith("/api/"))
        assert first >= banned + 3 - 0.1
    assert 418 not in account.statuses


async def test_a_ban_of_usd_m_silences_coin_m_too_and_says_until_when():
    usdm, coinm = quiet_exchange("usdm", 2, 2400), quiet_exchange("coinm", 2, 2400)
    async with a_crowd(usdm, coinm) as (simulator, account, client, managers):
        await until(lambda: all(manager.state is State.LIVE for manager in managers))
        simulator.faults.fail_next("/fapi/v1/depth", 418, retry_after=3, code=-1003)
        with pytest.raises(BannedError, match=r"^banned until \d\d:\d\d:\d\d UTC \(HTTP 418\)"):
            await client.snapshot(usdm.market, usdm.symbols[0], 50, float)
        banned = asyncio.get_running_loop().time()
        account.asked.clear()
        simulator.faults.abort_connections()
        others = [manager for manager in managers if manager.market is coinm.market]
        told = re.compile(r"banned until \d\d:\d\d:\d\d UTC; the exchange may be asked again in")
        await until(lambda: any(told.search(manager.reason) for manager in others))
        await until(lambda: all(manager.counters.resyncs for manager in managers))
        assert min(at for at, _ in account.asked) >= banned + 3 - 0.1
    assert 418 not in account.statuses


async def test_managers_that_share_only_a_client_share_the_pace_of_connections(monkeypatch):
    monkeypatch.setattr("depthcli.exchange.client.CONNECTION_ATTEMPTS", 5)
    exchange = quiet_exchange("spot", 8, 6000)
    async with (
        Simulator(exchange) as simulator,
        AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        managers = [DepthCacheManager(client, symbol) for symbol in exchange.symbols]
        for manager in managers:
            await manager.__aenter__()
        await until(lambda: sum(manager.state is State.LIVE for manager in managers) == 5)
        assert simulator.connections == 5
        assert client.connection_limiter.delay(asyncio.get_running_loop().time()) > 200
        await asyncio.gather(*(manager.close() for manager in managers))
