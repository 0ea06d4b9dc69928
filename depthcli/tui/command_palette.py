"""All that the user can do, once: the keys and the command palette are made of it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Command(NamedTuple):
    """Something that the user can do.

    Attributes:
        keys: as Textual names them, with commas between.
        action: the app's action.
        title: as the command palette names it.
        says: what it does, in a few words.
    """

    keys: str
    action: str
    title: str
    says: str


COMMANDS: Final = (
    Command("question_mark", "help", "Help", "Keys, columns and states of this view"),
    Command("v", "next_view(1)", "Next view", "Books, ladder, chart, heatmap, overview"),
    Command("V", "next_view(-1)", "Previous view", "The one before the present view"),
    Command("b", "view('books')", "View: books", "The best levels with all numbers"),
    Command("", "view('ladder')", "View: ladder", "One price axis with both sides on it"),
    Command("", "view('chart')", "View: depth chart", "Cumulative size as steps"),
    Command("", "view('heatmap')", "View: heatmap", "Price by time, resting size as colour"),
    Command("o", "view('overview')", "View: overview", "A line for each symbol"),
    Command("p,space", "pause", "Pause", "Freeze the picture, or go on"),
    Command("z,enter", "zoom", "Zoom", "Only the chosen symbol, or all again"),
    Command("escape", "all", "All symbols", "Neither zoomed nor filtered"),
    Command("plus,equals_sign", "more(1)", "More levels", "Or a wider range of prices"),
    Command("minus", "more(-1)", "Fewer levels", "Or a narrower range of prices"),
    Command("m", "fill", "Fill the screen", "As many levels as there is room for, or as before"),
    Command("g", "group(1)", "Group coarser", "Levels in groups of ten times as many ticks"),
    Command("G", "group(-1)", "Group finer", "Levels in groups of a tenth of the ticks"),
    Command("u", "unit", "Base or quote", "Quantities in the base or in the quote asset"),
    Command("left_square_bracket", "size(-1)", "Smaller size", "Show the cost of a smaller trade"),
    Command("right_square_bracket", "size(1)", "Larger size", "Show the cost of a larger trade"),
    Command("c", "ask_size", "Cost of a size", "Type the size whose cost is shown"),
    Command("f", "flash", "Flashes", "Whether changed quantities flash in the ladder"),
    Command("slash", "filter", "Filter the overview", "Only symbols with some text in their names"),
    Command("r", "sort", "Sort the overview", "By the next column"),
    Command("R", "reverse", "Reverse the overview", "The largest first, or last"),
    Command("less_than_sign", "move(-1)", "Move the symbol back", "The chosen one, by one place"),
    Command("greater_than_sign", "move(1)", "Move the symbol on", "The chosen one, by one place"),
    Command("tab", "next_symbol(1)", "Next symbol", "Keys act on the chosen one"),
    Command("shift+tab", "next_symbol(-1)", "Previous symbol", "Keys act on the chosen one"),
    Command("up", "step(-1)", "Up", "The book, its axis, or the chosen line"),
    Command("down", "step(1)", "Down", "The book, its axis, or the chosen line"),
    Command("left", "aside(-1)", "Left", "The cursor, the seconds a column, or the symbol"),
    Command("right", "aside(1)", "Right", "The cursor, the seconds a column, or the symbol"),
    Command("a", "add", "Add a symbol", "Found as you type"),
    Command("d", "drop", "Drop the symbol", "Watch the chosen symbol no longer"),
    Command("y", "copy(False)", "Copy as text", "The chosen book, to the clipboard"),
    Command("Y", "copy(True)", "Copy as JSON", "The chosen book, to the clipboard"),
    Command("s", "save_picture", "Save a picture", "The screen as SVG"),
    Command("w", "save_workspace", "Save the workspace", "Symbols, view, groups and colours"),
    Command("l", "log", "Log", "What happened to which symbol, when"),
    Command("t", "toggle_theme", "Dark or light", "The colours"),
    Command("home", "home", "Recentre", "To the touch, the market, the first line"),
    Command("q", "quit", "Quit", "End depthcli"),
)

SILENT: Final = (
    ("pageup", "pages(-1)"),
    ("pagedown", "pages(1)"),
    ("end", "pages(1000)"),
    *((str(digit), f"jump({digit})") for digit in range(1, 10)),
)
"""Keys that move about: they need no names."""
