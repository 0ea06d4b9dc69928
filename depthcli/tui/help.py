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
    ("price", "best bid and best ask are bold on a coloured background"),
    ("quantity", "open quantity at that price; k, M, B, T are 10³, 10⁶, 10⁹, 10¹²"),
    ("total, bar", "cumulative quantity from the best price to this level"),
    ("≥, ░, grey", "beyond the snapshot: there may be more than is shown"),
    ("in snapshot", "how many of the levels shown are within the snapshot"),
    ("x10", "levels grouped by ten ticks: bids rounded down, asks up"),
    ("spread", "best ask minus best bid; also in basis points (bp, 0.01 % of the mid)"),
    ("mid, micro", "mid-price; micro-price: the mid weighted by quantity at the touch"),
    ("top 5  bid 62%", "bids' and asks' shares of the quantity in the best five levels"),
    ("imbalance", "the same from -1 (only asks) to +1 (only bids)"),
    ("10 BTC  buy", "slippage against the mid of a market order → its worst price"),
    ("updates/s", "updates a second of this symbol, over the last three seconds"),
    ("latency", "from the exchange's event time to arrival here, by both clocks"),
    ("12:04:31.412", "the exchange's time of the last event in the book, in UTC"),
    ("0.3 s", "age: since the last event, or since the book was last correct"),
    ("audited", "compared with a new snapshot: how many levels differed"),
    ("3 ever", "levels that differed in all audits since the start; expect none"),
    ("in the best 20", "rank of the nearest level that differed; the log (l) has all ranks"),
)

STATES: Final = (
    (SIGNS[State.CONNECTING] + " CONNECTING", "the stream is not open yet"),
    (SIGNS[State.BUFFERING] + " BUFFERING", "the stream is open; waiting for the first snapshot"),
    (SIGNS[State.LIVE] + " LIVE", "the book matches the exchange's"),
    (SIGNS[State.STALE] + " STALE", "the last correct book, dimmed; the line below says why"),
    ("↻ RECONNECTING", "the connection was lost; the line below counts down to the next try"),
    ("◷ RATE LIMITED", "the exchange refuses requests for now; the line below counts down"),
    ("✗ UNREACHABLE", "no connection could be made so far"),
    (" ".join(HALTED), "the exchange is not matching orders"),
    (
        SIGNS[State.CLOSED] + " CLOSED",
        "the book is no longer updated; DELISTED: it never will be again",
    ),
)


def help_table(view: View, *, grows: bool, narrow: bool = False) -> Table:
    """Return the help for a view, names on the left and meanings on the right.

    Args:
        view: the view.
        grows: whether symbols can be added and dropped.
        narrow: whether there is no room for two columns; meanings then follow the names.
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
    """Lists the keys, and the meaning of each column and sign."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]

    def __init__(self, view: View, *, grows: bool) -> None:
        super().__init__()
        self._view = view
        self._grows = grows

    def compose(self) -> ComposeResult:
        """Lay out the text in a box that scrolls."""
        with VerticalScroll(id="help") as box:
            box.border_title = "depthcli watch"
            yield Static(id="help-text")

    def on_resize(self, event: Resize) -> None:
        """Lay out the text for the new size."""
        narrow = event.size.width < _NARROW
        self.query_one("#help").set_class(narrow, "narrow")
        shown = help_table(self._view, grows=self._grows, narrow=narrow)
        self.query_one("#help-text", Static).update(shown)
