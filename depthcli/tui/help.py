"""The help screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from depthcli.core.state import State
from depthcli.tui.model.conditions import HALTED, SIGNS
from depthcli.tui.model.view_names import SAYS, View
from depthcli.tui.views.key_hints import EVERYWHERE, GROWING, HERE, KEEPING

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Resize

_NARROW: Final = 60

NUMBERS: Final = (
    ("price", "of the level; best bid and best ask are bold on a coloured ground"),
    ("quantity", "what is offered at that price; k, M, B, T stand for 10³, 10⁶, 10⁹, 10¹²"),
    ("total, bar", "the quantity from the best price down to this level, and the same drawn"),
    ("≥, ░, grey", "not known whole: it lies past where the snapshot ended"),
    ("vouched for", "so many of the levels shown lie within the snapshot, on either side"),
    ("x10", "levels are in groups of ten ticks: bids rounded down, asks up"),
    ("spread", "best ask less best bid; in basis points (bp), hundredths of 1 % of the mid"),
    ("mid, micro", "halfway between best bid and ask; the same, weighted by what rests there"),
    ("top 5  bid 62%", "how the quantity of the best five levels is shared by bids and asks"),
    ("imbalance", "the same from -1 (only asks) to +1 (only bids)"),
    ("10 BTC  buy", "what buying so much at once costs beyond the mid → the last price paid"),
    ("updates/s", "events of this symbol, over the last three seconds"),
    ("latency", "from the exchange's event time to its coming here, by both clocks"),
    ("12:04:31.412", "the exchange's time of the last event in the book, in UTC"),
    ("0.3 s", "the age: since the last event came, or since the book was last true"),
    ("audited", "a fresh snapshot was compared with the book: so many levels differed"),
    ("3 ever", "so many differed in all audits since the start; it should never be seen"),
    ("in the best 20", "where the nearest of those lay, by rank; the log (l) tells it of all"),
)

STATES: Final = (
    (SIGNS[State.CONNECTING] + " CONNECTING", "there is no stream yet"),
    (SIGNS[State.BUFFERING] + " BUFFERING", "the stream is open; the first snapshot is awaited"),
    (SIGNS[State.LIVE] + " LIVE", "the book is the exchange's"),
    (SIGNS[State.STALE] + " STALE", "the last true book, dimmed; the line below says why"),
    ("↻ RECONNECTING", "the connection broke off; the line below counts down to the next try"),
    ("◷ RATE LIMITED", "the exchange wants a pause; the line below counts it down"),
    ("✗ UNREACHABLE", "there was no connection so far"),
    (" ".join(HALTED), "the exchange matches no orders now"),
    (SIGNS[State.CLOSED] + " CLOSED", "nothing comes any more; DELISTED: nothing ever will"),
)


def help_table(view: View, *, grows: bool, narrow: bool = False) -> Table:
    """Return the help for a view: names on the left, what they mean on the right.

    Where it's too narrow for that, what they mean follows the names.
    """
    table = Table.grid(padding=(0, 2))
    if not narrow:
        table.add_column(no_wrap=True, style="bold")
    table.add_column()

    def add(name: Text, says: str) -> None:
        cells = [Text.assemble(name, f"  {says}")] if narrow else [name, Text(says)]
        table.add_row(*cells)

    parts = (
        (f"Here: {view.value}, {SAYS[view]}", HERE[view]),
        ("Everywhere", (*EVERYWHERE, *(GROWING + KEEPING if grows else ()))),
        ("Numbers", NUMBERS),
        ("States", STATES),
    )
    for title, rows in parts:
        if table.row_count:
            table.add_row()
        add(Text.assemble((title.partition(":")[0], "bold underline")), title.partition(": ")[2])
        for name, says in rows:
            add(Text(name, "bold"), says)
    return table


class HelpScreen(ModalScreen[None]):
    """Lists the keys, and says what each column and each sign means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]

    def __init__(self, view: View, *, grows: bool) -> None:
        super().__init__()
        self._view = view
        self._grows = grows

    def compose(self) -> ComposeResult:
        """Lay out the text in a box that scrolls where the screen is small."""
        with VerticalScroll(id="help") as box:
            box.border_title = "depthcli watch"
            yield Static(id="help-text")

    def on_resize(self, event: Resize) -> None:
        """Lay out the text for the room that there is."""
        narrow = event.size.width < _NARROW
        self.query_one("#help").set_class(narrow, "narrow")
        shown = help_table(self._view, grows=self._grows, narrow=narrow)
        self.query_one("#help-text", Static).update(shown)
