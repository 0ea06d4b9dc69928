from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from depthcli.core.markets import SPOT, USDM
from depthcli.errors import UsageError
from depthcli.simulator import Capture
from tests.simulator.conftest import START_MS, NaiveBook

if TYPE_CHECKING:
    from pathlib import Path

DIFFS = "bnbbtc@depth@100ms"


def line(at_ms: float, kind: str, source: str, data: str, market: str = "spot") -> str:
    nanoseconds = int((START_MS + at_ms) * 1e6)
    return (
        f'{{"t":{nanoseconds},"market":"{market}","kind":"{kind}",'
        f'"source":"{source}","data":{data}}}\n'
    )


def event(update_id: int, bid: str, quantity: str) -> str:
    return (
        f'{{"e":"depthUpdate","E":{update_id},"s":"BNBBTC","U":{update_id},"u":{update_id},'
        f'"b":[["{bid}","{quantity}"]],"a":[]}}'
    )


SNAPSHOT = '{"lastUpdateId":2,"bids":[["1.10","5.0"],["1.00","4.0"]],"asks":[["1.20","3.0"]]}'
INFO = '{"timezone":"UTC","symbols":[{"symbol":"BNBBTC","x":1.50},{"symbol":"ETHBTC"}]}'
LINES = [
    line(-50, "rest", "/api/v3/exchangeInfo", INFO),
    line(0, "ws", DIFFS, event(2, "1.00", "4.0")),
    line(30, "rest", "/api/v3/depth?symbol=BNBBTC&limit=1000", SNAPSHOT),
    line(100, "ws", DIFFS, event(3, "1.10", "0.0")),
    line(150, "ws", "bnbbtc@bookTicker", '{"u": 3, "b":"1.00"}'),
    line(200, "ws", DIFFS, event(4, "1.05", "7.50")),
    line(1300, "ws", DIFFS, event(5, "1.05", "0.0")),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.jsonl"
    path.write_text("".join(LINES))
    return path


def bids(capture: Capture, limit: int = 100) -> tuple[int, list[list[str]]]:
    document = json.loads(capture.snapshot("BNBBTC", limit))
    return document["lastUpdateId"], document["bids"]


@pytest.mark.parametrize("packed", [True, False])
def test_frames_come_verbatim_at_the_recorded_pace(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "capture"
    path.write_bytes(gzip.compress("".join(LINES).encode()) if packed else "".join(LINES).encode())
    capture = Capture(path)
    assert capture.market is SPOT
    assert capture.symbols == ("BNBBTC",)
    capture.advance(START_MS)
    capture.advance(START_MS + 60_000)
    assert capture.watch(DIFFS), "the play starts only now"
    assert capture.watch("bnbbtc@bookTicker")
    start = START_MS + 60_000
    assert [played.payload for played in capture.advance(start + 100)] == [
        event(2, "1.00", "4.0").encode(),
        event(3, "1.10", "0.0").encode(),
    ]
    assert [played.payload for played in capture.advance(start + 199)] == [b'{"u": 3, "b":"1.00"}']
    assert not capture.finished
    assert len(capture.advance(start + 2000)) == 2
    assert capture.finished
    assert capture.advance(start + 90_000) == []


def test_snapshots_are_kept_current(path: Path) -> None:
    capture = Capture(path, speed=10)
    capture.advance(START_MS)
    recorded = (2, [["1.10", "5.0"], ["1.00", "4.0"]])
    assert bids(capture) == recorded
    capture.watch(DIFFS)
    capture.advance(START_MS + 2)
    assert bids(capture) == recorded
    capture.advance(START_MS + 20)
    assert bids(capture) == (4, [["1.05", "7.50"], ["1.00", "4.0"]])
    assert bids(capture, 1) == (4, [["1.05", "7.50"]])
    assert json.loads(capture.snapshot("BNBBTC", 5, age=2))["bids"] == recorded[1]
    capture.advance(START_MS + 1000)
    assert bids(capture) == (5, [["1.00", "4.0"]])
    with pytest.raises(KeyError):
        capture.snapshot("ETHBTC", 5)


def test_a_slower_stream_is_made_of_the_recorded_one(path: Path) -> None:
    capture = Capture(path)
    capture.advance(START_MS)
    assert capture.watch("bnbbtc@depth")
    assert capture.advance(START_MS + 999) == []
    events = [json.loads(e.payload) for e in capture.advance(START_MS + 1001)]
    events += [json.loads(e.payload) for e in capture.advance(START_MS + 5000)]
    assert [(e["U"], e["u"]) for e in events] == [(2, 4), (5, 5)]
    assert events[0]["b"] == [["1.00", "4.0"], ["1.10", "0.0"], ["1.05", "7.50"]]
    assert not capture.watch("bnbbtc@depth5")
    assert not capture.watch("ethbtc@depth")
    capture.unwatch("bnbbtc@depth")


def test_exchange_info_is_the_recorded_one_or_a_part_of_it(path: Path) -> None:
    capture = Capture(path)
    assert capture.exchange_info() == INFO.encode()
    narrowed = capture.exchange_info(["BNBBTC"])
    assert b'"x":1.50' in narrowed
    assert [entry["symbol"] for entry in json.loads(narrowed)["symbols"]] == ["BNBBTC"]
    with pytest.raises(KeyError):
        capture.exchange_info(["NOBODY"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "can't be served"),
        (LINES[0].encode(), "can't be served"),
        (b"\x89PNG\r\n\x1a\n", "line 1: not a capture"),
        (b"{}\n", "line 1"),
        ((LINES[0] + '{"t":1,"market":"spot"\n').encode(), "line 2"),
        ((LINES[0] + LINES[1].replace("spot", "usdm")).encode(), "line 2: .*market"),
        (LINES[0].replace("spot", "moon").encode(), "moon"),
        ((LINES[0] + LINES[2].replace('"5.0"', "5.0")).encode(), "line 2"),
        ((LINES[0] + LINES[2].replace('"5.0"', '"many"')).encode(), "line 2"),
        ((LINES[0] + LINES[2].replace("symbol=BNBBTC&", "")).encode(), "line 2"),
        (gzip.compress("".join(LINES).encode())[:-40], "damaged"),
        (b"\x1f\x8bnonsense", "damaged"),
    ],
)
def test_what_is_no_capture_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        Capture(path)


def test_missing_files_and_impossible_speeds_are_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Capture(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="directory"):
        Capture(tmp_path)
    with pytest.raises(UsageError, match="0 times"):
        Capture(path, speed=0)


def replayed(capture: Capture, symbol: str, stream: str) -> tuple[NaiveBook, int]:
    """Play a capture over a snapshot had half-way, checking the book by its own best prices.

    Returns:
        The last book, and how often its best prices could be checked.
    """
    tickers: dict[int, Any] = {}
    checked = 0
    capture.advance(START_MS)
    assert capture.watch(stream)
    assert capture.watch(f"{symbol.lower()}@bookTicker")
    capture.advance(START_MS + 15_000)
    book = NaiveBook(capture.snapshot(symbol, 5000))
    for played in capture.advance(START_MS + 60_000):
        document = json.loads(played.payload)
        if played.stream != stream:
            tickers[document["u"]] = document
        elif document["u"] > book.last_update_id:
            assert document.get("pu", document["U"] - 1) <= book.last_update_id
            book.apply(document)
            if ticker := tickers.get(document["u"]):
                bids_, asks = book.levels()
                assert bids_[0] == (ticker["b"], ticker["B"])
                assert asks[0] == (ticker["a"], ticker["A"])
                checked += 1
    assert capture.finished
    return book, checked


@pytest.mark.parametrize(
    ("file", "symbol", "speed"),
    [
        ("spot.jsonl.gz", "NKNUSDT", "@100ms"),
        ("spot.jsonl.gz", "NKNUSDT", ""),
        ("usdm.jsonl.gz", "SUSHIUSDT", "@100ms"),
        ("usdm.jsonl.gz", "SUSHIUSDT", "@500ms"),
    ],
)
def test_real_recordings_link_late_and_agree_with_their_own_tickers(
    captures: Path, file: str, symbol: str, speed: str
) -> None:
    capture = Capture(captures / file)
    assert capture.market is (SPOT if "spot" in file else USDM)
    book, checked = replayed(capture, symbol, f"{symbol.lower()}@depth{speed}")
    bids_, asks = book.levels()
    final = json.loads(capture.snapshot(symbol, 5000))
    assert [list(level) for level in bids_] == final["bids"]
    assert [list(level) for level in asks] == final["asks"]
    assert checked > 3 or speed != "@100ms"
