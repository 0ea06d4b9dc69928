"""Answers that are too long, too slow, damaged or packed: refused in words, within bounds."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from contextlib import asynccontextmanager
from functools import cache

import pytest

from depthcli import AsyncClient
from depthcli.core.markets import SPOT
from depthcli.errors import BadMessageError, BannedError, ServerError, UnreachableError
from depthcli.exchange import rest
from depthcli.exchange.responses import LARGEST_INFO, LARGEST_OTHER
from tests.hostile.servers import answer, answering, serving

BOOK = json.dumps({"lastUpdateId": 1, "bids": [["1", "1"]], "asks": [["2", "1"]]}).encode()
GZIP = "Content-Encoding: gzip"
PACKED = gzip.compress(BOOK, mtime=0)


@asynccontextmanager
async def asking(handler):
    async with (
        serving(handler) as port,
        AsyncClient(rest_url=f"http://127.0.0.1:{port}", ws_url="ws://127.0.0.1:9") as client,
    ):
        yield client


async def snapshot_from(handler):
    async with asking(handler) as client:
        return await client.snapshot(SPOT, "BNBBTC", 100, float)


def one_each(told):
    """Return a handler that gives the same answer to each who asks."""

    async def handle(reader, writer):
        await answering(told)(reader, writer)

    return handle


@cache
def bomb(size: int) -> bytes:
    """Return so many packed zeros; a two-hundredth of their size."""
    return gzip.compress(bytes(size), compresslevel=1)


async def test_a_body_is_understood_plain_and_packed():
    for told in (answer(BOOK), answer(PACKED, GZIP), answer(BOOK + b" " * 2**20)):
        assert (await snapshot_from(answering(told))).last_update_id == 1


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_is_too_long_is_not_read_to_its_end(chunked):
    sent = 0

    async def flood(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 99999999999"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        piece = b" " * 65536
        while True:
            writer.write(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
            await writer.drain()
            sent += len(piece)

    with pytest.raises(BadMessageError, match="sends more than 8 MiB"):
        await snapshot_from(flood)
    # The rest is what lies in the sockets' buffers.
    assert sent < 4 * LARGEST_OTHER


@pytest.mark.parametrize("size", [LARGEST_OTHER + 1, 2**28])
async def test_a_packed_bomb_is_refused_before_it_fills_the_memory(size):
    packed = answer(bomb(size), GZIP)
    tracemalloc.start()
    try:
        with pytest.raises(BadMessageError, match="more than 8 MiB"):
            await snapshot_from(answering(packed))
        assert tracemalloc.get_traced_memory()[1] < 5 * LARGEST_OTHER
    finally:
        tracemalloc.stop()


async def test_an_exchange_info_may_be_longer_but_not_endless():
    info = b'{"symbols":[{"symbol":"BNBBTC"}' + b',{"symbol":"X"}' * 10**6 + b"]}"
    assert len(info) > LARGEST_OTHER
    async with asking(answering(answer(gzip.compress(info, 1), GZIP))) as client:
        assert len((await client.exchange_info(SPOT)).listed) == 10**6 + 1
    async with asking(one_each(answer(bomb(LARGEST_INFO + 1), GZIP))) as client:
        with pytest.raises(BadMessageError, match="more than 64 MiB"):
            await client.exchange_info(SPOT)


@pytest.mark.parametrize(
    ("body", "headers"), [(b" " * 2**20, []), (bomb(2**28), [GZIP]), (b"?", [GZIP])]
)
async def test_a_ban_is_obeyed_whatever_its_body(body, headers):
    told = answer(body, "Retry-After: 77", *headers, status="418 I'm a teapot")
    with pytest.raises(BannedError) as caught:
        await snapshot_from(answering(told))
    assert caught.value.retry_after == 77
    with pytest.raises(ServerError):
        await snapshot_from(answering(answer(body, *headers, status="503 Busy")))


@pytest.mark.parametrize(
    "told",
    [
        answer(BOOK, "Content-Encoding: br"),
        answer(gzip.compress(PACKED, mtime=0), "Content-Encoding: gzip, gzip"),
        answer(PACKED[:-9], GZIP),
        answer(BOOK, GZIP),
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"\x16\x03\x01 nothing of HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2**20 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2**18 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}",
        b"HTTP/1.1 \x1b[31m\r\n\r\n",
    ],
    ids=lambda told: repr(told[-24:]),
)
async def test_what_is_not_http_or_breaks_off_is_an_exchange_that_cannot_be_reached(told):
    with pytest.raises(UnreachableError) as caught:
        await snapshot_from(answering(told))
    assert str(caught.value).isprintable()


async def test_a_body_that_drips_ends_with_the_time_for_the_whole_answer(monkeypatch):
    monkeypatch.setattr(rest, "TOTAL_TIMEOUT", 0.3)

    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(UnreachableError, match="didn't answer in time"):
        await snapshot_from(drip)


@pytest.mark.parametrize("value", ["1_0", "-5", "1e9", "9" * 5000, "٣", "0x10", "", " "])
async def test_a_weight_that_cannot_be_one_is_not_believed(value):
    header = f"X-MBX-USED-WEIGHT-1M: {value}".encode()
    told = answer(BOOK).replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n", 1)
    async with asking(answering(told)) as client:
        await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert client.outlook(SPOT) == 0
