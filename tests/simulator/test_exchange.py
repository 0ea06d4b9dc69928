from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from depthcli.markets import COINM, MARKETS, OPTIONS, SPOT, USDM, Market
from depthcli.messages import DepthEvent, decode_exchange_info, event_decoder, snapshot_decoder
from depthcli.simulator.exchange import LONGEST_CATCH_UP_MS

from .conftest import START_MS, NaiveBook, small_exchange

if TYPE_CHECKING:
    from depthcli.simulator import Exchange

SYMBOLS = {
    "spot": ("BNBBTC", "ETHBTC"),
    "usdm": ("BTCUSDT", "ETHUSDT"),
    "coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "options": ("BTC-261225-110000-C", "BTC-261225-110000-P"),
}


def played(exchange: Exchange, milliseconds: int, step: int = 20) -> list[tuple[str, Any]]:
    """Let time pass in steps and return the events as (stream, document)."""
    start = exchange._now_ms or START_MS
    events = []
    for now in range(step, milliseconds + 1, step):
        events += exchange.advance(start + now)
    return [(event.stream, json.loads(event.payload)) for event in events]


def started(market: Market, **options: Any) -> Exchange:
    exchange = small_exchange(market, *SYMBOLS[market.name], **options)
    exchange.advance(START_MS)
    return exchange


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
@pytest.mark.parametrize("seed", range(4))
def test_events_over_a_snapshot_give_the_exchanges_book_at_each_id(
    market: Market, seed: int
) -> None:
    exchange = started(market, seed=seed, snapshot_age_ms=0)
    symbol = exchange.symbols[0]
    for speed in filter(None, market.speeds):
        assert exchange.watch(market.stream(symbol, speed))
    before = played(exchange, 340)
    book = NaiveBook(exchange.snapshot(symbol, 5000))
    assert book.levels() == exchange.book_at(symbol, book.last_update_id)
    fastest = market.stream(symbol, 100)
    applied = 0
    for stream, event in before + played(exchange, 1500):
        if stream == fastest and event["u"] > book.last_update_id:
            first = event["U"] - 1 if market.name == "spot" else event["pu"]
            assert first <= book.last_update_id, f"gap with seed {seed}"
            book.apply(event)
            assert book.levels() == exchange.book_at(symbol, event["u"]), f"seed {seed}"
            applied += 1
    assert applied >= 10


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
def test_ids_form_one_chain_in_each_stream(market: Market) -> None:
    exchange = started(market)
    streams = [market.stream(symbol, speed) for symbol in exchange.symbols for speed in (100, None)]
    assert all(exchange.watch(stream) for stream in streams)
    last: dict[str, int] = {}
    holes = 0
    for stream, event in played(exchange, 4000):
        assert event["U"] <= event["u"]
        if stream in last:
            holes += event["U"] != last[stream] + 1
            assert event.get("pu", last[stream]) == last[stream]
        last[stream] = event["u"]
    assert set(last) == set(streams)
    assert (holes == 0) is (market.name == "spot")


def test_events_come_at_the_speed_of_their_stream_and_only_if_something_changed() -> None:
    exchange = started(SPOT)
    exchange.watch("bnbbtc@depth@100ms")
    exchange.watch("bnbbtc@depth")
    counts = {"bnbbtc@depth@100ms": 0, "bnbbtc@depth": 0}
    for stream, _ in played(exchange, 10_000):
        counts[stream] += 1
    assert 95 <= counts["bnbbtc@depth@100ms"] <= 101
    assert 9 <= counts["bnbbtc@depth"] <= 10
    exchange.halt("BNBBTC")
    played(exchange, 1100)
    assert played(exchange, 3000) == []


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
def test_messages_are_what_the_client_expects(market: Market) -> None:
    exchange = started(market)
    symbol = exchange.symbols[0]
    exchange.watch(market.stream(symbol, 100))
    raw = [event for now in range(20, 400, 20) for event in exchange.advance(START_MS + now)]
    event = event_decoder(float)(raw[0].payload)
    assert isinstance(event, DepthEvent)
    assert event.symbol == symbol
    assert START_MS < event.event_time <= START_MS + 400
    snapshot = snapshot_decoder(float)(exchange.snapshot(symbol, 10))
    assert len(snapshot.bids) == len(snapshot.asks) == 10
    info = decode_exchange_info(exchange.exchange_info())
    assert [entry.symbol for entry in info.listed] == list(SYMBOLS[market.name])
    assert all(entry.trading and entry.tick_size and entry.step_size for entry in info.listed)
    assert info.weight_per_minute == market.weight_per_minute


