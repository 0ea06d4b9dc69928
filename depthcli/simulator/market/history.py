"""The history of a book: an undo log of the latest changes, or a complete record."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.simulator.market.flow import Change

Price = TypeVar("Price")
Quantity = TypeVar("Quantity")

UNDOABLE: Final = 1024
"""The most changes per symbol that can be undone."""


class Undo(NamedTuple, Generic[Price, Quantity]):
    """The quantity of a level before an update; None if it didn't exist."""

    update_id: int
    side: int
    price: Price
    previous: Quantity | None


class UndoLog(Generic[Price, Quantity]):
    """The latest changes of a book, to restore earlier versions."""

    def __init__(self) -> None:
        self._undos: deque[Undo[Price, Quantity]] = deque(maxlen=UNDOABLE)

    def note(self, update_id: int, side: int, price: Price, previous: Quantity | None) -> None:
        """Record the quantity of a level before that update."""
        self._undos.append(Undo(update_id, side, price, previous))

    def back(
        self,
        books: tuple[dict[Price, Quantity], dict[Price, Quantity]],
        last_update_id: int,
        age: int,
    ) -> tuple[int, tuple[dict[Price, Quantity], dict[Price, Quantity]]]:
        """Return the book of `age` update ids ago, or the oldest known one.

        Returns:
            The last update id of the older book, and its two sides.
        """
        target = last_update_id - age
        older = (dict(books[0]), dict(books[1]))
        reached = last_update_id
        for undo in reversed(self._undos):
            if undo.update_id <= target:
                return target, older
            if undo.previous is None:
                older[undo.side].pop(undo.price, None)
            else:
                older[undo.side][undo.price] = undo.previous
            reached = undo.update_id - 1
        return reached, older


class History:
    """All changes of one book since its update ids began; the oracle of tests.

    Querying in rising order of update ids is cheap. Going back replays from the beginning.
    """

    def __init__(self, first_id: int, books: tuple[dict[int, int], dict[int, int]]) -> None:
        self.first_id = first_id
        self.last_id = first_id
        self._start = (dict(books[0]), dict(books[1]))
        self._log: list[tuple[int, int, int, int]] = []
        self._reached = first_id
        self._rewind()

    def note(self, first_update_id: int, changes: Iterable[Change]) -> None:
        """Record changes, each of which took the next update id."""
        for update_id, (side, price, quantity, _) in enumerate(changes, first_update_id):
            self._log.append((update_id, side, price, quantity))
            self.last_id = update_id

    def at(self, update_id: int) -> tuple[dict[int, int], dict[int, int]]:
        """Return the book after that update; after the last one, the latest book."""
        if update_id < self._reached:
            self._rewind()
        while self._position < len(self._log) and self._log[self._position][0] <= update_id:
            _, side, price, quantity = self._log[self._position]
            if quantity:
                self._books[side][price] = quantity
            else:
                self._books[side].pop(price, None)
            self._position += 1
        self._reached = update_id
        return self._books

    def _rewind(self) -> None:
        self._books = (dict(self._start[0]), dict(self._start[1]))
        self._position = 0
        self._reached = self.first_id
