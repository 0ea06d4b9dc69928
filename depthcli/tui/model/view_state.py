"""The state of the screen: everything that keys change, without a terminal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Final

from depthcli.tui.model.flashes import Flasher
from depthcli.tui.model.history import History
from depthcli.tui.model.observer import Observer
from depthcli.tui.model.order_sizes import next_size
from depthcli.tui.model.price_axis import coarser, placed, step_for
from depthcli.tui.model.sorting import Sorting, ordered
from depthcli.tui.model.view_names import View
from depthcli.tui.model.watched import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.tui.model.price_axis import Axis
    from depthcli.tui.model.watched import Picture, Watched

MOST_DEPTH: Final = 100
"""Most levels per side that can be chosen: more than any terminal shows."""

SPANS: Final = (1, 2, 5, 10, 30)
"""Choices of seconds per column of the heatmap."""

REMEMBERED: Final = 8
"""Most symbols whose last minutes are kept for heatmaps."""

_USUAL_DEPTH: Final = 5
_SORT_SECONDS: Final = 1.0
_TYPICAL_LEVELS: Final = 60


@dataclass
class TileState:
    """The state of one symbol's tile.

    Attributes:
        observer: reads the book.
        flasher: knows what has just changed.
        history: the last minutes; None until they are needed.
        ladder: the price axis of the ladder.
        chart: that of the depth chart.
        heat: that of the heatmap.
        step: the step of chart and heatmap, if the user chose one.
        reach: levels per side that the chart's axis covers.
        cursor: the price under the chart's cursor.
        scroll: levels by which the panel is scrolled away from the touch.
    """

    observer: Observer
    flasher: Flasher
    history: History | None = None
    ladder: Axis | None = None
    chart: Axis | None = None
    heat: Axis | None = None
    step: float | None = None
    reach: int = 0
    cursor: float | None = None
    scroll: int = 0

    @property
    def name(self) -> str:
        """The symbol's name."""
        return self.observer.watched.name


