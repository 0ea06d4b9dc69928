"""What the documents tell to type runs as it stands: commands, and programs of the library."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from depthcli.commands import check, dump, simulate, symbols, watch
from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.variables import variables

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 60.0


class Told(NamedTuple):
    """A command, and where it is told."""

    where: str
    line: str


def told_commands() -> list[Told]:
    found = []
    for page in PAGES:
        for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
            if language in ("", "console", "sh"):
                lines = [line.removeprefix("$ ") for line in text.splitlines()]
                found += [Told(page.name, line) for line in lines if line.startswith("depthcli ")]
    for module in (watch, dump, check, symbols, simulate):
        lines = module.EXAMPLES.splitlines()
        found += [Told(module.__name__, line.partition("  # ")[0]) for line in lines]
    return [one for one in dict.fromkeys(found) if "$(" not in one.line]


def arguments_of(line: str) -> list[str]:
    """Return what follows `depthcli`, without the program that it is piped into."""
    words = shlex.split(line)
    return words[1 : words.index("|")] if "|" in words else words[1:]


def short(arguments: list[str]) -> list[str]:
    """Return the arguments so that the command ends by itself, and takes no port from others."""
    if "--follow" in arguments:
        arguments = [*arguments[:-1], "--count", "2", arguments[-1]]
    for option, value in (("--for", "0"), ("--port", "0")):
        if option in arguments:
            arguments[arguments.index(option) + 1] = value
    return arguments


@pytest.fixture(scope="module")
def exchange():
    spot = source_for("spot", ["BNBBTC", "ETHBTC", "BTCUSDT", "ADABTC"])
    others = [
        source_for("usdm", ["BTCUSDT"]),
        source_for("coinm", ["BTCUSD_PERP"]),
        source_for("options", ["BTC-261225-110000-C"]),
    ]
    with BackgroundSimulator(Simulator(spot, *others)) as running:
        yield variables(DEPTHCLI_REST_URL=running.rest_url, DEPTHCLI_WS_URL=running.ws_url)


@pytest.mark.parametrize(
    "told",
    [one for one in told_commands() if arguments_of(one.line)[0] in ("dump", "check", "symbols")],
    ids=lambda told: f"{told.where}: {told.line}",
)
def test_a_told_command_does_what_it_is_for(exchange, told):
    command = [sys.executable, "-m", "depthcli", *short(arguments_of(told.line))]
    done = subprocess.run(
        command, capture_output=True, text=True, env=exchange, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    "told",
    [one for one in told_commands() if arguments_of(one.line)[0] == "simulate"],
    ids=lambda told: f"{told.where}: {told.line}",
)
def test_a_told_exchange_says_where_it_is(told):
    command = [sys.executable, "-m", "depthcli", *short(arguments_of(told.line))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables()) as process:
        try:
            assert json.loads(process.stdout.readline()).keys() == {
                "rest_url",
                "ws_url",
                "symbols",
            }
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    "told",
    [one for one in told_commands() if arguments_of(one.line)[0] == "watch"],
    ids=lambda told: f"{told.where}: {told.line}",
)
def test_a_told_screen_comes_up_and_is_left_with_q(exchange, told, monkeypatch):
    terminals = pytest.importorskip("tests.hostile.terminals")
    for name, value in exchange.items():
        if name.startswith("DEPTHCLI") and "--demo" not in told.line:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(terminals, "variables", lambda **more: {**os.environ, **more})
    with terminals.Terminal("-m", "depthcli", *short(arguments_of(told.line))) as terminal:
        terminal.read_until(rb"\xe2\x96\x88|upd(ates)?/s")
        terminal.type(b"q")
        assert terminal.wait() == 0


def test_there_are_commands_of_each_kind():
    kinds = {arguments_of(one.line)[0] for one in told_commands()}
    assert {"watch", "dump", "check", "symbols", "simulate"} <= kinds


PROGRAMS = [
    pytest.param(text, id=page.name)
    for page in PAGES
    for language, text in FENCE.findall(page.read_text(encoding="utf-8"))
    if language == "python" and text.startswith(("import", "from"))
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_told_program_prints_books(exchange, tmp_path, program):
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-u", str(script)], stdout=subprocess.PIPE, text=True, env=exchange
    ) as process:
        try:
            lines = [process.stdout.readline() for _ in range(3)]
        finally:
            process.kill()
    assert all(re.search(r"\d", line) for line in lines)
