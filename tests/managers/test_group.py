"""What the commands ask of the exchange."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, strategies as st

from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM
from depthcli.errors import ExchangeError, UnknownSymbolError, UsageError
from depthcli.managers import group as group_module
from depthcli.managers.group import SHARE, Following, Listener, Target, follow, look_up, targets_of
from depthcli.settings.environment import Environment
from depthcli.simulator import Simulator, source_for

MARKET = st.sampled_from(sorted(MARKETS))
DEPTH = st.none() | st.integers(1, 1000)


def following(
    market: str, depth: int | None, count: int, limit: int | None = None, *more: Target
) -> Following:
    targets = tuple(Target(MARKETS[market], f"S{number}") for number in range(count))
    return Following(targets=targets + more, depth=depth, limit=limit, refresh_interval=0)


def wanted(simulator: Simulator, *typed: str, **options) -> Following:
    return Following(
        targets=targets_of(typed, SPOT),
        depth=5,
        refresh_interval=0,
        environment=Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url),
        **options,
    )


@given(MARKET, DEPTH, st.integers(1, 500))
def test_the_first_snapshots_fit_into_the_budget_wherever_that_is_possible(market, depth, count):
    known = MARKETS[market]
    limit = following(market, depth, count).snapshot_limit(known)
    assert known.any_limit or limit in known.limits
    cheapest = known.weight(known.limits[0])
    weight = known.weight(limit)
    assert weight == cheapest or count * weight <= SHARE * known.weight_per_minute


@given(MARKET, DEPTH, st.integers(1, 499))
def test_more_symbols_never_get_deeper_snapshots(market, depth, count):
    fewer, more = (following(market, depth, number) for number in (count, count + 1))
    assert more.snapshot_limit(MARKETS[market]) <= fewer.snapshot_limit(MARKETS[market])


@given(MARKET, DEPTH, st.integers(1, 500), st.integers(1, 6000))
def test_the_users_own_limit_wins_whatever_it_costs(market, depth, count, limit):
    chosen = following(market, depth, count, limit).snapshot_limit(MARKETS[market])
    assert chosen == MARKETS[market].fit_limit(limit)


@pytest.mark.parametrize(
    ("market", "depth", "count", "limit"),
    [
        ("spot", 5, 4, 1000), ("spot", None, 1, 1000), ("spot", 800, 1, 1600),
        ("spot", 5, 100, 500), ("spot", 5, 500, 100), ("usdm", 5, 60, 1000),
        ("options", 5, 500, 50),
    ],
)  # fmt: skip
def test_few_symbols_get_deep_snapshots_and_many_get_what_there_is_weight_for(
    market, depth, count, limit
):
    assert following(market, depth, count).snapshot_limit(MARKETS[market]) == limit


def test_each_market_has_a_budget_of_its_own():
    few_options = (Target(OPTIONS, "BTC-261225-110000-C"), Target(OPTIONS, "BTC-261225-110000-P"))
    mixed = following("spot", 5, 500, None, *few_options)
    assert mixed.snapshot_limit(SPOT) == 100
    assert mixed.snapshot_limit(OPTIONS) == 1000


def test_markets_that_share_a_pool_of_weight_fit_into_it_together():
    coinm = [Target(COINM, f"S{number}USD_PERP") for number in range(60)]
    alone, both = following("usdm", 5, 60), following("usdm", 5, 60, None, *coinm)
    assert (alone.snapshot_limit(USDM), both.snapshot_limit(USDM)) == (1000, 500)
    assert both.snapshot_limit(COINM) == 500
    options = [Target(OPTIONS, f"BTC-261225-{number}-C") for number in range(60)]
    assert following("usdm", 5, 60, None, *options).snapshot_limit(USDM) == 1000


def test_symbols_are_followed_once_each_in_the_order_in_which_they_were_typed():
    typed = ["eth-btc", "usdm:btcusdt", "bnb/btc", "BNBBTC", "Spot:BNBBTC", "USDM:BTC/USDT"]
    targets = targets_of([*typed, "btcusdt"], SPOT)
    assert list(map(str, targets)) == ["spot:ETHBTC", "usdm:BTCUSDT", "spot:BNBBTC", "spot:BTCUSDT"]
    assert targets_of(["btcusdt"], USDM) == (Target(USDM, "BTCUSDT"),)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("moon:BTCUSDT", "no market 'moon': choose one of spot, usdm, coinm, options"),
        (":BTCUSDT", "no market ''"),
        ("usdm:", "can't be a symbol"),
        ("usdm:spot:BTCUSDT", "can't be a symbol"),
    ],
)
def test_what_is_no_market_or_no_symbol_is_refused(typed, words):
    with pytest.raises(UsageError, match=words):
        targets_of([typed], SPOT)


def test_symbols_are_called_by_their_market_where_markets_are_mixed():
    targets = targets_of(["usdm:BTCUSDT", "BNBBTC"], SPOT)
    mixed = Following(targets=targets, depth=5, refresh_interval=0)
    assert [mixed.label(target) for target in targets] == ["usdm:BTCUSDT", "spot:BNBBTC"]
    alone = Following(targets=targets[:1], depth=5, refresh_interval=0)
    assert alone.label(targets[0]) == "BTCUSDT"


async def test_what_is_followed_comes_with_the_exchanges_steps_and_is_stopped_at_the_end():
    async with Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator:
        asked = wanted(simulator, "eth/btc", "bnb/btc", limit=20)
        async with follow(asked, float, Listener()) as followed:
            assert [one.manager.symbol for one in followed] == ["ETHBTC", "BNBBTC"]
            assert all(one.info.tick_size and one.info.step_size for one in followed)
            assert all(one.manager.limit == 20 for one in followed)
            assert "closed" not in [one.manager.state for one in followed]
        assert [one.manager.state for one in followed] == ["closed", "closed"]


async def test_markets_are_mixed_in_the_order_in_which_they_were_typed():
    sources = [source_for("spot", ["BTCUSDT"]), source_for("usdm", ["BTCUSDT", "ETHUSDT"])]
    async with Simulator(*sources) as simulator:
        asked = wanted(simulator, "usdm:ETHUSDT", "BTCUSDT", "usdm:BTCUSDT")
        books: dict[Target, float] = {}
        all_live = asyncio.Event()

        class Prices(Listener):
            def book(self, target, cache):
                books[target] = cache.get_bids()[0][0]
                if len(books) == 3:
                    all_live.set()

        async with asyncio.timeout(20), follow(asked, float, Prices()) as followed:
            assert [(one.manager.market, one.manager.symbol) for one in followed] == [
                (USDM, "ETHUSDT"),
                (SPOT, "BTCUSDT"),
                (USDM, "BTCUSDT"),
            ]
            await all_live.wait()
            assert books.keys() == set(asked.targets)
            assert simulator.connections == 2


async def test_streams_are_opened_while_the_symbols_are_still_looked_up(monkeypatch):
    async with Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator:
        asked = wanted(simulator, "BNBBTC", "ETHBTC")
        live = {target: asyncio.Event() for target in asked.targets}

        class Live(Listener):
            def book(self, target, cache):
                live[target].set()

        async def look_up_late(client, symbols):
            async with asyncio.timeout(10):
                while len(simulator.subscriptions) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert not simulator.requests
            return await look_up(client, symbols)

        monkeypatch.setattr(group_module, "look_up", look_up_late)
        async with asyncio.timeout(20), follow(asked, float, Live()):
            for one in live.values():
                await one.wait()
            assert simulator.connections == 1
            assert len(simulator.subscriptions) == 2


@pytest.mark.parametrize(
    ("symbols", "speed", "error"),
    [
        (("bnb/btc", "nosuch"), None, UnknownSymbolError),
        (("bnb/btc", "usdm:bnb/btc"), None, ExchangeError),
        (("bnb/btc",), 7, UsageError),
    ],
)
async def test_what_cannot_be_followed_is_an_error_and_leaves_no_socket(symbols, speed, error):
    async with Simulator(source_for("spot", ["BNBBTC"])) as simulator:
        with pytest.raises(error):
            await follow(wanted(simulator, *symbols, speed=speed), float, Listener()).__aenter__()
        assert simulator.connections == 0


async def test_where_markets_are_mixed_an_error_says_in_which_it_was():
    async with Simulator(source_for("spot", ["BNBBTC"])) as simulator:
        with pytest.raises(ExchangeError, match="404") as caught:
            await follow(wanted(simulator, "BNBBTC", "coinm:X"), float, Listener()).__aenter__()
    assert caught.value.__notes__ == ["market coinm"]


async def test_a_symbol_of_another_market_is_found_there():
    sources = [source_for("spot", ["BTCUSDT"]), source_for(COINM, ["BTCUSD_PERP"])]
    async with Simulator(*sources) as simulator:
        with pytest.raises(UnknownSymbolError, match="did you mean coinm:BTCUSD_PERP") as caught:
            await follow(wanted(simulator, "btcusd_perp"), float, Listener()).__aenter__()
        assert caught.value.near[0] == "coinm:BTCUSD_PERP"
