"""REST against the simulator over real HTTP: what each refusal becomes, and good manners."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from depthcli import AsyncClient
from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM
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
from depthcli.exchange.client import MOST_NAMED
from depthcli.simulator import Simulator, source_for

DEPTH = "/api/v3/depth"
INFO = "/api/v3/exchangeInfo"
BOOK = {"lastUpdateId": 1, "bids": [["1", "1"]], "asks": [["2", "1"]]}


@pytest.fixture(autouse=True)
def no_exchange_of_the_users_own(monkeypatch):
    monkeypatch.delenv("DEPTHCLI_REST_URL", raising=False)
    monkeypatch.delenv("DEPTHCLI_WS_URL", raising=False)


@asynccontextmanager
async def connected(*sources):
    async with (
        Simulator(*(sources or [source_for("spot", ["BNBBTC", "ETHBTC"])])) as simulator,
        await AsyncClient.create(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        yield simulator, client


def answering(*answers: httpx.Response):
    """A client whose requests are answered one after the other, and the requests."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        known = answers[len(requests) - 1]
        body = httpx.ByteStream(known.content)
        return httpx.Response(known.status_code, headers=known.headers, stream=body)

    return AsyncClient(transport=httpx.MockTransport(answer)), requests


async def test_a_snapshot_the_symbols_and_the_time():
    async with connected() as (_, client):
        snapshot = await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert len(snapshot.bids) == len(snapshot.asks) == 100
        infos = await client.look_up(SPOT, ["ETHBTC", "BNBBTC"])
        assert [info.symbol for info in infos] == ["ETHBTC", "BNBBTC"]
        assert await client.server_time(SPOT) > 1_700_000_000_000
        with pytest.raises(UnknownSymbolError, match="BNBBTC"):
            await client.look_up(SPOT, ["BNBBTX"])


@pytest.mark.parametrize("name", MARKETS)
async def test_every_market_is_asked_at_its_own_paths(name):
    market, source = MARKETS[name], source_for(name)
    async with connected(source) as (simulator, client):
        symbol = source.symbols[0]
        snapshot = await client.snapshot(market, symbol, market.fit_limit(20), float)
        assert snapshot.bids[0][0] < snapshot.asks[0][0]
        info = await client.exchange_info(market)
        assert symbol in {known.symbol for known in info.listed}
        with pytest.raises(UnknownSymbolError) as caught:
            await client.look_up(market, [symbol, symbol[:-1]])
        assert symbol in caught.value.near
        await client.server_time(market)
        assert all(f" {market.rest_prefix}/" in request for request in simulator.requests)


async def test_only_the_wanted_symbols_are_asked_for_where_that_can_be():
    async with connected() as (simulator, client):
        await client.look_up(SPOT, ["ETHBTC"])
        assert list(simulator.requests) == [f"GET {INFO}?symbols=%5B%22ETHBTC%22%5D"]


async def test_many_symbols_are_picked_from_the_whole_list_for_no_address_is_that_long():
    names = [f"A{number}BTC" for number in range(MOST_NAMED + 1)]
    async with connected(source_for("spot", names)) as (simulator, client):
        assert [info.symbol for info in await client.look_up(SPOT, names)] == names
        assert list(simulator.requests) == [f"GET {INFO}"]
        await client.look_up(SPOT, names[1:])
        assert "symbols=" in simulator.requests[-1]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -1100, ExchangeError),
        (400, -1130, ExchangeError),
        (400, -4021, ExchangeError),
        (400, -1003, RateLimitedError),
        (400, -1001, ServerError),
        (403, None, ForbiddenError),
        (418, -1003, BannedError),
        (429, -1003, RateLimitedError),
        (500, -1000, ServerError),
        (504, -1007, ServerError),
    ],
)
async def test_each_refusal_has_its_own_type(status, code, kind):
    async with connected() as (simulator, client):
        simulator.faults.fail_next(DEPTH, status, code=code, message="It says why.", retry_after=1)
        with pytest.raises(ExchangeError, match="It says why") as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert type(caught.value) is kind
        assert (caught.value.status, caught.value.retry_after) == (status, 1)
        assert code is None or caught.value.code == code


