"""The app: keys, pause, states, sizes, and that only what changed is painted again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from textual.events import MouseScrollDown, MouseScrollUp

from depthcli.core.state import State
from depthcli.tui import WatchApp
from depthcli.tui.canvas import Canvas
from depthcli.tui.model.observer import Observer
from tests.tui.books import Clock, FakeManager, manager, symbols
from tests.tui.screens import stage

if TYPE_CHECKING:
    from pathlib import Path

    from textual.geometry import Region

    from depthcli.tui.model.watched import Picture

SIZE = (100, 30)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def levels_shown(lines: list[str]) -> int:
    """Return how many rows of a ladder there are."""
    return sum("│" in line and "." in line for line in lines)


async def test_shows_the_best_five_levels_and_keeps_up_with_the_book(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        assert levels_shown(screen.lines()) == 5
        best = book.price(book.ticks + 1)
        assert "7.777" not in screen.text()
        book.change(clock.now, [], [(best, 7.777)])
        await screen.pass_time(0.1)
        assert "0.009813    7.777" in screen.text()


async def test_plus_and_minus_change_the_depth(clock: Clock) -> None:
    async with stage([manager("BNBBTC", clock.now)], SIZE, clock) as screen:
        await screen.press("plus", "plus")
        assert levels_shown(screen.lines()) == 7
        assert "depth 7" in screen.text()
        await screen.press("minus", "minus", "minus", "minus", "minus", "minus", "minus", "minus")
        assert levels_shown(screen.lines()) == 1
        await screen.press(*["plus"] * 40)
        assert levels_shown(screen.lines()) == SIZE[1] - 5, "as many as there is room for"


@pytest.mark.parametrize("key", ["p", "space"])
async def test_pause_freezes_the_picture_while_the_book_goes_on(clock: Clock, key: str) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        await screen.press(key)
        before = screen.lines()[1:]
        book.change(clock.now, [], [(book.price(book.ticks + 1), 7.777)])
        await screen.pass_time(12.0)
        assert screen.lines()[1:] == before
        assert "PAUSED 12 s" in screen.lines()[0]
        assert "p resume" in screen.lines()[-1]
        await screen.press(key)
        assert "7.777" in screen.text()
        assert "PAUSED" not in screen.text()


async def test_depth_and_size_change_in_a_pause(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        await screen.press("p")
        book.change(clock.now, [], [(book.price(book.ticks + 1), 7.777)])
        await screen.press(*["plus"] * 6)
        assert levels_shown(screen.lines()) == 11
        await screen.pilot.resize_terminal(60, 40)
        await screen.pilot.pause()
        assert "7.777" not in screen.text()
        assert "PAUSED" in screen.text()


async def test_help_opens_and_closes(clock: Clock) -> None:
    async with stage([manager("BNBBTC", clock.now)], (100, 70), clock) as screen:
        for closing in ("escape", "question_mark", "q"):
            await screen.press("question_mark")
            assert "resume the display" in screen.text()
            assert "in UTC" in screen.text()
            await screen.press(closing)
            assert "resume the display" not in screen.text()
        assert screen.app.is_running


async def test_books_go_on_behind_the_help(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], (100, 40), clock) as screen:
        await screen.press("question_mark")
        book.change(clock.now, [], [(book.price(book.ticks + 1), 7.777)])
        await screen.pass_time(0.1)
        await screen.press("escape")
        assert "7.777" in screen.text()


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_quits(clock: Clock, key: str) -> None:
    app = WatchApp([manager("BNBBTC", clock.now).watched], title="spot")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert not app.is_running
    assert app.return_code == 0


async def test_ctrl_c_quits_from_the_help_too(clock: Clock) -> None:
    app = WatchApp([manager("BNBBTC", clock.now).watched], title="spot")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert not app.is_running


async def test_its_own_timer_looks_at_the_books() -> None:
    clock = Clock()
    book = manager("BNBBTC", clock.now)
    app = WatchApp([book.watched], title="spot", fps=50, clock=clock)
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(10):
        book.change(clock.now, [], [(book.price(book.ticks + 1), 7.777)])
        while "7.777" not in app.export_screenshot():
            await pilot.pause()


async def test_a_stale_book_is_dimmed_says_why_and_comes_back(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book, manager("ETHBTC", clock.now)], (80, 24), clock) as screen:
        assert "● 2 live" in screen.lines()[0]
        before = screen.lines()
        book.change(clock.now, [(book.price(book.ticks), 1.111)], [], skip=12)
        await screen.pass_time(3.0)
        lines = screen.lines()
        assert "● 1 live  ▲ 1 stale" in lines[0]
        assert "1 gap" in lines[0]
        assert "▲ STALE  3.0 s" in lines[1]
        assert "gap: 12 updates are missing after 101" in lines[2]
        assert lines[3:9] == before[3:9], "the last true book stays as it was"
        assert colours(screen, 4).isdisjoint(colours(screen, 15)), "nothing in it looks live"
        book.go_live(clock.now)
        await screen.pass_time(0.1)
        assert "● 2 live" in screen.lines()[0]
        assert "gap:" not in screen.text()


def colours(screen, row: int) -> set[object]:
    return {segment.style.color for segment in screen.strips()[row] if segment.text.strip(" │")}


async def test_no_levels_are_made_up_before_the_first_book(clock: Clock) -> None:
    book = FakeManager("BNBBTC")
    async with stage([book], SIZE, clock) as screen:
        assert "◌ CONNECTING" in screen.lines()[1]
        book.synchronizer.opened()
        book.synchronizer.explain("snapshot refused: HTTP 500, asking again in 2.0 s")
        await screen.pass_time(1.0)
        assert "◍ BUFFERING  1.0 s" in screen.lines()[1]
        said = " ".join(screen.text().split())
        assert "snapshot refused: HTTP 500, asking again in 2 s (0 events buffered)" in said
        book.go_live(clock.now)
        await screen.pass_time(0.1)
        assert levels_shown(screen.lines()) == 5


async def test_a_closed_book_says_so(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        book.synchronizer.close("delisted")
        await screen.pass_time(60.0)
        assert "■ DELISTED  1 min" in screen.lines()[1]
        assert "delisted" in screen.lines()[2]


async def test_every_size_can_be_had(clock: Clock) -> None:
    books = [manager(symbol, clock.now) for symbol in symbols(7)]
    books[1].change(clock.now, [], [], skip=1)
    books[2] = FakeManager("BTCUSDT")
    async with stage(books, (80, 24), clock) as screen:
        for width, height in ((1, 1), (3, 2), (10, 3), (20, 5), (37, 9), (58, 6), (250, 70)):
            await screen.pilot.resize_terminal(width, height)
            await screen.pilot.pause()
            assert len(screen.lines()) == height
            await screen.pass_time(0.1)
        assert screen.text().count("LIVE") == 5


async def test_the_overview_scrolls(clock: Clock) -> None:
    books = [manager(f"COIN{index:02}", clock.now) for index in range(40)]
    async with stage(books, (80, 13), clock) as screen:
        first = lambda: screen.lines()[2][1:7]  # noqa: E731
        chosen = lambda: next(row[1:7] for row in screen.lines() if row[0] == "▶")  # noqa: E731
        assert (first(), chosen()) == ("COIN00", "COIN00")
        await screen.press("down", "down", "down", "up")
        assert (first(), chosen()) == ("COIN00", "COIN02"), "nothing moves that needn't"
        await screen.press("pagedown")
        assert (first(), chosen()) == ("COIN03", "COIN12")
        await screen.press("end")
        assert (first(), chosen()) == ("COIN30", "COIN39")
        await screen.press("down")
        assert (first(), chosen()) == ("COIN30", "COIN39")
        await screen.press("home")
        assert (first(), chosen()) == ("COIN00", "COIN00")


async def test_of_hundreds_of_books_a_frame_looks_into_a_part(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    picture = Observer.picture

    def picture_noted(observer: Observer, *arguments: Any) -> Picture:
        looked.append(observer.watched.name)
        return picture(observer, *arguments)

    books = [manager(symbol, clock.now) for symbol in symbols(300)]
    async with stage(books, SIZE, clock) as screen:
        assert "overview" in screen.lines()[0]
        monkeypatch.setattr(Observer, "picture", picture_noted)
        await screen.pass_time(0.1)
        assert 0 < len(looked) <= 300 / 10 + 2 * SIZE[1]
        for _ in range(10):
            await screen.pass_time(0.1)
        assert set(looked) == {book.symbol for book in books}


async def test_the_wheel_scrolls_the_overview(clock: Clock) -> None:
    books = [manager(f"COIN{index:02}", clock.now) for index in range(40)]
    async with stage(books, (80, 13), clock) as screen:
        canvas = screen.app.query_one(Canvas)
        for kind, top in ((MouseScrollDown, "COIN03"), (MouseScrollUp, "COIN00")):
            canvas.post_message(kind(canvas, 5, 5, 0, 0, 0, False, False, False))
            await screen.pilot.pause()
            assert screen.lines()[2][1:7] == top


async def test_only_what_changed_is_painted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book, manager("ETHBTC", clock.now)], (80, 24), clock) as screen:
        await screen.pass_time(0.1)
        painted: list[Region] = []
        monkeypatch.setattr(Canvas, "refresh", lambda self, *regions: painted.extend(regions))
        await screen.pass_time(0.0)
        assert [region for region in painted if region.y] == []
        third = book.cache.asks.top(3)[-1][0]
        book.change(clock.now, [], [(third, 1.0)])
        await screen.pass_time(0.0)
        age, *rest = [region for region in painted if region.y]
        assert (age.y, age.width) == (1, len("  0.0 s "))
        assert [region.y for region in rest] == [6, 7, 8, 9, 10, 11], "it, those below, the numbers"
        assert all(region.x > 40 for region in rest[:3]), "the bids beside it aren't"


async def test_the_theme_changes_all_colours(clock: Clock) -> None:
    async with stage([manager("BNBBTC", clock.now)], SIZE, clock) as screen:
        dark = screen.strips()[5]
        await screen.press("t")
        light = screen.strips()[5]
        assert dark.text == light.text
        assert {s.style.bgcolor for s in dark}.isdisjoint({s.style.bgcolor for s in light})
        await screen.press("t")
        assert screen.strips()[5] == dark


NOT_SEEN = (
    "All symbols",
    "Copy as text",
    "Copy as JSON",
    "Save a screenshot",
    "View: books",
    "Reverse the overview",
    "Move the symbol back",
    "Move the symbol on",
    "Next symbol",
    "Up",
    "Down",
    "Left",
    "Right",
    "Previous symbol",
    "Recentre",
    "Sort the overview",
    "Flash changes",
)
"""Commands that change nothing where they come in the list."""


async def test_each_command_of_the_palette_does_something(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage([manager("BNBBTC", clock.now)], SIZE, clock) as screen:
        for command in list(screen.app.get_system_commands(screen.app.screen))[:-1]:
            before = screen.app.export_screenshot()
            await command.callback()
            await screen.pilot.pause()
            if command.title not in NOT_SEEN:
                assert screen.app.export_screenshot() != before, command.title
            if len(screen.app.screen_stack) > 1:
                await screen.press("escape")
        assert [c.title for c in screen.app.get_system_commands(screen.app.screen)][-1] == "Quit"


async def test_rates_are_of_the_last_seconds(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        for _ in range(20):
            book.change(clock.now, [], [])
            book.change(clock.now, [], [])
            await screen.pass_time(0.1)
        assert "10 fps    20 events/s" in screen.lines()[0]


async def test_there_must_be_something_to_watch() -> None:
    with pytest.raises(ValueError, match="nothing to watch"):
        WatchApp([], title="spot")


async def test_states_are_counted_by_their_names(clock: Clock) -> None:
    books = [FakeManager(symbol) for symbol in symbols(3)]
    books[0].go_live(clock.now)
    books[1].synchronizer.opened()
    async with stage(books, (120, 30), clock) as screen:
        for state in (State.LIVE, State.BUFFERING, State.CONNECTING):
            assert f"1 {state.value}" in screen.lines()[0]
