"""Messages of a connection are handed over as they come."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedOK
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from depthcli.exchange.network import connect_directly
from tests.hostile.servers import serving


@asynccontextmanager
async def connected(*messages):
    """A connection to a server that sends these messages, and says goodbye."""

    async def send_all(connection) -> None:
        for message in messages:
            await connection.send(message)

    async with serve(send_all, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect_directly(f"ws://127.0.0.1:{port}", proxy=None) as websocket:
            yield websocket


async def until_closed(websocket, received) -> None:
    while True:
        received.append(await websocket.recv(decode=False))


async def test_a_message_in_parts_is_neither_lost_nor_overtaken():
    taken: list[bytes] = []
    async with connected("whole", ["in ", "two parts"], b"whole again") as websocket:
        websocket.hand_over(lambda message, _: taken.append(bytes(message)))
        with pytest.raises(ConnectionClosedOK):
            await until_closed(websocket, taken)
    assert taken == [b"whole", b"in two parts", b"whole again"]


async def test_what_comes_before_anybody_takes_it_is_kept():
    taken: list[bytes] = []
    async with connected("early", "birds") as websocket:
        with pytest.raises(ConnectionClosedOK):
            await until_closed(websocket, [])
        websocket.hand_over(lambda message, _: taken.append(bytes(message)))
    assert taken == [b"early", b"birds"]


@asynccontextmanager
async def connected_to_one_that_never_says_goodbye(close_timeout):
    """A connection whose other end takes a goodbye in and keeps the socket; and when it is gone."""
    heard, gone = asyncio.Event(), asyncio.Event()

    async def keep(reader, writer) -> None:
        protocol = ServerProtocol()
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                    writer.write(b"".join(protocol.data_to_send()))
            if protocol.state > OPEN:
                heard.set()
        gone.set()

    async with serving(keep) as port:
        websocket = await connect_directly(
            f"ws://127.0.0.1:{port}", proxy=None, close_timeout=close_timeout
        )
        yield websocket, heard, gone


@pytest.mark.parametrize("close_timeout", [0.1, None])
async def test_a_goodbye_that_is_not_answered_or_not_awaited_leaves_no_socket_open(close_timeout):
    """Up to Python 3.11.2, a timeout doesn't end in time in a task that was cancelled before."""

    async def follow(websocket) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await websocket.close()

    async with (
        asyncio.timeout(20),
        connected_to_one_that_never_says_goodbye(close_timeout) as (websocket, heard, gone),
    ):
        following = asyncio.create_task(follow(websocket))
        await asyncio.sleep(0)
        following.cancel()
        await heard.wait()
        if close_timeout is None:
            following.cancel()
        await asyncio.wait([following])
        await gone.wait()
