"""Between the desk and a workspace: what is kept of what the user looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from depthcli.tui.desk import MOST_DEPTH, SPANS
from depthcli.tui.observing import COARSEST
from depthcli.tui.ordering import COLUMNS, Order
from depthcli.tui.views import View
from depthcli.workspaces import WatchedSymbol, Workspace

if TYPE_CHECKING:
    from depthcli.tui.desk import Desk


def workspace_of(desk: Desk, theme: Literal["dark", "light"]) -> Workspace:
    """Return what is on the screen, and how."""
    symbols = []
    for place in desk.places:
        watched, observer = place.observer.watched, place.observer
        size = None if observer.size_is_usual else observer.size
        symbols.append(
            WatchedSymbol(name=watched.address or watched.name, group=observer.group, size=size)
        )
    return Workspace(
        symbols=symbols,
        view=desk.view.value,
        depth=desk.depth,
        theme=theme,
        unit="quote" if desk.in_quote else "base",
        flash=desk.flashing,
        zoomed=symbols[desk.focus].name if desk.zoomed and symbols else "",
        sort=desk.order.column,
        descending=desk.order.descending,
        seconds=desk.seconds,
        log=desk.log,
    )


def restore(desk: Desk, workspace: Workspace) -> None:
    """Look at the symbols of the desk as a workspace says; what makes no sense is left as it is."""
    desk.view = View(workspace.view)
    desk.depth = min(max(workspace.depth, 1), MOST_DEPTH)
    desk.in_quote = workspace.unit == "quote"
    desk.flashing = workspace.flash
    desk.log = workspace.log
    if workspace.sort in COLUMNS:
        desk.order = Order(workspace.sort, workspace.descending)
    if workspace.seconds in SPANS:
        desk.seconds = workspace.seconds
    kept = {symbol.name: symbol for symbol in workspace.symbols}
    for index, place in enumerate(desk.places):
        watched = place.observer.watched
        name = watched.address or watched.name
        symbol = kept.get(name)
        if symbol is None:
            continue
        place.observer.group = min(max(symbol.group, 0), COARSEST)
        if symbol.size and symbol.size > 0:
            place.observer.choose_size(symbol.size)
        if name == workspace.zoomed:
            desk.focus, desk.zoomed = index, True
