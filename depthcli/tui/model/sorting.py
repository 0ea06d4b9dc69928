"""How the overview is sorted and filtered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from depthcli.core.state import State
from depthcli.tui.model.watched import bid_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthcli.tui.model.watched import Picture

_BADNESS: Final = {
    State.LIVE: 0,
    State.BUFFERING: 1,
    State.CONNECTING: 2,
    State.STALE: 3,
    State.CLOSED: 4,
}


def _points(picture: Picture) -> float | None:
    spread, mid = picture.spread, picture.mid
    return None if spread is None or not mid else float(spread) / float(mid)


_KEYS: Final[dict[str, Callable[[Picture], Any]]] = {
    "symbol": lambda picture: picture.symbol,
    "bid": lambda picture: picture.best_bid and float(picture.best_bid[0]),
    "ask": lambda picture: picture.best_ask and float(picture.best_ask[0]),
    "bp": _points,
    "bid share": lambda picture: bid_share(picture, len(picture.bids)),
    "upd/s": lambda picture: picture.rate,
    "latency": lambda picture: picture.latency,
    "state": lambda picture: _BADNESS[picture.state],
}

COLUMNS: Final = ("", *_KEYS)
"""The sorting columns; the first is the user's own order."""


@dataclass(frozen=True, slots=True)
class Sorting:
    """The sorting column, and whether the largest comes first."""

    column: str = ""
    descending: bool = False

    def next(self, steps: int) -> Sorting:
        """Return the order by the next column."""
        at = (COLUMNS.index(self.column) + steps) % len(COLUMNS)
        return Sorting(COLUMNS[at], self.descending)

    def by(self, column: str) -> Sorting:
        """Return the order by a column; reversed if it is the current one."""
        same = column == self.column
        return Sorting(column, not self.descending if same else False)


def ordered(pictures: Sequence[Picture], order: Sorting, sought: str) -> list[int]:
    """Return the indices of matching pictures, in order; unknown values come last."""
    words = sought.upper().split()
    found = [
        index
        for index, picture in enumerate(pictures)
        if all(word in picture.symbol.upper() for word in words)
    ]
    if not order.column:
        return found[::-1] if order.descending else found
    key = _KEYS[order.column]
    values = {index: key(pictures[index]) for index in found}
    known = [index for index in found if values[index] is not None]
    known.sort(key=values.__getitem__, reverse=order.descending)
    return known + [index for index in found if values[index] is None]
