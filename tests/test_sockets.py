"""Streams over shared connections, against the simulator over real WebSockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from depthcli import AsyncClient, BinanceSocketManager
from depthcli.errors import ClosedError
from depthcli.markets import SPOT
from depthcli.simulator import Simulator, source_for


class Listening:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.events = 0
        self.changed = asyncio.Event()

    def _note(self, what: str) -> None:
        self.told.append(what)
        self.changed.set()

    def opened(self) -> None:
        self._note("opened")

    def receive(self, event) -> None:
        self.events += 1
        self.changed.set()

    def refuse(self) -> None:
        self._note("refused")

    def lost(self, reason) -> None:
        self._note("lost")

    def gone(self, reason) -> None:
        self._note("gone")

    async def until(self, condition) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def sockets(symbols=("BNBBTC", "ETHBTC"), **options):
    async with (
        Simulator(source_for("spot", symbols)) as simulator,
        await AsyncClient.create(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        manager = BinanceSocketManager(client, **options)
        yield simulator, manager
        await manager.close()


async def test_streams_share_a_connection_and_later_ones_join_it():
    async with sockets() as (simulator, manager):
        one, two = Listening(), Listening()
        first = manager.subscribe(SPOT, "bnbbtc@depth@100ms", float, one)
        await one.until(lambda: one.events > 2)
        second = manager.subscribe(SPOT, "ethbtc@depth@100ms", float, two)
        await two.until(lambda: two.events > 2)
        assert one.told == two.told == ["opened"]
        assert manager.connection_count == simulator.connections == 1
        first.close()
        await two.until(lambda: simulator.subscriptions == ["ethbtc@depth@100ms"])
        second.close()


async def test_two_may_listen_to_one_stream_and_other_numbers_need_another_connection():
    async with sockets() as (_, manager):
        listeners = [Listening() for _ in range(3)]
        for listener, number in zip(listeners, (float, float, Decimal), strict=True):
            manager.subscribe(SPOT, "bnbbtc@depth@100ms", number, listener)
        for listener in listeners:
            await listener.until(lambda listener=listener: listener.events > 1)
        assert manager.connection_count == 2


async def test_hundreds_of_streams_are_subscribed_within_the_exchanges_pace():
    async with sockets() as (simulator, manager):
        listeners = [Listening() for _ in range(450)]
        for number, listener in enumerate(listeners):
            manager.subscribe(SPOT, f"coin{number}btc@depth", float, listener)
        await listeners[-1].until(lambda: "opened" in listeners[-1].told)
        assert all(listener.told == ["opened"] for listener in listeners)
        assert simulator.connections == 1


async def test_a_reset_is_told_and_healed_and_the_end_is_told_once():
    async with sockets(max_reconnects=1) as (simulator, manager):
        listener = Listening()
        manager.subscribe(SPOT, "bnbbtc@depth@100ms", float, listener)
        await listener.until(lambda: listener.events > 0)
        simulator.faults.abort_connections()
        await listener.until(lambda: listener.told == ["opened", "lost", "opened"])
        events = listener.events
        await listener.until(lambda: listener.events > events)
        simulator.faults.refuse_connections(seconds=30)
        simulator.faults.abort_connections()
        await listener.until(lambda: listener.told[3:] == ["lost", "gone"])


async def test_a_closed_manager_takes_no_more_streams():
    async with sockets() as (_, manager):
        await manager.close()
        with pytest.raises(ClosedError, match="make a new one"):
            manager.subscribe(SPOT, "bnbbtc@depth", float, Listening())
