"""Managers against the simulator over real HTTP and WebSocket: every book that is given is true.

Each fault is made to happen while books are being followed. Whatever happens, a book that is given
out equals the exchange's at its update id, the state says when it can't be trusted, and it recovers
by itself.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections import deque
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from depthcli import (
    AsyncClient,
    BinanceSocketManager,
    DepthCacheManager,
    FuturesDepthCacheManager,
    OptionsDepthCacheManager,
)
from depthcli.core import refresh_schedule as refresh_schedule_module
from depthcli.core.backoff import Backoff
from depthcli.core.markets import market_named
from depthcli.core.state import State
from depthcli.errors import ClosedError, ExchangeError, UsageError
from depthcli.exchange import stream_pool as stream_pool_module
from depthcli.managers import audit as audit_module, snapshots as snapshots_module
from depthcli.simulator import Simulator, source_for
from depthcli.simulator.faults.corruption import CORRUPTIONS
from tests.horizons import end_at

SYMBOLS = ("BNBBTC", "ETHBTC")
PATIENCE = 20.0


class GroupMember:
    """One manager whose every book is compared with the exchange's own."""

    def __init__(self, exchange, client, bm, symbol, kind=DepthCacheManager, **options) -> None:
        self.exchange = exchange
        self.ids: list[int] = []
        self.ended = False
        self.least = (
            options.get("limit", 1000) // 5
        )  # levels a side that must be there, if the exchange has so many
        self.states: list[tuple[State, str]] = []
        self.wrong: list[object] = []
        self.planted = False  # whether the book was made wrong, and that isn't found yet
        self.changed = asyncio.Event()
        settings = {"bm": bm, "conv_type": Decimal, "ws_interval": 100, "limit": 1000, **options}
        self.manager = kind(client, symbol, callback=self.book, on_state=self.state, **settings)

    def book(self, cache) -> None:
        self.changed.set()
        if cache is None:
            self.ended = True
            return
        self.ids.append(cache.last_update_id)
        if self.planted and not (self.manager.counters.differences_ever or self.stale_reasons):
            return
        if not cache.best_bid or not cache.best_ask:
            self.wrong.append((cache.last_update_id, "a side is empty"))
        bids, asks = self.exchange.book_at(cache.symbol, cache.last_update_id)
        for ours, theirs in ((cache.bids.top(200), bids), (cache.asks.top(200), asks)):
            truth = [(Decimal(price), Decimal(quantity)) for price, quantity in theirs[:200]]
            if ours != truth[: max(len(ours), self.least)]:
                self.wrong.append((cache.last_update_id, ours[:3], truth[:3]))
        if self.manager.state is not State.LIVE:
            self.wrong.append("given though not live")

    def state(self, state, reason) -> None:
        self.states.append((state, reason))
        self.changed.set()

    async def until(self, condition, what="") -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()

    async def until_live(self, more=3) -> None:
        """Wait until it is live and has given some more books."""
        count = len(self.ids) + more
        await self.until(
            lambda followed: followed.manager.state is State.LIVE and len(followed.ids) >= count
        )

    @property
    def stale_reasons(self) -> list[str]:
        return [reason for state, reason in self.states if state is State.STALE]


