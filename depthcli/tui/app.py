"""`depthcli watch`: the Textual app. It looks at books at its own pace, and fetches nothing."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType

from depthcli.synchronizer import State
from depthcli.tui.canvas import Canvas
from depthcli.tui.frame import Status, draw, furthest_scroll, plan
from depthcli.tui.help import HelpScreen
from depthcli.tui.palette import DARK, LIGHT, palette
from depthcli.tui.terminal import driver_class
from depthcli.tui.watched import Observer, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.screen import Screen

    from depthcli.tui.watched import Picture, Watched

MOST_DEPTH: Final = 100
"""Levels a side that can be asked for: more than any terminal shows."""


class WatchApp(App[None]):
    """Shows books live until `q` is pressed.

    The caller keeps the books up; the app looks at them at its own frame rate, and repaints only
    what changed.

    Args:
        watched: what to show, at least one.
        title: where the books come from, such as `spot · embedded exchange`.
        depth: levels a side to begin with.
        fps: frames per second at the most.
        clock: seconds; the clock of the managers' `last_received` and `last_audit`.
        wall: seconds since the epoch, for the time in the header.

    Raises:
        ValueError: there is nothing to watch.
    """

    CSS_PATH = "depthcli.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("question_mark", "help", "Help"),
        Binding("p,space", "pause", "Pause"),
        Binding("plus,equals_sign", "depth(1)", "More levels"),
        Binding("minus", "depth(-1)", "Fewer levels"),
        Binding("t", "toggle_theme", "Dark or light"),
        Binding("up", "scroll_overview(-1)", "Up"),
        Binding("down", "scroll_overview(1)", "Down"),
        Binding("pageup", "scroll_pages(-1)", "Page up"),
        Binding("pagedown", "scroll_pages(1)", "Page down"),
        Binding("home", "scroll_pages(-1000)", "First"),
        Binding("end", "scroll_pages(1000)", "Last"),
    ]

    def __init__(
        self,
        watched: Sequence[Watched],
        *,
        title: str,
        depth: int = 5,
        fps: float = 10,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        # With native colours Textual takes NO_COLOR at its word; otherwise it sends shades of grey.
        super().__init__(driver_class(), ansi_color=True if os.environ.get("NO_COLOR") else None)
        if not watched:
            raise ValueError("there is nothing to watch")
        self.title = f"depthcli · {title}"
        self._source = title
        self._observers = [Observer(one) for one in watched]
        self._pictures: list[Picture] = []
        self._depth = min(max(depth, 1), MOST_DEPTH)
        self._fps = fps
        self._clock = clock
        self._wall = wall
        self._scroll = 0
        self._paused_at: float | None = None
        self._drawn = 0
        self._frame_rate = Rate()
        self._event_rate = Rate()
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        """One canvas holds all: it is by far the cheapest way to repaint a few lines."""
        yield Canvas(palette(dark=True))

    def on_mount(self) -> None:
        """Begin to look at the books."""
        self.theme_changed_signal.subscribe(self, lambda _theme: self._recolour())
        self.set_interval(1 / self._fps, self.look)
        self.look()

    def on_resize(self) -> None:
        """Use the new size at once."""
        self._show()

    def on_mouse_scroll_down(self) -> None:
        """Scroll the overview by the wheel."""
        self.action_scroll_overview(3)

    def on_mouse_scroll_up(self) -> None:
        """Scroll the overview by the wheel."""
        self.action_scroll_overview(-3)

    def look(self) -> None:
        """Take a picture of each book, unless paused, and show what changed."""
        now = self._clock()
        self._drawn += 1
        self._frame_rate.add(now, self._drawn)
        counters = [observer.watched.manager.counters for observer in self._observers]
        self._event_rate.add(now, sum(one.applied for one in counters))
        for observer in self._observers:
            observer.look(now)
        if self._paused_at is None:
            self._take_pictures(self._depth)
        self._show()

    def _take_pictures(self, depth: int) -> None:
        now = self._clock()
        self._pictures = [observer.picture(depth, now) for observer in self._observers]

    def _show(self) -> None:
        if not self._pictures:
            return
        size = self.size
        planned = plan(self._pictures, size.width, size.height, self._depth)
        self._scroll = min(self._scroll, furthest_scroll(planned, len(self._pictures)))
        lines = draw(self._pictures, planned, self._status(), self._scroll)
        # The canvas belongs to the first screen, which help and the palette may lie upon.
        self.screen_stack[0].query_one(Canvas).show(lines, size.width)

    def _status(self) -> Status:
        managers = [observer.watched.manager for observer in self._observers]
        states = [manager.state for manager in managers]
        paused_at = self._paused_at
        return Status(
            title=self._source,
            frames_per_second=self._frame_rate.per_second,
            events_per_second=self._event_rate.per_second,
            gaps=sum(manager.counters.gaps for manager in managers),
            states={state: states.count(state) for state in (State.LIVE, *State)},
            clock=self._wall(),
            paused_for=None if paused_at is None else self._clock() - paused_at,
            depth=self._depth,
            dark=self.theme == DARK.name,
        )

    def _recolour(self) -> None:
        styles = palette(dark=self.theme == DARK.name)
        self.screen_stack[0].query_one(Canvas).recolour(styles)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """Yield what the command palette offers: what the keys do, by name."""
        yield SystemCommand("Help", "Keys and columns", self.action_help)
        yield SystemCommand("Pause", "Freeze the picture, or go on", self.action_pause)
        yield SystemCommand("More levels", "Show a level more", lambda: self.action_depth(1))
        yield SystemCommand("Fewer levels", "Show a level less", lambda: self.action_depth(-1))
        yield SystemCommand("Theme", "Dark or light colours", self.action_toggle_theme)
        yield SystemCommand("Quit", "End depthcli", self.action_quit)

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(HelpScreen())

    def action_pause(self) -> None:
        """Freeze the picture, or let it go on."""
        if self._paused_at is None:
            # A frozen picture can't be asked for more later: take as much as may be wanted.
            self._take_pictures(MOST_DEPTH)
            self._paused_at = self._clock()
            self._show()
        else:
            self._paused_at = None
            self.look()

    def action_depth(self, more: int) -> None:
        """Show so many levels a side more."""
        self._depth = min(max(self._depth + more, 1), MOST_DEPTH)
        if self._paused_at is None:
            self._take_pictures(self._depth)
        self._show()

    def action_toggle_theme(self) -> None:
        """Change between dark and light colours."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
        self._show()

    def action_scroll_overview(self, rows: int) -> None:
        """Scroll the overview down by so many rows."""
        self._scroll = max(0, self._scroll + rows)
        self._show()

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll the overview down by so many pages."""
        self.action_scroll_overview(pages * max(1, self.size.height - 3))
