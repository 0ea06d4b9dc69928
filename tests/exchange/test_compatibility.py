"""Options of scripts written for python-binance: used, let be, warned of or refused."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from depthcli import (
    AsyncClient,
    BinanceAPIException,
    BinanceRequestException,
    BinanceSocketManager,
    DepthCacheManager,
    ThreadedDepthCacheManager,
    errors,
)
from depthcli.core.markets import SPOT, USDM
from depthcli.exchange.compatibility import Options
from depthcli.simulator import Simulator, source_for


async def test_the_arguments_that_depth_scripts_pass_are_taken_in_their_order():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with await AsyncClient.create("key", "secret", None, "us", "", False) as client:
            assert client.rest_origin(SPOT) == "https://api.binance.us"
        async with await AsyncClient.create("key", "secret", testnet=True) as client:
            assert client.rest_origin(SPOT) == "https://testnet.binance.vision"
        async with AsyncClient(
            api_key="key",
            api_secret="secret",
            demo=True,
            loop=asyncio.get_running_loop(),
            session_params={},
            private_key="pem",
            private_key_pass="word",
            time_unit="MILLISECOND",
        ) as client:
            assert client.rest_origin(SPOT) == "https://demo-api.binance.com"
            BinanceSocketManager(client, 60, 100, True)
            loop = asyncio.get_running_loop()
            DepthCacheManager(client, "BNBBTC", loop, 3600, None, 100, float, 100)
        threaded = ThreadedDepthCacheManager("key", "secret", None, "com", True)
        assert threaded._client.rest_origin(USDM) == USDM.origins["testnet"].rest


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"requests_params": {"timeout": 20, "verify": False}}, r"\['timeout'\].*\['verify'\]"),
        ({"session_params": {"trust_env": True}}, r"session_params\['trust_env'\]"),
        ({"base_endpoint": "1"}, "base_endpoint='1'"),
    ],
)
async def test_what_is_not_used_is_warned_of_where_the_script_says_it(options, named):
    with pytest.warns(UserWarning, match=named) as caught:
        await (await AsyncClient.create(**options)).close_connection()
    assert [warning.filename for warning in caught] == [__file__]


def test_microseconds_are_refused():
    with pytest.raises(errors.UsageError, match="all times are ms"):
        Options(time_unit="MICROSECOND").settle()


@pytest.mark.parametrize(
    ("options", "proxy"),
    [
        ({}, None),
        ({"https_proxy": "http://127.0.0.1:3128"}, "http://127.0.0.1:3128"),
        ({"requests_params": {"proxies": {"https": "http://a:1"}}}, "http://a:1"),
        ({"requests_params": {"proxies": {"http": "http://a:1"}}}, "http://a:1"),
        ({"requests_params": {"proxies": {}}}, None),
    ],
)
def test_proxies(options, proxy):
    assert Options(**options).settle() == proxy


@pytest.mark.parametrize(
    "url", ["127.0.0.1:3128", "ftp://a", "http://", "http://a:0", "http://[", 5]
)
def test_what_is_no_proxy_is_refused(url):
    with pytest.raises(errors.UsageError, match="give http://HOST:PORT"):
        Options(https_proxy=url).settle()


@asynccontextmanager
async def proxy_server():
    """A small HTTP proxy; gives its URL, and the first line of each request that came."""
    asked: list[str] = []
    tasks = set()

    async def pump(reader, writer) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def serve(reader, writer) -> None:
        tasks.add(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        first, rest = head.split(b"\r\n", 1)
        asked.append(first.decode())
        method, target, version = first.decode().split()
        url = urlsplit(target if "//" in target else f"//{target}")
        there, back = await asyncio.open_connection(url.hostname, url.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = f"{url.path}?{url.query}"
            back.write(f"{method} {path} {version}\r\n".encode() + rest)
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            for each in (back, writer):
                each.close()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_requests_and_streams_go_through_the_proxy():
    async with (
        Simulator(source_for("spot", ["BNBBTC"])) as simulator,
        proxy_server() as (proxy, asked),
        await AsyncClient.create(
            https_proxy=proxy, rest_url=simulator.rest_url, ws_url=simulator.ws_url
        ) as client,
        DepthCacheManager(client, "BNBBTC", ws_interval=100) as manager,
    ):
        async with asyncio.timeout(20):
            for _ in range(3):
                assert await manager.recv() is not None
        assert any(line.startswith("CONNECT 127.0.0.1:") for line in asked)
        assert any("/api/v3/depth?symbol=BNBBTC" in line for line in asked)


def test_the_ecosystems_exceptions():
    assert BinanceRequestException is errors.BadMessageError
    error = errors.exchange_error(400, -1121, "Invalid symbol.")
    assert isinstance(error, BinanceAPIException)
    assert (error.status_code, error.code, error.message) == (400, -1121, "Invalid symbol.")
