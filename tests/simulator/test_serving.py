"""`depthcli simulate`: which markets and symbols are served, and a real process that does."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.sync.client import connect

from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM
from depthcli.errors import UsageError
from depthcli.simulator import embedded_exchange
from depthcli.simulator.serving import wanted_markets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("typed", "names", "wanted"),
    [
        ([], [], {SPOT: []}),
        (["bnb/btc", "ETHBTC"], [], {SPOT: ["BNBBTC", "ETHBTC"]}),
        (["btcusdt"], ["usdm"], {USDM: ["BTCUSDT"]}),
        (["usdm:BTCUSDT", "BNBBTC"], [], {USDM: ["BTCUSDT"], SPOT: ["BNBBTC"]}),
        (["BTCUSDT", "spot:BNBBTC"], ["usdm,spot"], {USDM: ["BTCUSDT"], SPOT: ["BNBBTC"]}),
        ([], ["spot", "coinm"], {SPOT: [], COINM: []}),
        (
            ["coinm:BTCUSD_PERP"],
            ["all"],
            {**{m: [] for m in MARKETS.values()}, COINM: ["BTCUSD_PERP"]},
        ),
        (["options:BTC-261225-110000-C"], [], {OPTIONS: ["BTC-261225-110000-C"]}),
    ],
)
def test_markets_come_from_the_option_and_from_the_symbols(
    typed: list[str], names: list[str], wanted: object
) -> None:
    found = wanted_markets(typed, names)
    assert found == wanted
    assert list(found) == list(wanted)


@pytest.mark.parametrize(
    ("typed", "names"), [(["moon:BTC"], []), ([], ["moon"]), ([], ["spot,"]), (["usdm:"], [])]
)
def test_markets_and_symbols_that_cannot_be_are_refused(typed: list[str], names: list[str]) -> None:
    with pytest.raises(UsageError):
        wanted_markets(typed, names)


def test_an_embedded_exchange_has_the_wanted_and_the_usual_symbols() -> None:
    simulator = embedded_exchange({USDM: ["PEPEUSDT"], SPOT: ["BNBBTC"]}, 1)
    assert list(simulator.sources) == ["usdm", "spot"]
    assert simulator.sources["usdm"].symbols[0] == "PEPEUSDT"
    assert {"BTCUSDT", "ETHUSDT"} < set(simulator.sources["usdm"].symbols)
    assert simulator.sources["spot"].symbols[0] == "BNBBTC"


@contextmanager
def simulate(*arguments: str) -> Iterator[dict[str, Any]]:
    """Run the command, and give its first line."""
    command = [sys.executable, "-m", "depthcli", "simulate", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
        assert process.wait(10) == 0


def test_four_markets_are_served_on_one_port_and_connections_end_when_told() -> None:
    symbols = ["usdm:BTCUSDT", "BNBBTC", "coinm:BTCUSD_PERP", "options:BTC-261225-110000-C"]
    with simulate("--lifetime", "0.5", "--snapshot-age", "30", *symbols) as where:
        assert set(where) == {"rest_url", "ws_url", "symbols"}
        assert sorted(where["symbols"]) == sorted([*symbols[:1], "spot:BNBBTC", *symbols[2:]])
        with httpx.Client(base_url=where["rest_url"], trust_env=False) as client:
            for name in where["symbols"]:
                market, _, symbol = name.partition(":")
                path = MARKETS[market].depth_path()
                answer = client.get(path, params={"symbol": symbol, "limit": 10})
                assert len(answer.json()["bids"]) == 10
        with connect(f"{where['ws_url']}/ws/bnbbtc@depth@100ms", proxy=None) as connection:
            events = list(connection)
        assert 1 <= len(events) <= 6
        assert connection.close_code == 1001


def test_one_market_has_plain_names() -> None:
    with simulate("--market", "coinm", "btcusd_perp") as where:
        assert where["symbols"] == ["BTCUSD_PERP"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--market", "moon"], "no market 'moon'"),
        (["moon:BTC"], "no market 'moon'"),
        (["--market", "coinm", "BTCUSDT"], "BTCUSD_PERP"),
        (["--faults", "halt:0.1:x"], "halt:0.1:x"),
        (["--faults", "halt:0.1", "--capture", "CAPTURE"], "halt isn't possible with a recording"),
        (
            ["--faults", "early:0.1", "--capture", "CAPTURE"],
            "early isn't possible with a recording",
        ),
        (["--capture", "CAPTURE", "BNBBTC"], "name none"),
        (["--lifetime", "0"], "lifetime"),
    ],
)
def test_wrong_usage_is_told_in_a_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "depthcli", "simulate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert not done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
