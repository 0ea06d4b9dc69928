from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.protocol import State

from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM, Market
from depthcli.errors import UsageError
from depthcli.simulator import BackgroundSimulator, FaultPlan, Limits, Simulator, source_for

from .conftest import NaiveBook, small_exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DIFFS = "bnbbtc@depth@100ms"


def spot_simulator(**options: Any) -> Simulator:
    return Simulator(small_exchange(SPOT, "BNBBTC", "ETHBTC"), **options)


def rest(simulator: Simulator) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False, timeout=5)


@asynccontextmanager
async def stream(simulator: Simulator, path: str) -> AsyncIterator[ClientConnection]:
    async with connect(simulator.ws_url + path, proxy=None, ping_interval=None) as connection:
        yield connection


async def receive(connection: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(connection.recv(), 5))


async def closing(connection: ClientConnection) -> int | None:
    """Receive until the end and return the close code that came, if any."""
    try:
        while True:
            await asyncio.wait_for(connection.recv(), 5)
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def test_a_book_kept_by_hand_is_the_exchanges_own() -> None:
    exchange = small_exchange(SPOT, "BNBBTC")
    async with (
        Simulator(exchange) as simulator,
        rest(simulator) as client,
        stream(simulator, f"/ws/{DIFFS}") as connection,
    ):
        buffered = [await receive(connection) for _ in range(2)]
        answer = await client.get("/api/v3/depth", params={"symbol": "BNBBTC", "limit": 5000})
        book = NaiveBook(answer.content)
        for event in buffered + [await receive(connection) for _ in range(8)]:
            if event["u"] > book.last_update_id:
                assert event["U"] <= book.last_update_id + 1
                book.apply(event)
                assert book.levels() == exchange.book_at("BNBBTC", event["u"])
        assert answer.headers["x-mbx-used-weight-1m"] == "250"
        assert simulator.requests[0].startswith("GET /api/v3/depth?")


async def test_http_connections_are_kept_alive_and_wrong_ones_ended() -> None:
    async with spot_simulator() as simulator:
        async with rest(simulator) as client:
            for _ in range(3):
                answer = await client.get("/api/v3/ping")
                assert (answer.status_code, answer.json()) == (200, {})
            assert (await client.head("/api/v3/ping")).status_code == 405
            assert (await client.post("/api/v3/depth", json={"a": 1})).status_code == 405
            assert (await client.get("/ws")).status_code == 404
            assert len(simulator._service.transports) == 1
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator._port)
        writer.write(b"GET / nonsense\r\n\r\n")
        assert b" 400 " in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()


async def test_several_markets_share_one_origin() -> None:
    sources = [
        small_exchange(SPOT, "BTCUSDT"),
        small_exchange(USDM, "BTCUSDT"),
        small_exchange(COINM, "BTCUSD_PERP"),
        small_exchange(OPTIONS, "BTC-261225-110000-C"),
    ]
    async with Simulator(*sources) as simulator, rest(simulator) as client:
        for source in sources:
            info = (await client.get(source.market.info_path())).json()
            listed = info.get("symbols") or info["optionSymbols"]
            assert [entry["symbol"] for entry in listed] == list(source.symbols)
        async with (
            stream(simulator, "/ws/btcusdt@depth@100ms") as spot,
            stream(simulator, "/public/ws/btcusdt@depth@100ms") as futures,
            stream(simulator, "/ws/btcusd_perp@depth@100ms") as coin,
            stream(simulator, "/public/ws/btc-261225-110000-c@depth@100ms") as option,
        ):
            assert "pu" not in await receive(spot)
            assert (await receive(futures))["ps"] == "BTCUSDT"
            assert (await receive(coin))["ps"] == "BTCUSD"
            assert (await receive(option))["s"] == "BTC-261225-110000-C"


async def test_combined_and_raw_sockets_and_requests() -> None:
    async with spot_simulator() as simulator, stream(simulator, "/stream") as connection:
        await connection.send('{"method":"SUBSCRIBE","params":["bnbbtc@depth@100ms"],"id":1}')
        assert await receive(connection) == {"result": None, "id": 1}
        event = await receive(connection)
        assert (event["stream"], event["data"]["s"]) == (DIFFS, "BNBBTC")
        assert simulator.subscriptions == [DIFFS]
        await connection.send('{"method":"SET_PROPERTY","params":["combined",false],"id":2}')
        while "result" not in await receive(connection):
            pass
        assert (await receive(connection))["s"] == "BNBBTC"
        await connection.send('{"method":"UNSUBSCRIBE","params":["bnbbtc@depth@100ms"],"id":3}')
        while "result" not in await receive(connection):
            pass
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.3)
        await connection.send("nonsense")
        assert (await receive(connection))["code"] == 3


