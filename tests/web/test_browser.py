"""The screen in a real browser: figures of live books, keys, and nothing from elsewhere."""

from __future__ import annotations

import asyncio
import re
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from screenshots.chromium import NAMES, Chromium, chromium
from tests.web.processes import PATIENCE, serving, until_connections

pytestmark = pytest.mark.skipif(
    chromium() is None, reason=f"no Chromium here: none of {', '.join(NAMES)}"
)

MAKE = Path(__file__).parents[2] / "screenshots" / "make.py"
SIZE = (1100, 700)
LEVEL = re.compile(r" 0\.00\d{4} +\d+\.\d{3} +\d+\.\d{3} ")
"""Price, quantity and total of a level of BNBBTC."""


async def test_a_browser_shows_live_books_obeys_keys_and_asks_nobody_else():
    simulator = Simulator(source_for("spot", ["BNBBTC", "ETHBTC"], seed=5))
    with BackgroundSimulator(simulator):
        where = {"DEPTHCLI_REST_URL": simulator.rest_url, "DEPTHCLI_WS_URL": simulator.ws_url}
        async with serving("--web", "BNBBTC", "ETHBTC", **where) as served, Chromium() as browser:
            page = await browser.open(served.url, SIZE)
            first = LEVEL.findall(await page.text_with("● 2 live", "BNBBTC", "updates/s"))
            assert len(first) == 10
            async with asyncio.timeout(PATIENCE):
                now = first
                while now == first:
                    now = LEVEL.findall(await page.text())
            await page.press("?")
            assert "this help" in await page.text_with("Everywhere")
            await page.press("?")
            await page.press("v")
            ladder = await page.text_with("ladder", "▶BNBBTC")
            assert "Everywhere" not in ladder

            other = await browser.open(served.url, SIZE)
            assert "books" in await other.text_with("● 2 live")
            until_connections(simulator, 2)
            await other.close()
            until_connections(simulator, 1)
            await page.press("q")
            await page.until("document.body.innerText.includes('The screen has ended.')")
            until_connections(simulator, 0)

            asked = [urlsplit(url) for url in page.requests]
            assert {one.netloc for one in asked} == {urlsplit(served.url).netloc}
            assert {"/", "/ws"} < {one.path for one in asked}


async def test_the_browser_is_kept_from_fetching_elsewhere():
    elsewhere = Simulator(source_for("spot", ["BNBBTC"], seed=5))
    with BackgroundSimulator(elsewhere):
        async with serving("--web", "--demo", "BNBBTC") as served, Chromium() as browser:
            url = f"{elsewhere.rest_url}/api/v3/ping"
            # The terminal's own code would fetch what a link tells it to.
            page = await browser.open(f"{served.url}?ping={url}", SIZE)
            fetching = f"fetch('{url}', {{ mode: 'no-cors' }}).then(() => 'fetched', String)"
            assert "TypeError" in await page.value(fetching)
        assert not elsewhere.requests


def test_the_pictures_of_a_browser_are_made_by_the_command(tmp_path):
    (tmp_path / "watch.svg").write_bytes((MAKE.parent / "watch.svg").read_bytes())
    command = [sys.executable, str(MAKE), "--only", "png", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.glob("*.png"))
    assert made == sorted(Path(line).name for line in done.stdout.splitlines())
    assert made == sorted(path.name for path in MAKE.parent.glob("*.png")), "none is left over"
    for name in made:
        header = (tmp_path / name).read_bytes()[:24]
        assert header.startswith(b"\x89PNG")
        assert min(struct.unpack(">II", header[16:])) > 600
