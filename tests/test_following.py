"""What the commands ask of the exchange."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.errors import UnknownSymbolError, UsageError
from depthcli.following import SHARE, Following, Listener, follow
from depthcli.markets import MARKETS, SPOT
from depthcli.simulator import Simulator, source_for

MARKET = st.sampled_from(sorted(MARKETS))
DEPTH = st.none() | st.integers(1, 1000)


def following(market: str, depth: int | None, limit: int | None = None) -> Following:
    return Following(
        market=MARKETS[market], symbols=("BNBBTC",), depth=depth, limit=limit, refresh_interval=0
    )


@given(MARKET, DEPTH, st.integers(1, 500))
def test_the_first_snapshots_fit_into_the_budget_wherever_that_is_possible(market, depth, count):
    known = MARKETS[market]
    limit = following(market, depth).snapshot_limit(count)
    assert known.any_limit or limit in known.limits
    cheapest = known.weight(known.limits[0])
    weight = known.weight(limit)
    assert weight == cheapest or count * weight <= SHARE * known.weight_per_minute


@given(MARKET, DEPTH, st.integers(1, 499))
def test_more_symbols_never_get_deeper_snapshots(market, depth, count):
    asked = following(market, depth)
    assert asked.snapshot_limit(count + 1) <= asked.snapshot_limit(count)


@given(MARKET, DEPTH, st.integers(1, 500), st.integers(1, 6000))
def test_the_users_own_limit_wins_whatever_it_costs(market, depth, count, limit):
    chosen = following(market, depth, limit).snapshot_limit(count)
    assert chosen == MARKETS[market].fit_limit(limit)


@pytest.mark.parametrize(
    ("market", "depth", "count", "limit"),
    [
        ("spot", 5, 4, 1000), ("spot", None, 1, 1000), ("spot", 800, 1, 1600),
        ("spot", 5, 100, 500), ("spot", 5, 500, 100), ("usdm", 5, 60, 1000),
        ("options", 5, 500, 10),
    ],
)  # fmt: skip
def test_few_symbols_get_deep_snapshots_and_many_get_what_there_is_weight_for(
    market, depth, count, limit
):
    assert following(market, depth).snapshot_limit(count) == limit


def test_symbols_are_followed_once_each_in_the_order_in_which_they_were_typed():
    twice = Following(
        market=SPOT,
        symbols=("eth-btc", "bnb/btc", "BNBBTC", "EthBtc"),
        depth=5,
        refresh_interval=0,
    )
    assert twice.names == ["ETHBTC", "BNBBTC"]


async def test_what_is_followed_comes_with_the_exchanges_steps_and_is_stopped_at_the_end():
    async with Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator:
        wanted = Following(
            market=SPOT,
            symbols=("eth/btc", "bnb/btc"),
            depth=5,
            limit=20,
            refresh_interval=0,
            rest_url=simulator.rest_url,
            ws_url=simulator.ws_url,
        )
        async with follow(wanted, float, Listener()) as followed:
            assert [manager.symbol for manager, _ in followed] == ["ETHBTC", "BNBBTC"]
            assert all(info.tick_size and info.step_size for _, info in followed)
            assert all(manager.limit == 20 for manager, _ in followed)
            states = [manager.state for manager, _ in followed]
            assert "closed" not in states
        assert [manager.state for manager, _ in followed] == ["closed", "closed"]


@pytest.mark.parametrize(
    ("symbols", "speed", "error"),
    [
        (("bnb/btc", "nosuch"), None, UnknownSymbolError),
        (("bnb btc",), None, UsageError),
        (("bnb/btc",), 7, UsageError),
    ],
)
async def test_what_cannot_be_followed_is_an_error_and_leaves_no_socket(symbols, speed, error):
    async with Simulator(source_for("spot", ["BNBBTC"])) as simulator:
        wanted = Following(
            market=SPOT,
            symbols=symbols,
            depth=5,
            speed=speed,
            refresh_interval=0,
            rest_url=simulator.rest_url,
            ws_url=simulator.ws_url,
        )
        with pytest.raises(error):
            await follow(wanted, float, Listener()).__aenter__()
        assert simulator.connections == 0
