"""What keys and the mouse do: views, choice, zoom, groups, sizes, filter, copies, pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from textual.events import Leave, MouseMove, MouseScrollDown, MouseScrollUp, Paste
from textual.widgets import Input

from depthcli.errors import UnknownSymbolError, UnreachableError
from depthcli.settings.workspaces import WatchedSymbol, Workspace, Workspaces
from depthcli.tui.canvas import Canvas
from depthcli.tui.command_palette import COMMANDS
from depthcli.tui.model.order_sizes import size_of
from depthcli.tui.model.view_names import View
from tests.tui.books import Clock, FakeManager, manager, symbols, trade
from tests.tui.screens import Stage, stage

if TYPE_CHECKING:
    from pathlib import Path

    from depthcli.tui.model.watched import Watched

SIZE = (120, 40)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def books_of(count: int, clock: Clock) -> list[FakeManager]:
    return [manager(symbol, clock.now) for symbol in symbols(count)]


async def fill_the_log(screen: Stage, book: FakeManager, clock: Clock) -> None:
    """Let a book break off and come back, often enough that its log has to be scrolled."""
    for _ in range(12):
        book.change(clock.now, [], [], skip=3)
        await screen.pass_time(1.0)
        book.go_live(clock.now)
        await screen.pass_time(1.0)


def titles(screen: Stage) -> list[str]:
    """Return the symbols whose tiles are shown, the chosen one with its sign."""
    found = []
    for line in screen.lines():
        for part in line.replace("▶", "\n▶").replace("▌", "\n ").split("\n")[1:]:
            found += part.split()[:1] if "LIVE" in part else []
    return found


async def point(screen: Stage, x: int, y: int) -> None:
    canvas = screen.app.query_one(Canvas)
    canvas.post_message(MouseMove(canvas, x, y, 0, 0, 0, False, False, False, x, y))
    await screen.pilot.pause()


async def test_v_goes_through_the_views_and_back(clock: Clock) -> None:
    async with stage(books_of(2, clock), SIZE, clock) as screen:
        seen = []
        for _ in View:
            seen.append(screen.lines()[0].split()[1])
            await screen.press("v")
        assert seen == ["books", "ladder", "chart", "heatmap", "overview"]
        assert screen.lines()[0].split()[1] == "books"
        await screen.press("V")
        assert screen.lines()[0].split()[1] == "overview"
        await screen.press("b")
        assert screen.lines()[0].split()[1] == "books"


async def test_a_symbol_is_chosen_by_tab_by_number_and_by_click(clock: Clock) -> None:
    async with stage(books_of(4, clock), SIZE, clock) as screen:
        assert titles(screen)[0] == "▶BNBBTC"
        await screen.press("tab")
        assert "▶ETHBTC" in titles(screen)
        await screen.press("shift+tab", "shift+tab")
        assert "▶SOLUSDT" in titles(screen)
        await screen.press("3")
        assert "▶BTCUSDT" in titles(screen)
        await screen.press("9")
        assert "▶BTCUSDT" in titles(screen), "there is no ninth"
        await screen.pilot.click(Canvas, offset=(90, 5))
        assert "▶ETHBTC" in titles(screen)


@pytest.mark.parametrize("view", ["books", "ladder", "chart", "heatmap"])
async def test_zoom_shows_one_symbol_alone(clock: Clock, view: str) -> None:
    async with stage(books_of(4, clock), SIZE, clock) as screen:
        screen.app.action_view(view)
        await screen.press("2", "z")
        assert titles(screen) == ["ETHBTC"]
        await screen.press("tab")
        assert titles(screen) == ["BTCUSDT"], "the next symbol in its place"
        await screen.press("escape")
        assert len(titles(screen)) == 4
        await screen.press("enter", "enter")
        assert len(titles(screen)) == 4


async def test_a_zoomed_book_uses_the_room(clock: Clock) -> None:
    async with stage(books_of(2, clock), SIZE, clock) as screen:
        await screen.press("z")
        rows = [line for line in screen.lines() if "│ 0.00" in line]
        assert len(rows) == 32
        assert "top 32" in screen.text()


async def test_the_screen_is_filled_and_goes_back(clock: Clock) -> None:
    async with stage(books_of(4, clock), SIZE, clock) as screen:
        assert "m fill" in screen.lines()[-1]
        before = screen.lines()
        await screen.press("m")
        filled = screen.lines()
        assert "depth max  m fewer" in filled[-1]
        assert sum(line.count(" │ ") == 2 for line in filled) == 2 * (13 + 1), "and the headings"
        assert sum("latency" in line for line in filled) == 2, "with the numbers below the levels"
        assert not any(line == "" for line in filled)
        await screen.press("minus")
        assert "depth 12" in screen.lines()[-1], "one less than was seen"
        await screen.press("m", "m", *["minus"] * 7)
        assert screen.lines() == before


async def test_symbols_are_moved_in_their_order(clock: Clock) -> None:
    async with stage(books_of(3, clock), SIZE, clock) as screen:
        await screen.press("greater_than_sign")
        assert [title.lstrip("▶") for title in titles(screen)] == ["ETHBTC", "BNBBTC", "BTCUSDT"]
        await screen.press("less_than_sign", "less_than_sign")
        assert titles(screen)[0] == "▶BNBBTC"


async def test_groups_are_of_the_chosen_symbol(clock: Clock) -> None:
    async with stage(books_of(2, clock), SIZE, clock) as screen:
        await screen.press("g", "g")
        assert "BNBBTC x100 " in screen.text()
        assert "group x100" in screen.lines()[-1]
        assert "ETHBTC x" not in screen.text()
        await screen.press("G", "G", "G")
        assert " x1" not in screen.text()


async def test_quantities_change_their_asset(clock: Clock) -> None:
    book = manager("SOLUSDT", clock.now)
    async with stage([book], SIZE, clock) as screen:
        price, quantity = book.cache.asks.top(1)[0]
        assert f"{quantity:.3f}" in screen.text()
        await screen.press("u")
        assert f"{price} {price * quantity:8.0f}" in screen.text()
        assert "in USDT" in screen.text()
        await screen.press("u")
        assert f"{quantity:.3f}" in screen.text()


async def test_the_size_whose_cost_is_shown(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        assert " 200 BNB  buy" in screen.text()
        await screen.press("right_square_bracket")
        assert " 500 BNB  buy" in screen.text()
        await screen.press("left_square_bracket", "left_square_bracket")
        assert " 100 BNB  buy" in screen.text()
        await screen.press("c", *"2.5k", "enter")
        assert " 2500 BNB  buy" in screen.text()
        await screen.press("c", *"99m", "enter")
        known = sum(quantity for _, quantity in book.cache.asks.levels())
        assert f"only {known:.5g} known" in screen.text()
        await screen.press("c", *"many", "enter")
        assert " 99M BNB" in screen.text(), "nonsense changes nothing"
        await screen.press("c", "escape")
        assert " 99M BNB" in screen.text()


def test_sizes_as_people_type_them() -> None:
    assert [size_of(text) for text in ("10", " 0.5 ", "25k", "1.5M", "1,000")] == [
        10,
        0.5,
        25_000,
        1_500_000,
        1000,
    ]
    for nonsense in ("", "k", "-1", "0", "nan", "inf", "1e99", "ten"):
        with pytest.raises(ValueError, match="is no size"):
            size_of(nonsense)


async def test_the_overview_is_filtered_while_one_types(clock: Clock) -> None:
    async with stage(books_of(20, clock), SIZE, clock) as screen:
        await screen.press("slash", *"btc")
        listed = [line[1:12].split()[0] for line in screen.lines()[2:8] if line.strip()]
        assert listed[:3] == ["BNBBTC", "ETHBTC", "BTCUSDT"]
        assert "with “btc”" in screen.lines()[0]
        await screen.press("escape")
        assert "with" not in screen.lines()[0], "what was typed is forgotten"
        await screen.press("slash", *"eth", "enter")
        assert "with “eth”" in screen.lines()[0]
        await screen.press("escape")
        assert "COIN0USDT" in screen.text()


async def test_the_overview_is_sorted_by_keys_and_by_its_headings(clock: Clock) -> None:
    async with stage(books_of(8, clock), SIZE, clock) as screen:
        await screen.press("o", "r")
        first = lambda: screen.lines()[2][1:].split()[0]  # noqa: E731
        assert first() == "BNBBTC"
        await screen.press("R")
        assert first() == "币安人生USDT"
        await screen.pilot.click(Canvas, offset=(screen.lines()[1].index(" bid ") + 2, 1))
        assert "▲bid" in screen.lines()[1]
        assert first() == "PEPEUSDT"
        await screen.pilot.click(Canvas, offset=(screen.lines()[1].index("bid") + 2, 1))
        assert first() == "BTCUSDT"


async def test_lines_of_the_overview_stay_for_a_second(clock: Clock) -> None:
    quick, slow = books_of(2, clock)
    async with stage([slow, quick], SIZE, clock) as screen:
        await screen.press("o", *"rrr")
        order = lambda: [line[1:7] for line in screen.lines()[2:4]]  # noqa: E731
        assert order() == ["BNBBTC", "ETHBTC"]
        best = quick.cache.asks.top(60)
        quick.change(clock.now, [], [(price, 0.0) for price, _ in best[:59]])
        slow.change(clock.now, [(1.0, 1.0)], [*[(p, 0.0) for p, _ in slow.cache.asks.levels()]])
        await screen.pass_time(0.3)
        assert order() == ["BNBBTC", "ETHBTC"]


async def test_enter_in_the_overview_shows_the_chosen_symbol(clock: Clock) -> None:
    async with stage(books_of(20, clock), SIZE, clock) as screen:
        await screen.press("o", "down", "down", "enter")
        assert titles(screen) == ["BTCUSDT"]
        assert screen.lines()[0].split()[1] == "books"
        await screen.press("escape")
        assert screen.lines()[0].split()[1] == "overview"


async def test_the_chosen_book_stands_below_the_overview_where_there_is_room(clock: Clock) -> None:
    async with stage(books_of(8, clock), SIZE, clock) as screen:
        await screen.press("o", "down")
        assert "▶ETHBTC" in titles(screen)
        await screen.pilot.resize_terminal(80, 14)
        await screen.pilot.pause()
        assert len([line for line in screen.lines() if "ETHBTC" in line]) == 1


async def test_the_mouse_says_what_lies_up_to_a_level(clock: Clock) -> None:
    book = manager("SOLUSDT", clock.now)
    async with stage([book], SIZE, clock) as screen:
        row = next(y for y, line in enumerate(screen.lines()) if "│" in line and "182.4" in line)
        await point(screen, 100, row + 2)
        upto = book.cache.asks.top(3)
        said = screen.lines()[-1]
        assert f"ask {upto[-1][0]}" in said
        assert f"bp  {sum(quantity for _, quantity in upto):.5g} SOL" in said
        assert "3 levels" in said
        await point(screen, 10, row)
        assert f"bid {book.cache.best_bid[0]}" in screen.lines()[-1]
        await point(screen, 10, 1)
        assert "q quit" in screen.lines()[-1]


async def test_the_mouse_says_it_in_the_ladder_too(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        screen.app.action_view("ladder")
        await screen.pilot.pause()
        third, best = book.cache.asks.top(3), book.cache.best_bid
        row = next(y for y, line in enumerate(screen.lines()) if f" {third[-1][0]:.6f} " in line)
        await point(screen, 60, row)
        assert f"BNBBTC  ask {third[-1][0]:.6f}" in screen.lines()[-1]
        total = sum(quantity for _, quantity in third)
        assert f"bp  {total:.5g} BNB = " in screen.lines()[-1]
        await point(screen, 60, row + 3)
        assert "between bid and ask" in screen.lines()[-1]
        row = next(y for y, line in enumerate(screen.lines()) if f" {best[0]:.6f}" in line)
        await point(screen, 60, row)
        assert "1 level " in screen.lines()[-1]


async def test_the_cursor_of_the_chart_follows_keys_and_mouse(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock) as screen:
        screen.app.action_view("chart")
        await screen.press("right", "right", "right", "right", "right")
        assert "ask 0.00982" in screen.lines()[-2]
        await screen.press(*["left"] * 10)
        assert "bid 0.0098" in screen.lines()[-2]
        await screen.press("home")
        assert "imbalance" in screen.lines()[-2], "in its place"
        await point(screen, 30, 20)
        assert "bid 0.00" in screen.lines()[-2]


@pytest.mark.parametrize("view", ["chart", "heatmap"])
async def test_the_range_of_prices_becomes_wider_and_narrower(clock: Clock, view: str) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        screen.app.action_view(view)
        await screen.pass_time(1.0)

        def span() -> float:
            numbers = [
                float(word)
                for line in screen.lines()[3:-2]
                for word in line.split()
                if word.startswith("0.0") and len(word) == 8
            ]
            return max(numbers) - min(numbers)

        before = span()
        await screen.press("plus")
        assert span() > 1.5 * before
        await screen.press("minus")
        assert span() == pytest.approx(before)


async def test_the_heatmap_stands_for_more_or_fewer_seconds(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock) as screen:
        screen.app.action_view("heatmap")
        for _ in range(6):
            await screen.pass_time(1.0)
        await screen.press("left", "left")
        assert "5 s/column" in screen.text()
        await screen.press("right", "right", "right")
        assert "1 s/column" in screen.text()


async def test_the_ladder_is_moved_by_hand_and_let_go(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock) as screen:
        screen.app.action_view("ladder")
        top = lambda: screen.lines()[3].split()[0]  # noqa: E731
        before = top()
        await screen.press("down", "down")
        assert float(top()) == pytest.approx(float(before) - 2e-6)
        assert "Home recentre" in screen.lines()[-1]
        await screen.press("home")
        assert top() == before


async def test_a_ladder_moved_far_away_shows_what_rests_there(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        screen.app.action_view("ladder")
        await screen.press(*["down"] * 60)
        far = book.cache.bids.top(65)[-1]
        (row,) = [line for line in screen.lines() if f" {far[0]:.6f}" in line]
        assert f"{far[1]:.3f}" in row
        lines = screen.lines()
        assert f"▲ {book.cache.best_ask[0]:.6f}" in lines[3], "which way the market is"
        assert not any("▼" in line for line in lines)


async def test_flashes_can_be_turned_off(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        screen.app.action_view("ladder")
        trade(book, clock.now, 1)
        await screen.pass_time(0.1)
        assert "▴" in screen.text() or "▾" in screen.text()
        await screen.press("f")
        assert "▴" not in screen.text()
        assert "▾" not in screen.text()


async def test_a_book_is_scrolled_away_from_the_touch_and_back(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([book], SIZE, clock) as screen:
        await screen.press("down", "down")
        rows = [line for line in screen.lines() if "│ 0.00" in line]
        third = book.cache.asks.top(3)
        assert f"│ {third[-1][0]:.6f}" in rows[0]
        assert f"{sum(quantity for _, quantity in third):.3f}" in rows[0], "totals are whole"
        await screen.press("home")
        assert f"│ {third[0][0]:.6f}" in screen.text()


async def test_the_chosen_book_is_copied(clock: Clock) -> None:
    book = manager("BNBBTC", clock.now)
    async with stage([manager("ETHBTC", clock.now), book], SIZE, clock) as screen:
        await screen.press("2", "y")
        price, quantity = book.cache.asks.top(1)[0]
        assert f"{price:.6f}         {quantity:.3f}" in screen.app.clipboard
        await screen.press("Y")
        copied = json.loads(screen.app.clipboard)
        assert copied["symbol"] == "BNBBTC"
        assert copied["asks"][0] == [f"{price:.6f}", f"{quantity:.3f}"]
        assert len(copied["bids"]) == 5


async def test_a_picture_is_saved_and_it_says_where(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    async with stage(books_of(1, clock), SIZE, clock) as screen:
        monkeypatch.setattr(screen.app, "notify", lambda text, **_: said.append(text))
        await screen.press("s")
    (picture,) = tmp_path.glob("*.svg")  # noqa: ASYNC240
    assert "BNBBTC" in picture.read_text(encoding="utf-8")
    assert said == [f"saved as {picture}"]


async def test_the_log_opens_scrolls_and_closes(clock: Clock) -> None:
    books = books_of(1, clock)
    async with stage(books, (100, 30), clock) as screen:
        await fill_the_log(screen, books[0], clock)
        await screen.press("l")
        assert "live, after 1.0 s stale" in screen.lines()[-2]
        await screen.press("l")
        assert "after 1.0 s stale" not in screen.text()


async def test_more_tiles_than_fit_are_paged(clock: Clock) -> None:
    async with stage(books_of(12, clock), (80, 24), clock) as screen:
        screen.app.action_view("ladder")
        await screen.pilot.pause()
        assert "ladder 1-4 of 12" in screen.lines()[0]
        await screen.press("5")
        assert "ladder 5-8 of 12" in screen.lines()[0]
        assert "▶XRPUSDT" in titles(screen)


async def test_every_view_lives_through_every_size(clock: Clock) -> None:
    books = books_of(7, clock)
    books[1].change(clock.now, [], [], skip=1)
    books[2] = FakeManager("BTCUSDT")
    async with stage(books, (80, 24), clock) as screen:
        for view in View:
            screen.app.action_view(view.value)
            for width, height in (
                (1, 1),
                (5, 3),
                (20, 6),
                (40, 20),
                (80, 24),
                (120, 40),
                (133, 37),
                (200, 60),
            ):
                await screen.pilot.resize_terminal(width, height)
                for key in ("z", "l"):
                    for book in (books[0], *books[3:]):
                        trade(book, clock.now, 1)
                    await screen.press(key)
                    await screen.pass_time(0.4)
                    whole = screen.lines()
                    screen.app.refresh(layout=True)
                    screen.app.query_one(Canvas).refresh()
                    await screen.pilot.pause()
                    assert screen.lines() == whole, "nothing is left of what was drawn before"
                    assert len(whole) == height


class SnapshotScheduler:
    """Adds books that are live at once."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.dropped: list[str] = []

    async def add(self, name: str) -> Watched:
        if name == "NOPE":
            raise UnknownSymbolError(name, "spot", ["NOPEUSDT"])
        return manager(name, self.clock.now).watched

    async def drop(self, watched: Watched) -> None:
        self.dropped.append(watched.name)

    async def search(self, text: str) -> list[str]:
        return [name for name in ("SOLUSDT", "XRPUSDT") if text.upper() in name]


