"""Damaged messages: one error, or values that are what they must be; never a wrong book."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from websockets.exceptions import ConnectionClosedError

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.exchange_info import ExchangeInfo, decode_exchange_info
from depthcli.core.markets import COINM, OPTIONS, SPOT, USDM
from depthcli.core.messages import (
    DepthEvent,
    Snapshot,
    decode_failure,
    decode_server_time,
    event_decoder,
    frame_decoder,
    snapshot_decoder,
)
from depthcli.core.state import State
from depthcli.errors import BadMessageError, UsageError
from depthcli.exchange.connection import Connection
from depthcli.simulator import Capture, Simulator, source_for
from depthcli.simulator.capture import recorded as recorded_module
from depthcli.simulator.capture.recorded import read_recording
from depthcli.simulator.faults.corruption import Delivery
from tests.hostile.mutations import damaged, unreadable

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
PATIENCE = 30.0
START_MS = 1_700_000_000_000.0


def simulated() -> list[bytes]:
    """Return messages of every market as the simulator sends them."""
    messages = [
        b'{"result":null,"id":1}', b'{"code":-1121,"msg":"Invalid symbol."}',
        b'{"error":{"code":2,"msg":"no"},"id":1}', b'{"serverTime":1499827319559}',
        b'{"stream":"x","data":{"e":"serverShutdown","E":1}}',
    ]  # fmt: skip
    for market in (SPOT, USDM, COINM, OPTIONS):
        source = source_for(market, seed=3)
        symbol = source.symbols[0]
        source.watch(market.stream(symbol, market.fastest))
        source.advance(START_MS)
        events = source.advance(START_MS + 1500)
        messages += [
            b'{"stream":"%b","data":%b}' % (event.stream.encode(), event.payload)
            for event in events[:3]
        ]
        messages += [event.payload for event in events[:1]]
        messages += [source.snapshot(symbol, 10), source.exchange_info([symbol])]
    return messages


def recorded() -> list[bytes]:
    """Return the answers and some frames of real recordings, where there are any."""
    messages = []
    for path in sorted(CAPTURES.glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            for number, line in zip(range(60), lines, strict=False):
                data = json.loads(line)["data"]
                if number % 6 == 0 and len(line) < 100_000:
                    messages.append(json.dumps(data).encode())
    return messages


MESSAGES = simulated() + recorded()
DECODERS = [
    *(make(number) for number in (float, Decimal)
      for make in (frame_decoder, event_decoder, snapshot_decoder)),
    decode_exchange_info, decode_failure, decode_server_time,
]  # fmt: skip


def check(message: Any) -> None:
    """Assert that what was decoded is what it must be."""
    data = getattr(message, "data", message)
    if isinstance(data, DepthEvent):
        assert 0 <= data.first_update_id < 2**63
        assert 0 <= data.last_update_id < 2**63
        assert 0 <= data.event_time < 253_402_300_800_000
        assert type(data.symbol) is str
    if isinstance(data, DepthEvent | Snapshot):
        for price, quantity in [*data.bids, *data.asks]:
            assert type(price) is type(quantity)
            assert math.isfinite(price)
            assert price > 0
            assert 0 <= quantity < 10**301
            assert len(f"{price:f}") < 400
    if isinstance(data, ExchangeInfo):
        assert data.weight_per_minute is None or 0 < data.weight_per_minute <= 10**9
        for info in data.listed:
            assert type(info.symbol) is str
            for step in (info.tick_size, info.step_size):
                assert step is None or 0 < len(f"{step:f}") < 200


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=st.sampled_from(MESSAGES), seed=st.integers(0, 2**40))
def test_a_damaged_message_is_refused_or_its_values_are_checked(message, seed):
    raw = damaged(message, seed)
    for decode in DECODERS:
        refusal = ""
        try:
            check(decode(raw))
        except BadMessageError as error:
            refusal = str(error)
        assert len(refusal) <= 200
        assert not refusal or refusal.isprintable()


class Wire:
    """What stands for a WebSocket that brings what it was given, and then breaks off."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = list(frames)
        self.transport = self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def recv(self, decode):
        await asyncio.sleep(0)
        if not self.frames:
            raise ConnectionClosedError(None, None)
        return self.frames.pop(0)

    async def send(self, message, text):
        await asyncio.sleep(0)

    def abort(self):
        self.frames.clear()