async def test_streams_of_unknown_symbols_are_accepted_and_silent() -> None:
    async with (
        spot_simulator() as simulator,
        stream(simulator, "/stream?streams=nobody@depth/ethbtc@depth@100ms") as connection,
    ):
        assert simulator.subscriptions == ["ethbtc@depth@100ms", "nobody@depth"]
        for _ in range(5):
            assert (await receive(connection))["stream"] == "ethbtc@depth@100ms"


async def test_addresses_without_streams_are_refused() -> None:
    async with spot_simulator() as simulator:
        with pytest.raises(websockets.InvalidStatus, match="404"):
            await connect(simulator.ws_url + "/other", proxy=None)


async def test_who_sends_too_much_or_wants_too_much_is_disconnected() -> None:
    async with spot_simulator() as simulator:
        async with stream(simulator, "/ws") as connection:
            for number in range(6):
                await connection.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            assert await closing(connection) == 1008
        async with stream(simulator, "/ws") as connection:
            names = [f"s{number}@depth" for number in range(1025)]
            await connection.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
            assert await closing(connection) == 1008


async def test_pings_are_answered_or_the_connection_ends() -> None:
    limits = Limits(ping_interval=0.25, pong_timeout=0.4)
    async with spot_simulator(limits=limits) as simulator:
        async with stream(simulator, "/ws") as healthy:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(healthy.recv(), 1.0)
        reader, writer = await silent_client(simulator)
        # the server says why, and ends the connection
        rest_of_it = await asyncio.wait_for(reader.read(), 5)
        assert b"Pong timeout" in rest_of_it
        writer.close()
        await writer.wait_closed()


async def silent_client(
    simulator: Simulator, path: str = "/ws"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket that never answers anything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator._port, limit=1024)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    return reader, writer


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    limits = Limits(largest_backlog=20_000)
    async with spot_simulator(limits=limits) as simulator:
        _, writer = await silent_client(simulator, f"/ws/{DIFFS}")
        transport = next(iter(simulator._service.transports))
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        transport.write(b"\x82\x7f" + (10**7).to_bytes(8, "big") + bytes(10**7))
        async with asyncio.timeout(5):
            while simulator.connections:  # noqa: ASYNC110 -- nobody tells of it
                await asyncio.sleep(0.02)
        writer.transport.abort()


async def test_connections_end_after_their_lifetime() -> None:
    async with (
        spot_simulator(limits=Limits(lifetime=0.1)) as simulator,
        stream(simulator, "/ws") as connection,
    ):
        assert await closing(connection) == 1001


async def test_connections_are_reset_closed_refused_and_warned_on_demand() -> None:
    async with spot_simulator() as simulator:
        async with stream(simulator, f"/ws/{DIFFS}") as connection:
            simulator.faults.abort_connections()
            assert await closing(connection) is None
        async with stream(simulator, f"/ws/{DIFFS}") as connection:
            simulator.faults.close_connections(1012)
            assert await closing(connection) == 1012
        async with stream(simulator, "/stream") as connection:
            simulator.faults.announce_shutdown()
            warning = await receive(connection)
            assert warning["stream"] == "!serverShutdown"
            assert warning["data"]["e"] == "serverShutdown"
        simulator.faults.refuse_connections(count=1)
        with pytest.raises((OSError, websockets.InvalidHandshake, EOFError)):
            await connect(simulator.ws_url + "/ws", proxy=None)
        async with stream(simulator, "/ws"):
            assert simulator.connections == 1
        assert simulator.faults.log == {"abort": 1, "close": 1, "shutdown": 1, "refuse": 1}


async def test_corrupted_and_dropped_events_reach_the_client_as_such() -> None:
    async with (
        spot_simulator() as simulator,
        stream(simulator, f"/stream?streams={DIFFS}") as connection,
    ):
        first = await receive(connection)
        simulator.faults.drop_next_events(DIFFS)
        second = await receive(connection)
        while second["data"]["U"] == first["data"]["u"] + 1:
            first, second = second, await receive(connection)
        assert second["data"]["U"] > first["data"]["u"] + 1
        simulator.faults.corrupt_next("null")
        while (await asyncio.wait_for(connection.recv(), 5)) != "null":
            pass
        simulator.faults.corrupt_next("binary")
        while not isinstance(await asyncio.wait_for(connection.recv(), 5), bytes):
            pass
        simulator.faults.corrupt_next("truncated-frame")
        assert await closing(connection) is None


