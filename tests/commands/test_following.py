"""What the commands that follow books share: these symbols, on that exchange."""

from __future__ import annotations

import asyncio

import pytest

from depthcli.commands.following import Following, Listener, follow
from depthcli.core.markets import COINM, SPOT, USDM
from depthcli.core.symbols import Target, targets_of
from depthcli.errors import ExchangeError, UnknownSymbolError, UsageError
from depthcli.managers import group as group_module
from depthcli.managers.symbol_lookup import look_up
from depthcli.settings.environment import Environment
from depthcli.simulator import Simulator, source_for


def wanted(simulator: Simulator, *typed: str, **options) -> Following:
    return Following(
        targets=targets_of(typed, SPOT),
        depth=5,
        refresh_interval=0,
        environment=Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url),
        **options,
    )


def test_symbols_are_called_by_their_market_where_markets_are_mixed():
    targets = targets_of(["usdm:BTCUSDT", "BNBBTC"], SPOT)
    mixed = Following(targets=targets, depth=5, refresh_interval=0)
    assert [mixed.label(target) for target in targets] == ["usdm:BTCUSDT", "spot:BNBBTC"]
    alone = Following(targets=targets[:1], depth=5, refresh_interval=0)
    assert alone.label(targets[0]) == "BTCUSDT"


async def test_what_is_followed_comes_with_the_exchanges_steps_and_is_stopped_at_the_end():
    async with Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator:
        asked = wanted(simulator, "eth/btc", "bnb/btc", limit=20)
        async with follow(asked, float, Listener()) as group:
            assert [one.manager.symbol for one in group.members] == ["ETHBTC", "BNBBTC"]
            assert all(one.info.tick_size and one.info.step_size for one in group.members)
            assert all(one.manager.limit == 20 for one in group.members)
            assert "closed" not in [one.manager.state for one in group.members]
        assert [one.manager.state for one in group.members] == ["closed", "closed"]


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

        async with asyncio.timeout(20), follow(asked, float, Prices()) as group:
            assert [(one.manager.market, one.manager.symbol) for one in group.members] == [
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
