"""What a command follows that was given no symbol, and what a wrong file stops."""

from __future__ import annotations

import json
import sys

import pytest

from depthcli.commands.main import main
from depthcli.settings.config import config_path
from depthcli.settings.workspaces import LAST, WatchedSymbol, Workspace, Workspaces
from depthcli.simulator import BackgroundSimulator, Simulator, source_for


@pytest.fixture(scope="module")
def simulator():
    sources = (source_for("spot", ["BNBBTC", "BTCUSDT"]), source_for("usdm", ["BTCUSDT"]))
    with BackgroundSimulator(Simulator(*sources)) as running:
        yield running


@pytest.fixture(autouse=True)
def places(simulator, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DEPTHCLI_REST_URL", simulator.rest_url)
    monkeypatch.setenv("DEPTHCLI_WS_URL", simulator.ws_url)
    assert config_path().is_relative_to(tmp_path)


@pytest.fixture
def run(monkeypatch, capfdbinary):
    def run_it(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["depthcli", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfdbinary.readouterr()
        return ended.value.code, out.decode(), err.decode()

    return run_it


def configure(text: str) -> None:
    config_path().parent.mkdir(parents=True, exist_ok=True)
    config_path().write_text(text, encoding="utf-8")


def watched_last(*names: str) -> None:
    symbols = [WatchedSymbol(name=name) for name in names]
    Workspaces().save(LAST, Workspace(symbols=symbols))


def dumped(out: str) -> list[str]:
    books = [json.loads(line) for line in out.splitlines()]
    return sorted(f"{book['market']}:{book['symbol']}" for book in books)


def test_the_configuration_is_taken_before_what_was_watched_last(run):
    configure('[exchange]\nsymbols = ["usdm:BTCUSDT"]\n')
    watched_last("spot:BNBBTC")
    code, out, err = run("dump", "--json")
    assert (code, dumped(out)) == (0, ["usdm:BTCUSDT"])
    assert "using those in the configuration file: usdm:BTCUSDT" in err


@pytest.mark.parametrize("usual", ["spot", "usdm"])
def test_what_was_watched_last_keeps_its_markets(run, usual):
    configure(f'[exchange]\nmarket = "{usual}"\n')
    watched_last("spot:BTCUSDT", "usdm:BTCUSDT")
    code, out, err = run("dump", "--json")
    assert (code, dumped(out)) == (0, ["spot:BTCUSDT", "usdm:BTCUSDT"])
    assert "using those you watched last: spot:BTCUSDT usdm:BTCUSDT" in err


def test_of_what_was_watched_last_a_named_market_takes_its_own(run):
    watched_last("spot:BTCUSDT", "usdm:BTCUSDT")
    code, out, _ = run("dump", "--json", "--market", "usdm")
    assert (code, dumped(out)) == (0, ["usdm:BTCUSDT"])
    code, out, err = run("check", "--options")
    assert (code, out) == (2, "")
    assert "nothing that you watched last is of market options; name a symbol" in err


@pytest.mark.parametrize("command", ["dump", "check"])
def test_with_neither_the_error_says_both_ways(run, command):
    configure("[exchange]\nsymbols = []\n")
    code, out, err = run(command)
    assert (code, out) == (2, "")
    assert f"depthcli {command} BNBBTC" in err
    assert 'symbols = ["BNBBTC"]' in err


def test_a_wrong_file_stops_a_command_but_not_its_help(run):
    configure("[exchange")
    assert "Print books for other programs" in run("dump", "--help")[1]
    code, out, err = run("dump", "BNBBTC")
    assert (code, out) == (2, "")
    assert "isn't TOML" in err


@pytest.mark.parametrize(
    "command", [(), ("watch",), ("dump",), ("check",), ("symbols",), ("simulate",)]
)
def test_help_is_no_wider_than_a_narrow_terminal(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "40")
    lines = run(*command, "--help")[1].splitlines()
    whole = ("Usage: ", "  depthcli ", "  --view ")  # choices and what is typed stay whole
    assert [line for line in lines if len(line) > 40 and not line.startswith(whole)] == []