async def test_symbols_are_added_as_one_types_and_dropped(clock: Clock) -> None:
    scheduler = SnapshotScheduler(clock)
    async with stage(books_of(2, clock), SIZE, clock, books=scheduler) as screen:
        await screen.press("a", *"xr")
        assert "XRPUSDT" in screen.text()
        assert "SOLUSDT" not in screen.text()
        await screen.press("enter")
        await screen.pass_time(0.1)
        assert "▶XRPUSDT" in titles(screen)
        await screen.press("a", "down", "enter")
        await screen.pass_time(0.1)
        assert len(titles(screen)) == 3, "it was there already"
        await screen.press("d", "l")
        assert scheduler.dropped == ["XRPUSDT"]
        assert len(titles(screen)) == 2
        assert "dropped" in screen.text()
        await screen.press("d", "d", "l")
        assert "no symbols: press a" in screen.text()
        await screen.press("v", "z", "tab", "plus", "g", "y", "c", "d", "home", "right", "r", "p")
        await screen.press("p", "a", *"sol", "enter")
        await screen.pass_time(0.1)
        assert titles(screen) == ["SOLUSDT"]


@pytest.mark.parametrize(
    "pasted", ["SOLUSDT\nXRPUSDT\n", " SOLUSDT,\r\nXRPUSDT", "SOLUSDT XRPUSDT"]
)
async def test_lines_that_are_pasted_are_as_many_symbols(clock: Clock, pasted: str) -> None:
    async with stage(books_of(1, clock), SIZE, clock, books=SnapshotScheduler(clock)) as screen:
        await screen.press("a")
        screen.app.screen.query_one(Input).post_message(Paste(pasted))
        await screen.pilot.pause()
        await screen.pilot.pause()
        assert "Enter adds SOLUSDT, XRPUSDT" in screen.text()
        await screen.press("enter")
        await screen.pass_time(0.1)
        assert titles(screen) == ["BNBBTC", "SOLUSDT", "▶XRPUSDT"]


