"""The local order book: levels by price, read best first.

A book is two sides (see `side.py`) and the update id up to which they are current.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, cast, overload

from depthcli.core.messages import N, check_number_type
from depthcli.core.python_side import PythonSide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from depthcli.core.messages import DepthEvent, Snapshot
    from depthcli.core.side import BookSide


def _float_side_type() -> type[BookSide[float]]:
    """Return the class for sides of floats: the one in C if it was built and isn't switched off."""
    if not os.environ.get("DEPTHCLI_NO_EXTENSIONS"):
        with suppress(ImportError):
            from depthcli.core.native_side import NativeSide  # noqa: PLC0415

            return NativeSide
    return PythonSide


_SIDE_TYPES: dict[type, type[BookSide[Any]]] = {float: _float_side_type(), Decimal: PythonSide}
"""The class of a side, by its number type."""


class Difference(NamedTuple):
    """A level on which two books disagree.

    Attributes:
        side: `bid` or `ask`.
        price: of the level.
        ours: the quantity in our book; zero if it has no such level.
        theirs: the quantity in the other book; zero if it has no such level.
        rank: the level's position on its side of the other book, from 1 for the best. A level that
            only our book has gets the position it would take there. It pushes no other level down,
            so several levels can share a rank.
    """

    side: str
    price: float | Decimal
    ours: float | Decimal
    theirs: float | Decimal
    rank: int

    def __str__(self) -> str:
        price, ours, theirs = (
            f"{Decimal(str(number)):f}" for number in (self.price, self.ours, self.theirs)
        )
        return (
            f"{self.side} {price}, rank {self.rank}: {ours} in the book, {theirs} at the exchange"
        )


class Comparison(NamedTuple):
    """The result of comparing two books, within the snapshots of both.

    Attributes:
        levels: how many levels were compared, both sides together.
        differences: the levels on which the books disagree, bids before asks, each best first.
    """

    levels: int
    differences: list[Difference]