def test_numbers_are_written_as_each_market_writes_them() -> None:
    def first_bid(market: Market, symbol: str) -> list[str]:
        exchange = small_exchange(market, symbol)
        bid: list[str] = json.loads(exchange.snapshot(symbol, 5))["bids"][0]
        return bid

    assert [len(number.split(".")[1]) for number in first_bid(SPOT, "BTCUSDT")] == [8, 8]
    assert [len(number.split(".")[1]) for number in first_bid(USDM, "BTCUSDT")] == [1, 3]
    assert first_bid(COINM, "BTCUSD_PERP")[1].isdigit()
    assert [len(number.split(".")[1]) for number in first_bid(OPTIONS, "BTC-261225-110000-C")] == [
        3,
        3,
    ]


def test_partial_books_are_the_top_of_the_book() -> None:
    exchange = started(SPOT)
    exchange.watch("bnbbtc@depth5@100ms")
    _, event = played(exchange, 400)[-1]
    bids, asks = exchange.book_at("BNBBTC", event["lastUpdateId"])
    assert [tuple(level) for level in event["bids"]] == bids[:5]
    assert [tuple(level) for level in event["asks"]] == asks[:5]
    futures = started(USDM)
    futures.watch("btcusdt@depth20@100ms")
    _, event = played(futures, 400)[-1]
    bids, _ = futures.book_at("BTCUSDT", event["u"])
    assert [tuple(level) for level in event["b"]] == bids[:20]


def test_the_book_ticker_tells_the_best_prices_as_they_change() -> None:
    exchange = started(SPOT)
    exchange.watch("ethbtc@bookTicker")
    events = played(exchange, 3000)
    assert len(events) > 20
    for _, event in events:
        bids, asks = exchange.book_at("ETHBTC", event["u"])
        assert ((event["b"], event["B"]), (event["a"], event["A"])) == (bids[0], asks[0])


@pytest.mark.parametrize(
    "stream",
    ["nobody@depth", "BNBBTC@depth", "bnbbtc@depth@50ms", "bnbbtc@depth7", "bnbbtc", "@depth", ""],
)
def test_streams_that_do_not_exist_are_not_watched(stream: str) -> None:
    assert not started(SPOT).watch(stream)


def test_an_older_snapshot_is_the_book_as_it_was() -> None:
    exchange = started(SPOT)
    played(exchange, 1000)
    now = exchange.last_update_id("BNBBTC")
    book = NaiveBook(exchange.snapshot("BNBBTC", 5000, age=50))
    assert book.last_update_id == now - 50
    assert book.levels() == exchange.book_at("BNBBTC", now - 50)


def test_options_snapshots_lag_behind() -> None:
    exchange = started(OPTIONS)
    symbol = exchange.symbols[0]
    first = exchange.snapshot(symbol, 10)
    played(exchange, 1000)
    assert exchange.snapshot(symbol, 10) == first
    played(exchange, 1500)
    assert exchange.snapshot(symbol, 10) != first


def test_ids_can_start_anew_below_where_they_were() -> None:
    exchange = started(SPOT)
    exchange.watch("bnbbtc@depth@100ms")
    played(exchange, 500)
    high = exchange.last_update_id("BNBBTC")
    kept = exchange.book_at("BNBBTC", high)
    exchange.restart_ids()
    book = NaiveBook(exchange.snapshot("BNBBTC", 5000))
    assert book.last_update_id < high
    assert book.levels() == kept == exchange.book_at("BNBBTC", high)
    for _, event in played(exchange, 1000):
        assert event["U"] == book.last_update_id + 1
        book.apply(event)
        assert book.levels() == exchange.book_at("BNBBTC", event["u"])


def test_a_delisted_symbol_is_gone_and_a_halted_one_stays() -> None:
    exchange = started(SPOT)
    exchange.halt("BNBBTC")
    exchange.delist("ETHBTC")
    listed = decode_exchange_info(exchange.exchange_info()).listed
    assert [(entry.symbol, entry.status) for entry in listed] == [("BNBBTC", "HALT")]
    with pytest.raises(KeyError):
        exchange.snapshot("ETHBTC", 5)


def test_one_symbol_does_not_depend_on_the_others() -> None:
    alone, together = small_exchange(SPOT, "BNBBTC"), started(SPOT)
    alone.advance(START_MS)
    for exchange in (alone, together):
        exchange.watch("bnbbtc@depth@100ms")
    assert played(alone, 2000) == played(together, 2000)


def test_after_a_long_sleep_only_the_last_seconds_are_made_up_for() -> None:
    exchange = started(SPOT)
    exchange.watch("bnbbtc@depth@100ms")
    events = exchange.advance(START_MS + 3_600_000)
    assert 0 < len(events) <= LONGEST_CATCH_UP_MS // 100 + 1


def test_asking_for_a_past_that_nobody_kept_is_an_error() -> None:
    exchange = started(SPOT)
    with pytest.raises(LookupError):
        exchange.book_at("BNBBTC", exchange.last_update_id("BNBBTC") + 1)
    forgetful = small_exchange(SPOT, "BNBBTC", keep_history=False)
    with pytest.raises(LookupError):
        forgetful.book_at("BNBBTC", forgetful.last_update_id("BNBBTC"))