class Bystander:
    """The least that a connection serves."""

    wanted = ("bnbbtc@depth@100ms", "x")

    def confirmed(self, connection, streams):
        """Nothing."""

    def refused(self, streams, reason):
        assert reason.isprintable()

    def unreadable(self, connection, streams, why):
        assert all(isinstance(stream, str) for stream in streams)
        assert why.isprintable()

    def leaving(self, connection):
        """Nothing."""


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    chosen=st.lists(
        st.tuples(st.sampled_from(MESSAGES), st.integers(0, 2**40)), min_size=1, max_size=12
    ),
    number=st.sampled_from([float, Decimal]),
)
def test_a_connection_reads_on_whatever_comes_and_ends_with_a_reason(chosen, number):
    wire = Wire([damaged(message, seed) for message, seed in chosen])

    async def serve():
        connection = Connection(
            SPOT, "ws://127.0.0.1:9", number, lambda *_, **__: wire, Bystander(), lambda *_: None
        )
        return await asyncio.wait_for(connection.start(), PATIENCE)

    assert asyncio.run(serve()) == "the connection broke off"
    assert not wire.frames


@pytest.mark.parametrize("market", [SPOT, USDM])
@pytest.mark.parametrize("instead", [False, True])
async def test_a_damaged_stream_never_makes_a_wrong_live_book(monkeypatch, market, instead):
    """Before an event, or instead of it, comes the same event damaged.

    Instead of it only at first: a stream that goes on like that makes no book live again.
    """
    source = source_for(market, ["BNBUSDT"], seed=11, keep_history=True)
    counted = 0

    async with Simulator(source) as simulator:

        def deliveries(stream, payload, *_, **__):
            nonlocal counted
            counted += 1
            if counted % 4 or (instead and counted > 24):
                return [Delivery(payload)]
            bad = Delivery(unreadable(payload, counted))
            wild = Delivery(b'{"stream":"%b","data":7}' % stream.encode(), whole=True)
            return [bad, wild] if instead else [bad, wild, Delivery(payload)]

        monkeypatch.setattr(simulator.faults, "deliveries", deliveries)
        compared, reached = 0, asyncio.Event()

        def compare(cache):
            nonlocal compared
            assert manager.state is State.LIVE
            truth = source.book_at(cache.symbol, cache.last_update_id)
            for ours, theirs in zip(cache.top(20), truth, strict=True):
                assert ours == [(Decimal(price), Decimal(size)) for price, size in theirs[:20]]
            compared += 1
            if compared >= 25 and counted > 24:
                reached.set()

        wrong = []

        def book(cache):
            try:
                compare(cache)
            except AssertionError as error:
                wrong.append(error)
                reached.set()

        async with (
            AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
            DepthCacheManager(
                client, "BNBUSDT", market=market, conv_type=Decimal, callback=book,
                bm=(sockets := BinanceSocketManager(client, max_reconnects=None)),
                ws_interval=100, limit=500,
            ) as manager,
        ):  # fmt: skip
            async with asyncio.timeout(PATIENCE):
                await reached.wait()
            counters = manager.counters
            await sockets.close()
    assert not wrong
    assert counters.refused >= 5
    # An event that follows the book without a hole shows that nothing was missed.
    assert (counters.resyncs > 0) is instead


