from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from depthcli.core.exchange_info import decode_exchange_info
from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM, Market
from depthcli.core.messages import DepthEvent, event_decoder, snapshot_decoder
from depthcli.simulator.market.exchange import LONGEST_CATCH_UP_MS
from depthcli.simulator.market.flow import Tempo
from depthcli.simulator.market.instruments import instrument_named
from tests.simulator.conftest import START_MS, NaiveBook, small_exchange

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


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
def test_what_a_symbol_does_depends_neither_on_the_others_nor_on_who_watches(
    market: Market,
) -> None:
    symbol = SYMBOLS[market.name][0]
    stream = market.stream(symbol, 100)
    watched, alone = started(market), small_exchange(market, symbol)
    alone.advance(START_MS)
    watched.watch(stream)
    early = [event for event in played(watched, 3000) if event[0] == stream]
    # whoever comes late, to an exchange of which time has been asked in another way
    alone.advance(START_MS + 1234)
    alone.watch(stream)
    alone.snapshot(symbol, 5)
    late = [json.loads(event.payload) for event in alone.advance(START_MS + 3000)]
    assert len(late) > 10
    assert late == [document for _, document in early][-len(late) :]
    assert alone.snapshot(symbol, 1000) == watched.snapshot(symbol, 1000)


def test_a_halted_symbol_is_silent_and_goes_on_from_its_book() -> None:
    exchange = started(SPOT)
    exchange.watch("bnbbtc@depth@100ms")
    exchange.watch("ethbtc@depth@100ms")
    played(exchange, 500)
    exchange.halt("BNBBTC", status="BREAK")
    (entry, other) = decode_exchange_info(exchange.exchange_info()).listed
    assert (entry.status, entry.trading, other.trading) == ("BREAK", False, True)
    played(exchange, 200)  # what had changed before is still told
    assert {stream for stream, _ in played(exchange, 2000)} == {"ethbtc@depth@100ms"}
    book = NaiveBook(exchange.snapshot("BNBBTC", 5000))
    exchange.resume("BNBBTC")
    events = [event for stream, event in played(exchange, 1000) if stream.startswith("bnb")]
    assert 8 <= len(events) <= 10
    for event in events:
        assert event["U"] == book.last_update_id + 1
        book.apply(event)
        assert book.levels() == exchange.book_at("BNBBTC", event["u"])
    assert decode_exchange_info(exchange.exchange_info()).listed[0].trading


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
def test_a_halt_may_have_an_end_which_comes_though_nobody_asks(market: Market) -> None:
    exchange = started(market)
    symbol = exchange.symbols[0]
    exchange.watch(market.stream(symbol, 100))
    exchange.halt(symbol, seconds=2)
    assert played(exchange, 1900) == []
    events = played(exchange, 1000)
    assert 7 <= len(events) <= 10
    assert all(event["E"] > START_MS + 2000 for _, event in events)


def test_the_end_of_a_halt_shows_in_the_exchange_info_also_if_nobody_watches() -> None:
    exchange = started(SPOT)
    exchange.halt("BNBBTC", seconds=2)
    assert b"HALT" in exchange.exchange_info(["BNBBTC"])
    exchange.advance(START_MS + 2500)
    assert b"HALT" not in exchange.exchange_info(["BNBBTC"])


def test_a_symbol_that_is_listed_again_begins_anew_for_those_who_still_listen() -> None:
    exchange = started(SPOT)
    exchange.watch("bnbbtc@depth@100ms")
    before = exchange.snapshot("BNBBTC", 5000)
    exchange.delist("BNBBTC")
    assert played(exchange, 1000) == []
    exchange.list_symbol(instrument_named(SPOT, "BNBBTC", 1))
    book = NaiveBook(exchange.snapshot("BNBBTC", 5000))
    assert book.levels() != NaiveBook(before).levels()
    events = played(exchange, 1000)
    assert len(events) >= 8
    for _, event in events:
        assert event["U"] == book.last_update_id + 1
        book.apply(event)
        assert book.levels() == exchange.book_at("BNBBTC", event["u"])


def test_a_new_symbol_can_be_listed_while_the_exchange_runs() -> None:
    exchange = started(USDM)
    played(exchange, 500)
    assert not exchange.watch("solusdt@depth@100ms")
    exchange.list_symbol(instrument_named(USDM, "SOLUSDT"))
    assert exchange.watch("solusdt@depth@100ms")
    assert "SOLUSDT" in exchange.symbols
    assert len(played(exchange, 1000)) >= 8
    assert b"SOLUSDT" in exchange.exchange_info()


