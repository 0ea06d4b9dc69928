"""The pictures that a browser takes: one of an SVG, and one of the program in the browser itself.

Where there is no Chromium they stay as they are. Programs shown in real time are never the same
twice, and fonts differ between machines: so these pictures do, too.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from asyncio.subprocess import PIPE, create_subprocess_exec
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from chromium import Chromium, chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBBTC")
WINDOW: Final = (1200, 800)
VIEW_BOX: Final = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


async def write_pngs(folder: Path) -> list[Path]:
    """Write the pictures into a folder in which `watch.svg` is; return which were written."""
    if chromium() is None:
        print("no Chromium here: the PNGs stay as they are", file=sys.stderr)
        return []
    made = {"watch": b"", "web": b""}
    async with Chromium() as browser:
        svg = (folder / "watch.svg").resolve()
        box = VIEW_BOX.search(svg.read_text(encoding="utf-8"))
        if box is None:
            raise ValueError(f"{svg} has no size")
        size = round(float(box[1])), round(float(box[2]))
        made["watch"] = await (await browser.open(svg.as_uri(), size)).picture()
        async with served() as url:
            page = await browser.open(url, WINDOW)
            await page.text_with(f"● {len(SYMBOLS)} live")
            await page.press("v")
            await page.text_with("ladder", "updates/s")
            await page.press("1")  # nothing is marked any more
            made["web"] = await page.picture()
    for name, picture in made.items():
        (folder / f"{name}.png").write_bytes(picture)
    return [folder / f"{name}.png" for name in made]


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """Serve the program to browsers, as a user does it; give the address."""
    with tempfile.TemporaryDirectory(prefix="depthcli-") as home:
        clean = {name: value for name, value in os.environ.items() if "DEPTHCLI" not in name}
        own = {f"XDG_{name}_HOME": home for name in ("CACHE", "CONFIG", "STATE")}
        process = await create_subprocess_exec(
            *(sys.executable, "-m", "depthcli", "watch", "--web", "--port=0", "--demo", *SYMBOLS),
            stdout=PIPE,
            env=clean | own,
        )
        try:
            if process.stdout is None:
                raise RuntimeError("it has no output")
            yield (await process.stdout.readline()).decode().strip()
        finally:
            process.terminate()
            await process.wait()
