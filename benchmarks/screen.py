"""What the screen costs: CPU a frame, the time from a key to its repaint, the whole process."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.containers import Grid
from textual.events import Key
from textual.widgets import DataTable

from benchmarks import exchange
from benchmarks.report import Section
from benchmarks.venue import symbols_of
from depthcli.core.messages import DepthEvent, Snapshot
from depthcli.core.state import State
from depthcli.core.synchronizer import Synchronizer
from depthcli.tui import WatchApp, Watched
from depthcli.tui.canvas import Canvas
from depthcli.tui.model.view_names import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from depthcli.core.book import DepthCache
    from depthcli.core.state import Counters

START = 1_767_355_471.0
LEVELS = 1_000


class Book:
    """A book kept by a real synchronizer, whose best levels change as they are told."""

    state = State.LIVE
    reason = ""
    buffered = 0
    last_audit: float | None = None

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol = symbol
        self.last_received: float | None = START
        self._random = random.Random(seed)
        self._synchronizer: Synchronizer[float] = Synchronizer(symbol, float)
        bids = [(round(100 - index / 100, 2), self.quantity()) for index in range(LEVELS)]
        asks = [(round(100.02 + index / 100, 2), self.quantity()) for index in range(LEVELS)]
        self._synchronizer.opened()
        self._synchronizer.offer(Snapshot(1, bids, asks), LEVELS)

    @property
    def cache(self) -> DepthCache[float]:
        """The book."""
        return self._synchronizer.cache

    @property
    def counters(self) -> Counters:
        """What happened to it."""
        return self._synchronizer.counters

    def quantity(self) -> float:
        """Return some quantity."""
        return round(self._random.uniform(0.001, 90), 3)

    def change(self, share: float, now: float) -> None:
        """Change so large a share of the best 20 levels of both sides."""
        first = self.cache.last_update_id + 1
        changed = [
            [(price, self.quantity()) for price, _ in side if self._random.random() < share]
            for side in self.cache.top(20)
        ]
        self._synchronizer.receive(DepthEvent(int(now * 1000), self.symbol, first, first, *changed))
        self.last_received = now
        while self._synchronizer.advance():
            pass


class Tables(App[None]):
    """The levels of the books in plain tables."""

    CSS = "Grid { grid-size: 2; } DataTable { height: 100%; }"

    def __init__(self, books: list[Book], rows: int) -> None:
        super().__init__()
        self._books = books
        self._rows = rows

    def compose(self) -> ComposeResult:
        """One table a book; or one for all, a row for each."""
        if self._rows:
            with Grid():
                for book in self._books:
                    yield DataTable(id=book.symbol)
        else:
            yield DataTable(id="overview")

    def on_mount(self) -> None:
        """Make the cells."""
        for table in self.query(DataTable):
            table.add_columns("bid", "quantity", "ask", "quantity")
            for _ in range(self._rows or len(self._books)):
                table.add_row("", "", "", "")

    def look(self) -> None:
        """Put the levels into the cells."""
        overview = None if self._rows else self.query_one(DataTable)
        for index, book in enumerate(self._books):
            table = overview or self.query_one(f"#{book.symbol}", DataTable)
            bids, asks = book.cache.top(self._rows or 1)
            for row, (bid, ask) in enumerate(zip(bids, asks, strict=False)):
                texts = (f"{bid[0]:.2f}", f"{bid[1]:.3f}", f"{ask[0]:.2f}", f"{ask[1]:.3f}")
                for column, text in enumerate(texts):
                    table.update_cell_at((row if self._rows else index, column), text)


async def spent(
    make: Callable[[list[Book], Callable[[], float]], Any],
    count: int,
    size: tuple[int, int],
    share: float,
    frames: int,
) -> float:
    """Return the CPU ms per frame of an app."""
    books = [Book(f"COIN{index}USDT", index) for index in range(count)]
    now = START
    app = make(books, lambda: now)
    total = 0.0
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for frame in range(frames + 5):
            now += 0.1
            for book in books:
                book.change(share, now)
            before = time.process_time()
            app.look()
            await asyncio.sleep(0)
            app.screen._on_timer_update()  # noqa: SLF001, what Textual's own timer does 60 times a second
            total += (time.process_time() - before) if frame >= 5 else 0.0
    return total / frames * 1000


async def key_to_repaint(presses: int) -> list[float]:
    """Return the ms from a key to the repaint of what it changes, while 200 symbols stream."""
    books = [Book(f"COIN{index}USDT", index) for index in range(200)]
    app = WatchApp(
        [Watched(book, 2, 3, tick=Decimal("0.01")) for book in books], title="spot", fps=10
    )
    taken = []

    async def stream() -> None:
        while True:
            now = time.monotonic()
            for book in books:
                book.change(0.2, now)
                await asyncio.sleep(0.1 / len(books))

    async with app.run_test(size=(120, 40)) as pilot:
        app.view_state.look_at(View.OVERVIEW)
        streaming = asyncio.create_task(stream())
        canvas = app.query_one(Canvas)

        def pending() -> bool:
            """Return whether something changed that isn't painted yet."""
            return bool(canvas._repaint_regions or app.screen._dirty_widgets)  # noqa: SLF001

        for press in range(presses):
            await asyncio.sleep(0.037)
            before = time.perf_counter()
            focus = app.view_state.focus
            app.post_message(Key("up" if press % 2 else "down", None))
            while app.view_state.focus == focus or pending():  # noqa: ASYNC110
                await asyncio.sleep(0)
            taken.append((time.perf_counter() - before) * 1000)
        streaming.cancel()
        await pilot.pause()
    return sorted(taken)


