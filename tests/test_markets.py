"""The markets, as the exchange documents them."""

from __future__ import annotations

import pytest

from depthcli.errors import UsageError
from depthcli.markets import COINM, MARKETS, OPTIONS, SPOT, USDM, market_named


@pytest.mark.parametrize(
    ("market", "limit", "weight"),
    [
        (SPOT, 100, 5), (SPOT, 101, 25), (SPOT, 1000, 50), (SPOT, 5000, 250),
        (USDM, 50, 2), (COINM, 100, 5), (USDM, 1000, 20), (OPTIONS, 50, 1), (OPTIONS, 500, 10),
    ],
)  # fmt: skip
def test_weights(market, limit, weight):
    assert market.weight(limit) == weight


@pytest.mark.parametrize(
    ("market", "levels", "limit"),
    [(SPOT, 7, 7), (SPOT, 9999, 5000), (USDM, 7, 10), (USDM, 9999, 1000), (OPTIONS, 5, 10)],
)
def test_limits_are_rounded_up_to_what_the_exchange_accepts(market, levels, limit):
    assert market.fit_limit(levels) == limit


@pytest.mark.parametrize(
    ("market", "speed", "stream"),
    [
        (SPOT, None, "bnbbtc@depth"), (SPOT, 100, "bnbbtc@depth@100ms"),
        (USDM, 500, "bnbbtc@depth@500ms"), (OPTIONS, 100, "bnbbtc@depth@100ms"),
    ],
)  # fmt: skip
def test_streams(market, speed, stream):
    assert market.stream("BNBBTC", speed) == stream


def test_a_speed_that_the_market_lacks_is_refused_with_the_ones_it_has():
    with pytest.raises(UsageError, match="choose one of 100, 1000"):
        SPOT.stream("BNBBTC", 250)


def test_markets_are_found_by_name():
    assert market_named("USDM") is USDM
    with pytest.raises(UsageError, match="spot, usdm, coinm, options"):
        market_named("moon")
    assert all(market.fastest == 100 for market in MARKETS.values())
