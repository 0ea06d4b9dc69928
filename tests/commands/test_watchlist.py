"""Symbols that come and go while the screen is up, and how many digits they show."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from depthcli.commands import watchlist as watchlist_module
from depthcli.commands.following import Following, Listener, follow
from depthcli.commands.watchlist import (
    UNKNOWN_DECIMALS,
    ExchangeClock,
    Watchlist,
    decimals,
    offered,
)
from depthcli.core.markets import SPOT, USDM
from depthcli.core.state import State
from depthcli.core.symbols import targets_of
from depthcli.errors import ExchangeError, UnknownSymbolError, UsageError
from depthcli.settings.environment import Environment
from depthcli.simulator import Simulator, source_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Live(Listener[float]):
    """Knows which books were live once."""

    def __init__(self) -> None:
        self.live: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def book(self, target, cache) -> None:
        self.live[target.symbol].set()


@asynccontextmanager
async def bookkeeper(*typed: str) -> AsyncIterator[Watchlist]:
    sources = [
        source_for("spot", ["BNBBTC", "BTCUSDT", "ETHBTC"]),
        source_for("usdm", ["BTCUSDT", "BNBUSDT"]),
        source_for("coinm", ["BTCUSD_PERP"]),
    ]
    async with Simulator(*sources) as simulator:
        following = Following(
            targets=targets_of(typed, SPOT),
            depth=5,
            refresh_interval=0,
            environment=Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url),
        )
        listener = Live()
        async with follow(following, float, listener) as follower:
            markets = offered(following, embedded=False)
            kept = Watchlist(following, follower, markets)
            kept.live, kept.simulator = listener.live, simulator
            yield kept


async def test_a_symbol_that_is_added_becomes_live_and_can_be_dropped() -> None:
    async with bookkeeper("BNBBTC") as books:
        added = await books.add("usdm:btc/usdt")
        assert (added.name, added.address) == ("usdm:BTCUSDT", "usdm:BTCUSDT")
        assert (added.base, added.quote) == ("BTC", "USDT")
        async with asyncio.timeout(20):
            await books.live["BTCUSDT"].wait()
        assert added.manager.state is State.LIVE
        assert (await books.add("usdm:BTCUSDT")).manager is added.manager, "it is kept only once"
        await books.drop(added)
        assert added.manager.state is State.CLOSED
        again = await books.add("usdm:BTCUSDT")
        assert again.manager is not added.manager


async def test_what_cannot_be_added_is_said() -> None:
    async with bookkeeper("BNBBTC") as books:
        with pytest.raises(UnknownSymbolError, match="did you mean"):
            await books.add("BNBBTX")
        with pytest.raises(UsageError, match="no market"):
            await books.add("moon:BNBBTC")


async def test_names_are_found_in_all_markets_the_usual_one_first() -> None:
    async with bookkeeper("BNBBTC") as books:
        assert await books.search("bnb") == ["BNBBTC", "usdm:BNBUSDT"]
        assert await books.search("btc") == [
            "BTCUSDT",
            "usdm:BTCUSDT",
            "coinm:BTCUSD_PERP",
            "BNBBTC",
            "ETHBTC",
        ]
        assert await books.search("nothing") == []


async def test_contracts_are_not_taken_for_the_base_asset() -> None:
    async with bookkeeper("BNBBTC") as books:
        added = await books.add("coinm:BTCUSD_PERP")
        assert added.inverse
        assert added.base == "contracts"


async def test_the_exchanges_clock_is_compared_with_the_own() -> None:
    async with bookkeeper("BNBBTC") as books:
        clock = ExchangeClock()
        assert clock.offset is None
        keeping = asyncio.create_task(clock.keep(books._group.client, SPOT))
        async with asyncio.timeout(20):
            while clock.offset is None:  # noqa: ASYNC110
                await asyncio.sleep(0)
        keeping.cancel()
        assert abs(clock.offset) < 2.0


def test_an_embedded_exchange_offers_what_it_has() -> None:
    following = Following(targets=targets_of(["usdm:BTCUSDT"], SPOT), depth=5, refresh_interval=0)
    assert offered(following, embedded=True) == (USDM,)
    everything = offered(following, embedded=False)
    assert everything[0] is USDM
    assert len(everything) == 4


@pytest.mark.parametrize(
    ("step", "digits"),
    [
        ("0.00000100", 6), ("0.1", 1), ("0.10000000", 1), ("0.25", 2), ("1", 0), ("1.00000000", 0),
        ("100", 0), ("1E-8", 8),
    ],
)  # fmt: skip
def test_as_many_digits_are_shown_as_the_exchanges_step_needs(step, digits):
    assert decimals(Decimal(step)) == digits


@given(st.integers(1, 10**6), st.integers(0, 12), st.integers(0, 10**6))
def test_every_multiple_of_a_step_is_shown_exactly(units, places, times):
    step = Decimal(units).scaleb(-places)
    price = step * times
    assert Decimal(f"{price:.{decimals(step)}f}") == price


def test_eight_digits_are_shown_where_the_exchange_does_not_say():
    assert decimals(None) == UNKNOWN_DECIMALS == 8
    assert decimals(Decimal("NaN")) == UNKNOWN_DECIMALS


async def test_a_book_that_is_dropped_twice_is_dropped_once() -> None:
    async with bookkeeper("BNBBTC", "ETHBTC") as books:
        added = await books.add("BTCUSDT")
        await books.drop(added)
        await books.drop(added)
        kept = [one.manager.state for one in books._group.members]
        assert len(kept) == 2
        assert State.CLOSED not in kept


async def test_a_market_that_cannot_be_had_is_left_out_of_the_search() -> None:
    async with bookkeeper("BNBBTC") as books:
        books.simulator.faults.fail_next("/fapi/v1/exchangeInfo", 403)
        assert await books.search("usd") == ["BTCUSDT", "coinm:BTCUSD_PERP"]


async def test_where_no_market_can_be_had_the_search_says_why_and_the_next_one_asks_again() -> None:
    async with bookkeeper("BNBBTC") as books:
        books.simulator.faults.fail_next("exchangeInfo", 403, count=4, message="Not now.")
        with pytest.raises(ExchangeError, match="Not now"):
            await books.search("btc")
        assert "BNBBTC" in await books.search("btc")


async def test_a_clock_that_cannot_be_had_is_unknown_until_it_can(monkeypatch) -> None:
    monkeypatch.setattr(watchlist_module, "CLOCK_EVERY", 0.05)
    async with bookkeeper("BNBBTC") as books:
        books.simulator.faults.fail_next("/api/v3/time", 403, message="Not now.")
        clock = ExchangeClock()
        keeping = asyncio.create_task(clock.keep(books._group.client, SPOT))
        async with asyncio.timeout(20):
            while clock.offset is None:  # noqa: ASYNC110
                await asyncio.sleep(0)
        keeping.cancel()
        times = [path for path in books.simulator.requests if "/api/v3/time" in str(path)]
        assert len(times) == 2
