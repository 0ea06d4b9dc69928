"""Many symbols over shared connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheGroup, DepthCacheManager
from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM, Market
from depthcli.core.symbols import Target
from depthcli.errors import ClosedError, UnknownSymbolError, UsageError
from depthcli.managers import group as group_module
from depthcli.managers.targets import SHARE, look_up, snapshot_limit
from depthcli.simulator import Simulator, source_for

MARKET = st.sampled_from(sorted(MARKETS))
DEPTH = st.none() | st.integers(1, 1000)


class Sized:
    """So many symbols of a market, and perhaps more of others."""

    def __init__(
        self, market: str, depth: int | None, count: int, limit: int | None = None, *more: Target
    ) -> None:
        targets = tuple(Target(MARKETS[market], f"S{number}") for number in range(count))
        self._rest = (targets + more, depth, limit)

    def snapshot_limit(self, market: Market) -> int:
        return snapshot_limit(market, *self._rest)


@given(MARKET, DEPTH, st.integers(1, 500))
def test_the_first_snapshots_fit_into_the_budget_wherever_that_is_possible(market, depth, count):
    known = MARKETS[market]
    limit = Sized(market, depth, count).snapshot_limit(known)
    assert known.any_limit or limit in known.limits
    cheapest = known.weight(known.limits[0])
    weight = known.weight(limit)
    assert weight == cheapest or count * weight <= SHARE * known.weight_per_minute


@given(MARKET, DEPTH, st.integers(1, 499))
def test_more_symbols_never_get_deeper_snapshots(market, depth, count):
    fewer, more = (Sized(market, depth, number) for number in (count, count + 1))
    assert more.snapshot_limit(MARKETS[market]) <= fewer.snapshot_limit(MARKETS[market])


@given(MARKET, DEPTH, st.integers(1, 500), st.integers(1, 6000))
def test_the_users_own_limit_wins_whatever_it_costs(market, depth, count, limit):
    chosen = Sized(market, depth, count, limit).snapshot_limit(MARKETS[market])
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
    assert Sized(market, depth, count).snapshot_limit(MARKETS[market]) == limit


def test_each_market_has_a_budget_of_its_own():
    few_options = (Target(OPTIONS, "BTC-261225-110000-C"), Target(OPTIONS, "BTC-261225-110000-P"))
    mixed = Sized("spot", 5, 500, None, *few_options)
    assert mixed.snapshot_limit(SPOT) == 100
    assert mixed.snapshot_limit(OPTIONS) == 1000


def test_markets_that_share_a_pool_of_weight_fit_into_it_together():
    coinm = [Target(COINM, f"S{number}USD_PERP") for number in range(60)]
    alone, both = Sized("usdm", 5, 60), Sized("usdm", 5, 60, None, *coinm)
    assert (alone.snapshot_limit(USDM), both.snapshot_limit(USDM)) == (1000, 500)
    assert both.snapshot_limit(COINM) == 500
    options = [Target(OPTIONS, f"BTC-261225-{number}-C") for number in range(60)]
    assert Sized("usdm", 5, 60, None, *options).snapshot_limit(USDM) == 1000


def client_of(simulator: Simulator) -> AsyncClient:
    return AsyncClient(rest_url=simulator.rest_url, ws_url=simulator.ws_url)


def two_markets() -> Simulator:
    return Simulator(
        source_for("spot", ["BNBBTC", "ETHBTC", "BTCUSDT"]), source_for("usdm", ["BTCUSDT"])
    )


async def test_a_group_gives_out_every_book_over_one_connection_a_market():
    async with two_markets() as simulator, client_of(simulator) as client:
        symbols = ["bnb/btc", "ETHBTC", "usdm:BTCUSDT", "BNBBTC"]
        async with asyncio.timeout(20), DepthCacheGroup(client, symbols) as group:
            seen = set()
            async for member in group:
                best_bid, best_ask = member.cache.get_bids()[0], member.cache.get_asks()[0]
                assert member.state == "live"
                assert best_bid[0] < best_ask[0]
                seen.add(str(member.target))
                if len(seen) == 3:
                    break
            assert [str(member.target) for member in group.members] == [
                "spot:BNBBTC",
                "spot:ETHBTC",
                "usdm:BTCUSDT",
            ]
            assert group.members[2].info.tick_size
            assert simulator.connections == 2
        assert await group.recv() is None
        assert {member.state for member in group.members} == {"closed"}


async def test_a_slow_reader_gets_each_member_once_with_its_newest_book():
    async with two_markets() as simulator, client_of(simulator) as client:
        changes = Counter()
        all_moved = asyncio.Event()

        def count(member):
            changes[member.symbol] += 1
            if len(changes) == 2 and min(changes.values()) > 5:
                all_moved.set()

        symbols = ["BNBBTC", "ETHBTC"]
        async with (
            asyncio.timeout(20),
            DepthCacheGroup(client, symbols, callback=count) as group,
        ):
            await all_moved.wait()
            given_out = [await group.recv(), await group.recv()]
            assert {one.symbol for one in given_out} == set(symbols)
            third = asyncio.ensure_future(group.recv())
            before = changes.total()
            await third
            assert changes.total() > before, "nothing is given out again before it has changed"


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_callbacks_hear_of_changes_and_states(kind):
    async with two_markets() as simulator, client_of(simulator) as client:
        changed, states = [], []
        all_changed = asyncio.Event()

        def plain(member):
            changed.append(member.symbol)
            if {"BNBBTC", "ETHBTC"} <= set(changed):
                all_changed.set()

        async def coroutine(member):
            await asyncio.sleep(0)
            plain(member)

        async with asyncio.timeout(20):
            async with DepthCacheGroup(
                client,
                ["BNBBTC", "ETHBTC"],
                conv_type=Decimal,
                callback=plain if kind == "plain" else coroutine,
                on_state=lambda member, state, reason: states.append((member.symbol, state)),
            ) as group:
                await all_changed.wait()
                assert isinstance(group.members[0].cache.get_bids()[0][0], Decimal)
        assert ("BNBBTC", "live") in states
        assert ("ETHBTC", "closed") in states


async def test_symbols_come_and_go_while_a_group_runs():
    async with (
        two_markets() as simulator,
        client_of(simulator) as client,
        asyncio.timeout(20),
        DepthCacheGroup(client) as group,
    ):
        added = await group.add("usdm:btc/usdt")
        assert await group.add("usdm:BTCUSDT") is added
        assert await group.recv() == added
        spot = await group.add("BTCUSDT")
        await group.remove("usdm:BTCUSDT")
        assert added.state == "closed"
        assert group.members == [spot]
        assert (await group.recv()).target == Target(SPOT, "BTCUSDT")


async def test_whoever_waits_is_told_when_a_group_closes():
    async with two_markets() as simulator, client_of(simulator) as client:
        group = await DepthCacheGroup(client).__aenter__()
        waiting = asyncio.create_task(group.recv())
        await asyncio.sleep(0)
        await group.close()
        async with asyncio.timeout(5):
            assert await waiting is None
        with pytest.raises(ClosedError, match="async with"):
            await group.add("BNBBTC")
        with pytest.raises(ClosedError, match="make a new one"):
            await group.__aenter__()


async def test_a_group_that_cannot_start_leaves_no_socket():
    async with two_markets() as simulator, client_of(simulator) as client:
        with pytest.raises(UnknownSymbolError, match="NOSUCH"):
            await DepthCacheGroup(client, ["BNBBTC", "nosuch"]).__aenter__()
        assert simulator.connections == 0
        with pytest.raises(UsageError, match="no market 'moon'"):
            DepthCacheGroup(client, ["moon:BNBBTC"])
        with pytest.raises(ClosedError, match="async with"):
            await DepthCacheGroup(client, ["BNBBTC"]).recv()


async def test_async_for_gives_members_beside_a_coroutine_callback():
    async with two_markets() as simulator, client_of(simulator) as client:
        called = set()

        async def note(member):
            called.add(member.symbol)
            await asyncio.sleep(0)

        symbols = ["BNBBTC", "ETHBTC"]
        async with asyncio.timeout(20), DepthCacheGroup(client, symbols, callback=note) as group:
            given_out = set()
            async for member in group:
                given_out.add(member.symbol)
                if len(given_out) == 2:
                    break
        assert called == given_out == set(symbols)


async def test_an_object_that_is_called_as_a_coroutine_is_awaited():
    class Noting:
        def __init__(self) -> None:
            self.called = asyncio.Event()

        async def __call__(self, _changed) -> None:
            self.called.set()

    async with two_markets() as simulator, client_of(simulator) as client:
        of_group, of_manager = Noting(), Noting()
        async with (
            asyncio.timeout(20),
            DepthCacheGroup(client, ["BNBBTC"], callback=of_group),
            DepthCacheManager(client, "ETHBTC", callback=of_manager),
        ):
            await of_group.called.wait()
            await of_manager.called.wait()


async def test_a_symbol_added_twice_at_the_same_time_is_kept_once():
    async with (
        two_markets() as simulator,
        client_of(simulator) as client,
        asyncio.timeout(20),
        DepthCacheGroup(client) as group,
    ):
        first, second = await asyncio.gather(group.add("BNBBTC"), group.add("bnb/btc"))
        assert first is second
        assert group.members == [first]


@pytest.mark.parametrize("begin", ["entering", "adding"])
async def test_a_group_that_is_closed_while_symbols_are_looked_up_keeps_no_book(begin, monkeypatch):
    looked_up, closed = asyncio.Event(), asyncio.Event()

    async def look_up_late(client, symbols):
        infos = await look_up(client, symbols)
        if symbols:
            looked_up.set()
            await closed.wait()
        return infos

    monkeypatch.setattr(group_module, "look_up", look_up_late)
    async with two_markets() as simulator, client_of(simulator) as client, asyncio.timeout(20):
        sockets = BinanceSocketManager(client)
        group = DepthCacheGroup(client, ["BNBBTC"] if begin == "entering" else [], bm=sockets)
        if begin == "entering":
            beginning = asyncio.create_task(group.__aenter__())
        else:
            await group.__aenter__()
            beginning = asyncio.create_task(group.add("BNBBTC"))
        await looked_up.wait()
        await group.close()
        closed.set()
        with pytest.raises(ClosedError):
            await beginning
        assert group.members == []
        await sockets.close()


@pytest.mark.parametrize("kind", ["awaits", "gathers"])
async def test_a_coroutine_callback_may_close_what_calls_it(kind):
    async with two_markets() as simulator, client_of(simulator) as client, asyncio.timeout(20):
        closed = asyncio.Event()
        waiting = iter([True])

        async def close_all(_member):
            if next(waiting, False):
                if kind == "awaits":
                    await group.close()
                else:
                    await asyncio.gather(*[one.manager.close() for one in group.members])
                closed.set()

        group = DepthCacheGroup(client, ["BNBBTC", "ETHBTC"], callback=close_all)
        async with group:
            await closed.wait()
            assert {member.state for member in group.members} == {"closed"}
            assert await group.recv() is None
        assert simulator.connections == 0


@pytest.mark.parametrize("symbol", ["bnb/btc", Target(SPOT, "BNBBTC")])
async def test_a_single_symbol_need_not_stand_in_a_list(symbol):
    async with (
        two_markets() as simulator,
        client_of(simulator) as client,
        asyncio.timeout(20),
        DepthCacheGroup(client, symbol) as group,
    ):
        assert [str(member.target) for member in group.members] == ["spot:BNBBTC"]
