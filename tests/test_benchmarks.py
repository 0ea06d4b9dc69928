"""The benchmarks run and write their report; what they measure is no matter for a test."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.apart import Setting, exchange_apart

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("section", ["events", "reads", "memory", "stream", "exchange"])
def test_a_section_runs_and_writes_a_table_and_its_plots(section, tmp_path):
    command = [sys.executable, "-m", "benchmarks", section, "--tiny", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    report = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert report.startswith("# Benchmarks")
    assert report.count("\n| ") > 2
    for plot in tmp_path.glob("*.svg"):
        assert f"({plot.name})" in report
        assert plot.read_text(encoding="utf-8").startswith("<svg ")


def test_the_scale_hands_connections_over_and_nothing_is_missed():
    command = [sys.executable, "-m", "benchmarks.scale", "--symbols", "6", "--lifetime", "9"]
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100
    )
    account = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert (account["complaints"], done.returncode) == ("[]", 0), done.stdout + done.stderr
    assert (account["handovers"], account["compared"]) == ("3", "6")


def test_a_slow_reader_costs_nothing_and_gets_whole_lines():
    options = ["--symbols", "4", "--seconds", "2", "--runs", "2"]
    command = [sys.executable, "-m", "benchmarks.slow_reader", *options]
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100
    )
    account = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert (account["complaints"], done.returncode) == ("[]", 0), done.stdout + done.stderr
    assert (account["compared"], account["stalled"]) == ("4", "2")


async def test_an_answer_that_nobody_waits_for_any_more_is_not_taken_for_the_next_ones():
    with exchange_apart(Setting("spot", 2)) as apart:
        for symbol in apart.symbols:
            given_up = asyncio.create_task(apart.book("nosuch", 1))
            await asyncio.sleep(0)
            given_up.cancel()
            book = await apart.book(symbol, 1)
            assert book.bids[0][0] < book.asks[0][0]
