"""The soak, for as long as a test may take: real sockets, two processes, a fault every second."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py"


@pytest.mark.parametrize(("market", "seed"), [("spot", 3), ("options", 4)])
def test_no_live_book_is_wrong_while_the_exchange_misbehaves(market, seed):
    arguments = ["--minutes", "0.15", "--symbols", "12", "--every", "0.7"]
    arguments += ["--market", market, "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, str(SOAK), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    account = json.loads(done.stdout)
    assert (account["wrong"], account["left_stale"], account["complaints"]) == ([], [], [])
    assert account["checked"] > 100
    assert sum(account["ordered"].values()) > 5
    assert done.returncode == 0
