"""The running screen: draws frames at a fixed rate, and handles keys and mouse."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App
from textual.binding import Binding, BindingType

from depthcli.core.state import State
from depthcli.tui.canvas import Canvas
from depthcli.tui.command_palette import COMMANDS, SILENT
from depthcli.tui.drawing.terminal import driver_class
from depthcli.tui.model.event_log import EventLog
from depthcli.tui.model.rates import Rate
from depthcli.tui.model.view_names import View
from depthcli.tui.views.chart import cursor_at
from depthcli.tui.views.header_footer import Status
from depthcli.tui.views.overview import column_at
from depthcli.tui.views.screen import FrameContext, ScreenRenderer
from depthcli.tui.views.theme import DARK, LIGHT, palette

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.events import Click, MouseMove, MouseScrollDown, MouseScrollUp

    from depthcli.tui.model.view_state import ViewState
    from depthcli.tui.views.screen import ScreenLines

_WHEEL: Final = 3


class KeyCanvas(Canvas):
    """The canvas with every key of the app."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(command.keys, f"app.{command.action}", command.title)
            for command in COMMANDS
            if command.keys
        ),
        *(Binding(keys, f"app.{action}", show=False) for keys, action in SILENT),
    ]


class MainScreen(App[None]):
    """Shows the books of a view state. Each frame reads them, and repaints only what changed.

    Args:
        view_state: the symbols shown, and how.
        title: where the books come from.
        fps: most frames per second.
        clock: seconds; the clock of the managers' `last_received` and `last_audit`.
        wall: seconds since the epoch, for the time in the header.
        offset: how far the exchange's clock is ahead of `wall`, in seconds; None: not known.
        plain: whether to draw without shades of colour; None: as the terminal needs it.
    """

    CSS_PATH = "depthcli.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        view_state: ViewState,
        *,
        title: str,
        fps: float,
        clock: Callable[[], float],
        wall: Callable[[], float],
        offset: Callable[[], float | None] | None,
        plain: bool | None,
    ) -> None:
        # With native colours Textual takes NO_COLOR at its word; otherwise it sends shades of grey.
        super().__init__(driver_class(), ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.title = f"depthcli · {title}"
        self.view_state = view_state
        self._source = title
        self._fps = fps
        self._clock = clock
        self._wall = wall
        self._offset = offset or (lambda: 0.0)
        self._plain = plain
        self._few_colours = False
        self._event_log = EventLog()
        self._screen_lines: ScreenLines | None = None
        self._pointed: tuple[int, int] | None = None
        self._paused_at: float | None = None
        self._drawn = 0
        self._frame_rate = Rate()
        self._event_rate = Rate()
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        """One canvas holds all: it is by far the cheapest way to repaint a few lines."""
        yield KeyCanvas(palette(dark=True))

    def on_mount(self) -> None:
        """Start to draw frames."""
        if self._plain is None:
            self._few_colours = self.console.color_system == "standard"
            self._plain = self._few_colours or bool(os.environ.get("NO_COLOR"))
        if self._few_colours:
            # The terminal's own colours by their names: Textual would look for similar ones.
            self.ansi_color = True
        self.set_class(self._plain, "plain")
        self._recolour()
        self.theme_changed_signal.subscribe(self, lambda _theme: self._recolour())
        self.set_interval(1 / self._fps, self.look)
        self.look()

    def on_canvas_resized(self) -> None:
        """Use the new size at once."""
        self._show()

    # Frames.

    def look(self) -> None:
        """Read each book, and draw a frame."""
        now, wall = self._clock(), self._wall()
        self._drawn += 1
        self._frame_rate.add(now, self._drawn)
        exchange_wall = wall + (self._offset() or 0.0)
        applied = 0
        for tile in self.view_state.tiles:
            tile.observer.look(now, exchange_wall)
            manager = tile.observer.watched.manager
            applied += manager.counters.applied
            self._event_log.look(tile.name, manager, now, wall)
        self._event_rate.add(now, applied)
        self.view_state.remember((), now)
        self._show()

    def _show(self) -> None:
        size = self._canvas.size
        if not size:
            return
        now = self._clock() if self._paused_at is None else self._paused_at
        context = FrameContext(now, self._pointed, bool(self._plain), self._event_log.entries)
        self._screen_lines = ScreenRenderer(self.view_state, context, size.width, size.height).draw(
            self._status()
        )
        # The canvas belongs to the first screen, which help and the palette may lie upon.
        self._canvas.show(self._screen_lines.lines, size.width)

    @property
    def _canvas(self) -> Canvas:
        return self.screen_stack[0].query_one(Canvas)

    def _status(self) -> Status:
        all_watched = [tile.observer.watched for tile in self.view_state.tiles]
        managers = [watched.manager for watched in all_watched]
        # A halted symbol's book is true, but doesn't move: it isn't counted as live.
        states = [
            watched.manager.state
            if watched.trading or watched.manager.state is not State.LIVE
            else State.STALE
            for watched in all_watched
        ]
        paused_at = self._paused_at
        return Status(
            title=self._source,
            view=self.view_state.view.value,
            frames_per_second=self._frame_rate.per_second,
            events_per_second=self._event_rate.per_second,
            gaps=sum(manager.counters.gaps for manager in managers),
            states={state: states.count(state) for state in (State.LIVE, *State)},
            clock=self._wall(),
            paused_for=None if paused_at is None else self._clock() - paused_at,
        )

    def _recolour(self) -> None:
        dark = self.theme == DARK.name
        self._canvas.recolour(palette(dark=dark, few=self._few_colours))

    # The mouse.

    def on_mouse_move(self, event: MouseMove) -> None:
        """Say in the footer what the mouse is over."""
        if len(self.screen_stack) > 1:
            return
        self._pointed = (event.screen_x, event.screen_y)
        spot = self._screen_lines.spot_at(*self._pointed) if self._screen_lines else None
        if spot and spot.view is View.CHART and spot.tile >= 0:
            tile = self.view_state.tiles[spot.tile]
            at = cursor_at(tile.chart, event.screen_x - spot.x) if tile.chart else None
            if tile.chart and at is not None:
                tile.cursor = at * tile.chart.step
        self._show()

    def on_leave(self) -> None:
        """Show the key hints again."""
        self._pointed = None

    def on_click(self, event: Click) -> None:
        """Select the symbol that was clicked, or sort by the heading."""
        if len(self.screen_stack) > 1 or self._screen_lines is None:
            return
        spot = self._screen_lines.spot_at(event.screen_x, event.screen_y)
        if spot is None:
            return
        if spot.tile >= 0:
            again = spot.tile == self.view_state.focus and event.chain > 1
            self.view_state.focus_on(spot.tile)
            if again:
                self.view_state.zoom()
        elif spot.view is View.OVERVIEW:
            pictures = self.view_state.summaries((), self._clock())
            column = column_at(pictures, spot.width, event.screen_x)
            if column is not None:
                self.view_state.order = self.view_state.order.by(column)
                self.view_state.sort_again()
        self._show()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll what the mouse is over."""
        self._wheel(event.screen_x, event.screen_y, _WHEEL)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll what the mouse is over."""
        self._wheel(event.screen_x, event.screen_y, -_WHEEL)

    def _wheel(self, x: int, y: int, rows: int) -> None:
        spot = self._screen_lines.spot_at(x, y) if self._screen_lines else None
        if len(self.screen_stack) > 1 or spot is None:
            return
        if spot.view is None:
            self.view_state.log_back = max(0, self.view_state.log_back - rows)
        elif spot.view is View.OVERVIEW:
            self.view_state.scroll_rows(rows)
        else:
            self.view_state.focus_on(spot.tile)
            self.view_state.scroll_levels(rows)
        self._show()

    # What the keys and the command palette do.

    def action_view(self, name: str) -> None:
        """Switch to a view."""
        self.view_state.look_at(View(name))
        self._show()

    def action_next_view(self, steps: int) -> None:
        """Switch to the next view."""
        self.view_state.next_view(steps)
        self._show()

    def action_pause(self) -> None:
        """Pause or resume the display."""
        if self._paused_at is None:
            self._paused_at = self._clock()
            for tile in self.view_state.tiles:
                tile.observer.freeze()
        else:
            self._paused_at = None
            for tile in self.view_state.tiles:
                tile.observer.thaw()
        self.look()

    def action_zoom(self) -> None:
        """Show only the selected symbol, or all."""
        self.view_state.zoom()
        self._show()

    def action_all(self) -> None:
        """Show all symbols again."""
        if self.view_state.zoomed:
            self.view_state.zoom()
        elif self.view_state.sought:
            self.view_state.sought = ""
            self.view_state.sort_again()
        self._show()

    def action_more(self, steps: int) -> None:
        """Show more levels, or a wider range of prices."""
        if self.view_state.view in {View.CHART, View.HEATMAP}:
            self.view_state.wider(steps)
        else:
            self.view_state.deeper(steps)
        self._show()

    def action_fill(self) -> None:
        """Fill the screen with levels, or show as many as before."""
        self.view_state.fill()
        self._show()

    def action_group(self, powers: int) -> None:
        """Group levels more coarsely or finely."""
        if tile := self.view_state.focused:
            tile.observer.coarser(powers)
            tile.ladder = None
        self._show()

    def action_unit(self) -> None:
        """Show quantities in the other asset."""
        self.view_state.in_quote = not self.view_state.in_quote
        self._show()

    def action_size(self, steps: int) -> None:
        """Show the cost of a smaller or larger order."""
        self.view_state.resize(steps)
        self._show()

    def action_flash(self) -> None:
        """Flash changed quantities, or not."""
        self.view_state.flashing = not self.view_state.flashing
        self._show()

    def action_sort(self) -> None:
        """Sort the overview by the next column."""
        self.view_state.order = self.view_state.order.next(1)
        self.view_state.sort_again()
        self._show()

    def action_reverse(self) -> None:
        """Reverse the order of the overview."""
        self.view_state.order = self.view_state.order.by(self.view_state.order.column)
        self.view_state.sort_again()
        self._show()

    def action_move(self, tiles: int) -> None:
        """Move the selected symbol back or on."""
        self.view_state.move(tiles)
        self._show()

    def action_log(self) -> None:
        """Open or close the log."""
        self.view_state.log, self.view_state.log_back = not self.view_state.log, 0
        self._show()

    def action_toggle_theme(self) -> None:
        """Switch between dark and light colours."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
        self._show()

    def action_home(self) -> None:
        """Go back to the touch, the market or the first line."""
        if self._shows_overview:
            self.view_state.select(-len(self.view_state.tiles))
        else:
            self.view_state.recentre()
        self._show()

    # Keys that move about.

    @property
    def _shows_overview(self) -> bool:
        return self._screen_lines is not None and self._screen_lines.view is View.OVERVIEW

    def action_step(self, rows: int) -> None:
        """Select the next line, or scroll the selected book."""
        if self._shows_overview:
            self.view_state.select(rows)
        else:
            self.view_state.scroll_levels(rows)
        self._show()

    def action_pages(self, pages: int) -> None:
        """Do the same by whole pages."""
        self.action_step(pages * max(1, self.size.height - 3))

    def action_aside(self, steps: int) -> None:
        """Move the chart's cursor, change the heatmap's time scale, or select the next symbol."""
        if self.view_state.view is View.CHART:
            self.view_state.point(steps)
        elif self.view_state.view is View.HEATMAP:
            self.view_state.longer(-steps)
        else:
            self.view_state.focus_next(steps)
        self._show()

    def action_next_symbol(self, steps: int) -> None:
        """Select the next symbol."""
        self.view_state.focus_next(steps)
        self._show()

    def action_jump(self, number: int) -> None:
        """Select a symbol by its number."""
        self.view_state.focus_on(number - 1)
        self._show()
