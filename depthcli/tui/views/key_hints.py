"""Key hints for the footer and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthcli.tui.model.view_names import View

if TYPE_CHECKING:
    from depthcli.tui.model.view_state import ViewState
    from depthcli.tui.views.header_footer import Hint

EVERYWHERE: Final = (
    ("q, ctrl+c", "quit"),
    ("?", "this help; ?, Esc or q closes it"),
    ("v V", "next view, previous view; b books, o overview"),
    ("p, space", "pause and resume the display; the books stay up to date"),
    ("tab, 1-9, click", "select a symbol: keys act on the selected one"),
    ("z, Enter", "show only the selected symbol, or all; Esc: all"),
    ("< >", "move the selected symbol back or on"),
    ("u", "quantities in the base or the quote asset"),
    ("[ ] c", "smaller or larger order size to show the cost of; c: type one"),
    ("y Y", "copy the selected book as text, as JSON"),
    ("s", "save the screen as SVG"),
    ("l", "the log: what happened, to which symbol and when"),
    ("t", "dark or light colours"),
    ("ctrl+p", "find a command by name"),
)

KEEPING: Final = (("w", "save this workspace; depthcli watch --workspace NAME opens it"),)
"""Where workspaces can be saved."""

GROWING: Final = (
    ("a", "add a symbol, with suggestions as you type"),
    ("d", "drop the selected symbol"),
)
"""Where symbols can be added and dropped."""

HERE: Final[dict[View, tuple[tuple[str, str], ...]]] = {
    View.BOOKS: (
        ("+ and -", "more or fewer levels"),
        ("m", "fill the screen with levels, and back"),
        ("g G", "group levels by 10, 100, ... ticks; G: finer again"),
        ("↑ ↓, wheel", "scroll away from the touch and back; Home: the touch"),
        ("mouse", "over a level: the quantity up to it, and its cost"),
    ),
    View.LADDER: (
        ("g G", "group levels by 10, 100, ... ticks; G: finer again"),
        ("↑ ↓, wheel", "move the axis and hold it; Home: follow the market again"),
        ("f", "flash changed quantities, or not"),
    ),
    View.CHART: (
        ("← →, mouse", "cursor: size and cost up to a price; Home removes it"),
        ("+ and -", "wider or narrower price range"),
    ),
    View.HEATMAP: (
        ("← →", "fewer or more seconds per column"),
        ("+ and -", "wider or narrower price range"),
        ("↑ ↓, wheel", "move the axis and hold it; Home: follow the market again"),
    ),
    View.OVERVIEW: (
        ("↑ ↓ PgUp PgDn", "select a symbol; also Home and End; the wheel scrolls"),
        ("Enter", "show only that symbol"),
        ("/", "filter by name; Esc: all symbols"),
        ("r R", "sort by the next column; R: reverse; or click a heading"),
    ),
}
"""The keys of each view, for the help."""


def hints(view_state: ViewState, view: View, *, paused: bool, spare: bool = False) -> list[Hint]:
    """Return the hints for the footer, the most important first.

    Args:
        view_state: the symbols shown, and how.
        view: the view in use, which may not be the one asked for.
        paused: whether the display is paused.
        spare: whether the panels leave room for more levels.
    """
    several = len(view_state.tiles) > 1
    found: list[Hint] = [("q", "quit"), ("?", "help"), ("p", "resume" if paused else "pause")]
    if not view_state.tiles:
        return [*found[:2], ("a", "add")] if view_state.grows else found[:2]
    found.append(("v", "view"))
    if several or view_state.zoomed:
        found.append(("z", "all" if view_state.zoomed else "zoom"))
    found += _here(view_state, view, spare=spare)
    if view is not View.HEATMAP:
        found.append(("u", "base" if view_state.in_quote else "quote"))
    if several and view is not View.OVERVIEW:
        found.append(("tab", "next"))
    if view_state.grows:
        found.append(("a", "add"))
    return [*found, ("y", "copy"), ("l", "log"), ("t", "theme")]


def _here(view_state: ViewState, view: View, *, spare: bool) -> list[Hint]:
    """Return the hints of one view."""
    if view is View.CHART:
        return [("←→", "cursor"), ("+/-", "range"), ("[ ]", "size")]
    if view is View.HEATMAP:
        return [("←→", f"{view_state.seconds} s/column"), ("+/-", "range")]
    if view is View.OVERVIEW:
        return [("↑↓", "select"), ("/", "filter"), ("r", "sort")]
    tile = view_state.focused
    power = tile.observer.group if tile else 0
    group = ("g/G", f"group x{10**power:,}" if power else "group")
    if view is View.LADDER:
        held = tile is not None and tile.ladder is not None and tile.ladder.held
        home = ("Home", "recentre") if held else ("↑↓", "move")
        return [group, home, ("f", "flash off" if view_state.flashing else "flash on")]
    found: list[Hint] = []
    if not view_state.zoomed:
        found.append(("+/-", f"depth {'max' if view_state.fills else view_state.depth}"))
        if spare or view_state.fills:
            found.append(("m", "fewer" if view_state.fills else "fill"))
    return [*found, group, ("[ ]", "size")]