async def test_of_several_symbols_one_that_is_unknown_keeps_no_other_away(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock, books=SnapshotScheduler(clock)) as screen:
        await screen.press("a", *"NOPE SOLUSDT", "enter")
        await screen.pass_time(0.1)
        assert titles(screen) == ["BNBBTC", "▶SOLUSDT"]


async def test_a_halted_symbols_book_is_not_counted_as_live(clock: Clock) -> None:
    halted, lively = books_of(2, clock)
    halted.trading = False
    async with stage([halted, lively], SIZE, clock) as screen:
        await screen.pass_time(0.1)
        assert "1 live" in screen.lines()[0]
        assert "1 stale" in screen.lines()[0]


async def test_an_unknown_symbol_changes_nothing(clock: Clock) -> None:
    said: list[Any] = []
    async with stage(books_of(2, clock), SIZE, clock, books=SnapshotScheduler(clock)) as screen:
        screen.app.notify = lambda text, **_: said.append(text)  # type: ignore[method-assign]
        await screen.press("a", *"NOPE", "enter")
        await screen.pass_time(0.1)
        assert len(titles(screen)) == 2
        assert "did you mean NOPEUSDT" in said[0]


async def test_without_a_keeper_nothing_can_be_added(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock) as screen:
        await screen.press("a", "d")
        assert titles(screen) == ["BNBBTC"]
        names = [c.title for c in screen.app.get_system_commands(screen.app.screen)]
        assert "Add a symbol" not in names
        assert "a add" not in screen.lines()[-1]


