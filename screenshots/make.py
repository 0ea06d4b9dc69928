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
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual.widgets import Input

from depthcli.commands.watchlist import decimals
from depthcli.core.markets import SPOT
from depthcli.core.messages import event_decoder, snapshot_decoder
from depthcli.core.synchronizer import Synchronizer
from depthcli.errors import UnknownSymbolError
from depthcli.simulator.market.exchange import Exchange
from depthcli.simulator.market.instruments import default_symbols, instrument_named
from depthcli.tui import WatchApp, Watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depthcli.core.state import State

START_MS: Final = 1_767_355_467_000
"""2026-01-02 12:04:27 UTC."""

FRAME_MS: Final = 100
FRAMES: Final = 60
AUDIT_FRAME: Final = 28
TROUBLE_FRAME: Final = 43
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
    trouble: Mapping[str, str] = field(default_factory=dict)
    limit: int = LIMIT


PAIR: Final = ("BTCUSDT", "ETHUSDT")

SHOTS: Final = (
    Shot("watch", (120, 40), MAJORS, depth=7),
    Shot("light", (120, 40), MAJORS, depth=7, keys=("t",)),
    Shot("one", (100, 26), ("BTCUSDT",), depth=20),
    Shot("two", (80, 24), PAIR),
    Shot("ladder", (120, 32), PAIR, view="ladder"),
    Shot("chart", (120, 32), PAIR, view="chart", keys=("right",) * 12),
    Shot("heatmap", (120, 32), ("BTCUSDT",), view="heatmap", frames=1000),
    Shot(
        "overview",
        (120, 40),
        tuple(default_symbols(SPOT)[:20]),
        view="overview",
        trouble={"LTCBTC": "gap"},
    ),
    Shot("horizon", (80, 24), PAIR[:1], depth=15, limit=12),
    Shot("connecting", (80, 24), PAIR, trouble={"BTCUSDT": "connecting", "ETHUSDT": "buffering"}),
    Shot("stale", (80, 24), PAIR, trouble={"ETHUSDT": "gap"}),
    Shot("reconnecting", (80, 24), PAIR, trouble=dict.fromkeys(PAIR, "lost")),
    Shot("limited", (80, 24), PAIR, trouble=dict.fromkeys(PAIR, "limited")),
    Shot("unreachable", (80, 24), PAIR, trouble=dict.fromkeys(PAIR, "unreachable")),
    Shot("unknown", (80, 24), PAIR, keys=("a", *"BNBBTX", "enter")),
    Shot("add", (80, 24), PAIR, keys=("a", *"btc")),
    Shot("log", (100, 30), MAJORS, trouble={"SOLUSDT": "gap", "BNBBTC": "limited"}, keys=("l",)),
    Shot("help", (100, 36), MAJORS, keys=("question_mark",)),
)

NO_STREAM: Final = {"connecting", "unreachable"}
NO_BOOK: Final = {*NO_STREAM, "buffering"}


class Clock:
    """The time of the simulated world."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def seconds(self) -> float:
        """Return seconds since the epoch."""
        return self.now_ms / 1000


class SnapshotScheduler:
    """Keeps one book from the simulated exchange's events, as a manager does, but in its time."""

    def __init__(self, symbol: str, exchange: Exchange, clock: Clock, trouble: str) -> None:
        self.symbol = symbol
        self.trouble = trouble
        self.last_received: float | None = None
        self.last_audit: float | None = None
        self._audits = 0
        self._exchange = exchange
        self._clock = clock
        self._synchronizer = Synchronizer(symbol, float)
        if trouble not in NO_STREAM:
            self._synchronizer.opened()
        if trouble == "unreachable":
            self._synchronizer.lost("socket lost: connection refused, next try in 15.0 s")
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

    def suffer(self) -> None:
        """Get into the trouble that this book is to get into."""
        if self.trouble == "lost":
            self._synchronizer.lost("socket lost: connection reset, next try in 8.0 s")
        elif self.trouble == "limited":
            self._synchronizer.lost("socket lost: closed by the server")
            self._synchronizer.opened()
            self._synchronizer.explain("the exchange may be asked again in 42 s")

    def hears(self, number: int) -> bool:
        """Return whether an event of a frame comes here."""
        if self.trouble in NO_STREAM or (self.trouble == "lost" and number >= TROUBLE_FRAME):
            return False
        return self.trouble != "gap" or number != TROUBLE_FRAME

    def receive(self, payload: bytes) -> None:
        """Take in an event."""
        self._synchronizer.receive(event_decoder(float)(payload))
        self.last_received = self._clock.seconds()
        while self._synchronizer.advance():
            pass
        self._note_audit()

    def fetch(self, limit: int) -> None:
        """Get a snapshot: to start from, or to compare the book with."""
        self._synchronizer.begin_audit()
        snapshot = snapshot_decoder(float)(self._exchange.snapshot(self.symbol, limit))
        self._synchronizer.offer(snapshot, limit)
        self._note_audit()

    def _note_audit(self) -> None:
        if self.counters.audits > self._audits:
            self._audits = self.counters.audits
            self.last_audit = self._clock.seconds()


