"""The keys that matter in what is shown: for the footer and for the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthcli.tui.model.view_names import View

if TYPE_CHECKING:
    from depthcli.tui.model.view_state import ViewState
    from depthcli.tui.views.header_footer import Hint

EVERYWHERE: Final = (
    ("q, ctrl+c", "quit"),
    ("?", "this help; ?, Esc or q closes it"),
    ("v V", "the next view, the one before; b books, o overview"),
    ("p, space", "freeze the picture and go on; the books are kept up meanwhile"),
    ("tab, 1-9, click", "choose a symbol: keys act on the chosen one"),
    ("z, Enter", "only the chosen symbol, or all again; Esc, too"),
    ("< >", "move the chosen symbol in the order"),
    ("u", "quantities in the base or in the quote asset"),
    ("[ ] c", "a smaller or larger size whose cost is shown; c to type one"),
    ("y Y", "copy the chosen book as text, as JSON"),
    ("s", "save a picture of the screen (SVG)"),
    ("l", "the log: what happened to which symbol, when"),
    ("t", "dark and light colours"),
    ("ctrl+p", "find a command by its name"),
)

KEEPING: Final = (("w", "save this workspace by a name: depthcli watch --workspace NAME"),)
"""Where workspaces are kept."""

GROWING: Final = (
    ("a", "add a symbol, found as you type"),
    ("d", "drop the chosen symbol"),
)
"""Where somebody keeps the books that are added."""

HERE: Final[dict[View, tuple[tuple[str, str], ...]]] = {
    View.BOOKS: (
        ("+ and -", "more and fewer levels, as many as there is room for"),
        ("m", "as many levels as there is room for, and back"),
        ("g G", "levels in groups of 10, 100, ... ticks; G: finer again"),
        ("↑ ↓, wheel", "scroll away from the touch and back; Home goes there"),
        ("mouse", "over a level: what lies up to it, and what that would cost"),
    ),
    View.LADDER: (
        ("g G", "levels in groups of 10, 100, ... ticks; G: finer again"),
        ("↑ ↓, wheel", "move the axis, which then stays; Home lets it follow the market"),
        ("f", "whether changed quantities flash"),
    ),
    View.CHART: (
        ("← →, mouse", "the cursor: size and cost up to a price; Home takes it away"),
        ("+ and -", "more and fewer prices"),
    ),
    View.HEATMAP: (
        ("← →", "fewer and more seconds a column"),
        ("+ and -", "more and fewer prices"),
        ("↑ ↓, wheel", "move the axis, which then stays; Home lets it follow the market"),
    ),
    View.OVERVIEW: (
        ("↑ ↓ PgUp PgDn", "choose a line; Home and End, too; the wheel scrolls"),
        ("Enter", "show that symbol alone"),
        ("/", "only symbols with what you type in their names; Esc: all"),
        ("r R", "sort by the next column; R: the other way round; or click on a heading"),
    ),
}
"""The keys of each view, for the help."""


def hints(view_state: ViewState, view: View, *, paused: bool, spare: bool = False) -> list[Hint]:
    """Return the keys that matter now, the most important first.

    Args:
        view_state: what is looked at.
        view: how it is really shown.
        paused: whether the picture is frozen.
        spare: whether the panels leave room for more levels.
    """
    several = len(view_state.tiles) > 1
    found: list[Hint] = [("q", "quit"), ("?", "help"), ("p", "go on" if paused else "pause")]
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
    """Return the keys that are a view's own."""
    if view is View.CHART:
        return [("←→", "cursor"), ("+/-", "range"), ("[ ]", "size")]
    if view is View.HEATMAP:
        return [("←→", f"{view_state.seconds} s a column"), ("+/-", "range")]
    if view is View.OVERVIEW:
        return [("↑↓", "choose"), ("/", "filter"), ("r", "sort")]
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