async def test_an_unknown_symbol_carries_the_exchanges_code():
    async with connected() as (_, client):
        with pytest.raises(ExchangeError) as caught:
            await client.snapshot(SPOT, "NOSUCH", 100, float)
        assert (caught.value.code, caught.value.message) == (-1121, "Invalid symbol.")


async def test_a_refusal_without_the_exchanges_words_is_told_by_its_status():
    client, _ = answering(httpx.Response(403, html="<html>\x1b[2J</html>"))
    async with client:
        with pytest.raises(ForbiddenError) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
    told = "refused by the exchange's firewall, or by one on the way (HTTP 403)"
    assert str(caught.value) == told


async def test_nothing_is_sent_until_retry_after_is_over():
    async with connected() as (simulator, client):
        clock = asyncio.get_running_loop().time
        simulator.faults.fail_next(DEPTH, 429, retry_after=1)
        with pytest.raises(RateLimitedError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        refused = clock()
        later = [
            asyncio.create_task(client.snapshot(SPOT, symbol, 100, float))
            for symbol in ("BNBBTC", "ETHBTC")
        ]
        await asyncio.wait(later, timeout=0.3)
        assert len(simulator.requests) == 1
        await asyncio.gather(*later)
        assert clock() - refused >= 0.99
        assert len(simulator.requests) == 3


async def test_a_refusal_by_one_market_holds_the_others_not_back():
    async with connected(source_for("spot", ["BNBBTC"]), source_for("usdm", ["BTCUSDT"])) as (
        simulator,
        client,
    ):
        simulator.faults.fail_next(DEPTH, 418, retry_after=100)
        with pytest.raises(BannedError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        async with asyncio.timeout(5):
            await client.snapshot(USDM, "BTCUSDT", 100, float)


@pytest.mark.parametrize("header", [{}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}])
@pytest.mark.parametrize(("status", "seconds"), [(429, 10), (418, 120)])
async def test_a_refusal_that_does_not_say_for_how_long_is_respected_all_the_same(
    status, seconds, header
):
    client, requests = answering(httpx.Response(status, headers=header))
    async with client:
        with pytest.raises(RateLimitedError) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert caught.value.retry_after == seconds
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
    assert len(requests) == 1


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0, -5])
async def test_a_retry_after_that_makes_no_sense_is_not_believed(value):
    async with connected() as (simulator, client):
        simulator.faults.fail_next("/api/v3/depth", 429, retry_after=value)
        with pytest.raises(RateLimitedError) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert caught.value.retry_after == 10


BANNED = (
    "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live"
    " updates to avoid bans."
)
SENT = "Sat, 28 Nov 2026 14:10:49 GMT"
SENT_MS = 1_795_875_049_000


def banning(until_ms: int, status: int = 418, words: str = BANNED, **headers: str):
    """A client that is banned once, by an exchange whose clock is not this machine's."""
    failure = {"code": -1003, "msg": words.format(until_ms)}
    return answering(httpx.Response(status, json=failure, headers={"Date": SENT, **headers}))


@pytest.mark.parametrize("status", [418, 429, 400])
@pytest.mark.parametrize(
    "words",
    [
        BANNED,
        "Way too many requests; IP(10.0.0.1) banned until {}. Please use",
        "ip BANNED UNTIL {}",
    ],
)
async def test_a_ban_lasts_until_the_time_that_its_words_tell(status, words):
    client, requests = banning(SENT_MS + 630_000, status, words)
    async with client:
        with pytest.raises(BannedError) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert str(caught.value).startswith(f"banned until 14:21:19 UTC (HTTP {status})")
        assert caught.value.until == datetime(2026, 11, 28, 14, 21, 19, tzinfo=UTC)
        assert 630 <= caught.value.retry_after <= 632
        assert 629 < client.silent_for(SPOT) <= 632
        assert client.banned_until(SPOT) == caught.value.until
        assert client.banned_until(USDM) is None
    assert len(requests) == 1