def test_no_key_means_two_things() -> None:
    keys = [key for command in COMMANDS for key in command.keys.split(",") if key]
    assert len(keys) == len(set(keys))


async def test_a_workspace_is_saved_by_name_and_looks_the_same_again(
    clock: Clock, tmp_path: Path
) -> None:
    kept = Workspaces(tmp_path / "workspaces", tmp_path / "last.toml")
    books = books_of(3, clock)
    async with stage(books, SIZE, clock, workspaces=kept) as screen:
        screen.app.action_view("ladder")
        await screen.press("2", "g", "right_square_bracket", "u", "f", "plus", "t", "z")
        await screen.press("w", *"morning", "enter")
        before = screen.lines()[:-1]
    workspace = kept.read("morning")
    assert [symbol.name for symbol in workspace.symbols] == ["BNBBTC", "ETHBTC", "BTCUSDT"]
    assert workspace.zoomed == "ETHBTC"
    assert (workspace.view, workspace.unit, workspace.theme) == ("ladder", "quote", "light")
    assert (workspace.depth, workspace.flash) == (6, False)
    again = books_of(3, clock)
    async with stage(again, SIZE, clock, workspaces=kept, workspace=workspace) as screen:
        assert screen.lines()[:-1] == before
        assert screen.app.workspace() == workspace


