"""What goes wrong between here and the exchange: what becomes of the book, and what is said."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from depthcli import AsyncClient, DepthCacheManager, FuturesDepthCacheManager
from depthcli.commands.dump import dump_books as dump
from depthcli.commands.following import Following
from depthcli.core.markets import SPOT
from depthcli.core.state import State
from depthcli.core.symbols import targets_of
from depthcli.errors import BadMessageError, LocationRefusedError, UnreachableError, exchange_error
from depthcli.exchange.failures import cause_of
from depthcli.managers import snapshots as scheduler
from depthcli.settings.environment import Environment
from tests.hostile.servers import answer, serving

INFO = json.dumps(
    {"rateLimits": [], "symbols": [{"symbol": "AAABTC", "status": "TRADING", "filters": []}]}
).encode()
HTML = b"<html>no such page</html>"
OPTIONS = {"as_json": True, "follow_on": False, "count": None, "timeout": 20}


class SmallExchange:
    """One symbol with 100 levels a side; `step` changes it, `refusals` answer snapshots first."""

    def __init__(self) -> None:
        self.at = 100
        self.refusals: list[bytes] = []
        self.info_refusals: list[bytes] = []
        self.upgrade_status: int | None = None
        self.sockets: dict[object, str] = {}
        self.asked = 0

    async def rest(self, reader, writer) -> None:
        """Answer one request."""
        asked = await reader.readuntil(b"\r\n\r\n")
        info = b"exchangeInfo" in asked.split(b"\r\n")[0]
        refusals = self.info_refusals if info else self.refusals
        self.asked += not info
        if refusals:
            writer.write(refusals.pop(0))
        else:
            writer.write(answer(INFO if info else self.book()))
        await writer.drain()

    def book(self) -> bytes:
        """Return the snapshot."""
        bids = [[f"{0.5 - i / 1000:.3f}", str(self.at if i == 0 else 1)] for i in range(100)]
        asks = [[f"{0.6 + i / 1000:.3f}", "1"] for i in range(100)]
        return json.dumps({"lastUpdateId": self.at, "bids": bids, "asks": asks}).encode()

    def upgrade(self, connection, request):
        """Refuse the WebSocket, if that is wanted."""
        if self.upgrade_status is not None:
            return connection.respond(HTTPStatus(self.upgrade_status), "no")
        return None

    async def streams(self, websocket) -> None:
        """Take in a WebSocket, and answer what it asks for."""
        self.sockets[websocket] = websocket.request.path.rpartition("streams=")[2]
        with contextlib.suppress(ConnectionClosed):
            await self._answer(websocket)

    async def _answer(self, websocket) -> None:
        async for raw in websocket:
            request = json.loads(raw)
            if request["method"] == "SUBSCRIBE":
                self.sockets[websocket] = request["params"][0]
            await websocket.send(json.dumps({"result": None, "id": request["id"]}))

    async def step(self, *, lose: bool = False) -> None:
        """Change the best bid; `lose`: without a word."""
        self.at += 1
        if lose:
            return
        for websocket, stream in list(self.sockets.items()):
            n = self.at
            event = {
                "e": "depthUpdate", "E": 1795780000000 + n * 100, "s": "AAABTC", "U": n, "u": n,
                "pu": n - 1, "b": [["0.500", str(n)]], "a": [],
            }  # fmt: skip
            if "@depth20" in stream:
                event |= {"b": json.loads(self.book())["bids"][:20]}
                event |= {"a": json.loads(self.book())["asks"][:20]}
            with contextlib.suppress(ConnectionClosed):
                await websocket.send(json.dumps({"stream": stream, "data": event}))


@asynccontextmanager
async def small_exchange():
    exchange = SmallExchange()
    async with (
        serving(exchange.rest) as port,
        serve(
            exchange.streams, "127.0.0.1", 0, process_request=exchange.upgrade, close_timeout=0.1
        ) as server,
    ):
        ws_port = server.sockets[0].getsockname()[1]
        yield exchange, f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{ws_port}"


async def brought_to(exchange, manager, reached, states):
    """Let the exchange go on until something is reached; note the states on the way."""
    async with asyncio.timeout(20):
        while not reached():
            await exchange.step()
            states.append(manager.state)
            await asyncio.sleep(0.02)


def full(manager) -> bool:
    """Return whether the book is live with all its levels, and true."""
    return manager.state is State.LIVE and len(manager.cache.get_asks()) == 100


@pytest.mark.parametrize("kind", [DepthCacheManager, FuturesDepthCacheManager])
@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request", "410 Gone"])
@pytest.mark.parametrize("body", [HTML, b"", b'{"error":"nope"}', b'{"code":404,"msg":"x"}'])
async def test_one_bad_answer_for_the_snapshot_that_mends_a_gap_never_ends_a_book(
    kind, status, body
):
    async with small_exchange() as (exchange, rest_url, ws_url):
        states: list[State] = []
        async with (
            AsyncClient(rest_url=rest_url, ws_url=ws_url) as client,
            kind(client, "AAABTC", callback=lambda _: None) as manager,
        ):
            await brought_to(exchange, manager, lambda: full(manager), states)
            exchange.refusals = [answer(body, status=status)]
            await exchange.step(lose=True)
            await brought_to(exchange, manager, lambda: not exchange.refusals, states)
            await brought_to(exchange, manager, lambda: full(manager), states)
            assert State.CLOSED not in states
            assert manager.counters.gaps == 1


async def test_a_book_of_best_levels_becomes_full_when_there_is_a_snapshot(monkeypatch):
    monkeypatch.setattr(scheduler, "FIRST_FULL", 0.2)
    refusal = answer(b'{"code":-4108,"msg":"Not yet"}', status="400 Bad Request")
    async with small_exchange() as (exchange, rest_url, ws_url):
        exchange.refusals = [refusal, refusal]
        states: list[State] = []
        async with (
            AsyncClient(rest_url=rest_url, ws_url=ws_url) as client,
            FuturesDepthCacheManager(client, "AAABTC", callback=lambda _: None) as manager,
        ):
            await brought_to(
                exchange, manager,
                lambda: manager.state is State.LIVE and len(manager.cache.get_asks()) == 20, states,
            )  # fmt: skip
            await brought_to(exchange, manager, lambda: full(manager), states)
            assert State.CLOSED not in states
            assert exchange.asked >= 4


async def test_a_bad_answer_for_the_symbols_is_asked_past_and_then_told():
    async with (
        small_exchange() as (exchange, rest_url, ws_url),
        AsyncClient(rest_url=rest_url, ws_url=ws_url) as client,
    ):
        exchange.info_refusals = [answer(HTML, status="404 Not Found")]
        assert [info.symbol for info in await client.look_up(SPOT, ["AAABTC"])] == ["AAABTC"]


BAD_INFOS = {
    "a page": HTML,
    "nothing": b"",
    "cut": INFO[: len(INFO) // 2],
    "something else": b"[]",
}


@pytest.mark.parametrize("name", BAD_INFOS)
async def test_an_answer_of_success_that_cannot_be_read_is_asked_past_too(name):
    bad = answer(BAD_INFOS[name])
    async with (
        small_exchange() as (exchange, rest_url, ws_url),
        AsyncClient(rest_url=rest_url, ws_url=ws_url) as client,
    ):
        for ask in (
            lambda: client.look_up(SPOT, ["AAABTC"]),
            lambda: client.exchange_info(SPOT),
            lambda: client.symbol_info(SPOT, "AAABTC"),
        ):
            client._infos.clear()
            exchange.info_refusals = [bad, bad]
            assert await ask()
            assert not exchange.info_refusals
        exchange.refusals = [bad, bad, answer(b'{"serverTime":1795780000000}')]
        assert await client.server_time(SPOT) == 1795780000000
        exchange.info_refusals = [bad] * 3
        with pytest.raises(BadMessageError, match=r"^127\.0\.0\.1:\d+ sent a response that can't"):
            await client.exchange_info(SPOT)
        assert not exchange.info_refusals


async def dumped(rest_url: str, ws_url: str) -> None:
    following = Following(
        targets=targets_of(["AAABTC"], SPOT),
        depth=None,
        refresh_interval=0,
        environment=Environment(rest_url=rest_url, ws_url=ws_url),
    )
    await dump(following, **OPTIONS, out=io.BytesIO())


async def test_a_location_that_the_exchange_refuses_ends_a_dump_and_says_what_else_there_is():
    refusal = answer(HTML, status="451 Unavailable For Legal Reasons")
    async with small_exchange() as (exchange, rest_url, ws_url):
        exchange.info_refusals = [refusal]
        with pytest.raises(LocationRefusedError, match=r"--tld us is binance\.us, --tld vision"):
            await dumped(rest_url, ws_url)
        exchange.refusals = [refusal]
        with pytest.raises(UnreachableError, match="refuses this location: --tld us"):
            await dumped(rest_url, ws_url)
        exchange.refusals, exchange.upgrade_status = [], 451
        with pytest.raises(UnreachableError, match="refuses this location: --tld us"):
            await dumped(rest_url, ws_url)


def test_a_firewall_is_called_one():
    assert "firewall" in str(exchange_error(403))


async def test_a_failed_connection_is_told_by_its_cause_and_host():
    async with AsyncClient(rest_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9") as client:
        with pytest.raises(UnreachableError) as caught:
            await client.snapshot(SPOT, "AAABTC", 100, float)
    assert str(caught.value) == (
        "127.0.0.1:9 can't be reached: connection refused; `depthcli watch --demo` works without a"
        " network"
    )
    async with AsyncClient(rest_url="http://nowhere.invalid", ws_url="ws://127.0.0.1:9") as client:
        with pytest.raises(UnreachableError, match=r"nowhere\.invalid can't be reached: its name"):
            await client.snapshot(SPOT, "AAABTC", 100, float)
    assert cause_of(httpx.ReadError("")) == "the connection broke off"
    assert cause_of(httpx.ProxyError("407 Proxy Authentication Required")).startswith(
        "the proxy refuses: 407"
    )