class Listing:
    """Knows all symbols, for the prompt that adds one."""

    async def search(self, text: str) -> list[str]:
        """Return the names that contain a text."""
        return [name for name in default_symbols(SPOT) if text.upper() in name]

    async def add(self, name: str) -> Watched:
        """Say that there is no such symbol."""
        raise UnknownSymbolError(name, SPOT.name, get_close_matches(name, await self.search("")))

    async def drop(self, watched: Watched) -> None:
        """Keep a book no longer."""


class World:
    """The exchange, the books and the app of one picture, and the time that passes for them."""

    def __init__(self, shot: Shot) -> None:
        instruments = [instrument_named(SPOT, symbol, SEED) for symbol in shot.symbols]
        self._limit = shot.limit
        self._clock = Clock()
        self._exchange = Exchange(SPOT, instruments, seed=SEED)
        self._exchange.advance(self._clock.now_ms)
        self._keepers = {}
        for symbol in shot.symbols:
            stream = SPOT.stream(symbol, FRAME_MS)
            self._exchange.watch(stream)
            trouble = shot.trouble.get(symbol, "")
            self._keepers[stream] = SnapshotScheduler(symbol, self._exchange, self._clock, trouble)
        watched = [
            Watched(
                scheduler,
                decimals(instrument.prices.step),
                decimals(instrument.quantities.step),
                base=instrument.base,
                quote=instrument.quote,
            )
            for scheduler, instrument in zip(self._keepers.values(), instruments, strict=True)
        ]
        # The app's own timer is as good as off: a frame is drawn when its time has come here.
        self.app = WatchApp(
            watched,
            title="spot · built-in exchange",
            depth=shot.depth,
            fps=1e-6,
            clock=self._clock.seconds,
            wall=self._clock.seconds,
            books=Listing(),
            plain=False,
        )

    def run(self, number: int) -> None:
        """Let a frame's time pass, and draw it; frames long before the picture are below zero."""
        self._clock.now_ms += FRAME_MS
        for event in self._exchange.advance(self._clock.now_ms):
            scheduler = self._keepers[event.stream]
            if scheduler.hears(number):
                scheduler.receive(event.payload)
        for index, scheduler in enumerate(self._keepers.values()):
            if number == TROUBLE_FRAME:
                scheduler.suffer()
            has_book = scheduler.cache.last_update_id or scheduler.trouble in NO_BOOK
            if not has_book or (number == AUDIT_FRAME - index and scheduler.trouble not in NO_BOOK):
                scheduler.fetch(self._limit)
        # Of a long time before the picture only a frame a second is drawn: it makes the heatmap.
        if number >= 0 or number % 10 == 0:
            self.app.look()


async def picture(shot: Shot) -> str:
    """Return a picture as SVG."""
    world = World(shot)
    async with world.app.run_test(size=shot.size, notifications=True) as pilot:
        world.app.action_view(shot.view)
        for number in range(FRAMES - shot.frames, FRAMES):
            world.run(number)
        for key in shot.keys:
            await pilot.press(key)
        for prompt in world.app.screen.query(Input):
            prompt.cursor_blink = False
        await world.app.workers.wait_for_complete()
        # What was done leads to a message, and that to a drawing.
        for _ in range(3):
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
