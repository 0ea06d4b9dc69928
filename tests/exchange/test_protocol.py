"""Rules of the exchange that no other test names (docs/reliability.md has them all)."""

from __future__ import annotations

import asyncio
import json

import pytest

from depthcli import AsyncClient, BinanceSocketManager
from depthcli.core.markets import MARKETS, SPOT
from depthcli.core.messages import event_decoder
from depthcli.errors import BadMessageError
from depthcli.simulator import Limits, Simulator, source_for
from tests.exchange.test_sockets import STREAM, Listening


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
async def test_an_overridden_origin_keeps_the_markets_own_prefix(market):
    asked = asyncio.get_running_loop().create_future()

    def connect(url, **_):
        if not asked.done():
            asked.set_result(url)
        raise OSError("nobody there")

    origins = {"rest_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}
    async with AsyncClient(**origins) as client:
        manager = BinanceSocketManager(client, max_reconnects=None, connector=connect)
        stream = market.stream("SOMETHING", 100)
        manager.subscribe(market, stream, float, Listening())
        prefix = {"usdm": "/public", "options": "/public"}.get(market.name, "")
        assert await asked == f"ws://127.0.0.1:1{prefix}/stream?streams={stream}"
        await manager.close()


async def test_pings_of_the_exchange_are_answered_so_that_it_keeps_the_connection():
    limits = Limits(ping_interval=0.4, pong_timeout=0.3)
    async with (
        Simulator(source_for("spot", ["BNBBTC"]), limits=limits) as simulator,
        AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        manager = BinanceSocketManager(client)
        listening = Listening()
        manager.subscribe(SPOT, STREAM, float, listening)
        await listening.until_more(15)  # a second and a half, and three pings
        assert listening.told == ["opened"]
        assert simulator.connections == 1
        await manager.close()


def test_times_in_microseconds_are_no_times():
    event = {"e": "depthUpdate", "s": "BNBBTC", "U": 1, "u": 2, "b": [], "a": []}
    decode = event_decoder(float)
    assert decode(json.dumps(event | {"E": 1_672_515_782_136})).event_time == 1_672_515_782_136
    with pytest.raises(BadMessageError):
        decode(json.dumps(event | {"E": 1_672_515_782_136_000}))
