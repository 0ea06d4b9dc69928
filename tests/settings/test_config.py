"""The configuration file: typed, and wrong keys are named with their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from depthcli.errors import UsageError
from depthcli.settings.config import EXAMPLE, Config, parse, read_config

PATH = Path("config.toml")


def test_settings_become_defaults_of_the_commands() -> None:
    config = parse(
        '[exchange]\nmarket = "usdm"\nrefresh_interval = 60\n'
        '[watch]\nsymbols = ["BTCUSDT"]\ndepth = 9\n[dump]\ntimeout = 5\n',
        PATH,
    )
    assert config.defaults() == {
        "watch": {
            "market": "usdm",
            "refresh_interval": 60.0,
            "symbols": ["BTCUSDT"],
            "depth": 9,
        },
        "dump": {"market": "usdm", "refresh_interval": 60.0, "timeout": 5.0},
        "check": {"market": "usdm", "refresh_interval": 60.0},
        "symbols": {"market": "usdm"},
    }


def test_no_file_says_nothing(tmp_path: Path) -> None:
    nothing = read_config(tmp_path / "config.toml").defaults()
    assert nothing == {"watch": {}, "dump": {}, "check": {}, "symbols": {}}


def test_the_example_is_valid_as_it_is_and_with_all_in_force() -> None:
    assert parse(EXAMPLE, PATH) == Config()
    everything = re.sub(r"^# (?=[a-z_]+ = )", "", EXAMPLE, flags=re.MULTILINE)
    defaults = parse(everything, PATH).defaults()
    assert defaults["watch"]["depth"] == 5
    assert defaults["watch"]["symbols"] == ["BNBBTC"]
    assert defaults["check"]["symbols"] == ["BNBBTC", "ETHBTC"]
    assert defaults["dump"]["limit"] == 1000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[watch]\nfps = 5\ndpeth = 3\n",
            "config.toml, line 3: there is no setting dpeth in [watch]: did you mean depth?",
        ),
        (
            "\n[wach]\nfps = 5\n",
            "config.toml, line 2: there is no setting wach: did you mean watch?",
        ),
        (
            "[dump]\nzebra = 5\n",
            "config.toml, line 2: there is no setting zebra in [dump]: known are depth, timeout",
        ),
        ('[watch]\ndepth = "many"\n', "config.toml, line 2: depth: expected int, got str"),
        ("[dump]\n\n[watch]\nfps = 99\n", "config.toml, line 4: fps: expected float <= 60.0"),
        (
            '[watch]\nview = "pie"\n',
            "config.toml, line 2: view: invalid enum value 'pie'",
        ),
        ("[watch]\nsymbols = [3]\n", "config.toml, line 2: symbols: expected str, got int"),
        ("watch = 3\n", "config.toml, line 1: watch: expected object, got int"),
        ("[watch]\ndepth = \n", "config.toml isn't TOML: Invalid value (at line 2, column 9)"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text, PATH)
    assert str(raised.value) == says


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(UsageError, match="can't be read"):
        read_config(tmp_path / "config.toml")
