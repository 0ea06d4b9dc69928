"""`depthcli watch`: the Textual app, with its prompts, copies and files."""

from __future__ import annotations

import io
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.binding import Binding

from depthcli.errors import DepthcliError
from depthcli.tui.command_palette import COMMANDS
from depthcli.tui.help import HelpScreen
from depthcli.tui.main_screen import MainScreen
from depthcli.tui.model.clipboard import as_json, as_text
from depthcli.tui.model.order_sizes import size_of
from depthcli.tui.model.view_names import View
from depthcli.tui.model.view_state import ViewState
from depthcli.tui.model.watched import Wanted
from depthcli.tui.model.workspace_state import restore, workspace_of
from depthcli.tui.prompts import Prompt, Search
from depthcli.tui.views.theme import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.screen import Screen

    from depthcli.settings.workspaces import Workspace, Workspaces
    from depthcli.tui.model.book_source import BookSource
    from depthcli.tui.model.watched import Watched


class WatchApp(MainScreen):
    """Shows live books until `q` is pressed.

    The caller keeps the books up to date. The app reads them at its own frame rate.

    Args:
        watched: what to show, at least one.
        title: where the books come from, such as `spot · built-in exchange`.
        depth: levels per side at the start.
        fps: most frames per second.
        clock: seconds; the clock of the managers' `last_received` and `last_audit`.
        wall: seconds since the epoch, for the time in the header.
        offset: how far the exchange's clock is ahead of `wall`, in seconds; None: not known.
        books: adds and drops symbols; None: the symbols stay as they are.
        plain: whether to draw without shades of colour; None: as the terminal needs it.
        workspaces: where workspaces are kept; None: nowhere.
        workspace: how to show the symbols at the start; its symbols are `watched`.
        name: the name of that workspace, offered when it is saved.

    Raises:
        ValueError: there is nothing to watch.
    """

    def __init__(
        self,
        watched: Sequence[Watched],
        *,
        title: str,
        depth: int = 5,
        fps: float = 10,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        offset: Callable[[], float | None] | None = None,
        books: BookSource | None = None,
        plain: bool | None = None,
        workspaces: Workspaces | None = None,
        workspace: Workspace | None = None,
        name: str = "",
    ) -> None:
        if not watched:
            raise ValueError("there is nothing to watch")
        super().__init__(
            ViewState(watched, depth, grows=books is not None),
            title=title,
            fps=fps,
            clock=clock,
            wall=wall,
            offset=offset,
            plain=plain,
        )
        self._books = books
        self._workspaces = workspaces
        self._workspace_name = name
        if workspace is not None:
            restore(self.view_state, workspace)
            self.theme = LIGHT.name if workspace.theme == "light" else DARK.name

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """Yield the commands of the command palette."""
        for command in COMMANDS:
            if self.check_action(command.action.partition("(")[0], ()):
                key = self.get_key_display(Binding(command.keys.partition(",")[0], "", ""))
                says = f"{command.says}  ({key})" if command.keys else command.says
                yield SystemCommand(command.title, says, self._caller(command.action))

    def _caller(self, action: str) -> Callable[[], Any]:
        async def call() -> None:
            await self.run_action(action)

        return call

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Return whether an action is available."""
        if action == "save_workspace":
            return self._workspaces is not None
        return self._books is not None if action in {"add", "drop"} else True

    def action_help(self) -> None:
        """Show the help."""
        view = self._screen_lines.view if self._screen_lines else self.view_state.view
        self.push_screen(HelpScreen(view, grows=self.view_state.grows))

    def action_ask_size(self) -> None:
        """Ask for the order size to show the cost of."""
        tile = self.view_state.focused
        if tile is None:
            return
        unit = tile.observer.watched.base or "the base asset"

        def take(text: str | None) -> None:
            if not text or not text.strip():
                return
            try:
                tile.observer.choose_size(size_of(text))
            except ValueError as error:
                self.notify(str(error), severity="warning")
            self._show()

        self.push_screen(Prompt(f"cost to trade how much {unit}?"), take)

    def action_filter(self) -> None:
        """Ask which symbols the overview should show."""
        before = self.view_state.sought
        self.view_state.look_at(View.OVERVIEW)

        def seek(text: str | None) -> None:
            self.view_state.sought = before if text is None else text.strip()
            self.view_state.sort_again()
            self._show()

        self.push_screen(Prompt("filter", before, seek), seek)

    def action_add(self) -> None:
        """Ask for a symbol, and watch it."""
        books = self._books
        if books is not None:
            self.push_screen(Search("add a symbol", books.search), self._add_all)

    async def _add_all(self, names: list[str] | None) -> None:
        for name in names or ():
            await self._add(name)

    async def _add(self, name: str) -> None:
        if self._books is None:
            return
        try:
            watched = await self._books.add(name)
        except DepthcliError as error:
            self.notify(str(error), title=name, severity="warning", markup=False)
            return
        known = [tile.name for tile in self.view_state.tiles]
        if watched.name in known:
            self.view_state.focus_on(known.index(watched.name))
        else:
            tile = self.view_state.add(watched)
            if self._paused_at is not None:
                tile.observer.freeze()
            self._event_log.note(self._wall(), watched.name, "added")
        self.look()

    async def action_drop(self) -> None:
        """Stop watching the selected symbol."""
        gone = self.view_state.drop()
        if gone and self._books:
            await self._books.drop(gone.observer.watched)
            self._event_log.forget(gone.name)
            self._event_log.note(self._wall(), gone.name, "dropped")
        self._show()

    def action_copy(self, as_object: bool) -> None:
        """Copy the selected book."""
        tile = self.view_state.focused
        if tile is None:
            return
        depth = max(self.view_state.depth, 20) if self.view_state.zoomed else self.view_state.depth
        picture = tile.observer.picture(
            Wanted(depth, in_quote=self.view_state.in_quote, beyond=False), self._clock()
        )
        self.copy_to_clipboard(as_json(picture) if as_object else as_text(picture))
        kind = "JSON" if as_object else "text"
        self.notify(f"{tile.name}: {depth} levels per side copied as {kind}", markup=False)

    def action_save_picture(self) -> None:
        """Save the screen as SVG, and say where."""
        time = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%d-%H%M%S")
        name = f"depthcli-{time}.svg"
        if self.is_web:
            picture = io.StringIO(self.export_screenshot())
            self.deliver_text(picture, save_filename=name, mime_type="image/svg+xml")
            self.notify(f"{name} is in the browser's downloads", markup=False)
            return
        folder = Path.cwd() if os.access(Path.cwd(), os.W_OK) else Path.home()
        try:
            path = self.save_screenshot(name, str(folder))
        except OSError as error:
            self.notify(f"the screenshot can't be saved: {error}", severity="error", markup=False)
            return
        self.notify(f"saved as {path}", markup=False)

    def workspace(self) -> Workspace:
        """Return the workspace on the screen."""
        return workspace_of(self.view_state, "dark" if self.theme == DARK.name else "light")

    def action_save_workspace(self) -> None:
        """Ask for a name, and save the workspace under it."""
        kept = self._workspaces
        if kept is None:
            return

        def save(name: str | None) -> None:
            if not name or not name.strip():
                return
            try:
                path = kept.save(name.strip(), self.workspace())
            except DepthcliError as error:
                self.notify(str(error), severity="warning", markup=False)
                return
            self._workspace_name = name.strip()
            self.notify(f"saved as {path}", markup=False)

        self.push_screen(Prompt("save the workspace as", self._workspace_name), save)