async def test_a_workspace_that_makes_no_sense_does_no_harm(clock: Clock) -> None:
    odd = Workspace(
        symbols=[WatchedSymbol(name="BNBBTC", group=99, size=-3.0), WatchedSymbol(name="GONE")],
        depth=10**6,
        zoomed="GONE",
        sort="colour",
        seconds=17,
    )
    async with stage(books_of(2, clock), SIZE, clock, workspace=odd) as screen:
        assert len(titles(screen)) == 2
        await screen.press("G", "v", "v", "v", "v")
        assert "overview" in screen.lines()[0]


async def test_a_name_that_is_none_is_said(clock: Clock, tmp_path: Path) -> None:
    kept = Workspaces(tmp_path / "workspaces", tmp_path / "last.toml")
    said: list[Any] = []
    async with stage(books_of(1, clock), SIZE, clock, workspaces=kept) as screen:
        screen.app.notify = lambda text, **_: said.append(text)  # type: ignore[method-assign]
        await screen.press("w", *"../up", "enter")
    assert "can't be a workspace's name" in said[0]
    assert kept.names() == []


async def mouse(screen: Stage, kind: type[MouseScrollDown | MouseScrollUp], x: int, y: int) -> None:
    canvas = screen.app.query_one(Canvas)
    canvas.post_message(kind(canvas, x, y, 0, 0, 0, False, False, False, x, y))
    await screen.pilot.pause()


