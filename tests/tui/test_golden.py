"""The whole screen as text, compared with what it was: `UPDATE_GOLDEN=1 pytest tests/tui` remakes.

The pictures are taken with NO_COLOR set, so they also show that nothing is said by colour alone.
Below each stands which cells are dimmed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tui.books import Clock, FakeManager, manager, symbols
from tests.tui.screens import stage

FOLDER = Path(__file__).parent / "golden"

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


async def compare(
    name: str,
    managers: list[FakeManager],
    size: tuple[int, int],
    clock: Clock,
    trouble: bool = False,
) -> None:
    async with stage(managers, size, clock) as screen:
        if trouble:
            managers[1].change(clock.now, [], [], skip=12)
            managers[3].synchronizer.close("SOLUSDT was delisted")
            await screen.pass_time(7.5)
            managers[0].last_received = clock.now
        await screen.pass_time(0.2)
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
