"""What the commands ask of the exchange."""

from __future__ import annotations

import pytest

from depthcli.following import Following
from depthcli.markets import MARKETS


def following(market: str, depth: int | None, limit: int | None = None) -> Following:
    return Following(
        market=MARKETS[market], symbols=("BNBBTC",), depth=depth, limit=limit, refresh_interval=0
    )


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("depth", [None, 5, 800])
def test_the_first_snapshots_fit_into_the_budget_wherever_that_is_possible(market, depth):
    known = MARKETS[market]
    cheapest = known.weight(known.limits[0])
    for count in (1, 10, 50, 100, 500):
        weight = known.weight(following(market, depth).snapshot_limit(count))
        assert weight == cheapest or count * weight <= known.weight_per_minute


def test_few_symbols_get_deep_snapshots_and_the_users_own_limit_wins():
    assert following("spot", 5).snapshot_limit(4) == 1000
    assert following("spot", 800).snapshot_limit(1) == 1600
    assert following("spot", 5, limit=20).snapshot_limit(400) == 20
    assert following("usdm", 5, limit=7).snapshot_limit(1) == 10


def test_symbols_are_followed_once_each():
    twice = Following(
        market=MARKETS["spot"], symbols=("bnb/btc", "BNBBTC"), depth=5, refresh_interval=0
    )
    assert twice.names == ["BNBBTC"]