async def test_the_wheel_scrolls_the_book_below_it_and_chooses_it(clock: Clock) -> None:
    books = books_of(2, clock)
    async with stage(books, SIZE, clock) as screen:
        await mouse(screen, MouseScrollDown, 90, 8)
        assert "▶ETHBTC" in titles(screen)
        first = books[1].cache.asks.top(1)[0][0]
        assert f" {first:.5f} " not in screen.text()
        assert f" {books[0].cache.best_ask[0]:.6f} " in screen.text(), "the other one stays"
        await mouse(screen, MouseScrollUp, 90, 8)
        assert f" {first:.5f} " in screen.text()


async def test_the_wheel_scrolls_the_log(clock: Clock) -> None:
    books = books_of(1, clock)
    async with stage(books, (100, 30), clock) as screen:
        await fill_the_log(screen, books[0], clock)
        await screen.press("l")
        newest = screen.lines()[-2]
        await mouse(screen, MouseScrollUp, 50, 28)
        assert newest not in screen.lines()
        await mouse(screen, MouseScrollDown, 50, 28)
        assert screen.lines()[-2] == newest


async def test_a_double_click_shows_one_symbol_alone(clock: Clock) -> None:
    async with stage(books_of(4, clock), SIZE, clock) as screen:
        await screen.pilot.click(Canvas, offset=(90, 5), times=2)
        assert titles(screen) == ["ETHBTC"]


