"""What is no WebSocket, or stops being one: the connection ends with a reason, and is made anew."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import struct

import pytest

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.backoff import Backoff
from depthcli.exchange import stream_pool as stream_pool_module
from tests.hostile.servers import serving

PATIENCE = 20.0
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(
        stream_pool_module, "Backoff", functools.partial(Backoff, step=0.1, most=0.2)
    )
    monkeypatch.delenv("DEPTHCLI_REST_URL", raising=False)
    monkeypatch.delenv("DEPTHCLI_WS_URL", raising=False)


async def reason_and_tries(handler, tries=1):
    """Return the reasons that a manager gives while a server behaves like that, so many times."""
    told, arrived, enough = [], 0, asyncio.Event()

    async def count(reader, writer):
        nonlocal arrived
        arrived += 1
        if arrived > tries:
            enough.set()
        await handler(reader, writer)

    async with (
        serving(count) as port,
        AsyncClient(rest_url="http://127.0.0.1:9", ws_url=f"ws://127.0.0.1:{port}") as client,
        DepthCacheManager(
            client,
            "BNBBTC",
            bm=(sockets := BinanceSocketManager(client, max_reconnects=None)),
            on_state=lambda _state, reason: told.append(reason),
        ),
    ):
        async with asyncio.timeout(PATIENCE):
            await enough.wait()
        await sockets.close()
    return [reason for reason in told if "socket lost" in reason]


HANDSHAKES = [
    b"", b"\x00" * 100, b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 \xff\xfe\r\n\r\n",
    b"HTTP/1.1 99999 x\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 400 x\r\n\x1b: z\r\n\r\n",
    b"HTTP/1.1 101 x\r\n\r\n",
    b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 9999 + b"\r\n",
    b"HTTP/1.1 101 x\r\nX: " + b"y" * 99_999,
    b"HTTP/1.1 503 \x1b[2J\r\nContent-Length: 99999999999\r\n\r\n",
    b"HTTP/1.1 429 x\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 418 x\r\nTransfer-Encoding: z\r\n\r\n",
    b"HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n",
    b"HTTP/1.1 302 x\r\nLocation: http://[\r\n\r\n",
    b"HTTP/1.1 302 x\r\nLocation: \xff\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("told", HANDSHAKES, ids=lambda told: repr(told[-20:]))
async def test_what_is_no_handshake_is_a_reason_and_tried_again(told):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(told)
        await writer.drain()

    reasons = await reason_and_tries(answer)
    assert reasons
    assert all(reason.isprintable() for reason in reasons)


def frame(opcode, payload=b"", *, first=0x80, mask=0, length=None):
    size = len(payload) if length is None else length
    if size < 126:
        head = struct.pack("!BB", first | opcode, mask | size)
    elif size < 65536:
        head = struct.pack("!BBH", first | opcode, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first | opcode, mask | 127, size)
    return head + payload


FRAMES = {
    "reserved bits": frame(1, b"{}", first=0xF0),
    "unknown opcode": frame(7, b"{}"),
    "masked": frame(1, b"\0\0\0\0{}", mask=0x80, length=2),
    "too long": frame(1, b"{", length=9 * 2**20),
    "far too long": frame(2, b"{", length=2**62),
    "impossible length": frame(2, b"{", length=2**64 - 1),
    "long ping": frame(9, b"x" * 126),
    "ping in parts": frame(9, b"x", first=0),
    "continued, not begun": frame(0, b"{}"),
    "begun twice": frame(1, b"{", first=0) * 2,
    "endless parts": frame(1, b"{", first=0) + frame(0, b" " * 65000, first=0) * 200,
    "very many parts": frame(1, b"{", first=0) + frame(0, b"", first=0) * 100_000,
    "close with half a code": frame(8, b"\x03"),
    "close with no such code": frame(8, b"\x00\x01bye"),
    "close with garbage": frame(8, b"\x03\xe8\xff\xfe"),
    "close with control characters": frame(8, b"\x03\xe9\x1b[2J"),
    "close with many": frame(8, b"\x03\xe9" + "\u202e".encode() * 41),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
async def test_what_is_no_frame_is_a_reason_and_tried_again(name):
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key.split(b": ")[1] + MAGIC).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + FRAMES[name]
        )
        await writer.drain()
        await reader.read()

    reasons = await reason_and_tries(answer)
    assert reasons
    assert all(reason.isprintable() for reason in reasons)