async def test_answers_go_wrong_on_demand() -> None:
    async with spot_simulator() as simulator, rest(simulator) as client:
        faults = simulator.faults
        depth = {"symbol": "BNBBTC", "limit": 5}
        faults.fail_next("depth", 429, retry_after=7, code=-1003, message="Too much.")
        answer = await client.get("/api/v3/depth", params=depth)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert answer.json() == {"code": -1003, "msg": "Too much."}
        faults.mistyped_next("depth")
        assert not isinstance(
            (await client.get("/api/v3/depth", params=depth)).json()["bids"], list
        )
        faults.truncate_next_body("depth")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/api/v3/depth", params=depth)
        faults.hang_next(0.05)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/api/v3/ping")
        faults.slow_next(0.2)
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/api/v3/ping", timeout=0.05)
        faults.slow_next(0.05)
        assert (await client.get("/api/v3/ping")).status_code == 200
        assert faults.log == {"fail": 1, "mistyped": 1, "truncate": 1, "hang": 1, "slow": 2}


async def test_a_stale_snapshot_is_a_true_book_of_the_past() -> None:
    exchange = small_exchange(SPOT, "BNBBTC")
    async with (
        Simulator(exchange) as simulator,
        rest(simulator) as client,
        stream(simulator, f"/ws/{DIFFS}") as connection,
    ):
        event = [await receive(connection) for _ in range(4)][-1]
        simulator.faults.stale_next_snapshot(60)
        answer = await client.get("/api/v3/depth", params={"symbol": "BNBBTC", "limit": 5000})
        book = NaiveBook(answer.content)
        assert book.last_update_id < event["u"]
        assert book.levels() == exchange.book_at("BNBBTC", book.last_update_id)


async def test_random_faults_come_from_the_plan() -> None:
    simulator = spot_simulator(faults=FaultPlan.parse("drop:0.5,duplicate:0.5"), seed=1)
    async with simulator, stream(simulator, f"/ws/{DIFFS}/ethbtc@depth@100ms") as connection:
        for _ in range(10):
            await receive(connection)
        assert simulator.faults.log["drop"]
        assert simulator.faults.log["duplicate"]


async def test_a_port_that_is_taken_and_sources_that_clash_are_usage_errors() -> None:
    async with spot_simulator() as simulator:
        with pytest.raises(UsageError, match="can't listen"):
            await spot_simulator(port=simulator._port).__aenter__()
    with pytest.raises(UsageError):
        Simulator()
    with pytest.raises(UsageError):
        Simulator(small_exchange(SPOT, "BNBBTC"), small_exchange(SPOT, "ETHBTC"))


def test_a_simulator_runs_in_the_background_of_synchronous_code() -> None:
    with BackgroundSimulator(spot_simulator()) as background:
        with httpx.Client(base_url=background.rest_url, trust_env=False) as client:
            assert client.get("/api/v3/ping").json() == {}
            background.faults.fail_next(status=500)
            assert client.get("/api/v3/ping").status_code == 500
        assert background.ws_url.startswith("ws://127.0.0.1:")
        assert background.symbols == ("BNBBTC", "ETHBTC")
        assert background.call(lambda simulator: simulator.connections) == 0
        with pytest.raises(ZeroDivisionError):
            background.call(lambda simulator: 1 // simulator.connections)


def test_a_background_simulator_that_cannot_start_says_so() -> None:
    with BackgroundSimulator(spot_simulator()) as background:
        port = int(background.rest_url.rpartition(":")[2])
        with (
            pytest.raises(UsageError, match="can't listen"),
            BackgroundSimulator(spot_simulator(port=port)),
        ):
            pass


async def test_a_connection_that_was_kept_after_a_request_can_be_upgraded():
    async with Simulator(source_for("spot", ["BNBBTC"])) as simulator:
        address = simulator.rest_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"{}"
        writer.write(
            b"GET /ws/0 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: QhvY13xUjHPdxua+nHA6/g==\r\n\r\n"
        )
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()


async def wholly_silent(connection: ClientConnection) -> bool:
    """Return whether nothing comes any more, once what was on its way has come."""
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(connection.recv(), 0.4)
    pong = await connection.ping()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pong, 0.4)
        return False
    return connection.state is State.OPEN


async def test_a_frozen_connection_stays_open_and_says_nothing_ever() -> None:
    limits = Limits(ping_interval=0.2, pong_timeout=0.2)
    async with (
        spot_simulator(limits=limits) as simulator,
        stream(simulator, f"/ws/{DIFFS}") as connection,
        stream(simulator, f"/ws/{DIFFS}") as other,
    ):
        await receive(connection)
        simulator.faults.freeze_connections(count=1)
        assert await wholly_silent(connection)
        assert (await receive(other))["s"] == "BNBBTC"
        assert simulator.connections == 2
        assert simulator.subscriptions == [DIFFS, DIFFS]
        # the client that gives up needn't be answered
        connection.transport.abort()


