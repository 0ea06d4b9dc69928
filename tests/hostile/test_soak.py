"""The soak, for as long as a test may take: real sockets, two processes, a fault every second."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py"


def soaked(*arguments: str) -> tuple[list[dict], subprocess.CompletedProcess]:
    """Run a soak; return the account of each market, and how it ended."""
    done = subprocess.run(
        [sys.executable, str(SOAK), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done


@pytest.mark.parametrize(("market", "seed"), [("spot", "3"), ("options", "4")])
def test_no_live_book_is_wrong_while_the_exchange_misbehaves(market, seed):
    arguments = ["--minutes", "0.15", "--symbols", "12", "--every", "0.7"]
    (account,), done = soaked(*arguments, "--market", market, "--seed", seed)
    assert (account["wrong"], account["left_stale"], account["complaints"]) == ([], [], [])
    assert account["checked"] > 100
    assert sum(account["ordered"].values()) > 5
    assert done.returncode == 0


def test_no_book_from_an_early_snapshot_stays_wrong_and_no_audit_finds_a_difference():
    """Snapshots of derivatives that bear the id of an event which they lack."""
    accounts, done = soaked("--early", "--minutes", "0.12", "--every", "1", "--refresh", "1")
    assert [account["market"] for account in accounts] == ["usdm", "coinm", "options"]
    for account in accounts:
        assert (account["wrong"], account["left_stale"], account["complaints"]) == ([], [], [])
        assert account["checked"] > 50
        assert account["faults"]["early"] > 10
        assert account["counters"]["audits"] > 5
        assert account["counters"]["gaps"] > 3
        assert account["counters"]["differences_ever"] == 0
    assert done.returncode == 0