async def test_the_mouse_does_nothing_to_what_lies_under_the_help(clock: Clock) -> None:
    books = books_of(4, clock)
    async with stage(books, SIZE, clock) as screen:
        before = titles(screen)
        await screen.press("question_mark")
        await point(screen, 100, 6)
        await mouse(screen, MouseScrollDown, 90, 8)
        await screen.pilot.click(offset=(90, 5))
        await screen.press("escape")
        assert titles(screen) == before
        assert f" {books[1].cache.best_ask[0]:.5f} " in screen.text()
        assert "q quit" in screen.lines()[-1]


async def test_what_the_mouse_pointed_at_is_forgotten_when_it_leaves(clock: Clock) -> None:
    async with stage([manager("SOLUSDT", clock.now)], SIZE, clock) as screen:
        row = next(y for y, line in enumerate(screen.lines()) if "│" in line and "182.4" in line)
        await point(screen, 100, row)
        assert " ask " in screen.lines()[-1]
        canvas = screen.app.query_one(Canvas)
        canvas.post_message(Leave(canvas))
        await screen.pilot.pause()
        await screen.pass_time(0.1)
        assert " ask " not in screen.lines()[-1]


async def test_a_click_beside_everything_changes_nothing(clock: Clock) -> None:
    async with stage(books_of(2, clock), SIZE, clock) as screen:
        before = screen.lines()
        await screen.pilot.click(Canvas, offset=(60, 0))
        assert screen.lines() == before
        await screen.press("o")
        overview = screen.lines()
        await screen.pilot.click(Canvas, offset=(overview[1].index("time, UTC"), 1))
        assert screen.lines() == overview, "it isn't sorted by that"


