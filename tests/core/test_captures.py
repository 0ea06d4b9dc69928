"""Real recorded market data: the book rebuilt from it is the recorded one, level by level."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from depthcli.core.exchange_info import decode_exchange_info
from depthcli.core.markets import MARKETS, Market
from depthcli.core.messages import event_decoder, snapshot_decoder
from depthcli.core.state import State, Verdict
from depthcli.core.synchronizer import Synchronizer
from tests.naive import NaiveBook, both_sides

FOLDER = Path(__file__).parents[3] / "shared" / "captures"


class Recorded:
    """One symbol of a recording, rebuilt by a synchroniser and, beside it, by the naive book."""

    def __init__(self, symbol: str, market: Market) -> None:
        self.synchronizer = Synchronizer(
            symbol,
            Decimal,
            ids_are_shared=market.ids_are_shared,
            event_at_snapshot_id_applies=market.event_at_snapshot_id_applies,
        )
        self.synchronizer.opened()
        self.naive = NaiveBook()
        self.touches: dict[int, tuple[object, object]] = {}
        self.waiting = []
        self.steps = 0

    def event(self, data: dict[str, object]) -> None:
        event = event_decoder(Decimal)(json.dumps(data))
        self.waiting.append(event)
        self.synchronizer.receive(event)
        self.read()

    def snapshot(self, data: dict[str, object], limit: int) -> None:
        snapshot = snapshot_decoder(Decimal)(json.dumps(data))
        assert self.synchronizer.offer(snapshot, limit) is Verdict.ADOPTED
        self.naive.load(snapshot)
        self.read()

    def read(self) -> None:
        cache = self.synchronizer.cache
        while self.synchronizer.advance():
            self.steps += 1
            for event in list(self.waiting):
                if event.last_update_id <= cache.last_update_id:
                    self.waiting.remove(event)
                    if event.last_update_id == cache.last_update_id:
                        self.naive.apply(event)
            assert both_sides(cache) == (self.naive.sorted_bids, self.naive.sorted_asks)
            self.touches[cache.last_update_id] = (cache.best_bid, cache.best_ask)


@pytest.fixture(scope="module", params=["spot", "usdm"])
def recording(request):
    path = FOLDER / f"{request.param}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded market data here: {path} is absent")
    market = MARKETS[request.param]
    symbols: dict[str, Recorded] = {}
    tickers = []
    with gzip.open(path) as lines:
        for line in lines:
            entry = json.loads(line)
            kind, source, data = entry["kind"], entry["source"], entry["data"]
            if kind == "rest" and urlsplit(source).path == market.depth_path():
                query = parse_qs(urlsplit(source).query)
                symbol = query["symbol"][0]
            elif kind == "ws" and ("@depth" in source or "@bookTicker" in source):
                symbol = data["s"]
            else:
                continue
            recorded = symbols.setdefault(symbol, Recorded(symbol, market))
            if kind == "rest":
                recorded.snapshot(data, int(query["limit"][0]))
            elif "@depth" in source:
                recorded.event(data)
            else:
                tickers.append(data)
    return symbols, tickers


def test_each_symbol_links_and_stays_live_without_a_gap(recording):
    symbols, _ = recording
    for symbol, recorded in symbols.items():
        assert recorded.synchronizer.state is State.LIVE, symbol
        assert recorded.synchronizer.counters.gaps == 0
        assert recorded.steps > 0


def test_best_bid_and_ask_are_the_recorded_ones_at_the_same_update_id(recording):
    symbols, tickers = recording
    compared = 0
    for ticker in tickers:
        touch = symbols[ticker["s"]].touches.get(ticker["u"])
        if touch is None:
            continue
        compared += 1
        assert touch == (
            (Decimal(ticker["b"]), Decimal(ticker["B"])),
            (Decimal(ticker["a"]), Decimal(ticker["A"])),
        ), ticker
    assert compared >= 20


@pytest.mark.parametrize(
    ("name", "weight", "known"),
    [("spot", 1200, ("NKNUSDT", "0.0001")), ("usdm", 2400, ("SUSHIUSDT", "0.0010"))],
)
def test_the_recorded_exchange_info_tells_symbols_steps_and_the_weight(name, weight, known):
    path = FOLDER / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded market data here: {path} is absent")
    with gzip.open(path) as lines:
        entry = json.loads(next(lines))
    info = decode_exchange_info(json.dumps(entry["data"]))
    assert not info.unreadable
    assert info.weight_per_minute == weight
    symbol, tick = known
    (listed,) = [one for one in info.listed if one.symbol == symbol]
    assert listed.trading
    assert listed.tick_size == Decimal(tick)