def test_contracts_are_gone_once_they_expire() -> None:
    expiry_ms = instrument_named(OPTIONS, "BTC-231215-40000-C").expiry_ms
    exchange = small_exchange(OPTIONS, "BTC-231215-40000-C", "BTC-231229-40000-C")
    exchange.advance(expiry_ms - 1000)
    for symbol in exchange.symbols:
        exchange.watch(OPTIONS.stream(symbol, 100))
    events = played(exchange, 2000)
    assert exchange.symbols == ("BTC-231229-40000-C",)
    times = [event["E"] for _, event in events if event["s"] == "BTC-231215-40000-C"]
    assert expiry_ms - 110 <= max(times) <= expiry_ms
    assert max(event["E"] for _, event in events) > expiry_ms + 800
    with pytest.raises(KeyError):
        exchange.snapshot("BTC-231215-40000-C", 10)


def test_a_contract_that_expires_while_the_machine_sleeps_is_gone_afterwards() -> None:
    exchange = small_exchange(COINM, "BTCUSD_231229", "BTCUSD_PERP", keep_history=False)
    exchange.advance(START_MS)
    exchange.advance(START_MS + 100 * 86_400_000)
    assert exchange.symbols == ("BTCUSD_PERP",)


def test_a_contract_of_the_past_that_somebody_asked_for_stays() -> None:
    exchange = small_exchange(OPTIONS, "BTC-200630-9000-P")
    exchange.advance(START_MS)
    exchange.advance(START_MS + 2000)
    assert exchange.symbols == ("BTC-200630-9000-P",)


@pytest.mark.parametrize("watched", [True, False])
def test_thousands_of_hours_in_which_little_happens_pass_quickly(watched: bool) -> None:
    seldom = {"BNBBTC": Tempo(actions_per_second=1 / 3600, levels=50, reach=100)}
    exchange = small_exchange(SPOT, "BNBBTC", tempos=seldom, longest_catch_up_ms=None)
    exchange.advance(START_MS)
    book = NaiveBook(exchange.snapshot("BNBBTC", 5000))
    if watched:
        exchange.watch("bnbbtc@depth@100ms")
    events = exchange.advance(START_MS + 2000 * 3_600_000)
    assert bool(events) is watched
    for event in events:
        book.apply(json.loads(event.payload))
    if watched:
        assert 1500 < len(events) < 2500
        assert book.levels() == exchange.book_at("BNBBTC", exchange.last_update_id("BNBBTC"))


def test_books_are_made_only_when_somebody_asks_for_them() -> None:
    exchange = small_exchange(SPOT, *SYMBOLS["spot"], keep_history=False)
    exchange.advance(START_MS)
    played(exchange, 1000)
    exchange.snapshot("BNBBTC", 5)
    made = [
        symbol for symbol in exchange.symbols if "books" in vars(exchange._listings[symbol].flow)
    ]
    assert made == ["BNBBTC"]


def test_options_snapshots_can_lag_by_half_a_minute() -> None:
    exchange = started(OPTIONS, snapshot_age_ms=30_000)
    symbol = exchange.symbols[0]
    first = exchange.snapshot(symbol, 10)
    played(exchange, 29_000, 1000)
    assert exchange.snapshot(symbol, 10) == first
    played(exchange, 2000)
    assert exchange.snapshot(symbol, 10) != first


@pytest.mark.parametrize(
    ("market", "keys"),
    [
        (SPOT, ["e", "E", "s", "U", "u", "b", "a"]),
        (USDM, ["e", "E", "T", "s", "ps", "st", "U", "u", "pu", "b", "a"]),
        (COINM, ["e", "E", "T", "s", "ps", "st", "U", "u", "pu", "b", "a"]),
        (OPTIONS, ["e", "E", "T", "s", "U", "u", "pu", "b", "a"]),
    ],
    ids=list(MARKETS),
)
def test_each_market_has_its_own_payloads(market: Market, keys: list[str]) -> None:
    exchange = started(market)
    symbol = exchange.symbols[0]
    exchange.watch(market.stream(symbol, 100))
    exchange.watch(f"{symbol.lower()}@depth5@100ms")
    events = played(exchange, 250)
    diff = next(event for stream, event in events if "depth@" in stream)
    partial = next(event for stream, event in events if "depth5@" in stream)
    assert list(diff) == keys
    assert list(partial) == (["lastUpdateId", "bids", "asks"] if market is SPOT else keys)
    head = json.loads(exchange.snapshot(symbol, 5))
    assert ("symbol" in head, "pair" in head) == (market is COINM, market is COINM)
    assert ("T" in head, "E" in head) == (market is not SPOT, market in (USDM, COINM))
    (entry, _) = decode_exchange_info(exchange.exchange_info()).listed
    assert (b'"contractStatus"' in exchange.exchange_info()) is (market is COINM)
    assert entry.trading
