"""The whole screen as text, compared with what it was: `UPDATE_GOLDEN=1 pytest tests/tui` remakes.

The pictures are taken with NO_COLOR set, so they also show that nothing is said by colour alone.
Below each stands which cells are dimmed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depthcli.errors import UnknownSymbolError
from depthcli.settings.workspaces import Workspaces
from depthcli.tui.model.view_names import View
from tests.horizons import end_at
from tests.tui.books import Clock, FakeManager, manager, symbols, trade
from tests.tui.screens import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.tui import Watched
    from tests.tui.screens import Stage

FOLDER = Path(__file__).parent / "golden"

VIEWS = {
    f"{view}-{width}x{height}-{count}": (view, (width, height), count, keys)
    for view, keys in (
        ("books", ("z", "g", "u")),
        ("ladder", ()),
        ("chart", ("right", "right", "right", "right")),
        ("heatmap", ()),
        ("overview", ("r", "r", "r", "r", "down")),
    )
    for width, height, count in (
        (40, 20, 1),
        (80, 24, 2),
        (120, 40, 4),
        (200, 60, 12),
    )
}
"""Each view in each size, with keys that show what it can do."""

SCREENS = {
    "80x24-1": (80, 24, 1),
    "80x24-2": (80, 24, 2),
    "80x24-4": (80, 24, 4),
    "80x24-20": (80, 24, 20),
    "120x40-1": (120, 40, 1),
    "120x40-4": (120, 40, 4),
    "120x40-20": (120, 40, 20),
    "40x20-1": (40, 20, 1),
    "40x20-2": (40, 20, 2),
    "40x20-4": (40, 20, 4),
    "40x20-20": (40, 20, 20),
    "200x60-20": (200, 60, 20),
    "20x6-2": (20, 6, 2),
}


@pytest.fixture(autouse=True)
def _no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def troubled(clock: Clock) -> list[FakeManager]:
    """Return four books: live, stale, without a snapshot, and closed."""
    books = [FakeManager(symbol) for symbol in symbols(4)]
    for index in (0, 1, 3):
        books[index].go_live(clock.now - 20)
    books[2].synchronizer.opened()
    books[2].synchronizer.explain("snapshot refused: HTTP 500, asking again in 2.0 s")
    books[0].last_received = clock.now
    return books


def every_state(clock: Clock) -> list[FakeManager]:
    """Return a book in each state that a screen tells from the others."""
    names = [*symbols(4), "XRPUSDT", "DOGEUSDT", "PEPEUSDT", "币安人生USDT", "COIN0USDT"]
    books = [FakeManager(name) for name in names]
    live, connecting, buffering, stale, lost, limited, halted, delisted, unreachable = books
    for book in (live, stale, lost, limited, halted, delisted):
        book.go_live(clock.now)
    del connecting
    buffering.synchronizer.opened()
    for _ in range(37):
        buffering.change(clock.now, [], [])
    stale.change(clock.now, [], [], skip=12)
    lost.synchronizer.lost("socket lost: connection reset, next try in 8.0 s")
    limited.synchronizer.lost("socket lost: closed by the server")
    limited.synchronizer.opened()
    limited.synchronizer.explain("the exchange may be asked again in 42 s")
    halted.synchronizer.halt("trading is halted (BREAK)")
    delisted.synchronizer.close("the exchange no longer lists it: delisted or expired")
    unreachable.synchronizer.lost("socket lost: connection refused, next try in 30.0 s")
    return books


async def compare(
    name: str,
    managers: list[FakeManager],
    size: tuple[int, int],
    clock: Clock,
    trouble: bool = False,
    rounds: int = 0,
    keys: Sequence[str] = (),
    view: str = "books",
) -> None:
    async with stage(managers, size, clock) as screen:
        screen.app.action_view(view)
        for _ in range(rounds):
            for book in managers:
                trade(book, clock.now, 2)
            await screen.pass_time(1.0)
        await screen.press(*keys)
        if trouble:
            managers[1].change(clock.now, [], [], skip=12)
            managers[3].synchronizer.close("SOLUSDT was delisted")
            await screen.pass_time(7.5)
            managers[0].last_received = clock.now
        await screen.pass_time(0.2)
        matches(name, screen)


def matches(name: str, screen: Stage) -> None:
    """Compare a screen with what it was."""
    dim = screen.dim()
    shown = "\n".join([*screen.lines(), *(["", "dim:", *dim] if dim else [])]) + "\n"
    path = FOLDER / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8"), "if this is meant: UPDATE_GOLDEN=1"


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str) -> None:
    clock = Clock()
    width, height, count = SCREENS[name]
    managers = [manager(symbol, clock.now) for symbol in symbols(count)]
    await compare(name, managers, (width, height), clock)


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 20)], ids=lambda size: f"{size[0]}")
async def test_screen_with_every_state(size: tuple[int, int]) -> None:
    clock = Clock()
    name = f"{size[0]}x{size[1]}-states"
    await compare(name, troubled(clock), size, clock, trouble=True)


async def test_overview_with_every_state() -> None:
    clock = Clock()
    managers = [*troubled(clock), *[manager(f"COIN{index}", clock.now) for index in range(16)]]
    await compare("80x24-states-overview", managers, (80, 24), clock, trouble=True)


@pytest.mark.parametrize("name", VIEWS)
async def test_view(name: str) -> None:
    clock = Clock()
    view, size, count, keys = VIEWS[name]
    managers = [manager(symbol, clock.now) for symbol in symbols(count)]
    await compare(name, managers, size, clock, rounds=20, keys=keys, view=view)


@pytest.mark.parametrize("view", View)
async def test_each_state_says_what_it_is(view: str) -> None:
    clock = Clock()
    size = (200, 60)
    await compare(f"{view}-states-200x60", every_state(clock), size, clock, rounds=0, view=view)


@pytest.mark.parametrize("view", View)
async def test_where_the_snapshot_ends(view: str) -> None:
    clock = Clock()
    managers = [manager(symbol, clock.now) for symbol in symbols(2)]
    for book in managers:
        end_at(book.cache.bids, book.cache.bids.levels()[3][0])
        end_at(book.cache.asks, book.cache.asks.levels()[5][0])
    await compare(f"{view}-horizon-80x24", managers, (80, 24), clock, view=view)


@pytest.mark.parametrize("size", [(100, 30), (40, 20)], ids=lambda size: f"{size[0]}")
async def test_log(size: tuple[int, int]) -> None:
    clock = Clock()
    name = f"log-{size[0]}x{size[1]}"
    await compare(name, troubled(clock), size, clock, trouble=True, keys=("l",))


PROMPTS = {
    "add": ("a", *"btc"),
    "add-nothing": ("a", *"xyz"),
    "add-unknown": ("a", *"BNBBTX", "enter"),
    "filter": ("/", *"eth"),
    "size": ("c", *"25"),
    "workspace": ("w", *"majors"),
}


class Listing:
    """Knows a few symbols."""

    async def add(self, name: str) -> Watched:
        raise UnknownSymbolError(name, "spot", ["BNBBTC"])

    async def drop(self, watched: Watched) -> None:
        raise AssertionError(watched)

    async def search(self, text: str) -> list[str]:
        return [name for name in ("BTCUSDT", "BNBBTC", "usdm:BTCUSDT") if text.upper() in name]


@pytest.mark.parametrize("name", PROMPTS)
async def test_prompts(name: str, tmp_path: Path) -> None:
    clock = Clock()
    managers = [manager(symbol, clock.now) for symbol in symbols(2)]
    kept = Workspaces(tmp_path)
    options = {"books": Listing(), "workspaces": kept, "notifications": True}
    async with stage(managers, (80, 24), clock, **options) as screen:
        await screen.press(*PROMPTS[name])
        await screen.app.workers.wait_for_complete()
        await screen.pilot.pause()
        matches(name, screen)


async def test_help_in_a_narrow_terminal() -> None:
    clock = Clock()
    managers = [manager("BNBBTC", clock.now)]
    await compare("help-40x20", managers, (40, 20), clock, keys=("question_mark",))


async def test_pause() -> None:
    clock = Clock()
    managers = [manager(symbol, clock.now) for symbol in symbols(2)]
    await compare("paused-80x24", managers, (80, 24), clock, keys=("p",))


@pytest.mark.parametrize("view", View)
async def test_help(view: str) -> None:
    clock = Clock()
    managers = [manager("BNBBTC", clock.now)]
    await compare(f"help-{view}", managers, (100, 70), clock, keys=("question_mark",), view=view)
