"""The whole screen as lines: header, tiles or overview, log, footer; and their places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.tui.drawing.layout import BETWEEN, Grid, Shape, Widths, arrange, filled, shared_room
from depthcli.tui.drawing.styled_lines import blank, fit, line
from depthcli.tui.model.observer import MOST_LEVELS
from depthcli.tui.model.view_names import View
from depthcli.tui.views import chart as charts, heatmap as heatmaps, ladder as ladders
from depthcli.tui.views.books import level_at, panel, widths_of
from depthcli.tui.views.event_log import log_panel
from depthcli.tui.views.header_footer import footer, header, pointed_at
from depthcli.tui.views.key_hints import hints
from depthcli.tui.views.overview import overview
from depthcli.tui.views.tile import reached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from depthcli.tui.drawing.layout import Arrangement
    from depthcli.tui.drawing.styled_lines import Line, Segment
    from depthcli.tui.model.event_log import Entry
    from depthcli.tui.model.price_axis import Axis
    from depthcli.tui.model.view_state import TileState, ViewState
    from depthcli.tui.model.watched import Picture
    from depthcli.tui.views.header_footer import Status

_SMALLEST_WITH_FOOTER: Final = 4
_SMALLEST_WITH_HEADER: Final = 6
_LOG_SHARE: Final = 3
_LOG_ROWS: Final = 12
_BETWEEN: Final = (" " * BETWEEN, "")
_LEAST_BOOK: Final = 9
_NARROWEST: Final = Widths(1, 1)
_FEW_LEVELS: Final = 125


class Spot(NamedTuple):
    """A place on the screen where a symbol is drawn.

    Attributes:
        x: first cell.
        y: first row.
        width: cells.
        height: rows.
        tile: index of the symbol; -1 for the heading of the overview and for the log.
        view: the view.
        shape: the layout of a panel.
        picture: the book.
        scroll: levels scrolled away from the touch.
        axis: the price axis.
    """

    x: int
    y: int
    width: int
    height: int
    tile: int
    view: View | None
    shape: Shape | None = None
    picture: Picture | None = None
    scroll: int = 0
    axis: Axis | None = None


@dataclass(frozen=True, slots=True)
class ScreenLines:
    """One frame.

    Attributes:
        lines: from top to bottom, all as wide as the terminal.
        spots: the places of symbols.
        view: the view in use; the overview replaces panels that don't fit.
    """

    lines: list[Line]
    spots: list[Spot]
    view: View

    def spot_at(self, x: int, y: int) -> Spot | None:
        """Return the place that a cell belongs to."""
        for spot in self.spots:
            if spot.x <= x < spot.x + spot.width and spot.y <= y < spot.y + spot.height:
                return spot
        return None


@dataclass(frozen=True, slots=True)
class FrameContext:
    """What a frame depends on besides the view state.

    Attributes:
        now: seconds of the app's clock; that of the pause while there is one.
        pointed: the cell under the mouse, or None.
        plain: whether the terminal has no colours, or too few for a heatmap.
        entries: the log, oldest first.
    """

    now: float
    pointed: tuple[int, int] | None
    plain: bool
    entries: Sequence[Entry]


class ScreenRenderer:
    """Draws one frame."""

    def __init__(
        self, view_state: ViewState, context: FrameContext, width: int, height: int
    ) -> None:
        self._view_state = view_state
        self._context = context
        self._width = width
        self._height = height
        self._spots: list[Spot] = []
        self._page = ""
        self._view = view_state.view
        self._spare = False

    def draw(self, status: Status) -> ScreenLines:
        """Return the frame."""
        width, height = self._width, self._height
        has_header = height >= _SMALLEST_WITH_HEADER
        has_footer = height >= _SMALLEST_WITH_FOOTER
        room = max(0, height - has_header - has_footer)
        logged = self._log(room, has_header + room)
        body = fit(self._body(room - len(logged), has_header), width, room - len(logged))
        lines = [*body, *logged]
        if has_header:
            name = f"{self._view.value} {self._page}".strip()
            lines.insert(0, header(replace(status, view=name), width))
        if has_footer:
            pointed = self._pointed()
            paused = status.paused_for is not None
            keys = hints(self._view_state, self._view, paused=paused, spare=self._spare)
            lines.append(pointed_at(pointed, width) if pointed else footer(keys, width))
        return ScreenLines(lines, self._spots, self._view)

    def _log(self, room: int, bottom: int) -> list[Line]:
        if not self._view_state.log or room < 6:
            return []
        height = min(max(room // _LOG_SHARE, 4), _LOG_ROWS)
        self._spots.append(Spot(0, bottom - height, self._width, height, -1, None))
        return log_panel(self._context.entries, self._width, height, self._view_state.log_back)

    def _body(self, height: int, top: int) -> list[Line]:
        view_state = self._view_state
        if not view_state.tiles:
            words = "no symbols: press a to add one, q to quit"
            return [blank(self._width), line(self._width, [("  ", ""), (words, "reason")])]
        if view_state.zoomed:
            return self._zoomed(height, top)
        if view_state.view is View.OVERVIEW:
            return self._overview(height, top)
        if view_state.view is View.BOOKS:
            return self._books(height, top)
        least = {
            View.LADDER: (ladders.LEAST_WIDTH, ladders.LEAST_HEIGHT),
            View.CHART: (charts.LEAST_WIDTH, charts.LEAST_HEIGHT),
            View.HEATMAP: (heatmaps.LEAST_WIDTH, heatmaps.LEAST_HEIGHT),
        }[view_state.view]
        count = len(view_state.tiles)
        grid = shared_room(count, self._width, height, *least)
        first = view_state.focus // grid.count * grid.count
        shown = range(first, min(first + grid.count, count))
        if len(shown) < count:
            self._page = f"{first + 1}-{first + len(shown)} of {count}"
        return self._tiles(shown, grid, 0, top, None, None)

    def _books(self, height: int, top: int) -> list[Line]:
        """Return a panel for each symbol, or the overview if they don't fit."""
        view_state = self._view_state

        def arranged(widths: Widths) -> Arrangement | None:
            count = len(view_state.tiles)
            return arrange(
                count, self._width, height, view_state.depth, widths, fill=view_state.fills
            )

        # Hundreds never fit: their books need not be read for that.
        found = arranged(_NARROWEST)
        if found is not None:
            depth = view_state.depth + max(tile.scroll for tile in view_state.tiles)
            pictures = self._pictures(depth, View.BOOKS)
            each = [widths_of(picture) for picture in pictures]
            widest = Widths(max(one.price for one in each), max(one.quantity for one in each))
            found = arranged(widest)
        if found is None:
            self._view = View.OVERVIEW
            return self._overview(height, top)
        view_state.shown = found.shape.levels
        # One more level takes two rows in a stack.
        self._spare = (height - found.rows * found.height) // found.rows >= 2
        grid = Grid(found.columns, found.rows, found.widths, found.height)
        return self._tiles(range(len(pictures)), grid, found.gap, top, pictures, found.shape)

    def _pictures(self, depth: int, view: View) -> list[Picture]:
        wanted = self._view_state.wanted(view, depth)
        return [tile.observer.picture(wanted, self._context.now) for tile in self._view_state.tiles]

    def _zoomed(self, height: int, top: int) -> list[Line]:
        view_state = self._view_state
        view = view_state.view if view_state.view is not View.OVERVIEW else View.BOOKS
        self._view = view
        if view is View.BOOKS:
            return self._book(view_state.focus, height, top, focused=False)
        spot = Spot(0, top, self._width, height, view_state.focus, view)
        return self._tile(spot, focused=False)

    def _book(self, index: int, height: int, top: int, *, focused: bool) -> list[Line]:
        """Return a panel filled with levels, with its figures below."""
        tile = self._view_state.tiles[index]
        wanted = self._view_state.wanted(View.BOOKS, height + tile.scroll)
        picture = tile.observer.picture(wanted, self._context.now)
        form = filled(self._width, height, widths_of(picture))
        self._spots.append(
            Spot(0, top, self._width, height, index, View.BOOKS, form, picture, tile.scroll)
        )
        return panel(picture, self._width, form, focused=focused, scroll=tile.scroll)

    def _overview(self, height: int, top: int) -> list[Line]:
        view_state, width = self._view_state, self._width
        rows = view_state.rows(self._context.now)
        below = height - len(rows) - 2
        if below < _LEAST_BOOK and height >= 34:
            below = height * 2 // 5
        below = below if below >= _LEAST_BOOK and width >= 40 else 0
        above = min(height - below - 1, len(rows) + 1) if below else height
        scroll = view_state.scrolled(max(1, above - 1))
        shown = rows[scroll : scroll + max(0, above - 1)]
        if len(shown) < len(view_state.tiles):
            self._page = f"{scroll + 1}-{scroll + len(shown)} of {len(rows)}"
        if view_state.sought:
            self._page += f" with “{view_state.sought}”"
        pictures = view_state.summaries(shown, self._context.now)
        lines = overview(
            pictures, shown, width, above, focus=view_state.focus, order=view_state.order
        )
        self._spots.append(Spot(0, top, width, 1, -1, View.OVERVIEW))
        self._spots += [
            Spot(0, top + 1 + row, width, 1, index, View.OVERVIEW)
            for row, index in enumerate(shown)
        ]
        if not below:
            return lines
        lines = [*fit(lines, width, above), blank(width)]
        return lines + self._book(view_state.focus, below, top + above + 1, focused=True)

    def _tiles(  # noqa: PLR0917, the parts of one drawing
        self,
        shown: Sequence[int],
        grid: Grid,
        gap: int,
        top: int,
        pictures: Sequence[Picture] | None,
        form: Shape | None,
    ) -> list[Line]:
        """Return tiles from left to right and then downwards."""
        view_state = self._view_state
        lines: list[Line] = []
        for start in range(0, len(shown), grid.columns):
            if lines:
                lines += [blank(self._width)] * gap
            y, x = top + len(lines), 0
            drawn = []
            for index, width in zip(shown[start : start + grid.columns], grid.widths, strict=False):
                focused = index == view_state.focus and len(view_state.tiles) > 1
                spot = Spot(x, y, width, grid.height, index, view_state.view)
                if pictures is not None and form is not None:
                    picture, scroll = pictures[index], view_state.tiles[index].scroll
                    drawn.append(panel(picture, width, form, focused=focused, scroll=scroll))
                    self._spots.append(spot._replace(shape=form, picture=picture, scroll=scroll))
                else:
                    drawn.append(self._tile(spot, focused=focused))
                x += width + BETWEEN
            rest = self._width - (x - BETWEEN)
            lines += [_beside(parts, rest) for parts in zip(*drawn, strict=True)]
        return lines

    def _tile(self, spot: Spot, *, focused: bool) -> list[Line]:
        """Return the tile of a symbol in a view other than books."""
        view_state, context = self._view_state, self._context
        width, height, view = spot.width, spot.height, spot.view
        tile = view_state.tiles[spot.tile]
        look = tile.observer.picture
        if view is View.LADDER:
            rows, _ = ladders.frame_rows(height)
            picture, axis, _ = self._reaching(
                tile,
                view,
                max(rows, 1),
                lambda picture: view_state.ladder_axis(tile, picture, rows),
            )
            flashes = tile.flasher.look(picture, context.now) if view_state.flashing else {}
            self._spots.append(spot._replace(picture=picture, axis=axis))
            return ladders.ladder(picture, width, height, axis, flashes, focused=focused)
        self._spots.append(spot)
        if view is View.CHART:
            columns = charts.columns(width)
            picture, axis, tile.reach = self._reaching(
                tile,
                view,
                max(tile.reach, _FEW_LEVELS),
                lambda picture: view_state.chart_axis(tile, picture, columns),
            )
            cursor = round(tile.cursor / axis.step) if axis and tile.cursor is not None else None
            return charts.chart(picture, width, height, axis, cursor, focused=focused)
        picture = look(view_state.wanted(View.HEATMAP, 100), context.now)
        view_state.remember([tile], context.now)
        assert tile.history is not None  # noqa: S101, `remember` has seen to it
        axis = view_state.heat_axis(tile, picture, heatmaps.prices(height, plain=context.plain))
        return heatmaps.heatmap(
            picture,
            tile.history,
            width,
            height,
            axis,
            view_state.seconds,
            context.now,
            plain=context.plain,
            focused=focused,
        )

    def _reaching(
        self, tile: TileState, view: View, depth: int, axis_of: Callable[[Picture], Axis | None]
    ) -> tuple[Picture, Axis | None, int]:
        """Return a picture with the levels of a whole axis, that axis, and how many they are.

        Args:
            tile: whose levels.
            view: for which they are.
            depth: levels a side that may be enough; else twice as many, and so on.
            axis_of: returns the axis for a picture.
        """
        while True:
            wanted = self._view_state.wanted(view, depth)
            picture = tile.observer.picture(wanted, self._context.now)
            axis = axis_of(picture)
            if depth >= MOST_LEVELS or axis is None or _reaches(picture, axis, depth):
                return picture, axis, depth
            depth = min(2 * depth, MOST_LEVELS)

    def _pointed(self) -> str:
        """Return what is under the mouse, in words; may be empty."""
        if self._context.pointed is None:
            return ""
        x, y = self._context.pointed
        for spot in self._spots:
            if not (spot.x <= x < spot.x + spot.width and spot.y <= y < spot.y + spot.height):
                continue
            words = _told(spot, x - spot.x, y - spot.y)
            return f"{spot.picture.symbol}  {words}" if spot.picture and words else ""
        return ""


def _reaches(picture: Picture, axis: Axis, depth: int) -> bool:
    """Return whether so many levels per side reach to both ends of an axis, or are a whole side."""
    bids, asks = picture.bids, picture.asks
    return (len(bids) < depth or bids[-1][0] < axis.lowest * axis.step) and (
        len(asks) < depth or asks[-1][0] > axis.highest * axis.step
    )


def _told(spot: Spot, x: int, y: int) -> str:
    """Return what is at a cell of a tile, in words; may be empty."""
    if spot.picture is not None and spot.shape is not None:
        at = level_at(spot.picture, spot.width, spot.shape, x, y)
        return reached(spot.picture, at[0], at[1] + spot.scroll) if at else ""
    if spot.picture is not None and spot.axis is not None:
        cursor = ladders.cursor_at(spot.axis, spot.height, y)
        return "" if cursor is None else charts.reading(spot.picture, spot.axis, cursor)
    return ""


def _beside(parts: Iterable[Line], rest: int) -> Line:
    """Return the lines of several tiles as one, with so many blanks behind the last."""
    joined: list[Segment] = []
    for part in parts:
        if joined:
            joined.append(_BETWEEN)
        joined += part
    if rest > 0:
        joined.append((" " * rest, ""))
    return tuple(joined)
