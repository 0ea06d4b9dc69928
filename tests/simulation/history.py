"""What an exchange remembers: every change of a book, and every event that was sent.

Prices are counted in ticks and quantities in lots; here is, too, how they are written.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from operator import itemgetter
from typing import Final, NamedTuple

BID: Final = 0
ASK: Final = 1

BookSource = tuple[dict[int, int], dict[int, int]]


class Event(NamedTuple):
    """A diff event that was sent: its ids, and when that was on the loop's clock."""

    first: int
    last: int
    follows: int
    at: float


class Epoch:
    """A book from one beginning of its update ids to the next.

    Attributes:
        first_id: the id of the book at the beginning.
        last_id: the last id; grows while the epoch goes on.
        began: when it began, on the loop's clock.
        start: the book at the beginning.
        log: `(update id, side, price, quantity)` of every change, in ticks and lots.
        events: what was sent.
        early: events by their last ids, which a snapshot bears that lacks their changes.
    """

    def __init__(self, first_id: int, books: BookSource, began: float) -> None:
        self.first_id = self.last_id = first_id
        self.began = began
        self.start: BookSource = (dict(books[0]), dict(books[1]))
        self.log: list[tuple[int, int, int, int]] = []
        self.events: list[Event] = []
        self.early: dict[int, Event] = {}
        self._ends: list[int] = []

    def sent(self, event: Event) -> None:
        """Take note of an event."""
        self.events.append(event)
        self._ends.append(event.last)

    def book_at(self, update_id: int) -> BookSource:
        """Return the book after that update. O(n) for n changes."""
        books: BookSource = (dict(self.start[0]), dict(self.start[1]))
        for changed_id, side, price, quantity in self.log:
            if changed_id > update_id:
                break
            put(books[side], price, quantity)
        return books

    def changed_between(self, update_id: int, later: int) -> bool:
        """Return whether anything changed after that update, up to the later one."""
        index = bisect_right(self.log, update_id, key=itemgetter(0))
        return index < len(self.log) and self.log[index][0] <= later

    def next_event(self, update_id: int) -> Event | None:
        """Return the first event that ends after that update."""
        index = bisect_right(self._ends, update_id)
        return self.events[index] if index < len(self.events) else None


class Ids:
    """A count of updates: of one symbol, or shared by all symbols of an engine."""

    def __init__(self, last: int) -> None:
        self.last = last


def put(book: dict[int, int], price: int, quantity: int) -> None:
    """Set a level; a quantity of zero removes it."""
    if quantity:
        book[price] = quantity
    else:
        book.pop(price, None)


def price_text(ticks: int) -> str:
    """Return a price as the exchange writes it."""
    return f"{ticks // 100}.{ticks % 100:02d}000000"


def quantity_text(lots: int) -> str:
    """Return a quantity as the exchange writes it."""
    return f"{lots // 1000}.{lots % 1000:03d}00000"


@cache
def level_text(level: tuple[int, int]) -> str:
    """Return a level as the exchange writes it."""
    return f'["{price_text(level[0])}","{quantity_text(level[1])}"]'