async def test_a_picture_that_cannot_be_saved_is_said(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def full(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    async with stage(books_of(1, clock), SIZE, clock) as screen:
        monkeypatch.setattr(screen.app, "notify", lambda text, **_: said.append(text))
        monkeypatch.setattr(screen.app, "save_screenshot", full)
        await screen.press("s")
        assert titles(screen) == ["BNBBTC"]
    assert said == ["the screenshot can't be saved: [Errno 28] No space left on device"]


async def test_a_search_that_fails_says_why_and_what_was_typed_can_still_be_added(
    clock: Clock,
) -> None:
    class Unreachable(SnapshotScheduler):
        async def search(self, text: str) -> list[str]:
            raise UnreachableError("the exchange can't be reached")

    async with stage(books_of(1, clock), SIZE, clock, books=Unreachable(clock)) as screen:
        await screen.press("a", *"SOLUSDT")
        assert "the exchange can't be reached" in screen.text()
        await screen.press("down", "enter")
        await screen.pass_time(0.1)
        assert "▶SOLUSDT" in titles(screen)


async def test_a_name_is_chosen_by_a_click_and_an_empty_one_adds_nothing(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock, books=SnapshotScheduler(clock)) as screen:
        await screen.press("a", *"nothing such")
        await screen.press("down", *["backspace"] * 12)
        row = next(y for y, line in enumerate(screen.lines()) if "XRPUSDT" in line)
        at = screen.lines()[row].index("XRPUSDT")
        await screen.pilot.click(offset=(at + 1, row))
        await screen.pass_time(0.1)
        assert "▶XRPUSDT" in titles(screen)
        await screen.press("a", "z", "z", "backspace", "backspace", "escape")
        assert len(titles(screen)) == 2


async def test_an_empty_name_saves_no_workspace(clock: Clock, tmp_path: Path) -> None:
    kept = Workspaces(tmp_path / "workspaces", tmp_path / "last.toml")
    async with stage(books_of(1, clock), SIZE, clock, workspaces=kept) as screen:
        await screen.press("w", "enter")
        await screen.press("w", "escape")
        assert kept.names() == []
    async with stage(books_of(1, clock), SIZE, clock) as screen:
        await screen.press("w")
        assert titles(screen) == ["BNBBTC"], "where none can be kept no name is asked for"


async def test_a_symbol_that_is_added_in_a_pause_stands_still_too(clock: Clock) -> None:
    scheduler = SnapshotScheduler(clock)
    async with stage(books_of(1, clock), SIZE, clock, books=scheduler) as screen:
        await screen.press("p", "a", *"sol", "enter")
        await screen.pass_time(0.1)
        assert "▶SOLUSDT" in titles(screen)
        book = screen.app.view_state.tiles[1].observer.watched.manager
        best = book.cache.best_ask[0]
        before = [line for line in screen.lines() if f"{best:.2f}" in line]
        book.change(clock.now, [], [(best, 7.777)])
        await screen.pass_time(0.1)
        assert [line for line in screen.lines() if f"{best:.2f}" in line] == before
        await screen.press("p")
        assert "7.777" in screen.text()


async def test_where_nothing_is_watched_no_key_does_harm(clock: Clock) -> None:
    async with stage(books_of(1, clock), SIZE, clock, books=SnapshotScheduler(clock)) as screen:
        await screen.press("d")
        for view in View:
            screen.app.action_view(view.value)
            await screen.press(
                "tab", "up", "down", "left", "right", "plus", "minus", "g", "y", "Y", "d", "z",
                "greater_than_sign", "home", "left_square_bracket", "1", "enter", "escape",
            )  # fmt: skip
            assert "no symbols: press a" in screen.text()


async def test_the_overview_of_nothing_that_matches_has_nothing_to_choose(clock: Clock) -> None:
    async with stage(books_of(4, clock), SIZE, clock) as screen:
        await screen.press("slash", *"zzz", "enter")
        await screen.press("down", "up")
        assert "with “zzz”" in screen.lines()[0]
        await screen.press("escape", "enter")
        assert titles(screen) == ["BNBBTC"]
