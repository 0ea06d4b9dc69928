"""Every command of the screen: keys and command palette are made from this list."""

from __future__ import annotations

from typing import Final, NamedTuple


class Command(NamedTuple):
    """A command of the user.

    Attributes:
        keys: as Textual names them, separated by commas; may be empty.
        action: the app's action.
        title: its name in the command palette.
        says: what it does, in a few words.
    """

    keys: str
    action: str
    title: str
    says: str


COMMANDS: Final = (
    Command("question_mark", "help", "Help", "Keys, columns and states"),
    Command("v", "next_view(1)", "Next view", "Books, ladder, chart, heatmap, overview"),
    Command("V", "next_view(-1)", "Previous view", "Back through the views"),
    Command("b", "view('books')", "View: books", "The best levels of both sides, with all numbers"),
    Command("", "view('ladder')", "View: ladder", "One price axis with both sides on it"),
    Command("", "view('chart')", "View: depth chart", "Cumulative size as steps"),
    Command("", "view('heatmap')", "View: heatmap", "Price over time, quantity as colour"),
    Command("o", "view('overview')", "View: overview", "One line per symbol"),
    Command("p,space", "pause", "Pause", "Pause or resume the display"),
    Command("z,enter", "zoom", "Zoom", "Only the selected symbol, or all"),
    Command("escape", "all", "All symbols", "Undo zoom and filter"),
    Command("plus,equals_sign", "more(1)", "More levels", "Or a wider price range"),
    Command("minus", "more(-1)", "Fewer levels", "Or a narrower price range"),
    Command("m", "fill", "Fill the screen", "As many levels as fit, or as before"),
    Command("g", "group(1)", "Coarser groups", "Group levels by ten times as many ticks"),
    Command("G", "group(-1)", "Finer groups", "Group levels by a tenth of the ticks"),
    Command("u", "unit", "Base or quote", "Quantities in the base or the quote asset"),
    Command("left_square_bracket", "size(-1)", "Smaller size", "Show the cost of a smaller order"),
    Command("right_square_bracket", "size(1)", "Larger size", "Show the cost of a larger order"),
    Command("c", "ask_size", "Cost of a size", "Type the order size to show the cost of"),
    Command("f", "flash", "Flash changes", "Flash changed quantities in the ladder, or not"),
    Command("slash", "filter", "Filter the overview", "Only symbols whose name matches"),
    Command("r", "sort", "Sort the overview", "By the next column"),
    Command("R", "reverse", "Reverse the overview", "Largest first, or last"),
    Command("less_than_sign", "move(-1)", "Move the symbol back", "The selected one, by one place"),
    Command("greater_than_sign", "move(1)", "Move the symbol on", "The selected one, by one place"),
    Command("tab", "next_symbol(1)", "Next symbol", "Keys act on the selected one"),
    Command("shift+tab", "next_symbol(-1)", "Previous symbol", "Keys act on the selected one"),
    Command("up", "step(-1)", "Up", "The book, its axis, or the selected line"),
    Command("down", "step(1)", "Down", "The book, its axis, or the selected line"),
    Command("left", "aside(-1)", "Left", "The cursor, the seconds per column, or the symbol"),
    Command("right", "aside(1)", "Right", "The cursor, the seconds per column, or the symbol"),
    Command("a", "add", "Add a symbol", "With suggestions as you type"),
    Command("d", "drop", "Drop the symbol", "Stop watching the selected symbol"),
    Command("y", "copy(False)", "Copy as text", "The selected book, to the clipboard"),
    Command("Y", "copy(True)", "Copy as JSON", "The selected book, to the clipboard"),
    Command("s", "save_picture", "Save a screenshot", "The screen as SVG"),
    Command("w", "save_workspace", "Save the workspace", "Symbols, view, groups and colours"),
    Command("l", "log", "Log", "What happened, to which symbol and when"),
    Command("t", "toggle_theme", "Dark or light", "Switch the colours"),
    Command("home", "home", "Recentre", "Back to the touch, the market or the first line"),
    Command("q", "quit", "Quit", "End depthcli"),
)

SILENT: Final = (
    ("pageup", "pages(-1)"),
    ("pagedown", "pages(1)"),
    ("end", "pages(1000)"),
    *((str(digit), f"jump({digit})") for digit in range(1, 10)),
)
"""Keys of movement, which the palette doesn't list."""
