"""Frames that arrive and can't be read, over real sockets: told at once, and what comes after."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys

import pytest

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.markets import SPOT, USDM
from depthcli.core.state import State
from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from depthcli.simulator.faults.corruption import Delivery
from tests.hostile.terminals import PATIENCE, Terminal
from tests.variables import variables

IN_MICROSECONDS = "events can't be read: a time that isn't in ms - at $.data.E"


def in_microseconds(payload: bytes) -> Delivery:
    return Delivery(re.sub(rb'"E":(\d+)', rb'"E":\g<1>000', payload))


def of_an_unknown_kind(payload: bytes) -> Delivery:
    return Delivery(payload.replace(b'"depthUpdate"', b'"depthUpdate2"'))


def without_a_field(payload: bytes) -> Delivery:
    return Delivery(payload.replace(b'"u":', b'"lastId":'))


def not_wrapped(payload: bytes) -> Delivery:
    return Delivery(payload, whole=True)


def wrapped_otherwise(payload: bytes) -> Delivery:
    return Delivery(b'{"topic":"depth","payload":%b}' % payload, whole=True)


def not_json(payload: bytes) -> Delivery:
    return Delivery(b"<html>busy</html>", whole=True)


KINDS = {
    in_microseconds: IN_MICROSECONDS,
    of_an_unknown_kind: "events can't be read: Invalid value 'depthUpdate2' - at $.data.e",
    without_a_field: "events can't be read: Object missing required field u - at $.data",
    not_wrapped: "events can't be read: there is no event in it",
    wrapped_otherwise: "events can't be read: there is no event in it",
    not_json: "events can't be read: JSON is malformed: invalid character (byte 0)",
}


class Garbling:
    """Sends each event as a function makes it; None: as it is."""

    def __init__(self, simulator, monkeypatch) -> None:
        self.garble = None
        monkeypatch.setattr(simulator.faults, "deliveries", self.deliveries)

    def deliveries(self, stream, payload, market="", *, owed=False):
        return [self.garble(payload) if self.garble else Delivery(payload)]


@pytest.mark.parametrize("garble", KINDS, ids=lambda garble: garble.__name__)
@pytest.mark.parametrize(
    ("market", "levels", "symbols"),
    [(SPOT, None, 1), (SPOT, None, 3), (USDM, None, 1), (USDM, 20, 1)],
)
async def test_the_book_is_stale_with_what_was_wrong_until_events_can_be_read(
    monkeypatch, garble, market, levels, symbols
):
    names = ["BNBUSDT", "ETHUSDT", "BTCUSDT"][:symbols]
    source = source_for(market, names, seed=3, keep_history=True)
    told, news = [], asyncio.Event()

    def turned(state, reason):
        told.append((state, reason))
        news.set()

    async def until(condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():
                news.clear()
                await news.wait()

    async with (
        Simulator(source) as simulator,
        AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        garbling = Garbling(simulator, monkeypatch)
        sockets = BinanceSocketManager(client, max_reconnects=None)
        others = [
            DepthCacheManager(client, name, market=market, bm=sockets, callback=lambda _: None)
            for name in names[1:]
        ]
        async with DepthCacheManager(
            client, names[0], market=market, bm=sockets, levels=levels, ws_interval=100,
            callback=lambda _: news.set(), on_state=turned,
        ) as manager:  # fmt: skip
            for other in others:
                await other.__aenter__()
            await until(lambda: manager.state is State.LIVE)
            garbling.garble = garble
            await until(lambda: manager.state is State.STALE)
            assert manager.reason == KINDS[garble]
            refused = manager.counters.refused
            resyncs = manager.counters.resyncs
            garbling.garble = None
            await until(lambda: manager.state is State.LIVE)
            at = manager.cache.last_update_id
            await until(lambda: manager.cache.last_update_id > at)
            assert refused >= 1
            assert manager.counters.resyncs <= resyncs + 1
            assert [state for state, _ in told].count(State.LIVE) == 2
            bids, asks = manager.cache.top(20)
            truth = source.book_at(names[0], manager.cache.last_update_id)
            for ours, theirs in zip((bids, asks), truth, strict=True):
                assert ours == [(float(price), float(size)) for price, size in theirs[:20]]
            for other in others:
                await other.close()
        await sockets.close()


async def test_what_cannot_be_read_is_logged_once_a_kind_and_then_counted(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "depthcli.exchange.connection")
    kinds = [in_microseconds, of_an_unknown_kind]
    garbled = 0
    enough = asyncio.Event()

    def garble(payload):
        nonlocal garbled
        garbled += 1
        if garbled >= 7:
            enough.set()
        return kinds[garbled % 2](payload)

    async with (
        Simulator(source_for("spot", ["BNBBTC"], seed=3)) as simulator,
        AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        garbling = Garbling(simulator, monkeypatch)
        async with DepthCacheManager(client, "BNBBTC", callback=lambda _: None) as manager:
            garbling.garble = garble
            async with asyncio.timeout(PATIENCE):
                await enough.wait()
                while manager.counters.refused < 7:  # noqa: ASYNC110, nobody tells of each
                    await asyncio.sleep(0.01)
            refused = manager.counters.refused
    lines = [record.getMessage() for record in caplog.records]
    first = [line for line in lines if line.startswith("a frame that can't be read: ")]
    assert len(first) == 2
    assert all(line.endswith("(others like it are counted)") for line in first)
    counted = [re.match(r"(\d+) frames that can't be read: (.*)", line) for line in lines]
    counts = {found[2]: int(found[1]) for found in counted if found}
    assert counts.keys() == {
        "a time that isn't in ms - at $.data.E",
        "Invalid value 'depthUpdate0' - at $.data.e",
    }
    assert sum(counts.values()) == refused


def test_it_is_told_in_a_pipe_and_on_the_screen(monkeypatch, tmp_path):
    with BackgroundSimulator(Simulator(source_for("spot", ["BNBBTC"], seed=3))) as simulator:
        garbling = Garbling(simulator, monkeypatch)
        where = ("--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url)
        command = ("-m", "depthcli", "dump", "--json", "--follow", "--depth", "1", "BNBBTC")
        with (
            Terminal("-m", "depthcli", "watch", "BNBBTC", *where) as terminal,
            subprocess.Popen(
                [sys.executable, *command, *where], stdout=subprocess.PIPE, env=variables()
            ) as dumping,
        ):
            terminal.read_until(b"1 live")
            assert json.loads(dumping.stdout.readline())["state"] == "live"
            garbling.garble = in_microseconds
            lines = (json.loads(line) for line in dumping.stdout)
            stale = next(line for line in lines if line["state"] != "live")
            assert (stale["state"], stale["reason"]) == ("stale", IN_MICROSECONDS)
            assert stale["bids"] == []
            terminal.read_until(b"1 stale")
            terminal.read_until(re.escape(IN_MICROSECONDS).encode())
            garbling.garble = None
            assert next(lines)["state"] == "live"
            terminal.shown = b""
            terminal.read_until(b"1 live")
            terminal.type(b"q")
            assert terminal.wait() == 0
            dumping.terminate()
            dumping.communicate(timeout=PATIENCE)
