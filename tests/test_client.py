"""REST against the simulator over real HTTP: what each refusal becomes, and good manners."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from depthcli import AsyncClient
from depthcli.errors import (
    BadMessageError,
    BannedError,
    ExchangeError,
    ForbiddenError,
    RateLimitedError,
    ServerError,
    UnknownSymbolError,
    UnreachableError,
    UsageError,
)
from depthcli.markets import OPTIONS, SPOT, USDM
from depthcli.simulator import Simulator, source_for


@asynccontextmanager
async def connected():
    async with (
        Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator,
        await AsyncClient.create(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        yield simulator, client


async def test_a_snapshot_the_symbols_and_the_time():
    async with connected() as (_, client):
        snapshot = await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert len(snapshot.bids) == len(snapshot.asks) == 100
        infos = await client.look_up(SPOT, ["ETHBTC", "BNBBTC"])
        assert [info.symbol for info in infos] == ["ETHBTC", "BNBBTC"]
        assert await client.server_time(SPOT) > 1_700_000_000_000
        with pytest.raises(UnknownSymbolError, match="BNBBTC"):
            await client.look_up(SPOT, ["BNBBTX"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, ForbiddenError), (429, RateLimitedError), (418, BannedError), (500, ServerError)],
)
async def test_each_refusal_has_its_own_type(status, kind):
    async with connected() as (simulator, client):
        simulator.faults.fail_next("/api/v3/depth", status, retry_after=1)
        with pytest.raises(kind) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert caught.value.status == status


async def test_an_unknown_symbol_carries_the_exchanges_code():
    async with connected() as (_, client):
        with pytest.raises(ExchangeError) as caught:
            await client.snapshot(SPOT, "NOSUCH", 100, float)
        assert (caught.value.code, caught.value.message) == (-1121, "Invalid symbol.")


async def test_nothing_is_sent_until_retry_after_is_over():
    async with connected() as (simulator, client):
        clock = asyncio.get_running_loop().time
        simulator.faults.fail_next("/api/v3/depth", 429, retry_after=1)
        with pytest.raises(RateLimitedError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        refused = clock()
        await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert clock() - refused >= 0.99


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0, -5])
async def test_a_retry_after_that_makes_no_sense_is_not_believed(value):
    async with connected() as (simulator, client):
        simulator.faults.fail_next("/api/v3/depth", 429, retry_after=value)
        with pytest.raises(RateLimitedError) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert caught.value.retry_after == 10


async def test_what_can_pass_by_itself_is_tried_again():
    async with connected() as (simulator, client):
        simulator.faults.fail_next("/api/v3/exchangeInfo", 503, count=2)
        assert (await client.exchange_info(SPOT)).weight_per_minute == 6000


async def test_broken_and_missing_answers_are_errors_of_their_own(monkeypatch):
    monkeypatch.setattr("depthcli.client.TOTAL_TIMEOUT", 0.3)
    async with connected() as (simulator, client):
        simulator.faults.truncate_next_body("/api/v3/depth")
        with pytest.raises(UnreachableError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        simulator.faults.mistyped_next("/api/v3/depth")
        with pytest.raises(BadMessageError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        simulator.faults.hang_next(2, "/api/v3/depth")
        with pytest.raises(UnreachableError, match="in time"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)


async def test_nobody_there_is_unreachable():
    async with AsyncClient(rest_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9") as client:
        with pytest.raises(UnreachableError, match="can't be reached"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "127.0.0.1",
        "http://",
        "http://h/path",
        "http://h:x",
        "http://xn--☃..h",
        "http://u:p@h",
    ],
)
async def test_a_url_that_is_no_origin_is_refused(url):
    with pytest.raises(UsageError, match="isn't the origin"):
        AsyncClient(rest_url=url, ws_url="ws://127.0.0.1:9")


async def test_the_environment_and_half_an_exchange(monkeypatch):
    monkeypatch.setenv("DEPTHCLI_REST_URL", "http://127.0.0.1:8901/")
    monkeypatch.delenv("DEPTHCLI_WS_URL", raising=False)
    async with AsyncClient() as client:
        assert client.rest_origin(USDM) == "http://127.0.0.1:8901"
        with pytest.raises(UsageError, match="both origins"):
            client.websocket_origin(USDM)


async def test_the_environments_have_their_hosts(monkeypatch):
    monkeypatch.delenv("DEPTHCLI_REST_URL", raising=False)
    monkeypatch.delenv("DEPTHCLI_WS_URL", raising=False)
    async with AsyncClient() as client:
        assert client.rest_origin(SPOT) == "https://api.binance.com"
        assert client.websocket_origin(OPTIONS) == "wss://fstream.binance.com"
    async with AsyncClient(testnet=True) as client:
        assert client.rest_origin(USDM) == "https://testnet.binancefuture.com"
        with pytest.raises(UsageError, match="European options"):
            client.rest_origin(OPTIONS)
    async with AsyncClient(tld="us") as client:
        assert client.websocket_origin(SPOT) == "wss://stream.binance.us:9443"