async def test_faults_can_be_for_one_connection_alone() -> None:
    async with (
        spot_simulator() as simulator,
        stream(simulator, f"/ws/{DIFFS}") as first,
        stream(simulator, f"/ws/{DIFFS}") as second,
    ):
        simulator.faults.close_connections(1012, count=1)
        assert await closing(first) == 1012
        assert (await receive(second))["s"] == "BNBBTC"
        assert simulator.connections == 1


async def test_a_shutdown_may_be_announced_and_then_happen() -> None:
    async with spot_simulator() as simulator, stream(simulator, "/ws") as connection:
        simulator.faults.announce_shutdown(seconds=0.05)
        assert (await receive(connection))["e"] == "serverShutdown"
        assert await closing(connection) == 1001


async def test_random_connection_faults_leave_the_other_connections_alone() -> None:
    plan = FaultPlan.parse("close:0.2:1012")
    async with (
        spot_simulator(faults=plan, seed=2) as simulator,
        stream(simulator, f"/ws/{DIFFS}") as first,
        stream(simulator, f"/ws/{DIFFS}") as second,
    ):
        assert {await closing(first), await closing(second)} == {1012}
        assert simulator.faults.log["close"] >= 2
        assert simulator.connections == 0


async def test_symbols_are_halted_and_delisted_by_a_plan() -> None:
    async with (
        spot_simulator(faults=FaultPlan.parse("halt:1:0.5")) as simulator,
        stream(simulator, f"/ws/{DIFFS}") as connection,
        rest(simulator) as client,
    ):
        first = await receive(connection)
        info = (await client.get("/api/v3/exchangeInfo?symbol=BNBBTC")).json()
        assert info["symbols"][0]["status"] == "HALT"
        depth = {"symbol": "BNBBTC", "limit": 5}
        assert (await client.get("/api/v3/depth", params=depth)).status_code == 200
        # what changed until the halt is still told, then nothing before it is over
        times = [(await receive(connection))["E"] - first["E"] for _ in range(2)]
        assert max(times) >= 500
    async with (
        spot_simulator(faults=FaultPlan.parse("delist:1")) as simulator,
        stream(simulator, f"/ws/{DIFFS}") as connection,
        rest(simulator) as client,
    ):
        await receive(connection)
        refused = await client.get("/api/v3/depth", params=depth)
        assert (refused.status_code, refused.json()["code"]) == (400, -1121)
        assert await wholly_silent_of_events(connection)


async def wholly_silent_of_events(connection: ClientConnection) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(connection.recv(), 0.5)
        return False
    return True


async def test_delayed_events_come_late_and_in_order() -> None:
    async with (
        spot_simulator() as simulator,
        stream(simulator, f"/ws/{DIFFS}") as connection,
    ):
        last = await receive(connection)
        simulator.faults.delay_next(0.4, DIFFS)
        for _ in range(8):
            event = await receive(connection)
            assert event["U"] == last["u"] + 1
            last = event
        assert simulator.faults.log == {"delay": 1}


MIXED = {
    "spot": "bnbbtc@depth@100ms",
    "usdm": "btcusdt@depth@100ms",
    "coinm": "btcusd_perp@depth@100ms",
    "options": "btc-261225-110000-c@depth@100ms",
}


@pytest.mark.parametrize("prefix", ["", "/public"])
@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
async def test_each_market_has_its_own_rules_on_the_shared_origin(
    market: Market, prefix: str
) -> None:
    sources = [small_exchange(MARKETS[name], one.partition("@")[0]) for name, one in MIXED.items()]
    async with (
        Simulator(*sources) as simulator,
        stream(simulator, f"{prefix}/ws/{MIXED[market.name]}") as connection,
    ):
        assert (await receive(connection))["s"].lower() == MIXED[market.name].partition("@")[0]
        await connection.send('{"method":"NONSENSE","id":1}')
        while "id" not in (reply := await receive(connection)):
            pass
        assert ("error" in reply) is market.wraps_failures
        for number in range(market.messages_per_second):
            await connection.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        assert await closing(connection) == 1008, "one more than may be"


async def test_derivatives_may_send_as_much_as_they_may_beside_spot() -> None:
    sources = [small_exchange(SPOT, "BNBBTC"), small_exchange(COINM, "BTCUSD_PERP")]
    async with (
        Simulator(*sources) as simulator,
        stream(simulator, f"/ws/{MIXED['coinm']}") as connection,
    ):
        for number in range(9):
            await connection.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        answered = 0
        while answered < 9:
            answered += "result" in await receive(connection)