async def test_what_a_listener_raises_ends_nothing():
    """A connection is shared: whoever listens badly harms nobody else, and not even himself."""

    live, heard = asyncio.Event(), asyncio.Event()

    def broken(*_):
        heard.set()
        raise ZeroDivisionError

    async with (
        Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator,
        AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        sockets = BinanceSocketManager(client)
        async with (
            DepthCacheManager(client, "ETHBTC", bm=sockets, callback=broken, on_state=broken),
            DepthCacheManager(client, "BNBBTC", bm=sockets, callback=lambda _: live.set()),
        ):
            for _ in range(2):
                live.clear()
                heard.clear()
                simulator.faults.abort_connections()
                async with asyncio.timeout(PATIENCE):
                    await live.wait()
                    await heard.wait()
        await sockets.close()


LINES = [
    b'{"t":%d,"market":"spot","kind":"%b","source":"%b","data":%b}' % line
    for line in (
        (1, b"rest", b"/api/v3/exchangeInfo", b'{"symbols":[{"symbol":"BNBBTC"}]}'),
        (
            2, b"rest", b"/api/v3/depth?symbol=BNBBTC",
            b'{"lastUpdateId":1,"bids":[["1","1"]],"asks":[["2","1"]]}',
        ),
        (
            3, b"ws", b"bnbbtc@depth@100ms",
            b'{"e":"depthUpdate","E":1,"s":"BNBBTC","U":2,"u":2,"b":[["1","2"]],"a":[]}',
        ),
    )
]  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 2), seed=st.integers(0, 2**40), packed=st.booleans())
def test_a_damaged_capture_is_played_or_refused_in_words(tmp_path, place, seed, packed):
    path = tmp_path / "capture.jsonl"
    lines = [*LINES]
    lines[place] = damaged(lines[place], seed)
    content = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(content) if packed else content)
    refusal = ""
    try:
        capture = Capture(path)
    except UsageError as error:
        refusal = str(error)
    if refusal:
        assert str(path) in refusal
        assert refusal.isprintable()
        return
    capture.watch("bnbbtc@depth@100ms")
    capture.watch("bnbbtc@depth")
    for now in (0, 1000, 10_000):
        capture.advance(now)
    for symbol in capture.symbols:
        capture.snapshot(symbol, 10)
    with contextlib.suppress(KeyError):
        capture.exchange_info(["BNBBTC"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * (64 * 2**20 + 5), "line 1: not a capture: it is longer than 64 MiB"),
        (b"\n" * 1001, "line 1001: not a capture: a capture has at most"),
        ((b" " * 2**20 + b"\n") * 101, "line 100: not a capture: a capture has at most 100 MiB"),
    ],
    ids=["line", "lines", "whole"],
)
def test_a_bomb_in_the_place_of_a_capture_is_not_unpacked(tmp_path, monkeypatch, content, words):
    monkeypatch.setattr(recorded_module, "MOST_LINES", 1000)
    monkeypatch.setattr(recorded_module, "LARGEST", 100 * 2**20)
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(content)
    with pytest.raises(UsageError, match=words):
        read_recording(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LINES[1].replace(b"/api/v3/depth", b"http://[/depth"), "line 2: not a capture"),
        (LINES[0].replace(b'{"symbol":"BNBBTC"}', b"7"), "line 2: not a capture"),
        (LINES[0].replace(b'"spot"', b'"\\u001b[2Jmoon"'), "line 2: not a capture"),
        (LINES[2].replace(b'"t":3', b'"t":' + b"9" * 400), "line 2: not a capture"),
        (LINES[2].replace(b'"u":2', b'"u":-2'), "line 2: not a capture"),
    ],
)
def test_the_line_that_is_wrong_is_named(tmp_path, line, words):
    path = tmp_path / "\x1b[31mred.jsonl"
    path.write_bytes(LINES[0] + b"\n" + line + b"\n")
    with pytest.raises(UsageError, match=words) as caught:
        read_recording(path)
    assert str(caught.value).isprintable()
