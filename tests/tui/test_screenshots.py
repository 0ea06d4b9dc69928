"""The command that makes the pictures of the README."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

MAKE = Path(__file__).parents[2] / "screenshots" / "make.py"


STATES = {
    "connecting": "◌ CONNECTING",
    "reconnecting": "next try in 7 s",
    "limited": "◷ RATE LIMITED",
    "unreachable": "✗ UNREACHABLE",
    "unknown": "did you mean BNBBTC",
    "horizon": "in snapshot: 15 bids, 13 asks",
    "add": "BTCUSDT",
    "log": "gap: ",
}


def words(path: Path) -> str:
    """Return all text of a picture; raise ParseError if it isn't one."""
    return "".join(ET.fromstring(path.read_text(encoding="utf-8")).itertext()).replace("\xa0", " ")


def test_the_pictures_are_made_by_one_command(tmp_path: Path) -> None:
    command = [sys.executable, str(MAKE), "--only", "svg", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.glob("*.svg"))
    assert made == sorted(Path(line).name for line in done.stdout.splitlines())
    assert made == sorted(path.name for path in MAKE.parent.glob("*.svg")), "none is left over"
    assert "● 4 live" in words(tmp_path / "watch.svg")
    assert "0 differ" in words(tmp_path / "watch.svg")
    assert "▲ STALE" in words(tmp_path / "stale.svg")
    assert "● 19 live▲ 1 stale" in words(tmp_path / "overview.svg")
    assert "1 s/column" in words(tmp_path / "heatmap.svg")
    assert "BTC = " in words(tmp_path / "chart.svg"), "what the cursor reads"
    for name, said in STATES.items():
        assert said in words(tmp_path / f"{name}.svg")
    assert "ladder" in words(tmp_path / "ladder.svg")


async def test_the_same_code_makes_the_same_picture() -> None:
    make = runpy.run_path(str(MAKE))
    shot = next(shot for shot in make["SHOTS"] if shot.name == "stale")
    once, again = await make["picture"](shot), await make["picture"](shot)
    assert once == again
    assert "url(http" not in once.replace('"', ""), "nothing is to be fetched"
