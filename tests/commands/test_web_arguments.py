"""What a screen in a browser is told: what was typed, whatever it is, and nothing else."""

from __future__ import annotations

import sys

import pytest
import typer.main

from depthcli.commands.main import app
from depthcli.commands.web_arguments import arguments_of
from depthcli.web.serving import command_of


def told(*typed: str) -> list[str]:
    command = typer.main.get_command(app).commands["watch"]
    context = command.make_context(
        "watch", list(typed), auto_envvar_prefix="DEPTHCLI_WATCH", default_map={"fps": 7.0}
    )
    return arguments_of(context)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["--web"], []),
        (["--web", "--port", "9", "--host", "::1", "BNBBTC"], ["--", "BNBBTC"]),
        (
            ["BNBBTC", "usdm:BTCUSDT", "--web", "-d", "7", "--demo"],
            ["--depth=7", "--demo", "--", "BNBBTC", "usdm:BTCUSDT"],
        ),
        (["--web", "--no-flash", "-m", "usdm"], ["--no-flash", "--market=usdm"]),
        (["--web", "--flash"], ["--flash"]),
        (["--web", "-w", "my $(touch x) ;'\" desk"], ["--workspace=my $(touch x) ;'\" desk"]),
        (["--web", "--workspace=-x"], ["--workspace=-x"]),
        (["--web", "--", "--demo", "$HOME"], ["--", "--demo", "$HOME"]),
    ],
)
def test_a_screen_is_told_what_was_typed(typed, expected):
    assert told(*typed) == expected
    # It comes to the same when it is read again.
    assert told(*expected) == expected


def test_what_a_screen_reads_itself_is_not_repeated(monkeypatch):
    monkeypatch.setenv("DEPTHCLI_WATCH_DEPTH", "9")
    monkeypatch.setenv("DEPTHCLI_REST_URL", "http://127.0.0.1:1")
    assert told("--web", "BNBBTC") == ["--", "BNBBTC"]


def test_modules_of_the_folder_are_run_only_if_they_are_here_too(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/somewhere"])
    assert command_of(["a b"])[1:] == ["-P", "-m", "depthcli", "watch", "a b"]
    monkeypatch.setattr(sys, "path", ["", "/somewhere"])
    assert command_of([])[1:] == ["-m", "depthcli", "watch"]