async def test_a_ban_of_days_is_told_with_its_date():
    client, _ = banning(SENT_MS + 2 * 86_400_000)
    async with client:
        with pytest.raises(BannedError, match=r"^banned until 2026-11-30 14:10:49 UTC"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)


@pytest.mark.parametrize(
    ("header", "clock", "seconds"), [("30", "14:12:49", 120), ("600", "14:20:49", 600)]
)
async def test_of_two_ends_of_a_ban_the_later_one_is_kept(header, clock, seconds):
    client, _ = banning(SENT_MS + 120_000, **{"Retry-After": header})
    async with client:
        with pytest.raises(BannedError, match=f"^banned until {clock} UTC") as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert seconds <= caught.value.retry_after <= seconds + 2


@pytest.mark.parametrize("until_ms", [SENT_MS - 1, SENT_MS + 4 * 86_400_000, 10**12, 10**40, 1659])
async def test_an_end_of_a_ban_that_makes_no_sense_is_not_believed(until_ms):
    client, _ = banning(until_ms)
    async with client:
        with pytest.raises(BannedError) as caught:
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert caught.value.retry_after == 120
        assert caught.value.until is None


@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"239999": "System maintenance"},
        {"code": -1016, "msg": "This service is no longer available."},
    ],
)
async def test_maintenance_is_the_exchanges_fault_and_asked_past(status, body):
    client, requests = answering(
        httpx.Response(status, json=body), httpx.Response(200, json={"serverTime": 1})
    )
    async with client:
        assert await client.server_time(USDM) == 1
    assert len(requests) == 2
    client, _ = answering(httpx.Response(status, json=body))
    async with client:
        with pytest.raises(ServerError, match=r"maintenance|no longer available"):
            await client.snapshot(USDM, "BTCUSDT", 100, float)


async def test_usd_m_and_coin_m_share_what_an_answer_tells_of_their_weight():
    told = httpx.Response(200, json=BOOK, headers={"X-MBX-USED-WEIGHT-1M": "2399"})
    client, requests = answering(told, httpx.Response(200, json=BOOK))
    async with client:
        await client.snapshot(USDM, "BTCUSDT", 100, float)
        assert client.outlook(COINM) > 50
        await client.snapshot(SPOT, "BNBBTC", 100, float)
    assert len(requests) == 2


async def test_what_can_pass_by_itself_is_tried_again_and_then_told():
    async with connected() as (simulator, client):
        simulator.faults.fail_next(INFO, 503, count=2)
        assert (await client.exchange_info(SPOT)).weight_per_minute == 6000
        assert len(simulator.requests) == 3
        simulator.faults.fail_next(INFO, 502, count=3)
        with pytest.raises(ServerError, match="HTTP 502"):
            await client.exchange_info(SPOT)
        assert len(simulator.requests) == 6
        simulator.faults.fail_next("/time", 429, retry_after=0.2)
        await client.server_time(SPOT)


