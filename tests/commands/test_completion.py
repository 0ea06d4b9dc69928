"""Completion in the shell, through the protocol that shells speak."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from depthcli.commands.main import main
from depthcli.settings.symbol_cache import cache_file, remember

TIMEOUT = 40
OWN = "http://127.0.0.1:8901"
PROGRAM = "import sys; sys.argv = ['depthcli']; from depthcli.commands.main import main; main()"


@pytest.fixture(autouse=True)
def _names(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for variable in ("DEPTHCLI_REST_URL", "DEPTHCLI_WS_URL"):
        monkeypatch.delenv(variable, raising=False)
    remember("spot", "https://api.binance.com", ["BNBBTC", "BNBUSDT", "BTCUSDT", "ETHBTC"])
    remember("usdm", "https://fapi.binance.com", ["BTCUSDT", "BTCUSDC", "BTCUSDT_261225"])
    remember("coinm", "https://dapi.binance.com", ["BTCUSD_PERP"])
    remember("options", "https://eapi.binance.com", ["BTC-261225-110000-C"])
    remember("spot", "https://testnet.binance.vision", ["BNBTEST"])
    remember("spot", OWN, ["BNBOWN"])


@pytest.fixture
def complete(monkeypatch, capsys):
    """Complete as a shell does it, but within this process, which is quicker."""

    def complete_it(**variables: str) -> list[str]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["depthcli"])
            with pytest.raises(SystemExit):
                main()
        shown = capsys.readouterr()
        assert shown.err == ""
        return shown.out.split()

    return complete_it


def bash_words(*words: str) -> dict[str, str]:
    """What bash says when the last word is to be completed, the words as it takes a line apart."""
    return {
        "_DEPTHCLI_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(["depthcli", *words]),
        "COMP_CWORD": str(len(words)),
    }


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("watch BNB", ["BNBBTC", "BNBUSDT"]),
        ("watch bnb", ["bnbbtc", "bnbusdt"]),
        ("dump --json bnb/b", ["bnb/btc"]),
        ("watch BNBBTC BNB", ["BNBUSDT"]),
        ("symbols ETH", ["ETHBTC"]),
        ("watch QQQ", []),
        ("watch --market usdm BTCUSDT_", ["BTCUSDT_261225"]),
        ("watch -m coinm BTC", ["BTCUSD_PERP"]),
        ("dump --options BTC", ["BTC-261225-110000-C"]),
        ("watch BTCUSDT usdm : BTCUSDT BTC", []),
        ("watch usdm : BTCUSDT BTC", ["BTCUSDT"]),
        ("watch BTCUSDT usdm : BTC", ["BTCUSDC", "BTCUSDT", "BTCUSDT_261225"]),
        ("watch usdm : BTCUSDT usdm : BTC", ["BTCUSDC", "BTCUSDT_261225"]),
        ("watch BNBBTC coinm :", ["BTCUSD_PERP"]),
        ("watch usdm:btcusdc", ["usdm:btcusdc"]),
        ("watch --market = usdm BTCUSDC", ["BTCUSDC"]),
        ("watch --market = us", ["usdm"]),
        ("watch --market =", ["spot", "usdm", "coinm", "options"]),
        ("watch -m o", ["options"]),
        ("watch --tld v", ["vision"]),
        ("watch --testnet BNB", ["BNBTEST"]),
        ("watch --testnet --options BTC", []),
        ("watch --testnet --tld us BNB", []),
        ("watch -m moon BNB", []),
        ("watch moon : B", []),
        (f"watch --rest-url {OWN} BNB", ["BNBOWN"]),
    ],
)  # fmt: skip
def test_bash(complete, words, offered):
    assert complete(**bash_words(*words.split())) == offered


def test_the_environment_variables_say_whose_names(complete):
    own = {"DEPTHCLI_REST_URL": f"{OWN}/", "DEPTHCLI_WS_URL": "ws://127.0.0.1:8901"}
    assert complete(**bash_words("watch", "BNB"), **own) == ["BNBOWN"]
    assert complete(**bash_words("watch", "--testnet", "BNB"), **own) == ["BNBTEST"]


def test_zsh_and_fish_get_the_market_with_the_name(complete):
    line = "depthcli watch BNBBTC usdm:BTCUSDC"
    fish = complete(
        _DEPTHCLI_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS=line,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert fish == ["usdm:BTCUSDC"]
    zsh = complete(_DEPTHCLI_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line)
    assert r"usdm\\:BTCUSDC" in " ".join(zsh)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_without_a_list_nothing_is_offered_and_nothing_is_said(complete, content):
    file = cache_file("spot", "https://api.binance.com")
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert complete(**bash_words("watch", "BNB")) == []


def test_to_complete_takes_neither_the_network_nor_the_screen():
    program = (
        "import atexit, sys\n"
        "slow = {'httpx', 'websockets', 'textual', 'asyncio', 'msgspec', 'depthcli.tui'}\n"
        "atexit.register(lambda: print(sorted(slow & set(sys.modules))))\n" + PROGRAM
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env={**os.environ, **bash_words("watch", "BNBB")},
    )
    assert (done.stdout, done.stderr) == ("BNBBTC\n[]\n", "")


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_the_script_for_bash_calls_it_with_its_own_words(tmp_path):
    program = tmp_path / "bin" / "depthcli"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    show = PROGRAM.replace("['depthcli']", "['depthcli', '--show-completion', 'bash']")
    script = (
        f'eval "$({sys.executable} -c "{show}")"\n'
        "complete -p depthcli\n"
        "COMP_WORDS=(depthcli watch BNBBTC usdm : BTCUSDC) COMP_CWORD=5\n"
        f'_depthcli_completion {program}; echo "${{COMPREPLY[@]}}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "complete -o default -F _depthcli_completion depthcli\nBTCUSDC\n"
