"""Names of symbols that commands keep for the shell's completion."""

from __future__ import annotations

import pytest

from depthcli.commands.caching_client import client_of, renew_names
from depthcli.core.markets import COINM, SPOT, USDM
from depthcli.settings.environment import Environment
from depthcli.settings.symbol_cache import cache_file, remember, remembered
from depthcli.simulator import Simulator, source_for


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def environment(simulator: Simulator) -> Environment:
    return Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url)


async def test_names_are_kept_whenever_all_symbols_are_fetched_and_only_the_trading_ones():
    spot = source_for("spot", ["BNBBTC", "ETHBTC"])
    spot.halt("BNBBTC")
    async with (
        Simulator(spot, source_for("usdm", ["BTCUSDT"])) as simulator,
        client_of(environment(simulator)) as client,
    ):
        await client.look_up(SPOT, ["ETHBTC"])
        assert remembered("spot", simulator.rest_url) == []
        await client.exchange_info(SPOT)
        assert remembered("spot", simulator.rest_url) == ["ETHBTC"]
        await client.look_up(USDM, ["BTCUSDT"])
        assert remembered("usdm", simulator.rest_url) == ["BTCUSDT"]


async def test_only_names_that_are_missing_or_old_are_renewed():
    async with Simulator(source_for("spot", ["BNBBTC"]), source_for("usdm")) as simulator:
        remember("usdm", simulator.rest_url, ["KEPT"])
        await renew_names(environment(simulator), [COINM, USDM, SPOT], after=0)
        assert remembered("spot", simulator.rest_url) == ["BNBBTC"]
        assert remembered("usdm", simulator.rest_url) == ["KEPT"]
        requests = len(simulator.requests)
        await renew_names(environment(simulator), [SPOT, USDM], after=0)
        assert len(simulator.requests) == requests
        cache_file("spot", simulator.rest_url).write_text("damaged")
        await renew_names(environment(simulator), [SPOT], after=0)
        assert remembered("spot", simulator.rest_url) == ["BNBBTC"]


async def test_a_market_that_is_not_there_is_no_failure():
    await renew_names(Environment(testnet=True, rest_url="http://127.0.0.1:9"), [SPOT], after=0)
    assert remembered("spot", "http://127.0.0.1:9") == []
