"""The local order book: levels by price, read best first.

Each side keeps itself, as `side.py` says: here are both of them, and the update id they stand at.
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


def _kind_of_floats() -> type[BookSide[float]]:
    """Return what sides of floats are kept in: the one in C where it was built, and is wanted."""
    if not os.environ.get("DEPTHCLI_NO_EXTENSIONS"):
        with suppress(ImportError):
            from depthcli.core.native_side import NativeSide  # noqa: PLC0415

            return NativeSide
    return PythonSide


_KINDS: dict[type, type[BookSide[Any]]] = {float: _kind_of_floats(), Decimal: PythonSide}
"""What a side is kept in, by its number type."""


class Difference(NamedTuple):
    """A level on which two books disagree.

    Attributes:
        side: `bid` or `ask`.
        price: of the level.
        ours: the quantity in the one book; zero: it has no such level.
        theirs: the quantity in the other book; zero: it has no such level.
        rank: one more than the other book has better levels on that side; 1 is the best. Levels
            that only the one book has don't count, so they never push others down. One of them has
            the rank that it would take in the other book, and so shares it with the next level
            there, and with others like it in between.
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
    """What came of comparing two books as far as both are vouched for.

    Attributes:
        levels: how many levels were compared, of both sides together.
        differences: those on which the books disagree; bids before asks, either best first.
    """

    levels: int
    differences: list[Difference]


class DepthCache(Generic[N]):
    """The book of one symbol, as of one update id.

    Attributes:
        symbol: in the exchange's upper case.
        conv_type: the type of all prices and quantities: `float`, or `Decimal` for exactness.
        bids: the bids, highest first.
        asks: the asks, lowest first.
        last_update_id: the exchange's id of the last update in the book; 0 before the first.
        update_time: the exchange's time of the newest event in the book, ms since the epoch; of a
            snapshot without a known event, the time of the snapshot. None before either.

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
        kind: type[BookSide[N]] = _KINDS[self.conv_type]
        self.bids: BookSide[N] = kind(falling=True)
        self.asks: BookSide[N] = kind(falling=False)
        self.last_update_id = 0
        self.update_time: int | None = None

    def load(self, snapshot: Snapshot[N], limit: int) -> None:
        """Replace the book by a snapshot.

        Args:
            snapshot: the levels, best first; its time becomes the book's.
            limit: how many levels a side were asked for. A side that has fewer is complete.
        """
        for side, levels in ((self.bids, snapshot.bids), (self.asks, snapshot.asks)):
            side.load(levels, levels[-1][0] if levels and len(levels) >= limit else None)
        self.last_update_id = snapshot.last_update_id
        self.update_time = snapshot.time

    def apply(self, event: DepthEvent[N]) -> None:
        """Set the levels that the event names. O(k); whether it is the next one isn't asked."""
        self.bids.update(event.bids)
        self.asks.update(event.asks)
        self.last_update_id = event.last_update_id
        self.update_time = event.event_time

    def adopt(self, other: DepthCache[N]) -> None:
        """Take over another book's levels, horizons and update id; the other is used up.

        The time of the newest event stays: the other book is no newer.
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
        """Return whether a side has nothing left that a snapshot vouched for. O(1) almost always.

        Such a book is in step and yet doesn't say what the side's best price is.
        """
        return self.bids.exhausted() or self.asks.exhausted()

    def compare(self, other: DepthCache[N]) -> Comparison:
        """Compare two books level by level, as far as both are vouched for. O(n)."""
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
        """Return the levels on which two books disagree, as far as both are vouched for. O(n)."""
        return self.compare(other).differences

    def add_bid(self, bid: Sequence[Any]) -> None:
        """Set one bid, `[price, quantity]` as numbers or strings; a quantity of zero removes it."""
        self.bids.update([(self.conv_type(bid[0]), self.conv_type(bid[1]))])

    def add_ask(self, ask: Sequence[Any]) -> None:
        """Set one ask, `[price, quantity]` as numbers or strings; a quantity of zero removes it."""
        self.asks.update([(self.conv_type(ask[0]), self.conv_type(ask[1]))])

    @staticmethod
    def sort_depth(
        vals: Mapping[Any, Any] | Iterable[Sequence[Any]],
        reverse: bool = False,
        conv_type: Callable[[Any], Any] = float,
    ) -> list[list[Any]]:
        """Return levels as `[price, quantity]` by rising price. O(n log n).

        Args:
            vals: price to quantity, or pairs of them; as numbers or strings.
            reverse: by falling price, as bids are read.
            conv_type: what makes a price or a quantity of what is given.
        """
        pairs = vals.items() if isinstance(vals, Mapping) else vals
        levels = [[conv_type(price), conv_type(quantity)] for price, quantity in pairs]
        return sorted(levels, key=operator.itemgetter(0), reverse=reverse)

    def __repr__(self) -> str:
        return (
            f"<DepthCache {self.symbol} at {self.last_update_id}:"
            f" bid {self.best_bid}, ask {self.best_ask}>"
        )
