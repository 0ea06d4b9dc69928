"""The book as anybody would write it first: a dict a side, sorted at each read. For comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.book import DepthCache
    from depthcli.core.messages import DepthEvent, Snapshot

Levels = list[tuple[Any, Any]]


class NaiveBook:
    """Two dicts, price to quantity; knows nothing of order, horizons or tombstones."""

    def __init__(self) -> None:
        self.bids: dict[Any, Any] = {}
        self.asks: dict[Any, Any] = {}

    def load(self, snapshot: Snapshot[Any]) -> None:
        self.bids, self.asks = dict(snapshot.bids), dict(snapshot.asks)

    def apply(self, event: DepthEvent[Any]) -> None:
        self.put(self.bids, event.bids)
        self.put(self.asks, event.asks)

    @staticmethod
    def put(side: dict[Any, Any], levels: Iterable[tuple[Any, Any]]) -> None:
        for price, quantity in levels:
            if quantity == 0:
                side.pop(price, None)
            else:
                side[price] = quantity

    @property
    def sorted_bids(self) -> Levels:
        return sorted(self.bids.items(), reverse=True)

    @property
    def sorted_asks(self) -> Levels:
        return sorted(self.asks.items())


def both_sides(cache: DepthCache[Any]) -> tuple[Levels, Levels]:
    """Return all that a book knows, the levels within the horizon and those beyond it."""
    return (
        cache.bids.levels() + cache.bids.beyond(),
        cache.asks.levels() + cache.asks.beyond(),
    )