async def test_what_will_not_pass_is_not_tried_again_and_a_snapshot_never_is():
    async with connected() as (simulator, client):
        simulator.faults.fail_next(INFO, 403)
        with pytest.raises(ForbiddenError):
            await client.look_up(SPOT, ["BNBBTC"])
        assert len(simulator.requests) == 1
        simulator.faults.fail_next(DEPTH, 500)
        with pytest.raises(ServerError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        assert len(simulator.requests) == 2


async def test_broken_and_missing_answers_are_errors_of_their_own(monkeypatch):
    monkeypatch.setattr("depthcli.exchange.rest.TOTAL_TIMEOUT", 0.3)
    async with connected() as (simulator, client):
        simulator.faults.truncate_next_body(DEPTH)
        with pytest.raises(UnreachableError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        simulator.faults.mistyped_next(DEPTH)
        with pytest.raises(BadMessageError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        simulator.faults.hang_next(2, DEPTH)
        with pytest.raises(UnreachableError, match="in time"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
        await client.snapshot(SPOT, "BNBBTC", 100, float)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, json={**BOOK, "bids": [["NaN", "1"]]}),
        httpx.Response(200, json={"code": -1121, "msg": "Invalid symbol."}),
    ],
)
async def test_an_answer_that_is_no_book_is_refused_whatever_its_status(response):
    client, _ = answering(response)
    async with client:
        with pytest.raises(BadMessageError):
            await client.snapshot(SPOT, "BNBBTC", 100, float)


async def test_no_redirect_is_followed():
    elsewhere = httpx.Response(302, headers={"Location": "http://127.0.0.1:9/elsewhere"})
    client, requests = answering(elsewhere)
    async with client:
        with pytest.raises(UnreachableError, match=r"redirects to http://127\.0\.0\.1:9"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
    assert [request.url.host for request in requests] == ["api.binance.com"]


async def test_the_weight_that_an_answer_tells_is_believed():
    told = httpx.Response(200, json=BOOK, headers={"X-MBX-USED-WEIGHT-1M": "5990"})
    client, requests = answering(told)
    async with client:
        await client.snapshot(SPOT, "BNBBTC", 100, float)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
    assert len(requests) == 1


@pytest.mark.parametrize("header", ["", "many", "-7", "1e9", b"\xff"])
async def test_a_weight_that_is_no_weight_is_not_believed(header):
    told = [httpx.Response(200, json=BOOK, headers={"X-MBX-USED-WEIGHT-1M": header})] * 2
    client, requests = answering(*told)
    async with client, asyncio.timeout(5):
        for _ in range(2):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
    assert len(requests) == 2


async def test_the_budget_that_the_exchange_info_tells_is_kept():
    source = source_for("spot", ["BNBBTC"])
    source.weight_per_minute = 40
    async with connected(source) as (simulator, client):
        assert (await client.exchange_info(SPOT)).weight_per_minute == 40
        asked = [asyncio.create_task(client.snapshot(SPOT, "BNBBTC", 100, float)) for _ in range(8)]
        await asyncio.gather(*asked[:3])
        done, waiting = await asyncio.wait(asked[3:], timeout=0.2)
        assert (len(done), len(simulator.requests)) == (0, 4)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_nobody_there_is_unreachable():
    async with AsyncClient(rest_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9") as client:
        with pytest.raises(UnreachableError, match="can't be reached"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)


async def test_no_proxy_stands_before_an_exchange_on_this_machine(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with connected() as (_, client):
        await client.snapshot(SPOT, "BNBBTC", 100, float)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x", "127.0.0.1", "127.0.0.1:8901", "http://", "http://h/path", "http://h:x",
        "http://h:0", "http://h:99999", "http://h?x", "http://[", "ws://127.0.0.1:8901", "\x1b[2J",
        "http://xn--☃..h", "http://u:p@h", "http://h h", "http://h#", "http://h#x", "http://h?",
        "http://h%20h",
    ],
)  # fmt: skip
async def test_a_url_that_is_no_origin_is_refused_with_one_that_is(url):
    with pytest.raises(UsageError, match=r"isn't the origin .* http://127\.0\.0\.1:8901") as caught:
        AsyncClient(rest_url=url, ws_url="ws://127.0.0.1:9")
    assert str(caught.value).isprintable()
    with pytest.raises(UsageError, match=r"ws://127\.0\.0\.1:8901"):
        AsyncClient(rest_url="http://127.0.0.1:9", ws_url="http://127.0.0.1:9")


async def test_the_environment_names_an_exchange_and_an_argument_wins_over_it(monkeypatch):
    monkeypatch.setenv("DEPTHCLI_REST_URL", "http://127.0.0.1:8901/")
    monkeypatch.setenv("DEPTHCLI_WS_URL", "ws://127.0.0.1:8902")
    async with AsyncClient() as client:
        assert client.rest_origin(USDM) == "http://127.0.0.1:8901"
        assert client.websocket_origin(USDM) == "ws://127.0.0.1:8902"
    async with AsyncClient(rest_url="http://127.0.0.1:1", ws_url="wss://[::1]:2") as client:
        assert client.rest_origin(SPOT) == "http://127.0.0.1:1"
        assert client.websocket_origin(SPOT) == "wss://[::1]:2"
    async with AsyncClient(rest_url="", ws_url="") as client:
        assert client.rest_origin(SPOT) == "https://api.binance.com"
        assert client.websocket_origin(SPOT) == "wss://stream.binance.com:9443"
    monkeypatch.setenv("DEPTHCLI_REST_URL", "")
    monkeypatch.setenv("DEPTHCLI_WS_URL", "")
    async with AsyncClient() as client:
        assert client.rest_origin(SPOT) == "https://api.binance.com"


async def test_half_an_exchange_is_refused_where_the_other_half_is_needed():
    async with AsyncClient(rest_url="http://127.0.0.1:9") as client:
        with pytest.raises(UsageError, match="both origins"):
            client.websocket_origin(SPOT)
    async with AsyncClient(ws_url="ws://127.0.0.1:9") as client:
        with pytest.raises(UsageError, match="both origins"):
            await client.snapshot(SPOT, "BNBBTC", 100, float)


@pytest.mark.parametrize(
    ("options", "market", "rest", "websocket"),
    [
        ({}, SPOT, "api.binance.com", "stream.binance.com:9443"),
        ({}, USDM, "fapi.binance.com", "fstream.binance.com"),
        ({}, COINM, "dapi.binance.com", "dstream.binance.com"),
        ({}, OPTIONS, "eapi.binance.com", "fstream.binance.com"),
        ({"tld": "us"}, SPOT, "api.binance.us", "stream.binance.us:9443"),
        ({"tld": "vision"}, SPOT, "data-api.binance.vision", "data-stream.binance.vision"),
        ({"testnet": True}, SPOT, "testnet.binance.vision", "stream.testnet.binance.vision"),
        ({"testnet": True}, USDM, "testnet.binancefuture.com", "fstream.binancefuture.com"),
        ({"testnet": True}, COINM, "testnet.binancefuture.com", "dstream.binancefuture.com"),
        ({"testnet": True}, OPTIONS, "testnet.binancefuture.com", "fstream.binancefuture.com"),
        ({"demo": True}, SPOT, "demo-api.binance.com", "demo-stream.binance.com:9443"),
        ({"demo": True}, USDM, "demo-fapi.binance.com", "fstream.binancefuture.com"),
    ],
)
async def test_the_environments_have_their_hosts(options, market, rest, websocket):
    async with await AsyncClient.create(**options) as client:
        assert client.rest_origin(market) == f"https://{rest}"
        assert client.websocket_origin(market) == f"wss://{websocket}"


@pytest.mark.parametrize(
    ("options", "market", "known"),
    [
        ({"tld": "us"}, USDM, "com, testnet, demo"),
        ({"demo": True}, OPTIONS, "choose one of com, testnet"),
        ({"tld": "moon"}, SPOT, "com, us, vision, testnet, demo"),
    ],
)
async def test_a_market_that_an_environment_lacks_is_told_with_those_that_have_it(
    options, market, known
):
    async with AsyncClient(**options) as client:
        with pytest.raises(UsageError, match=known):
            client.rest_origin(market)


async def test_a_symbol_too_long_for_the_exchange_is_an_unknown_symbol():
    async with connected() as (_, client):
        with pytest.raises(UnknownSymbolError):
            await client.look_up(SPOT, ["A" * 60])


async def test_requests_that_are_given_up_leave_no_connection_open():
    async with connected() as (simulator, client):
        for request_queue in range(120):
            asking = asyncio.create_task(client.snapshot(SPOT, "BNBBTC", 5, float))
            for _ in range(request_queue):  # into whatever it is doing then
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert await client.server_time(SPOT)
        async with asyncio.timeout(10):  # until those that were cut are noticed
            while len(simulator._service.transports) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_failure_of_a_request_that_is_given_up_is_nobodys(caplog):
    async with connected() as (simulator, client):
        simulator.faults.hang_next(0.2, "depth")
        asking = asyncio.create_task(client.snapshot(SPOT, "BNBBTC", 5, float))
        while not simulator.faults.log["hang"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    gc.collect()
    assert caplog.text == ""
