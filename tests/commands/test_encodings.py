"""Output on streams that aren't UTF-8: no name of a symbol ends a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.variables import variables

NAME = "币安人生USDT"

ENVIRONMENTS = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.fixture(scope="module")
def simulator():
    with BackgroundSimulator(Simulator(source_for("spot", ["BNBBTC", NAME]))) as running:
        yield running


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["symbols"], 0),
        (["symbols", "--json"], 0),
        (["dump", NAME, "--depth", "1"], 0),
        (["dump", NAME, "--json", "--depth", "1"], 0),
        (["check", NAME], 0),
        (["dump", f"{NAME}X"], 2),
        (["dump", NAME, "--market", NAME], 2),
        (["dump", "--depth", NAME, "BNBBTC"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_each_command_writes_any_name(simulator, environment, arguments, code):
    if "LC_ALL" in environment and NAME in arguments:
        code = 2  # in such a locale letters beyond ASCII can't be typed, either
    where = ["--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url]
    done = subprocess.run(
        [sys.executable, "-m", "depthcli", *arguments, *where],
        capture_output=True,
        timeout=60,
        check=False,
        env=variables(**environment),
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    if not code:
        assert NAME in done.stdout.decode("utf-8")


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
def test_the_configuration_is_shown_whatever_its_letters(environment, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(f"# {NAME}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "depthcli", "config", "show"],
        capture_output=True,
        timeout=60,
        check=False,
        env=variables(**environment, DEPTHCLI_CONFIG=str(file)),
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert NAME in done.stdout.decode("utf-8")
