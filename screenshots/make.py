"""Make all pictures of depthcli anew: `python screenshots/make.py [FOLDER]`.

The SVGs are of the real program: real synchronizers, fed by the simulated exchange, and the real
app. There is no network and no clock in it: the same code always makes the same pictures. The PNGs
are what a browser shows, where there is one: of an SVG, and of `depthcli watch --web`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from depthcli.bookkeeping import decimals
from depthcli.markets import SPOT
from depthcli.messages import event_decoder, snapshot_decoder
from depthcli.simulator.exchange import Exchange
from depthcli.simulator.instruments import default_symbols, instrument_named
from depthcli.synchronizer import State, Synchronizer
from depthcli.tui import WatchApp, Watched

START_MS: Final = 1_767_355_467_000
"""2026-01-02 12:04:27 UTC."""

FRAME_MS: Final = 100
FRAMES: Final = 60
AUDIT_FRAME: Final = 28
GAP_FRAME: Final = 43
LIMIT: Final = 1000
SEED: Final = 7

MAJORS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBBTC")


@dataclass(frozen=True)
class Shot:
    """One picture: what is watched, in which terminal."""

    name: str
    size: tuple[int, int]
    symbols: tuple[str, ...]
    depth: int = 5
    view: str = "books"
    frames: int = FRAMES
    keys: tuple[str, ...] = ()
    gap_in: frozenset[str] = field(default_factory=frozenset)


SHOTS: Final = (
    Shot("watch", (120, 40), MAJORS, depth=7),
    Shot("light", (120, 40), MAJORS, depth=7, keys=("t",)),
    Shot("one", (100, 26), ("BTCUSDT",), depth=20),
    Shot("two", (80, 24), ("BTCUSDT", "ETHUSDT")),
    Shot("ladder", (120, 32), ("BTCUSDT", "ETHUSDT"), view="ladder"),
    Shot("chart", (120, 32), ("BTCUSDT", "ETHUSDT"), view="chart", keys=("right",) * 12),
    Shot("heatmap", (120, 32), ("BTCUSDT",), view="heatmap", frames=1000),
    Shot(
        "overview",
        (120, 40),
        tuple(default_symbols(SPOT)[:20]),
        view="overview",
        gap_in=frozenset({"LTCBTC"}),
    ),
    Shot("stale", (80, 24), ("BTCUSDT", "ETHUSDT"), gap_in=frozenset({"ETHUSDT"})),
    Shot("help", (100, 36), MAJORS, keys=("question_mark",)),
)


class Clock:
    """The time of the simulated world."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def seconds(self) -> float:
        """Return seconds since the epoch."""
        return self.now_ms / 1000


class Keeper:
    """Keeps one book from the simulated exchange's events, as a manager does, but in its time."""

    def __init__(self, symbol: str, exchange: Exchange, clock: Clock) -> None:
        self.symbol = symbol
        self.last_received: float | None = None
        self.last_audit: float | None = None
        self._audits = 0
        self._exchange = exchange
        self._clock = clock
        self._synchronizer = Synchronizer(symbol, float)
        self._synchronizer.opened()
        self.cache = self._synchronizer.cache
        self.counters = self._synchronizer.counters

    @property
    def state(self) -> State:
        """What the book is worth."""
        return self._synchronizer.state

    @property
    def reason(self) -> str:
        """Why it isn't live."""
        return self._synchronizer.reason

    @property
    def buffered(self) -> int:
        """Events that wait for a snapshot."""
        return len(self._synchronizer.pending)

    def receive(self, payload: bytes) -> None:
        """Take in an event."""
        self._synchronizer.receive(event_decoder(float)(payload))
        self.last_received = self._clock.seconds()
        while self._synchronizer.advance():
            pass
        self._note_audit()

    def fetch(self) -> None:
        """Get a snapshot: to start from, or to compare the book with."""
        self._synchronizer.begin_audit()
        snapshot = snapshot_decoder(float)(self._exchange.snapshot(self.symbol, LIMIT))
        self._synchronizer.offer(snapshot, LIMIT)
        self._note_audit()

    def _note_audit(self) -> None:
        if self.counters.audits > self._audits:
            self._audits = self.counters.audits
            self.last_audit = self._clock.seconds()