class ViewState:
    """The symbols in order, the view, and all settings.

    Attributes:
        tiles: the symbols, in the user's order.
        grows: whether symbols can be added and dropped.
        focus: index of the symbol that keys act on.
        view: the view.
        depth: levels per side of a panel.
        shown: levels per side in the panels drawn last.
        zoomed: whether only the focused symbol is shown.
        in_quote: whether quantities are shown in the quote asset.
        flashing: whether changed quantities flash.
        log: whether the log panel is open.
        log_back: entries by which the log is scrolled back.
        scroll: first line of the overview.
        order: how the overview is sorted.
        sought: the filter of the overview.
        seconds: seconds per column of the heatmap.
    """

    def __init__(self, watched: Iterable[Watched], depth: int, *, grows: bool = False) -> None:
        self.tiles = [TileState(Observer(one), Flasher()) for one in watched]
        self.grows = grows
        self.focus = 0
        self.view = View.BOOKS
        self.depth = min(max(depth, 1), MOST_DEPTH)
        self.shown = self.depth
        self.zoomed = False
        self.in_quote = False
        self.flashing = True
        self.log = False
        self.log_back = 0
        self.scroll = 0
        self.order = Sorting()
        self.sought = ""
        self.seconds = SPANS[0]
        self._rows: list[int] = []
        self._summaries: list[Picture] = []
        self._sorted_at: float | None = None
        self._looked_at = 0.0
        self._next = 0
        self._follow = True
        self._usual = _USUAL_DEPTH

    @property
    def focused(self) -> TileState | None:
        """The symbol that keys act on; None if there is no symbol."""
        return self.tiles[self.focus] if self.tiles else None

    # Symbols.

    def add(self, watched: Watched) -> TileState:
        """Add a symbol at the end, and focus it; return its index."""
        tile = TileState(Observer(watched), Flasher())
        self.tiles.append(tile)
        self.focus = len(self.tiles) - 1
        self._sorted_at, self._follow = None, True
        return tile

    def drop(self) -> TileState | None:
        """Drop the focused symbol; return its index."""
        if not self.tiles:
            return None
        gone = self.tiles.pop(self.focus)
        self.focus = max(0, min(self.focus, len(self.tiles) - 1))
        self.zoomed = self.zoomed and bool(self.tiles)
        self._sorted_at = None
        return gone

    def move(self, tiles: int) -> None:
        """Move the focused symbol on by so many places."""
        if not self.tiles:
            return
        to = min(max(self.focus + tiles, 0), len(self.tiles) - 1)
        self.tiles.insert(to, self.tiles.pop(self.focus))
        self.focus = to
        self._sorted_at, self._follow = None, True

    # Focus and view.

    def focus_on(self, index: int) -> None:
        """Focus a symbol by its index, if it exists."""
        if 0 <= index < len(self.tiles):
            self.focus, self._follow = index, True

    def focus_next(self, steps: int) -> None:
        """Focus the next symbol, cyclically; in the overview, the next line."""
        if self.view is View.OVERVIEW and self._rows:
            self.select(steps, around=True)
        elif self.tiles:
            self.focus_on((self.focus + steps) % len(self.tiles))

    def select(self, steps: int, *, around: bool = False) -> None:
        """Focus the symbol so many lines further down in the overview."""
        rows = self._rows
        if not rows:
            return
        at = rows.index(self.focus) + steps if self.focus in rows else 0
        self.focus = rows[at % len(rows) if around else min(max(at, 0), len(rows) - 1)]
        self._follow = True

    def look_at(self, view: View) -> None:
        """Change the view."""
        self.view = view
        self._follow = True
        if view is View.OVERVIEW:
            self.zoomed = False

    def next_view(self, steps: int) -> None:
        """Change to the next view."""
        views = list(View)
        if self.zoomed:
            views.remove(View.OVERVIEW)
        at = views.index(self.view) if self.view in views else 0
        self.look_at(views[(at + steps) % len(views)])

    def zoom(self) -> None:
        """Show only the focused symbol, or all."""
        self.zoomed = not self.zoomed and bool(self.tiles)

    # Settings.

    def deeper(self, levels: int) -> None:
        """Change the levels per side, starting from what fits."""
        depth = min(self.depth, self.shown) if levels < 0 else self.depth
        self.depth = min(max(depth + levels, 1), MOST_DEPTH)

    @property
    def fills(self) -> bool:
        """Whether panels are filled with levels."""
        return self.depth == MOST_DEPTH

    def fill(self) -> None:
        """Fill panels with levels, or show as many as before."""
        if self.fills:
            self.depth = self._usual
        else:
            self._usual, self.depth = self.depth, MOST_DEPTH

    def wider(self, steps: int) -> None:
        """Widen the price range of the focused chart or heatmap."""
        tile = self.focused
        axis = tile and (tile.chart if self.view is View.CHART else tile.heat)
        if tile and axis:
            tick = float(tile.observer.watched.step)
            tile.step, tile.reach = coarser(axis.step, tick, steps), 0

    def longer(self, steps: int) -> None:
        """Change the seconds per column of the heatmap."""
        at = SPANS.index(self.seconds) + steps
        self.seconds = SPANS[min(max(at, 0), len(SPANS) - 1)]

    def point(self, columns: int) -> None:
        """Move the cursor of the focused chart."""
        tile = self.focused
        if tile and tile.chart:
            axis = tile.chart
            at = axis.middle if tile.cursor is None else round(tile.cursor / axis.step)
            at = min(max(at + columns, axis.lowest), axis.highest)
            tile.cursor = at * axis.step

    def resize(self, steps: int) -> None:
        """Take the next order size, larger or smaller, for the focused symbol."""
        tile = self.focused
        if tile and tile.observer.size:
            tile.observer.choose_size(next_size(tile.observer.size, steps))

    def scroll_levels(self, rows: int) -> None:
        """Scroll the focused symbol: the ladder along its axis, a panel away from the touch."""
        tile = self.focused
        if tile is None:
            return
        if self.view is View.LADDER and tile.ladder:
            tile.ladder = tile.ladder.moved(-rows)
        elif self.view is View.HEATMAP and tile.heat:
            tile.heat = tile.heat.moved(-rows)
        elif self.view is View.BOOKS:
            tile.scroll = min(max(tile.scroll + rows, 0), MOST_DEPTH)

    def recentre(self) -> None:
        """Follow the market again, and show the touch."""
        if tile := self.focused:
            tile.ladder = tile.chart = tile.heat = tile.cursor = None
            tile.scroll = 0

    def scroll_rows(self, rows: int) -> None:
        """Scroll the overview without moving the focus."""
        self.scroll = max(0, self.scroll + rows)
        self._follow = False

    # Drawing.

    def rows(self, now: float) -> list[int]:
        """Return the overview's symbols as indices, sorted and filtered.

        Lines that moved at each frame couldn't be read: they are sorted anew once a second. What
        they are sorted by is up to a second old: of hundreds of symbols each frame looks at a part.
        """
        count = len(self.tiles)
        if self._sorted_at is None or now < self._looked_at:
            self._look_at_next(count, now)
        elif count:
            self._look_at_next(ceil(count * (now - self._looked_at) / _SORT_SECONDS), now)
        if self._sorted_at is None or not 0 <= now - self._sorted_at < _SORT_SECONDS:
            self._rows = ordered(self._summaries, self.order, self.sought)
            self._sorted_at = now
        return self._rows

    def _look_at_next(self, count: int, now: float) -> None:
        """Refresh the pictures of the next few symbols, in turn."""
        tiles, wanted = self.tiles, self.wanted(View.OVERVIEW, self.depth)
        if count >= len(tiles):
            self._summaries = [tile.observer.picture(wanted, now) for tile in tiles]
        else:
            for index in range(self._next, self._next + count):
                at = index % len(tiles)
                self._summaries[at] = tiles[at].observer.picture(wanted, now)
            self._next = (self._next + count) % len(tiles)
        self._looked_at = now

    def summaries(self, shown: Iterable[int], now: float) -> list[Picture]:
        """Return a picture of each symbol, current for those shown; call `rows` first."""
        wanted = self.wanted(View.OVERVIEW, self.depth)
        for index in shown:
            self._summaries[index] = self.tiles[index].observer.picture(wanted, now)
        return self._summaries

    def sort_again(self) -> None:
        """Sort the overview at the next frame."""
        self._sorted_at, self._follow = None, True

    def scrolled(self, height: int) -> int:
        """Return the first line of an overview of so many lines, with the focused one in it."""
        rows = self._rows
        if self._follow and self.focus in rows:
            at = rows.index(self.focus)
            self.scroll = min(max(self.scroll, at - height + 1), at)
        self.scroll = min(self.scroll, max(0, len(rows) - height))
        return self.scroll

    def wanted(self, view: View, depth: int) -> Wanted:
        """Return what a picture for a view must hold."""
        if view is View.OVERVIEW:
            return Wanted(depth, grouped=False, numbers=False, beyond=False)
        return Wanted(
            depth,
            grouped=view in {View.BOOKS, View.LADDER},
            in_quote=self.in_quote,
            beyond=view in {View.BOOKS, View.LADDER},
        )

    def ladder_axis(self, tile: TileState, picture: Picture, count: int) -> Axis | None:
        """Return the axis of a ladder with so many rows; None before the first book."""
        step = float(tile.observer.step)
        tile.ladder = _placed(tile.ladder, picture, step, count)
        return tile.ladder

    def chart_axis(self, tile: TileState, picture: Picture, count: int) -> Axis | None:
        """Return the axis of a chart with so many columns; None before the first book."""
        step = tile.step or (tile.chart.step if tile.chart else _fitting(tile, picture, count))
        tile.chart = _placed(tile.chart, picture, step, count)
        return tile.chart

    def heat_axis(self, tile: TileState, picture: Picture, count: int) -> Axis | None:
        """Return the axis of a heatmap with so many prices; None before the first book."""
        step = tile.step or (tile.heat.step if tile.heat else _fitting(tile, picture, count))
        tile.heat = _placed(tile.heat, picture, step, count)
        return tile.heat

    def remember(self, shown: Iterable[TileState], now: float) -> None:
        """Keep a sample of the first few books, and of those shown, for their heatmaps."""
        for tile in (*self.tiles[:REMEMBERED], *shown):
            manager = tile.observer.watched.manager
            if tile.history is None:
                tile.history = History()
            if tile.history.due(now) and manager.state.value == "live":
                tile.history.add(now, manager.cache)


def _placed(before: Axis | None, picture: Picture, step: float, count: int) -> Axis | None:
    """Return the axis for a book, around its best price where a side is empty.

    Of an empty book it is the one before.
    """
    best = picture.best_bid or picture.best_ask
    if best is None:
        return before and replace(before, count=count)
    return placed(before, best[0] if picture.mid is None else picture.mid, step, count)


def _fitting(tile: TileState, picture: Picture, count: int) -> float:
    """Return a step with which an axis covers the levels near the touch."""
    tick = float(tile.observer.watched.step)
    bids, asks = picture.bids[:_TYPICAL_LEVELS], picture.asks[:_TYPICAL_LEVELS]
    if bids and asks:
        return step_for(float(asks[-1][0]) - float(bids[-1][0]), count, tick)
    if not (side := bids or asks):
        return tick
    # The best price of the only side is in the middle of the axis.
    return step_for(2 * abs(float(side[-1][0]) - float(side[0][0])), count, tick)
