"""The benchmarks run and write their report; what they measure is no matter for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