def watch(view: str, depth: int) -> Callable[[list[Book], Callable[[], float]], WatchApp]:
    """Return what makes the screen in some view; its own timer is as good as off."""

    def make(books: list[Book], clock: Callable[[], float]) -> WatchApp:
        watched = [
            Watched(book, 2, 3, tick=Decimal("0.01"), base="COIN", quote="USDT") for book in books
        ]
        app = WatchApp(
            watched, title="spot", depth=depth, fps=1e-6, clock=clock, wall=clock, plain=False
        )
        app.view_state.look_at(View(view))
        return app

    return make


def tables(rows: int) -> Callable[[list[Book], Callable[[], float]], Tables]:
    """Return what makes the plain tables."""
    return lambda books, _clock: Tables(books, rows)


DRAWINGS = {
    "4 panels of 16 levels a side": (watch("books", 16), 4, (120, 40)),
    "4 ladders": (watch("ladder", 16), 4, (120, 40)),
    "4 depth charts": (watch("chart", 16), 4, (120, 40)),
    "4 heatmaps": (watch("heatmap", 16), 4, (120, 40)),
    "4 `DataTable`s of 16 levels": (tables(16), 4, (120, 40)),
    "overview of 200 symbols": (watch("overview", 5), 200, (120, 40)),
    "overview of 200 symbols, all seen": (watch("overview", 5), 200, (120, 205)),
    "`DataTable` of 200 rows": (tables(0), 200, (120, 40)),
    "`DataTable` of 200 rows, all seen": (tables(0), 200, (120, 205)),
}

SHARES = ((4, "12%"), (200, "60%"))
"""Symbols, each with 10 events a second, and the share of a core that they may take."""


def measure(*, tiny: bool) -> Section:
    """Measure what drawing costs, how soon a key shows, and what the whole process takes."""
    section = Section(
        "The screen",
        "CPU ms of a frame: pictures of the books taken, lines made and painted; beside it plain"
        " tables that are told the same levels cell by cell. At 10 frames a second 10 ms are 10% of"
        " a core.",
        ["", "terminal", "all levels change", "a fifth of them", "bar"],
    )
    frames = 2 if tiny else 100
    for name, (make, count, size) in DRAWINGS.items():
        few = frames if count == 4 else max(frames // 4, 2)
        both = [asyncio.run(spent(make, count, size, share, few)) for share in (1.0, 0.2)]
        bar = "3 to 6" if "panels" in name else ""
        section.rows.append([name, f"{size[0]}x{size[1]}", *(f"{ms:.1f}" for ms in both), bar])
    gc.freeze()  # as `depthcli watch` does
    taken = asyncio.run(key_to_repaint(2 * frames))
    middle, worst = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    section.notes.append(
        f"From a key to the repaint of what it changes, while 200 symbols stream: median"
        f" {middle:.1f} ms, 99 % {worst:.1f} ms; the bar is 50 ms."
    )
    for count, bar in () if tiny else SHARES:
        with tempfile.TemporaryDirectory() as folder:
            names = symbols_of(count)
            figures = exchange.measured(exchange.Watch(Path(folder)), names, 10 * count, 20.0)
        section.notes.append(
            f"The whole process of `depthcli watch` with {count} symbols, {figures[0]} events a"
            f" second, 10 frames a second at 120x40: {figures[1]} of a core; the bar is {bar}."
        )
    return section
