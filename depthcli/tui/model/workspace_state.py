"""Converts the state of the screen to a workspace and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from depthcli.settings.workspaces import WatchedSymbol, Workspace
from depthcli.tui.model.observer import COARSEST
from depthcli.tui.model.sorting import COLUMNS, Sorting
from depthcli.tui.model.view_names import View
from depthcli.tui.model.view_state import MOST_DEPTH, SPANS

if TYPE_CHECKING:
    from depthcli.tui.model.view_state import ViewState


def workspace_of(view_state: ViewState, theme: Literal["dark", "light"]) -> Workspace:
    """Return the state of the screen as a workspace."""
    symbols = []
    for tile in view_state.tiles:
        watched, observer = tile.observer.watched, tile.observer
        size = None if observer.size_is_usual else observer.size
        symbols.append(
            WatchedSymbol(name=watched.address or watched.name, group=observer.group, size=size)
        )
    return Workspace(
        symbols=symbols,
        view=view_state.view.value,
        depth=view_state.depth,
        theme=theme,
        unit="quote" if view_state.in_quote else "base",
        flash=view_state.flashing,
        zoomed=symbols[view_state.focus].name if view_state.zoomed and symbols else "",
        sort=view_state.order.column,
        descending=view_state.order.descending,
        seconds=view_state.seconds,
        log=view_state.log,
    )


def restore(view_state: ViewState, workspace: Workspace) -> None:
    """Apply a workspace to the state of the screen; invalid settings are ignored."""
    view_state.view = View(workspace.view)
    view_state.depth = min(max(workspace.depth, 1), MOST_DEPTH)
    view_state.in_quote = workspace.unit == "quote"
    view_state.flashing = workspace.flash
    view_state.log = workspace.log
    if workspace.sort in COLUMNS:
        view_state.order = Sorting(workspace.sort, workspace.descending)
    if workspace.seconds in SPANS:
        view_state.seconds = workspace.seconds
    kept = {symbol.name: symbol for symbol in workspace.symbols}
    for index, tile in enumerate(view_state.tiles):
        watched = tile.observer.watched
        name = watched.address or watched.name
        symbol = kept.get(name)
        if symbol is None:
            continue
        tile.observer.group = min(max(symbol.group, 0), COARSEST)
        if symbol.size and symbol.size > 0:
            tile.observer.choose_size(symbol.size)
        if name == workspace.zoomed:
            view_state.focus, view_state.zoomed = index, True
