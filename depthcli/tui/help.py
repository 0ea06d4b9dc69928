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
from depthcli.tui.conditions import SIGNS
from depthcli.tui.hints import EVERYWHERE, HERE
from depthcli.tui.views import SAYS, View

if TYPE_CHECKING:
    from textual.app import ComposeResult

NUMBERS: Final = (
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


def help_table(view: View) -> Table:
    """Return the help for a view: names on the left, what they mean on the right."""
    states = [(f"{SIGNS[state]} {state.name}", says) for state, says in STATES.items()]
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    parts = (
        (f"Here: {view.value}, {SAYS[view]}", HERE[view]),
        ("Everywhere", EVERYWHERE),
        ("Numbers", NUMBERS),
        ("States", states),
    )
    for title, rows in parts:
        if table.row_count:
            table.add_row()
        table.add_row(
            Text.assemble((title.partition(":")[0], "bold underline")), title.partition(": ")[2]
        )
        for name, says in rows:
            table.add_row(name, says)
    return table


class HelpScreen(ModalScreen[None]):
    """Lists the keys, and says what each column and each sign means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """Lay out the text in a box that scrolls where the screen is small."""
        with VerticalScroll(id="help") as box:
            box.border_title = "depthcli watch"
            yield Static(help_table(self._view), id="help-text")
