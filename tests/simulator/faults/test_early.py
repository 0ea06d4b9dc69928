"""Early snapshots: those of derivatives that lack the event which ends at their own id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect

from depthcli.core.markets import COINM, MARKETS, SPOT, USDM, Market
from depthcli.simulator import FaultPlan, Simulator
from depthcli.simulator.faults.corruption import Delivery
from depthcli.simulator.faults.faults import Faults
from tests.simulator.conftest import START_MS, NaiveBook, small_exchange

if TYPE_CHECKING:
    from depthcli.simulator import Exchange

SYMBOLS = {"usdm": "BTCUSDT", "coinm": "BTCUSD_PERP", "options": "BTC-261225-110000-C"}
DERIVATIVES = [MARKETS[name] for name in SYMBOLS]


def listened_to(market: Market, *speeds: int, seed: int = 1) -> Exchange:
    """Return an exchange whose one symbol somebody has listened to for a while."""
    exchange = small_exchange(market, SYMBOLS[market.name], seed=seed)
    exchange.advance(START_MS)
    for speed in speeds:
        assert exchange.watch(market.stream(exchange.symbols[0], speed))
    exchange.advance(START_MS + 1234)
    return exchange


@pytest.mark.parametrize("market", DERIVATIVES, ids=list(SYMBOLS))
@pytest.mark.parametrize("speeds", [(100,), (500,), (500, 100)])
@pytest.mark.parametrize("seed", range(3))
def test_the_event_at_its_own_id_makes_it_the_exchanges_book(
    market: Market, speeds: tuple[int, ...], seed: int
) -> None:
    exchange = listened_to(market, *speeds, seed=seed)
    symbol = exchange.symbols[0]
    different = 0
    for now in range(1300, 4000, 130):
        exchange.advance(START_MS + now)
        body = exchange.early_snapshot(symbol, 5000)
        snapshot = NaiveBook(body)
        at = snapshot.last_update_id
        assert snapshot.levels() == exchange.book_at(symbol, exchange.early[symbol, at])
        different += snapshot.levels() != exchange.book_at(symbol, at)
        told = exchange.advance(START_MS + now + 1)
        assert {event.stream for event in told} == {market.stream(symbol, s) for s in speeds}
        for event in told:
            document = json.loads(event.payload)
            assert event.owed
            assert document["u"] == at
            assert document["T"] == json.loads(body)["T"]
            book = NaiveBook(body)
            book.apply(document)
            assert book.levels() == exchange.book_at(symbol, at)
    assert different >= 20


@pytest.mark.parametrize("market", DERIVATIVES, ids=list(SYMBOLS))
def test_the_chain_of_events_goes_on_as_ever(market: Market) -> None:
    exchange = listened_to(market, 100)
    symbol = exchange.symbols[0]
    book: NaiveBook | None = None
    previous = None
    for now in range(1250, 4000, 50):
        if now % 150 == 0:
            book = book or NaiveBook(exchange.early_snapshot(symbol, 5000))
            exchange.early_snapshot(symbol, 5000)
        for event in exchange.advance(START_MS + now):
            document = json.loads(event.payload)
            assert previous in {None, document["pu"]}
            previous = document["u"]
            if book and document["u"] >= book.last_update_id:
                book.apply(document)
                assert book.levels() == exchange.book_at(symbol, document["u"])


def test_where_nothing_has_changed_the_next_action_happens_at_once() -> None:
    exchange = listened_to(USDM, 100)
    first, second = (json.loads(exchange.early_snapshot("BTCUSDT", 10)) for _ in range(2))
    assert second["lastUpdateId"] > first["lastUpdateId"]
    told = [json.loads(event.payload)["u"] for event in exchange.advance(START_MS + 1235)]
    assert told == [first["lastUpdateId"], second["lastUpdateId"]]


def test_there_is_none_on_spot_nor_while_halted_nor_where_nobody_listens() -> None:
    spot = small_exchange(SPOT, "BNBBTC")
    spot.advance(START_MS)
    spot.watch("bnbbtc@depth@100ms")
    spot.advance(START_MS + 1234)
    halted = listened_to(COINM, 100)
    halted.halt("BTCUSD_PERP")
    unheard = listened_to(USDM)
    for exchange in (spot, halted, unheard):
        symbol = exchange.symbols[0]
        assert exchange.early_snapshot(symbol, 500) == exchange.snapshot(symbol, 500)
        assert not exchange.early
        assert not any(event.owed for event in exchange.advance(START_MS + 1300))
    with pytest.raises(KeyError):
        spot.early_snapshot("NOSUCH", 5)


def test_what_comes_is_the_same_for_the_same_seed() -> None:
    def made() -> list[bytes]:
        exchange = listened_to(USDM, 100, seed=7)
        bodies = [exchange.early_snapshot("BTCUSDT", 100)]
        bodies += [event.payload for event in exchange.advance(START_MS + 3000)]
        return bodies

    assert made() == made()


def test_no_fault_happens_to_an_event_that_is_owed() -> None:
    faults = Faults(FaultPlan.parse("drop:1"))
    faults.corrupt_next("binary", "btcusdt")
    faults.stall(60)
    assert faults.deliveries("btcusdt@depth", b"{}", "usdm", owed=True) == [Delivery(b"{}")]
    assert faults.deliveries("btcusdt@depth", b"{}", "usdm") == []


def test_an_event_that_is_owed_does_not_overtake_what_comes_late() -> None:
    now = 100.0
    faults = Faults(clock=lambda: now)
    faults.delay_next(2)
    assert faults.deliveries("btcusdt@depth", b"1", "usdm") == []
    assert faults.deliveries("btcusdt@depth", b"2", "usdm", owed=True) == []
    now += 2
    assert [late.payload for _, _, late in faults.late_deliveries()] == [b"1", b"2"]


def test_only_snapshots_of_derivatives_are_drawn_as_early() -> None:
    faults = Faults(FaultPlan.parse("early:1"))
    paths = ["/fapi/v1/depth", "/dapi/v1/depth", "/eapi/v1/depth"]
    assert [fault.kind for path in paths if (fault := faults.rest_fault(path))] == ["early"] * 3
    for path in ("/api/v3/depth", "/fapi/v1/exchangeInfo"):
        assert faults.rest_fault(path) is None
    assert faults.log == {"early": 3}


@pytest.mark.parametrize("market", DERIVATIVES, ids=list(SYMBOLS))
async def test_over_real_sockets_snapshot_and_event_give_the_exchanges_book(
    market: Market,
) -> None:
    exchange = small_exchange(market, SYMBOLS[market.name])
    symbol = exchange.symbols[0]
    stream = market.stream(symbol, 100)
    async with (
        Simulator(exchange) as simulator,
        httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False, timeout=5) as client,
        connect(
            f"{simulator.ws_url}{market.websocket_prefix}/ws/{stream}",
            proxy=None,
            ping_interval=None,
        ) as connection,
    ):
        await connection.recv()
        simulator.faults.early_next_snapshot()
        simulator.faults.stall(0.5)
        asked = {"symbol": symbol, "limit": "1000"}
        book = NaiveBook((await client.get(market.depth_path(), params=asked)).content)
        at = book.last_update_id
        assert book.levels() != exchange.book_at(symbol, at)
        event: dict[str, Any] = {"u": 0}
        while event["u"] < at:
            event = json.loads(await connection.recv())
        assert event["u"] == at
        book.apply(event)
        assert book.levels() == exchange.book_at(symbol, at)
        assert simulator.faults.log["early"] == 1
