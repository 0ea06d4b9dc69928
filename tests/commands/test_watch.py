"""`depthcli watch` in a real terminal: where it begins, and that it begins there again."""

from __future__ import annotations

import tomllib

import pytest

from depthcli.commands.following import Following
from depthcli.commands.watch import title_of
from depthcli.core.markets import SPOT
from depthcli.core.symbols import targets_of
from depthcli.settings.environment import Environment
from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.hostile.terminals import Terminal


@pytest.fixture(scope="module")
def simulator():
    with BackgroundSimulator(Simulator(source_for("spot", ["BNBBTC", "ETHBTC"]))) as running:
        yield running


def test_a_demo_without_names_shows_the_usual_symbols():
    with Terminal("-m", "depthcli", "watch", "--demo") as terminal:
        terminal.read_until(b"ETHUSDT")
        terminal.read_until(b"mid 0.0")
        terminal.type(b"q")
        assert terminal.wait() == 0


def test_what_was_left_is_offered_again_and_no_is_an_answer(simulator, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    watch = ("-m", "depthcli", "watch")
    where = ("--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url)
    with Terminal(*watch, *where) as terminal:
        assert terminal.wait() == 2, "nothing was left yet"
        assert b"name a symbol" in terminal.shown
    with Terminal(*watch, "ETHBTC", "BNBBTC", "--depth", "7", *where) as terminal:
        terminal.read_until(b" mid ")
        terminal.type(b"uq")
        assert terminal.wait() == 0
    kept = tmp_path / "depthcli" / "last.toml"
    left = tomllib.loads(kept.read_text(encoding="utf-8"))
    assert [symbol["name"] for symbol in left["symbols"]] == ["spot:ETHBTC", "spot:BNBBTC"]
    assert (left["depth"], left["unit"]) == (7, "quote")
    with Terminal(*watch, *where) as terminal:
        terminal.read_until(rb"Watch ETHBTC, BNBBTC again, as you left it\?")
        terminal.type(b"\n")
        terminal.read_until(b" mid ")
        terminal.type(b"q")
        assert terminal.wait() == 0
    assert left == tomllib.loads(kept.read_text(encoding="utf-8")), "it was as it had been left"
    with Terminal(*watch, *where) as terminal:
        terminal.read_until(b"again, as you left it")
        terminal.type(b"n\n")
        assert terminal.wait() == 2
        assert b"name a symbol" in terminal.shown


@pytest.mark.parametrize(
    ("typed", "where", "embedded", "title"),
    [
        (["BNBBTC"], Environment(), False, "spot"),
        (["usdm:BTCUSDT"], Environment(testnet=True), False, "USD-M futures · testnet"),
        (["BNBBTC", "usdm:BTCUSDT"], Environment(), False, "spot, usdm"),
        (["BNBBTC"], Environment(), True, "spot · built-in exchange"),
    ],
)
def test_the_title_says_where_the_books_come_from(typed, where, embedded, title):
    following = Following(
        targets=targets_of(typed, SPOT), depth=5, refresh_interval=0, environment=where
    )
    assert title_of(following, embedded=embedded) == title
