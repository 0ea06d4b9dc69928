"""The help screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from depthcli.synchronizer import State
from depthcli.tui.panel import SIGNS

if TYPE_CHECKING:
    from textual.app import ComposeResult

KEYS: Final = (
    ("q, ctrl+c", "quit"),
    ("?", "this help; ?, Esc or q closes it"),
    ("p, space", "freeze the picture and go on; the books are kept up meanwhile"),
    ("+ and -", "more and fewer levels, as many as there is room for"),
    ("t", "dark and light colours"),
    ("↑ ↓ PgUp PgDn", "scroll the overview; Home and End, too"),
    ("ctrl+p", "find a command by its name"),
)

COLUMNS: Final = (
    ("price", "of the level; best bid and best ask are bold on a coloured ground"),
    ("quantity", "what is offered at that price; k, M, B, T stand for 10³, 10⁶, 10⁹, 10¹²"),
    ("total", "the quantity from the best price down to this level"),
    ("bar", "the same total, drawn; the larger of the two sides fills it"),
    ("spread", "best ask less best bid; in basis points (bp), hundredths of 1 % of the mid"),
    ("mid", "halfway between best bid and best ask"),
    ("bid 62% ━━──", "how the quantity shown is shared by bids and asks"),
    ("12:04:31.412", "the exchange's time of the last event in the book, in UTC"),
    ("0.3 s", "the age: since the last event came, or since the book was last true"),
    ("audited", "a fresh snapshot was compared with the book: so many levels differed"),
)

STATES: Final = {
    State.CONNECTING: "there is no stream yet",
    State.BUFFERING: "the stream is open; the first snapshot is awaited",
    State.LIVE: "the book is the exchange's",
    State.STALE: "the last true book, dimmed; the line below the symbol says why",
    State.CLOSED: "nothing comes any more",
}


def help_table() -> Table:
    """Return the help: names on the left, what they mean on the right."""
    states = [(f"{SIGNS[state]} {state.name}", says) for state, says in STATES.items()]
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for title, rows in (("Keys", KEYS), ("Columns", COLUMNS), ("States", states)):
        if table.row_count:
            table.add_row()
        table.add_row(Text.assemble((title, "bold underline")))
        for name, says in rows:
            table.add_row(name, says)
    return table


class HelpScreen(ModalScreen[None]):
    """Lists the keys, and says what each column and each sign means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the text in a box that scrolls where the screen is small."""
        with VerticalScroll(id="help") as box:
            box.border_title = "depthcli watch"
            yield Static(help_table(), id="help-text")
