"""Books with one side, and spreads wider than the price: far options have them as a rule."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depthcli.core.messages import event_decoder, snapshot_decoder
from depthcli.tui.model.view_names import View
from depthcli.tui.views.chart import reading
from tests.tui.books import Clock, FakeManager
from tests.tui.screens import stage
from tests.tui.views.test_books import BOOK, listed

if TYPE_CHECKING:
    from depthcli.tui.model.price_axis import Axis
    from tests.tui.screens import Stage

CASES = Path(__file__).parents[2] / "core" / "cases"
SIZES = [(40, 20), (80, 24), (120, 40), (200, 60)]
TILES = [View.BOOKS, View.LADDER, View.CHART, View.HEATMAP]
SIDES = {"asks": ("0.53", "no bids"), "bids": ("0.53", "no asks")}


def played(name: str, clock: Clock, *, only: str = "") -> FakeManager:
    """Return the book of a recording; with `only` the side that there is goes by that name."""
    rows = [json.loads(row) for row in (CASES / f"{name}.jsonl").read_text().splitlines()]
    snapshot, event = rows[1]["data"], rows[2]["data"]
    if only == "asks":
        snapshot["bids"], snapshot["asks"] = snapshot["asks"], [["0.53", "4"], ["0.56", "2"]]
        event["b"] = []
    book = FakeManager("AAABTC")
    book.price_decimals = 2 if name == "one_sided" else 0
    book.synchronizer.opened()
    book.synchronizer.receive(event_decoder(float)(json.dumps(event)))
    book.synchronizer.offer(snapshot_decoder(float)(json.dumps(snapshot)), 1000)
    while book.synchronizer.advance():
        pass
    book.last_received = clock.now
    return book


def axis_of(screen: Stage, view: View) -> Axis:
    tile = screen.app.view_state.tiles[0]
    found = {View.LADDER: tile.ladder, View.CHART: tile.chart, View.HEATMAP: tile.heat}[view]
    assert found
    return found


def body(screen: Stage) -> list[str]:
    return screen.lines()[1:-1]


def said(screen: Stage) -> list[str]:
    return re.findall(r"[\d.]+", " ".join(body(screen)))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("view", View)
async def test_the_side_that_there_is_is_shown(
    view: View, size: tuple[int, int], side: str
) -> None:
    clock = Clock()
    book = played("one_sided", clock, only=side)
    async with stage([book], size, clock, plain=True) as screen:
        screen.app.action_view(view)
        await screen.pass_time(1.0)
        best, missing = SIDES[side]
        text = "\n".join(body(screen))
        assert missing in text
        assert best in said(screen) or view is View.CHART, "a chart's labels are at its ends"
        assert "the book is empty" not in text
        if view is View.CHART:
            assert "█" in text
        if view is View.HEATMAP:
            assert ("▴" if side == "bids" else "▾") in text


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("view", TILES[1:])
async def test_the_axis_lies_around_the_best_price_of_the_only_side(view: View, side: str) -> None:
    clock = Clock()
    async with stage([played("one_sided", clock, only=side)], (80, 24), clock) as screen:
        screen.app.action_view(view)
        await screen.pass_time(1.0)
        axis = axis_of(screen, view)
        deepest = 0.50 if side == "bids" else 0.56
        assert axis.lowest * axis.step <= min(0.53, deepest)
        assert axis.highest * axis.step >= max(0.53, deepest)
        assert axis.price(axis.middle) == pytest.approx(0.53)


async def test_nothing_moves_when_the_last_ask_goes() -> None:
    clock = Clock()
    book = played("one_sided", clock)
    async with stage([book], (80, 24), clock) as screen:
        screen.app.action_view("ladder")
        book.change(clock.now, [], [(0.55, 1.0)])
        await screen.pass_time(1.0)
        before = axis_of(screen, View.LADDER)
        book.change(clock.now, [], [(0.55, 0.0)])
        await screen.pass_time(1.0)
        assert axis_of(screen, View.LADDER) == before
        assert "no asks" in screen.text()


async def test_a_book_with_neither_side_is_empty() -> None:
    clock = Clock()
    book = played("one_sided", clock)
    book.change(clock.now, [(0.53, 0.0), (0.50, 0.0)], [])
    async with stage([book], (80, 24), clock) as screen:
        await screen.pass_time(1.0)
        assert "the book is empty" in screen.text()


async def test_the_cursor_of_a_chart_says_which_side_there_is_not() -> None:
    clock = Clock()
    async with stage([played("one_sided", clock)], (80, 24), clock) as screen:
        screen.app.action_view("chart")
        await screen.pass_time(1.0)
        picture = screen.app.view_state.tiles[0].observer.picture(5, clock.now)
        axis = axis_of(screen, View.CHART)
        assert reading(picture, axis, axis.middle).startswith("bid 0.53")
        assert reading(picture, axis, axis.middle + 1).endswith("  no asks")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("view", TILES[1:])
@pytest.mark.parametrize("keys", [(), ("+", "+"), ("pagedown", "pagedown", "down")], ids="-".join)
async def test_no_axis_goes_below_zero(
    view: View, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    clock = Clock()
    async with stage([played("wide_tick1", clock)], size, clock, plain=True) as screen:
        screen.app.action_view(view)
        await screen.pass_time(1.0)
        await screen.press(*keys)
        await screen.pass_time(1.0)
        axis = axis_of(screen, view)
        assert axis.lowest >= 0
        text = "\n".join(body(screen))
        assert not re.search(r"(?<![\d:])-\d+\b(?! s|:)", text), "no label is negative"
        assert not re.search(r"\d…", text), "nor cut"
        labels = {f"{axis.price(at):.0f}" for at in range(axis.lowest, axis.highest + 1)}
        if view is not View.HEATMAP:
            assert labels & set(said(screen))


async def test_deep_asks_of_more_digits_than_the_best_are_whole() -> None:
    clock = Clock()
    async with stage([played("wide_tick1", clock)], (40, 20), clock) as screen:
        await screen.pass_time(1.0)
        assert {"60", "500", "5000", "10", "5"} <= set(said(screen))


def test_the_overview_says_which_side_there_is_not() -> None:
    assert "no asks" in listed([replace(BOOK, asks=())], 40, 5)[1]
    assert "no bids" in listed([replace(BOOK, bids=())], 80, 5)[1]
    narrow = replace(BOOK, price_decimals=0, price_width=2, bids=((5.0, 1.0),), asks=())
    assert "no asks" in listed([narrow], 40, 5)[1]