class World:
    """The exchange, the books and the app of one picture, and the time that passes for them."""

    def __init__(self, shot: Shot) -> None:
        instruments = [instrument_named(SPOT, symbol, SEED) for symbol in shot.symbols]
        self._gap_in = shot.gap_in
        self._clock = Clock()
        self._exchange = Exchange(SPOT, instruments, seed=SEED)
        self._exchange.advance(self._clock.now_ms)
        self._keepers = {}
        for symbol in shot.symbols:
            stream = SPOT.stream(symbol, FRAME_MS)
            self._exchange.watch(stream)
            self._keepers[stream] = Keeper(symbol, self._exchange, self._clock)
        watched = [
            Watched(
                keeper,
                decimals(instrument.prices.step),
                decimals(instrument.quantities.step),
                base=instrument.base,
                quote=instrument.quote,
            )
            for keeper, instrument in zip(self._keepers.values(), instruments, strict=True)
        ]
        # The app's own timer is as good as off: a frame is drawn when its time has come here.
        self.app = WatchApp(
            watched,
            title="spot · embedded exchange",
            depth=shot.depth,
            fps=1e-6,
            clock=self._clock.seconds,
            wall=self._clock.seconds,
            plain=False,
        )

    def run(self, number: int) -> None:
        """Let a frame's time pass, and draw it; frames long before the picture are below zero."""
        self._clock.now_ms += FRAME_MS
        for event in self._exchange.advance(self._clock.now_ms):
            keeper = self._keepers[event.stream]
            if number != GAP_FRAME or keeper.symbol not in self._gap_in:
                keeper.receive(event.payload)
        for index, keeper in enumerate(self._keepers.values()):
            if number == AUDIT_FRAME - index or not keeper.cache.last_update_id:
                keeper.fetch()
        # Of a long time before the picture only a frame a second is drawn: it makes the heatmap.
        if number >= 0 or number % 10 == 0:
            self.app.look()


async def picture(shot: Shot) -> str:
    """Return a picture as SVG."""
    world = World(shot)
    async with world.app.run_test(size=shot.size) as pilot:
        world.app.action_view(shot.view)
        for number in range(FRAMES - shot.frames, FRAMES):
            world.run(number)
        for key in shot.keys:
            await pilot.press(key)
        await pilot.pause()
        return solid(world.app.export_screenshot())


TEXT: Final = re.compile(
    r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"[^>]*>([^<]*)</text>'
)
FONT_FACE: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
FONT_FAMILY: Final = re.compile(r"font-family: Fira Code, ?monospace")
CELL: Final = 12.2
LINE: Final = 24.4
ASCENT: Final = 18.5
BLOCKS: Final = "▏▎▍▌▋▊▉█"
STEPS: Final = "▁▂▃▄▅▆▇█"
"""Blocks that fill a cell from below; the upper half block fills it from above."""


def solid(svg: str) -> str:
    """Return a picture that looks the same everywhere: bars as shapes, and no font to be fetched.

    A terminal draws blocks without seams; a font in a browser rarely does.
    """
    svg = FONT_FACE.sub("", svg)
    fonts = "'Fira Code', ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    return TEXT.sub(_shape, FONT_FAMILY.sub(f"font-family: {fonts}", svg))


def _shape(match: re.Match[str]) -> str:
    style, x, y, _, text = match.groups()
    blocks = text.replace("&#160;", " ").rstrip()
    bar = blocks.lstrip()
    left = float(x) + (len(blocks) - len(bar)) * CELL
    if not bar or not set(bar) <= set(BLOCKS):
        if bar and set(blocks) <= set(STEPS + "▀ "):
            return _steps(blocks, style, float(x), float(y) - ASCENT)
        return match[0]
    width = sum(BLOCKS.index(block) + 1 for block in bar) / len(BLOCKS) * CELL
    # The edge of a bar to the left is drawn over a filled cell, of which no rim should be seen.
    rim = 0.75 if len(bar) == 1 and bar != "█" and left else 0.0
    seam = rim or (0.5 if bar[0] == "█" else 0.0)
    return (
        f'<rect class="{style}" x="{left - seam:g}" y="{float(y) - ASCENT - rim:g}"'
        f' width="{width + seam:g}" height="{LINE + 0.25 + 2 * rim:g}"/>'
    )


def _steps(blocks: str, style: str, x: float, top: float) -> str:
    """Return a rectangle for each run of equal blocks that fill their cells from one end."""
    shapes = []
    for character, run in groupby(enumerate(blocks), key=lambda one: one[1]):
        cells = [index for index, _ in run]
        if character == " ":
            continue
        high = LINE / 2 if character == "▀" else (STEPS.index(character) + 1) / len(STEPS) * LINE
        start = top if character == "▀" else top + LINE - high
        shapes.append(
            f'<rect class="{style}" x="{x + cells[0] * CELL:g}" y="{start:g}"'
            f' width="{len(cells) * CELL + 0.4:g}" height="{high + 0.25:g}"/>'
        )
    return "".join(shapes)


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description="Make all pictures of depthcli anew.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(__file__).parent, help="where to write them"
    )
    parser.add_argument("--only", choices=("svg", "png"), help="only these; PNGs want a Chromium")
    wanted = parser.parse_args()
    if wanted.only != "png":
        for shot in SHOTS:
            path = wanted.folder / f"{shot.name}.svg"
            path.write_text(asyncio.run(picture(shot)), encoding="utf-8")
            print(path)
    if wanted.only != "svg":
        from png import write_pngs  # noqa: PLC0415, a neighbour of this script

        for path in asyncio.run(write_pngs(wanted.folder)):
            print(path)


if __name__ == "__main__":
    main()
