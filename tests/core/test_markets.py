"""The markets, as the exchange documents them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM, market_named
from depthcli.errors import UsageError


@pytest.mark.parametrize(
    ("market", "depth", "info"),
    [
        (SPOT, "/api/v3/depth", "/api/v3/exchangeInfo"),
        (USDM, "/fapi/v1/depth", "/fapi/v1/exchangeInfo"),
        (COINM, "/dapi/v1/depth", "/dapi/v1/exchangeInfo"),
        (OPTIONS, "/eapi/v1/depth", "/eapi/v1/exchangeInfo"),
    ],
)
def test_paths(market, depth, info):
    assert (market.depth_path(), market.info_path()) == (depth, info)


@pytest.mark.parametrize(
    ("market", "prefix", "weight", "info", "streams", "messages"),
    [
        (SPOT, "", 6000, 20, 1024, 5),
        (USDM, "/public", 2400, 1, 200, 10),
        (COINM, "", 2400, 1, 200, 10),
        (OPTIONS, "/public", 2400, 1, 200, 10),
    ],
)
def test_budgets_and_prefixes(market, prefix, weight, info, streams, messages):
    assert market.websocket_prefix == prefix
    assert (market.weight_per_minute, market.info_weight) == (weight, info)
    assert (market.streams_per_connection, market.messages_per_second) == (streams, messages)


@pytest.mark.parametrize(
    ("market", "weights"),
    [
        (SPOT, {1: 5, 100: 5, 101: 25, 500: 25, 501: 50, 1000: 50, 1001: 250, 5000: 250}),
        (USDM, {5: 2, 50: 2, 100: 5, 500: 10, 1000: 20}),
        (COINM, {5: 2, 50: 2, 100: 5, 500: 10, 1000: 20}),
        (OPTIONS, {10: 1, 50: 1, 100: 5, 500: 10, 1000: 20}),
    ],
)
def test_weights(market, weights):
    assert {limit: market.weight(limit) for limit in weights} == weights


@pytest.mark.parametrize(
    ("market", "levels", "limit"),
    [(SPOT, 7, 7), (SPOT, 9999, 5000), (USDM, 7, 10), (USDM, 9999, 1000), (OPTIONS, 5, 10)],
)
def test_limits_are_rounded_up_to_what_the_exchange_accepts(market, levels, limit):
    assert market.fit_limit(levels) == limit


@given(st.sampled_from(list(MARKETS.values())), st.integers(1, 10_000))
def test_a_limit_gives_enough_levels_or_the_most_there_are_and_never_costs_less_than_it_says(
    market, levels
):
    limit = market.fit_limit(levels)
    assert market.any_limit or limit in market.limits
    assert min(levels, market.limits[-1]) <= limit <= market.limits[-1]
    assert market.weight(limit) >= market.weight(market.limits[0])


@pytest.mark.parametrize(
    ("market", "streams"),
    [
        (SPOT, {None: "@depth", 1000: "@depth", 100: "@depth@100ms"}),
        (USDM, {None: "@depth", 250: "@depth", 500: "@depth@500ms", 100: "@depth@100ms"}),
        (COINM, {None: "@depth", 250: "@depth", 500: "@depth@500ms", 100: "@depth@100ms"}),
        (OPTIONS, {None: "@depth@500ms", 500: "@depth@500ms", 100: "@depth@100ms"}),
    ],
)
def test_streams(market, streams):
    assert {speed: market.stream("BnbBtc", speed) for speed in streams} == {
        speed: f"bnbbtc{suffix}" for speed, suffix in streams.items()
    }
    assert set(market.speeds) == set(streams)
    assert market.fastest == 100


@pytest.mark.parametrize(
    ("market", "speed", "known"),
    [(SPOT, 250, "100, 1000"), (USDM, 1000, "100, 250, 500"), (OPTIONS, 250, "100, 500")],
)
def test_a_speed_that_the_market_lacks_is_refused_with_the_ones_it_has(market, speed, known):
    with pytest.raises(UsageError, match=f"{speed} ms: choose one of {known}$"):
        market.stream("BNBBTC", speed)


def test_markets_are_found_by_name():
    assert [market_named(name) for name in ("spot", "USDM", "CoinM", "options")] == [
        SPOT, USDM, COINM, OPTIONS,
    ]  # fmt: skip
    with pytest.raises(UsageError, match="'moon': choose one of spot, usdm, coinm, options"):
        market_named("moon")


def test_origins_are_secure_and_without_a_path():
    for market in MARKETS.values():
        for origins in market.origins.values():
            assert origins.rest.startswith("https://")
            assert origins.websocket.startswith("wss://")
            assert origins.rest.count("/") == origins.websocket.count("/") == 2


@pytest.mark.parametrize(
    ("market", "levels", "limit"),
    [(SPOT, 10, 100), (SPOT, 101, 500), (SPOT, 9000, 5000), (USDM, 10, 50), (USDM, 51, 100)],
)
def test_a_generous_limit_costs_no_more(market, levels, limit):
    assert market.generous_limit(levels) == limit
    assert market.weight(limit) == market.weight(market.fit_limit(levels))


@pytest.mark.parametrize(
    ("market", "levels", "stream"),
    [
        (market, levels, f"bnbbtc@depth{levels}{speed}")
        for market, speed in ((USDM, "@100ms"), (COINM, "@100ms"), (OPTIONS, "@100ms"))
        for levels in market.partial_levels
    ],
)
def test_partial_streams(market, levels, stream):
    assert market.partial_stream("BNBBTC", levels, 100) == stream


@pytest.mark.parametrize(
    ("market", "known"),
    [(SPOT, "none"), (USDM, "5, 10, 20"), (COINM, "5, 10, 20")],
)
def test_levels_that_no_stream_sends_are_refused_with_the_ones_there_are(market, known):
    with pytest.raises(UsageError, match=f"best 7 levels .*; available: {known}"):
        market.partial_stream("BNBBTC", 7)