@asynccontextmanager
async def following(market="spot", symbols=SYMBOLS, kind=DepthCacheManager, **options):
    exchange = source_for(market, symbols, seed=7, keep_history=True)
    async with (
        Simulator(exchange) as simulator,
        await AsyncClient.create(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        bm = BinanceSocketManager(client, max_reconnects=None)
        followed = [
            GroupMember(exchange, client, bm, symbol, kind, **options) for symbol in symbols
        ]
        try:
            for each in followed:
                await each.manager.__aenter__()
            for each in followed:
                await each.until_live()
            yield simulator, followed
        finally:
            for each in followed:
                await each.manager.close()
            await bm.close()
        for each in followed:
            assert each.wrong == []


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits that users know as seconds are shortened, not left out."""
    monkeypatch.setattr(
        stream_pool_module, "Backoff", functools.partial(Backoff, step=0.1, most=0.3)
    )
    monkeypatch.setattr(refresh_schedule_module, "SILENCE", 0.6)
    monkeypatch.setattr(snapshots_module, "SILENCE", 0.6)
    monkeypatch.setattr(audit_module, "GRACE", 0.5)
    monkeypatch.setattr("depthcli.exchange.rest.TOTAL_TIMEOUT", 1.0)
    monkeypatch.setattr("depthcli.core.synchronizer.LOWER_SNAPSHOTS", 3)


async def test_every_event_is_given_once_and_in_order():
    async with following() as (_, followed):
        for each in followed:
            await each.until_live(more=20)
            assert each.ids == sorted(set(each.ids))
            assert each.manager.counters.gaps == 0


@pytest.mark.parametrize(
    ("kind", "market", "symbols", "options"),
    [
        (FuturesDepthCacheManager, "usdm", ("BTCUSDT", "ETHUSDT"), {}),
        (FuturesDepthCacheManager, "coinm", ("BTCUSD_PERP",), {"coin": True}),
        (OptionsDepthCacheManager, "options", ("BTC-261225-110000-C",), {}),
    ],
)
async def test_the_other_markets_books_are_true_too(kind, market, symbols, options):
    async with following(market, symbols, kind, **options) as (simulator, followed):
        simulator.faults.drop_next_events()
        for each in followed:
            await each.until_live(more=10)


@pytest.mark.parametrize("fault", ["drop_next_events", "swap_next"])
async def test_a_hole_or_a_wrong_order_makes_it_stale_and_heals(fault):
    async with following() as (simulator, followed):
        getattr(simulator.faults, fault)("bnbbtc@depth@100ms")
        each = followed[0]
        await each.until(lambda it: any("gap" in reason for reason in it.stale_reasons))
        await each.until_live()
        assert each.manager.counters.gaps >= 1


async def test_a_duplicate_is_ignored():
    async with following() as (simulator, followed):
        each = followed[0]
        before = each.manager.counters.ignored
        simulator.faults.duplicate_next("bnbbtc@depth@100ms")
        await each.until(lambda it: it.manager.counters.ignored > before)
        await each.until_live()
        assert each.stale_reasons == []


@pytest.mark.parametrize("fault", ["abort_connections", "close_connections"])
async def test_a_connection_that_ends_is_made_anew(fault):
    async with following() as (simulator, followed):
        getattr(simulator.faults, fault)()
        for each in followed:
            await each.until(lambda it: any("socket lost" in reason for reason in it.stale_reasons))
            await each.until_live()


async def test_an_exchange_that_refuses_connections_for_a_while():
    async with following() as (simulator, followed):
        simulator.faults.refuse_connections(count=3)
        simulator.faults.abort_connections()
        for each in followed:
            await each.until(lambda it: it.stale_reasons)
            await each.until_live()


async def test_a_socket_that_stalls_is_found_out_by_a_snapshot():
    async with following() as (simulator, followed):
        simulator.faults.stall(4.0)
        for each in followed:
            await each.until(lambda it: any("silent" in reason for reason in it.stale_reasons))
            await each.until_live()


@pytest.mark.parametrize(
    "fault",
    [
        ("fail_next", ("/api/v3/depth", 500), {}),
        ("fail_next", ("/api/v3/depth", 429), {"retry_after": 1}),
        ("truncate_next_body", ("/api/v3/depth",), {}),
        ("hang_next", (3.0, "/api/v3/depth"), {}),
        ("mistyped_next", ("/api/v3/depth",), {}),
        ("stale_next_snapshot", (200,), {}),
    ],
    ids=["500", "429", "truncated", "hanging", "mistyped", "stale"],
)
async def test_a_bad_snapshot_after_a_gap_is_not_believed_and_asked_for_again(fault):
    name, arguments, options = fault
    async with following() as (simulator, followed):
        each = followed[0]
        getattr(simulator.faults, name)(*arguments, **options)
        simulator.faults.drop_next_events("bnbbtc@depth@100ms")
        await each.until(lambda it: it.stale_reasons)
        await each.until_live()
        assert each.manager.counters.resyncs >= 1


@pytest.mark.parametrize("corruption", CORRUPTIONS)
async def test_a_bad_frame_costs_a_resync_at_the_most(corruption):
    async with following() as (simulator, followed):
        simulator.faults.corrupt_next(corruption, "bnbbtc@depth@100ms")
        each = followed[0]
        count = len(each.ids)
        await each.until(lambda it: len(it.ids) > count + 5 and it.manager.state is State.LIVE)
        assert each.manager.counters.gaps <= 2
        assert followed[1].manager.counters.gaps == 0


async def test_a_refresh_leaves_no_hole_and_finds_no_difference():
    async with following(refresh_interval=0.4) as (_, followed):
        for each in followed:
            await each.until(lambda it: it.manager.counters.audits >= 3)
            assert each.manager.counters.differences == 0
            assert each.manager.last_audit is not None
            assert each.stale_reasons == []


ALL_MARKETS = pytest.mark.parametrize(
    ("market", "symbols"),
    [
        ("spot", SYMBOLS),
        ("usdm", ("BTCUSDT", "ETHUSDT")),
        ("coinm", ("BTCUSD_PERP", "ETHUSD_PERP")),
        ("options", ("BTC-261225-110000-C", "BTC-261225-120000-C")),
    ],
)


def of(market):
    return functools.partial(DepthCacheManager, market=market_named(market))


def affordable(market) -> int:
    """Return a limit for many snapshots in a minute: options have little weight to spend."""
    return 50 if market == "options" else 1000


def plant(each, place: int) -> None:
    """Put a wrong quantity into the book, at that level from the best."""
    side = each.manager.cache.bids
    each.planted = True
    side.update([(side.top(place)[-1][0], Decimal("987.654"))])


@ALL_MARKETS
async def test_refreshes_while_events_flow_find_no_difference_in_any_market(market, symbols):
    async with following(
        market, symbols, of(market), refresh_interval=0.3, limit=affordable(market)
    ) as (
        simulator,
        each,
    ):
        for one in each:
            await one.until(lambda it: it.manager.counters.audits >= 2)
        # Snapshots that the exchange kept for a while are no proof of anything, and no alarm.
        simulator.faults.stale_next_snapshot(300, count=2)
        for one in each:
            audits = one.manager.counters.audits
            await one.until(lambda it, audits=audits: it.manager.counters.audits > audits + 1)
            assert one.manager.counters.differences_ever == 0
            # On a machine too slow to send its own events the stream may be found silent.
            assert [reason for reason in one.stale_reasons if "silent" not in reason] == []


@ALL_MARKETS
async def test_a_planted_wrong_level_is_found_and_mended_by_the_refresh(market, symbols, caplog):
    async with following(
        market, symbols, of(market), refresh_interval=0.5, limit=affordable(market)
    ) as (_, followed):
        each = followed[0]
        plant(each, affordable(market) // 2)
        await each.until(lambda it: it.manager.counters.differences_ever == 1)
        audits = each.manager.counters.audits
        await each.until(lambda it: it.manager.counters.audits > audits)
        assert each.manager.counters.differences == 0
        assert each.manager.counters.differences_ever == 1
        assert each.stale_reasons == []
        assert followed[1].manager.counters.differences_ever == 0
    assert "987.654" in caplog.text


@ALL_MARKETS
async def test_a_planted_wrong_level_is_found_when_a_silence_is_questioned(market, symbols):
    async with following(market, symbols, of(market)) as (_, followed):
        each = followed[0]
        await quiet(each)
        plant(each, 20)
        await each.until(lambda it: it.stale_reasons)
        # Where ids are shared, nothing tells a wrong level from one whose event is under way.
        word = "silent" if each.manager.market.ids_are_shared else "audit: 1 levels differ"
        assert word in each.stale_reasons[0]
        await each.until(lambda it: it.manager.state is State.LIVE)
        assert each.manager.cache.bids.top(20)[-1][1] != Decimal("987.654")


async def quiet(each) -> None:
    """Let nothing more happen in the symbol, and wait until the book has come as far."""
    symbol, cache = each.manager.symbol, each.manager.cache
    each.exchange.halt(symbol)
    bids, asks = each.exchange.book_at(symbol, each.exchange.last_update_id(symbol))
    truth = [[tuple(map(Decimal, level)) for level in side[:200]] for side in (bids, asks)]
    await each.until(lambda _: [*cache.top(200)] == truth)


@ALL_MARKETS
async def test_an_audit_on_demand_compares_all_and_keeps_the_book(market, symbols):
    async with following(market, symbols, of(market), limit=affordable(market)) as (
        simulator,
        followed,
    ):
        each = followed[0]
        horizon = each.manager.cache.bids.horizon
        asked = len(simulator.requests)
        found = await each.manager.audit()
        assert found is not None
        assert found.differences == []
        assert found.levels >= len(each.manager.cache.bids)
        assert found.update_id > 0
        assert len(simulator.requests) > asked
        assert each.manager.cache.bids.horizon == horizon
        assert each.manager.last_audit is not None
        plant(each, affordable(market) // 2)
        found = await each.manager.audit()
        assert found is not None
        assert [difference.ours for difference in found.differences] == [Decimal("987.654")]
        await each.until_live()
        assert "audit: 1 levels differ" in each.stale_reasons[0]


async def test_several_audits_at_once_are_made_one_after_another():
    async with following(refresh_interval=0.3) as (_, followed):
        each = followed[0]
        found = await asyncio.gather(*(each.manager.audit() for _ in range(4)))
        assert all(one is not None and one.differences == [] for one in found)


async def test_an_audit_without_a_live_book_asks_nothing_and_finds_nothing():
    async with exchange_and_client() as (_, simulator, client):
        manager = DepthCacheManager(client, "BNBBTC", ws_interval=100)
        with pytest.raises(ClosedError, match="async with"):
            await manager.audit()
        simulator.faults.fail_next("/api/v3/depth", 500, count=1000)
        async with manager:
            assert await manager.audit() is None
        assert await manager.audit() is None


async def test_an_audit_that_the_exchange_refuses_says_so_and_leaves_the_book():
    async with following() as (simulator, followed):
        each = followed[0]
        simulator.faults.fail_next("/api/v3/depth", 500)
        with pytest.raises(ExchangeError, match="HTTP 500"):
            await each.manager.audit()
        await each.until_live()
        assert each.stale_reasons == []


async def test_a_slow_reader_is_not_taken_for_a_silent_stream():
    reasons = []
    async with (
        exchange_and_client() as (exchange, simulator, client),
        asyncio.timeout(PATIENCE),
        DepthCacheManager(
            client, "BNBBTC", ws_interval=100, on_state=lambda *state: reasons.append(state)
        ) as manager,
    ):
        await manager.recv()
        while not manager.last_received:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        exchange.halt("BNBBTC")
        # The second question is asked when the first has been answered and judged.
        asked = len(simulator.requests)
        while len(simulator.requests) < asked + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [state for state, _ in reasons if state is State.STALE] == []


async def test_a_book_whose_market_moves_past_its_snapshot_is_not_live_with_an_empty_side():
    async with following(limit=1) as (_, followed):
        for each in followed:
            await each.until(lambda it: any("moved beyond" in why for why in it.stale_reasons))
            await each.until_live()


@pytest.mark.parametrize(("depth", "left"), [(20, 12), (0, 40)])
async def test_a_refresh_comes_early_when_levels_run_short(depth, left, monkeypatch):
    monkeypatch.setattr(snapshots_module, "LEVELS_CHECK_INTERVAL", 0.1)
    monkeypatch.setattr(refresh_schedule_module, "EARLY_REFRESH_GAP", 0.2)
    async with following(depth=depth) as (_, followed):
        each = followed[0]
        cache = each.manager.cache
        await each.until_live()
        assert each.manager.counters.audits == 0
        each.least = 0
        end_at(cache.bids, cache.bids.top(left)[-1][0])  # as if the market had fallen
        await each.until(lambda it: it.manager.counters.audits >= 1)
        assert len(cache.bids.top(20)) == 20
        assert each.stale_reasons == []


async def test_an_exchange_whose_ids_start_anew_is_followed_again():
    async with following() as (_, followed):
        before = followed[0].ids[-1]
        followed[0].exchange.restart_ids()
        for each in followed:
            await each.until(lambda it: any("ids went back" in why for why in it.stale_reasons))
            await each.until_live()
        assert followed[0].ids[-1] < before


async def test_a_quiet_symbol_whose_ids_start_anew_does_not_stay_live_on_its_old_book():
    async with following() as (_, followed):
        each = followed[0]
        await quiet(each)
        before = each.manager.cache.last_update_id
        each.exchange.restart_ids()
        await each.until(lambda it: it.stale_reasons)
        assert "no snapshot available" in each.stale_reasons[0]
        await each.until(lambda it: it.manager.state is State.LIVE)
        assert each.manager.cache.last_update_id < before


@asynccontextmanager
async def exchange_and_client(market="spot", symbols=SYMBOLS):
    exchange = source_for(market, symbols, seed=3, keep_history=True)
    async with (
        Simulator(exchange) as simulator,
        await AsyncClient.create(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        yield exchange, simulator, client


async def test_recv_gives_each_change_by_itself():
    async with exchange_and_client() as (exchange, _, client):
        manager = DepthCacheManager(client, "bnb/btc", ws_interval=100, conv_type=Decimal)
        async with manager:
            first = await manager.recv()
            assert first is manager.get_depth_cache()
            assert first.update_time > 1e12
            assert manager.get_symbol() == "BNBBTC"
            ids = [first.last_update_id]
            await asyncio.sleep(0.5)  # a reader that is slow still gets each one
            for _ in range(8):
                cache = await manager.recv()
                ids.append(cache.last_update_id)
                bids, _ = exchange.book_at("BNBBTC", cache.last_update_id)
                assert cache.bids.top(1)[0] == tuple(map(Decimal, bids[0]))
            assert ids == sorted(set(ids))
            assert manager.counters.skipped == 0
        assert await manager.recv() is None


async def test_async_for_and_explicit_enter_and_exit():
    async with exchange_and_client() as (_, _, client):
        manager = DepthCacheManager(client, "ETHBTC", ws_interval=100)
        await manager.__aenter__()
        count = 0
        async for cache in manager:
            assert cache.get_bids()[0][0] < cache.get_asks()[0][0]
            count += 1
            if count == 3:
                await manager.__aexit__(None, None, None)
        assert count == 3


async def test_a_coroutine_callback_gets_the_books_and_one_that_raises_ends_nothing(caplog):
    async with exchange_and_client() as (_, _, client):
        enough = asyncio.Event()
        seen = 0

        async def callback(cache) -> None:
            nonlocal seen
            seen += 1
            if seen >= 4:
                enough.set()
            raise RuntimeError("a fault of the callback")

        async with DepthCacheManager(client, "BNBBTC", ws_interval=100, callback=callback):
            async with asyncio.timeout(PATIENCE):
                await enough.wait()
    assert "a fault of the callback" in caplog.text


async def test_recv_gives_none_when_the_socket_is_lost_for_good():
    async with (
        exchange_and_client() as (_, simulator, client),
        DepthCacheManager(client, "BNBBTC", ws_interval=100) as manager,
    ):
        assert await manager.recv() is not None
        simulator.faults.refuse_connections(seconds=60)
        simulator.faults.abort_connections()
        async with asyncio.timeout(PATIENCE):
            while await manager.recv() is not None:
                pass
        assert manager.state is State.CLOSED
        assert "lost for good" in manager.reason


async def test_an_unknown_symbol_is_an_error_not_a_silence():
    async with (
        exchange_and_client() as (_, _, client),
        DepthCacheManager(client, "NOSUCH") as manager,
    ):
        with pytest.raises(ExchangeError, match="Invalid symbol"):
            async with asyncio.timeout(PATIENCE):
                await manager.recv()


async def test_a_manager_is_used_once_and_only_when_started():
    async with exchange_and_client() as (_, _, client):
        manager = DepthCacheManager(client, "BNBBTC")
        with pytest.raises(ClosedError, match="async with"):
            await manager.recv()
        async with manager:
            pass
        with pytest.raises(ClosedError, match="new one"):
            await manager.__aenter__()


async def test_nothing_is_left_running():
    before = asyncio.all_tasks()
    async with following():
        pass
    assert asyncio.all_tasks() <= before


async def test_a_manager_closed_and_made_anew_on_a_shared_socket_becomes_live():
    async with exchange_and_client() as (_, _, client):
        bm = BinanceSocketManager(client)
        async with DepthCacheManager(client, "BNBBTC", bm=bm) as other:
            await other.recv()
            for _ in range(2):
                async with DepthCacheManager(client, "ETHBTC", bm=bm, ws_interval=100) as manager:
                    async with asyncio.timeout(PATIENCE):
                        assert await manager.recv() is not None
        await bm.close()


async def test_a_connection_handed_over_costs_no_event_and_no_stale_moment(monkeypatch, caplog):
    monkeypatch.setattr(stream_pool_module, "LIFETIME", 0.4)
    caplog.set_level("INFO", logger="depthcli")
    async with following() as (simulator, followed):
        simulator.faults.announce_shutdown()
        for each in followed:
            await each.until(lambda _: caplog.text.count("took over") >= 3)
            await each.until_live()
            assert each.stale_reasons == []
            assert (each.manager.counters.gaps, each.manager.counters.resyncs) == (0, 0)


async def test_a_symbol_whose_trading_is_halted_says_so(monkeypatch):
    monkeypatch.setattr(refresh_schedule_module, "LONGEST_SILENCE", 0.5)
    async with following() as (_, followed):
        each, other = followed
        each.exchange.halt("BNBBTC")
        await each.until(lambda it: any("halted (HALT)" in why for why in it.stale_reasons))
        await other.until_live()
        assert other.stale_reasons == []


@pytest.mark.parametrize("market", ["spot", "options"])
async def test_a_symbol_that_is_no_longer_listed_ends_with_a_word(market):
    symbols = SYMBOLS if market == "spot" else ("BTC-261225-110000-C", "BTC-261225-120000-C")
    kind = DepthCacheManager if market == "spot" else OptionsDepthCacheManager
    async with following(market, symbols, kind) as (_, followed):
        each, other = followed
        each.exchange.delist(symbols[0])
        await each.until(lambda it: it.ended)
        assert each.manager.state is State.CLOSED
        assert "no longer lists it" in each.manager.reason
        assert await each.manager.recv() is None
        await other.until_live()
    assert "no longer lists it" in each.manager.reason, "closing it says no less"


async def test_what_a_snapshot_waits_for_is_told():
    async with following() as (simulator, followed):
        each = followed[0]
        simulator.faults.fail_next("/api/v3/depth", 418, retry_after=2)
        simulator.faults.drop_next_events("bnbbtc@depth@100ms")
        await each.until(lambda it: any("gap" in why for why in it.stale_reasons))
        await each.until_live()
        reasons = " | ".join(each.stale_reasons)
        assert re.search(r"snapshot refused: banned until \d\d:\d\d:\d\d UTC \(HTTP 418\)", reasons)
        assert "next try in 2.0 s" in reasons
        assert "next try in 1.0 s" in reasons


async def top_of(levels, exchange, client, symbol, count):
    """Check that so many books, each the whole top, are the exchange's."""
    async with OptionsDepthCacheManager(
        client, symbol, ws_interval=100, conv_type=Decimal, levels=levels
    ) as manager:
        async with asyncio.timeout(PATIENCE):
            for _ in range(count):
                cache = await manager.recv()
                bids, asks = exchange.book_at(symbol, cache.last_update_id)
                for ours, theirs in ((cache.bids, bids), (cache.asks, asks)):
                    truth = [(Decimal(price), Decimal(quantity)) for price, quantity in theirs]
                    assert ours.levels() == truth[: len(ours)]
                    assert len(ours) == 20 or ours.horizon is None
        return manager


async def test_the_best_levels_alone_are_followed_where_that_is_wanted():
    symbol = "BTC-261225-110000-C"
    async with exchange_and_client("options", [symbol]) as (exchange, simulator, client):
        manager = await top_of(20, exchange, client, symbol, 5)
        assert simulator.requests == deque()
        assert manager.cache.bids.horizon == manager.cache.bids.levels()[-1][0]


async def test_where_no_snapshot_is_to_be_had_the_best_levels_are_followed(caplog):
    symbol = "BTC-261225-110000-C"
    async with exchange_and_client("options", [symbol]) as (exchange, simulator, client):
        simulator.faults.fail_next("/depth", 404, count=1000, code=-4108)
        await top_of(None, exchange, client, symbol, 5)
        assert "following the best 20 levels" in caplog.text


async def test_a_contract_as_ccxt_writes_it_is_understood_or_refused_with_what_to_write():
    async with AsyncClient(rest_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9") as client:
        assert FuturesDepthCacheManager(client, "BTC/USDT:USDT").symbol == "BTCUSDT"
        with pytest.raises(
            UsageError, match=r"write FuturesDepthCacheManager\(client, 'BTCUSDT'\)"
        ):
            DepthCacheManager(client, "BTC/USDT:USDT")