class DepthCache(Generic[N]):
    """The order book of one symbol at one update id.

    Attributes:
        symbol: in upper case, as the exchange writes it.
        conv_type: the type of all prices and quantities: `float`, or `Decimal` for exactness.
        bids: the bids, highest first.
        asks: the asks, lowest first.
        last_update_id: the exchange's id of the last update in the book; 0 before the first.
        update_time: the exchange's time of the newest event in the book, in ms since the epoch, or
            of the snapshot if no event is known. None before the first snapshot.

    >>> cache = DepthCache("BNBBTC")
    >>> cache.bids.update([(0.0024, 10.0)])
    >>> cache.asks.update([(0.0026, 100.0)])
    >>> cache.get_bids(), cache.get_asks()
    ([[0.0024, 10.0]], [[0.0026, 100.0]])
    """

    __slots__ = ("asks", "bids", "conv_type", "last_update_id", "symbol", "update_time")

    @overload
    def __init__(self: DepthCache[float], symbol: str) -> None: ...
    @overload
    def __init__(self, symbol: str, conv_type: type[N]) -> None: ...
    def __init__(self, symbol: str, conv_type: type[N] | None = None) -> None:
        self.symbol = symbol
        self.conv_type: type[N] = check_number_type(conv_type or cast("Any", float))
        side_type: type[BookSide[N]] = _SIDE_TYPES[self.conv_type]
        self.bids: BookSide[N] = side_type(falling=True)
        self.asks: BookSide[N] = side_type(falling=False)
        self.last_update_id = 0
        self.update_time: int | None = None

    def load(self, snapshot: Snapshot[N], limit: int) -> None:
        """Replace the book with a snapshot.

        Args:
            snapshot: the levels, best first; its time becomes the book's.
            limit: how many levels per side were requested. A side with fewer is complete.
        """
        for side, levels in ((self.bids, snapshot.bids), (self.asks, snapshot.asks)):
            side.load(levels, levels[-1][0] if levels and len(levels) >= limit else None)
        self.last_update_id = snapshot.last_update_id
        self.update_time = snapshot.time

    def apply(self, event: DepthEvent[N]) -> None:
        """Set the levels that an event names, without checking that it is the next one. O(k)."""
        self.bids.update(event.bids)
        self.asks.update(event.asks)
        self.last_update_id = event.last_update_id
        self.update_time = event.event_time

    def adopt(self, other: DepthCache[N]) -> None:
        """Take over another book's levels, horizons and update id. Don't use the other one again.

        `update_time` stays, because the other book is no newer.
        """
        self.bids, self.asks = other.bids, other.asks
        self.last_update_id = other.last_update_id

    def get_bids(self) -> list[list[N]]:
        """Return the bids up to the horizon as `[price, quantity]`, highest price first. O(n)."""
        return [[price, quantity] for price, quantity in self.bids.levels()]

    def get_asks(self) -> list[list[N]]:
        """Return the asks up to the horizon as `[price, quantity]`, lowest price first. O(n)."""
        return [[price, quantity] for price, quantity in self.asks.levels()]

    def top(self, count: int) -> tuple[list[tuple[N, N]], list[tuple[N, N]]]:
        """Return the best `count` bids and asks as `(price, quantity)`, best first. O(count)."""
        return self.bids.top(count), self.asks.top(count)

    @property
    def best_bid(self) -> tuple[N, N] | None:
        """The highest bid, `(price, quantity)`, or None."""
        return self.bids.best()

    @property
    def best_ask(self) -> tuple[N, N] | None:
        """The lowest ask, `(price, quantity)`, or None."""
        return self.asks.best()

    @property
    def mid(self) -> N | None:
        """The price halfway between the best bid and the best ask; None if a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return None if bid is None or ask is None else (bid[0] + ask[0]) / 2

    @property
    def spread(self) -> N | None:
        """Best ask less best bid, in the quote asset; None if a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return None if bid is None or ask is None else ask[0] - bid[0]

    def exhausted(self) -> bool:
        """Return whether a side has no level left within its snapshot. O(1) almost always.

        Such a book is in sync, but the side's best price is unknown.
        """
        return self.bids.exhausted() or self.asks.exhausted()

    def compare(self, other: DepthCache[N]) -> Comparison:
        """Compare two books level by level, within the snapshots of both. O(n)."""
        count = 0
        found: list[Difference] = []
        for name, ours, theirs in (("bid", self.bids, other.bids), ("ask", self.asks, other.asks)):
            horizon = ours.nearer(ours.horizon, theirs.horizon)
            mine, yours = ours.within(horizon), theirs.within(horizon)
            if mine == yours:
                count += len(mine)
                continue
            prices = mine.keys() | yours.keys()
            count += len(prices)
            nothing = self.conv_type(0)
            rank = 1
            for price in sorted(prices, reverse=ours.falling):
                if mine.get(price) != yours.get(price):
                    quantities = mine.get(price, nothing), yours.get(price, nothing)
                    found.append(Difference(name, price, *quantities, rank))
                rank += price in yours
        return Comparison(count, found)

    def differences(self, other: DepthCache[N]) -> list[Difference]:
        """Return the levels on which two books disagree, within the snapshots of both. O(n)."""
        return self.compare(other).differences

    def add_bid(self, bid: Sequence[Any]) -> None:
        """Set one bid: `[price, quantity]`, numbers or strings. A quantity of zero removes it."""
        self.bids.update([(self.conv_type(bid[0]), self.conv_type(bid[1]))])

    def add_ask(self, ask: Sequence[Any]) -> None:
        """Set one ask: `[price, quantity]`, numbers or strings. A quantity of zero removes it."""
        self.asks.update([(self.conv_type(ask[0]), self.conv_type(ask[1]))])

    @staticmethod
    def sort_depth(
        vals: Mapping[Any, Any] | Iterable[Sequence[Any]],
        reverse: bool = False,
        conv_type: Callable[[Any], Any] = float,
    ) -> list[list[Any]]:
        """Return levels as `[price, quantity]`, sorted by rising price. O(n log n).

        Args:
            vals: a mapping of price to quantity, or pairs of the two; numbers or strings.
            reverse: sort by falling price, the order of bids.
            conv_type: converts each price and quantity.
        """
        pairs = vals.items() if isinstance(vals, Mapping) else vals
        levels = [[conv_type(price), conv_type(quantity)] for price, quantity in pairs]
        return sorted(levels, key=operator.itemgetter(0), reverse=reverse)

    def __repr__(self) -> str:
        return (
            f"<DepthCache {self.symbol} at {self.last_update_id}:"
            f" bid {self.best_bid}, ask {self.best_ask}>"
        )
