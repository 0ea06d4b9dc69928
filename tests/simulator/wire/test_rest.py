from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from depthcli.core.markets import COINM, MARKETS, SPOT, USDM
from depthcli.simulator.wire.rest import BAN_SECONDS, FORGIVEN, RestInterface
from tests.simulator.conftest import START_MS, small_exchange

if TYPE_CHECKING:
    from depthcli.simulator.wire.rest import Answer

NOW = START_MS / 1000


def interface(**options: int) -> RestInterface:
    sources = [
        small_exchange(SPOT, "BNBBTC", "ETHBTC", "币安人生USDT", **options),
        small_exchange(USDM, "BTCUSDT"),
    ]
    for source in sources:
        source.advance(START_MS)
    return RestInterface(sources)


def get(target: str) -> Answer:
    return interface().respond("GET", target, NOW)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/api/v3/depth", -1102),
        ("/api/v3/depth?limit=5", -1102),
        ("/api/v3/depth?symbol=", -1105),
        ("/api/v3/depth?symbol=bnbbtc", -1100),
        ("/api/v3/depth?symbol=BNB%22BTC", -1100),
        ("/api/v3/depth?symbol=NOBODY", -1121),
        ("/api/v3/depth?symbol=BNBBTC&limit=", -1105),
        ("/api/v3/depth?symbol=BNBBTC&limit=many", -1100),
        ("/api/v3/depth?symbol=BNBBTC&limit=-5", -1100),
        ("/api/v3/depth?symbol=BNBBTC&limit=0", -1130),
        ("/api/v3/exchangeInfo?symbol=NOBODY", -1121),
        ('/api/v3/exchangeInfo?symbols=["BNBBTC","NOBODY"]', -1121),
        ("/api/v3/exchangeInfo?symbols=BNBBTC", -1100),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", -4021),
        ("/fapi/v1/depth?symbol=BNBBTC", -1121),
    ],
)
def test_wrong_requests_are_refused_with_the_exchanges_codes(target: str, code: int) -> None:
    answer = get(target)
    assert answer.status == 400
    document = json.loads(answer.body)
    assert document["code"] == code
    assert document["msg"]


@pytest.mark.parametrize(
    ("target", "levels", "weight"),
    [
        ("/api/v3/depth?symbol=BNBBTC", 100, 5),
        ("/api/v3/depth?symbol=BNBBTC&limit=1", 1, 5),
        ("/api/v3/depth?symbol=BNBBTC&limit=137", 137, 25),
        ("/api/v3/depth?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&limit=7", 7, 5),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=50", 50, 2),
    ],
)
def test_snapshots_have_the_levels_and_the_weight_asked_for(
    target: str, levels: int, weight: int
) -> None:
    answer = get(target)
    assert answer.status == 200
    assert len(json.loads(answer.body)["bids"]) == levels
    assert answer.headers["x-mbx-used-weight-1m"] == str(weight)


def test_larger_limits_are_cut_on_spot() -> None:
    answer = get("/api/v3/depth?symbol=BNBBTC&limit=999999")
    assert answer.status == 200
    assert answer.headers["x-mbx-used-weight"] == "250"


def test_exchange_info_can_be_narrowed_on_spot_alone() -> None:
    def symbols(target: str) -> list[str]:
        return [entry["symbol"] for entry in json.loads(get(target).body)["symbols"]]

    assert symbols("/api/v3/exchangeInfo") == ["BNBBTC", "ETHBTC", "币安人生USDT"]
    assert symbols("/api/v3/exchangeInfo?symbol=ETHBTC") == ["ETHBTC"]
    assert symbols('/api/v3/exchangeInfo?symbols=["ETHBTC","BNBBTC"]') == ["ETHBTC", "BNBBTC"]
    assert symbols("/fapi/v1/exchangeInfo?symbol=ETHBTC") == ["BTCUSDT"]


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
def test_other_paths_and_methods_are_not_found_and_not_allowed(market: object) -> None:
    assert get("/").status == 404
    assert get("/api/v3/depths?symbol=BNBBTC").status == 404
    assert get("/api/v2/depth?symbol=BNBBTC").status == 404
    assert interface().respond("POST", "/api/v3/depth", NOW).status == 405


def test_time_and_ping() -> None:
    assert json.loads(get("/fapi/v1/time").body) == {"serverTime": START_MS}
    assert get("/api/v3/ping").body == b"{}"


def test_over_the_budget_comes_429_then_a_ban_and_a_new_minute_forgives() -> None:
    rest = interface(weight_per_minute=20)
    minute = NOW // 60 * 60
    path = "/api/v3/depth?symbol=BNBBTC"
    assert [rest.respond("GET", path, minute).status for _ in range(4)] == [200] * 4
    refused = rest.respond("GET", path, minute + 20)
    assert (refused.status, json.loads(refused.body)["code"]) == (429, -1003)
    assert 40 <= float(refused.headers["retry-after"]) <= 41
    assert rest.respond("GET", "/fapi/v1/ping", minute + 20).status == 200
    assert rest.respond("GET", path, minute + 60).status == 200

    for _ in range(3 + FORGIVEN):
        assert rest.respond("GET", path, minute + 61).status in {200, 429}
    banned = rest.respond("GET", path, minute + 61)
    assert banned.status == 418
    assert float(banned.headers["retry-after"]) >= BAN_SECONDS
    words = json.loads(banned.body)["msg"]
    assert f"IP banned until {int((minute + 61 + BAN_SECONDS) * 1000)}." in words
    assert rest.respond("GET", path, minute + 121).status == 418
    assert rest.respond("GET", path, minute + 62 + BAN_SECONDS).status == 200


def test_usd_m_and_coin_m_are_counted_and_banned_together_and_spot_by_itself() -> None:
    sources = [
        small_exchange(SPOT, "BNBBTC"),
        small_exchange(USDM, "BTCUSDT", weight_per_minute=10),
        small_exchange(COINM, "BTCUSD_PERP", weight_per_minute=10),
    ]
    for source in sources:
        source.advance(START_MS)
    rest, minute = RestInterface(sources), NOW // 60 * 60
    paths = ["/fapi/v1/depth?symbol=BTCUSDT&limit=50", "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=50"]
    answers = [rest.respond("GET", path, minute) for path in [*paths, *paths, paths[0]]]
    assert [answer.status for answer in answers] == [200] * 5
    used = [answer.headers["x-mbx-used-weight-1m"] for answer in answers]
    assert used == ["2", "4", "6", "8", "10"]
    assert rest.respond("GET", paths[1], minute).status == 429
    for _ in range(FORGIVEN):
        rest.respond("GET", paths[1], minute)
    assert [rest.respond("GET", path, minute + 61).status for path in paths] == [418, 418]
    assert rest.respond("GET", "/api/v3/ping", minute + 61).status == 200
