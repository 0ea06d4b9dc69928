"""Messages of a connection are handed over as they come."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedOK

from depthcli.network import connect_directly


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
