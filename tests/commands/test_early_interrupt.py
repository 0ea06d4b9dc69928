"""Ctrl-C while the command line is still being loaded."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from tests.variables import variables

PRESSED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
MADE_ANOTHER_ERROR = (
    "try:\n    {}\nexcept BaseException as error:\n    raise SyntaxError from error\n"
)


@pytest.mark.parametrize("start", ["module", "script"])
@pytest.mark.parametrize("turned", [False, True], ids=["as it is", "made another error of"])
def test_ctrl_c_while_libraries_are_loaded_ends_without_a_word(tmp_path, start, turned):
    text = MADE_ANOTHER_ERROR.format(PRESSED.replace("\n", "\n    ")) if turned else PRESSED
    (tmp_path / "typer.py").write_text(text, encoding="utf-8")
    (script,) = entry_points(group="console_scripts", name="depthcli")
    load = f"from {script.module} import {script.attr} as main; main()"
    arguments = ["-m", "depthcli", "--help"] if start == "module" else ["-c", load, "--help"]
    ended = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=variables(PYTHONPATH=str(tmp_path)),
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
