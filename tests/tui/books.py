"""Made-up books, kept by real synchronizers, and a clock that stands still until it is told."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from depthcli.core.messages import DepthEvent, Snapshot
from depthcli.core.synchronizer import Synchronizer
from depthcli.tui import Watched

if TYPE_CHECKING:
    from depthcli.core.book import DepthCache
    from depthcli.core.state import Counters, State

EVENT_TIME = 1_767_355_471_412
"""2026-01-02 12:04:31.412 UTC, in ms."""

MIDS = {
    "BNBBTC": (9812, 6, 3),
    "ETHBTC": (3412, 5, 4),
    "BTCUSDT": (10_412_345, 2, 5),
    "SOLUSDT": (18_244, 2, 3),
    "XRPUSDT": (21_512, 4, 1),
    "DOGEUSDT": (18_123, 5, 0),
    "PEPEUSDT": (1234, 8, 0),
    "币安人生USDT": (2345, 4, 1),
}
"""Symbol to mid in ticks, decimals of prices, decimals of quantities."""


ASSETS = {
    "BNBBTC": ("BNB", "BTC"),
    "ETHBTC": ("ETH", "BTC"),
    "BTCUSDT": ("BTC", "USDT"),
    "SOLUSDT": ("SOL", "USDT"),
}


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeManager:
    """What a manager shows, around a real synchronizer that a test drives by hand."""

    def __init__(self, symbol: str, conv_type: type[Any] = float, seed: int = 1) -> None:
        ticks, self.price_decimals, self.quantity_decimals = MIDS.get(symbol, (5000, 4, 2))
        self.symbol = symbol
        self.synchronizer: Synchronizer[Any] = Synchronizer(symbol, conv_type)
        self.last_received: float | None = None
        self.last_audit: float | None = None
        self.ticks = ticks
        self.random = random.Random(f"{seed}:{symbol}")
        self.conv_type = conv_type
        self.trading = True

    @property
    def cache(self) -> DepthCache[Any]:
        return self.synchronizer.cache

    @property
    def state(self) -> State:
        return self.synchronizer.state

    @property
    def reason(self) -> str:
        return self.synchronizer.reason

    @property
    def counters(self) -> Counters:
        return self.synchronizer.counters

    @property
    def buffered(self) -> int:
        return len(self.synchronizer.pending)

    @property
    def watched(self) -> Watched:
        base, quote = ASSETS.get(self.symbol, ("", ""))
        return Watched(
            self,
            self.price_decimals,
            self.quantity_decimals,
            base=base,
            quote=quote,
            trading=self.trading,
        )

    def price(self, ticks: int) -> Any:
        return self.conv_type(Decimal(ticks).scaleb(-self.price_decimals))

    def quantity(self, lots: int) -> Any:
        return self.conv_type(Decimal(lots).scaleb(-self.quantity_decimals))

    def level(self, ticks: int) -> tuple[Any, Any]:
        scale = 10 ** (self.quantity_decimals + 1)
        return self.price(ticks), self.quantity(self.random.randint(scale // 10 + 1, 6 * scale))

    def go_live(self, now: float, levels: int = 100) -> None:
        """Give the synchronizer a snapshot and one event."""
        spread = self.random.randint(1, 7)
        bids = [self.level(self.ticks - index) for index in range(levels)]
        asks = [self.level(self.ticks + spread + index) for index in range(levels)]
        self.synchronizer.opened()
        self.synchronizer.offer(Snapshot(self.cache.last_update_id + 100, bids, asks), 5000)
        self.change(now, [], [])

    def change(self, now: float, bids: list[Any], asks: list[Any], skip: int = 0) -> None:
        """Let an event come; with `skip` updates missing before it, there is a gap."""
        first = self.cache.last_update_id + 1 + skip
        event = DepthEvent(EVENT_TIME, self.symbol, first, first, bids, asks)
        self.synchronizer.receive(event)
        self.last_received = now
        while self.synchronizer.advance():
            pass

    def audit(self, now: float) -> None:
        """Compare the book with a snapshot that is the same."""
        bids, asks = self.cache.bids.levels(), self.cache.asks.levels()
        self.synchronizer.begin_audit()
        self.synchronizer.offer(Snapshot(self.cache.last_update_id, bids, asks), 5000)
        self.last_audit = now


def trade(book: FakeManager, now: float, rounds: int) -> None:
    """Let a few levels of a book change, and now and then the best ones, by the book's own seed."""
    rnd = book.random
    for round_ in range(rounds):
        bids, asks = book.cache.top(15)
        changed = [
            [(price, book.quantity(rnd.randint(1, 90_000))) for price, _ in rnd.sample(side, 4)]
            for side in (bids, asks)
        ]
        if round_ % 3 == 0:
            lower, upper = round(bids[0][0] / book.price(1)), round(asks[0][0] / book.price(1))
            side, at = rnd.choice([(0, lower), (1, upper)])
            wide = upper - lower
            if wide > 4 or (wide > 1 and rnd.random() < 0.5):
                changed[side].append(book.level(at + (1 if side == 0 else -1)))
            else:
                changed[side].append((book.price(at), book.quantity(0)))
        book.change(now, *changed)


def manager(symbol: str, now: float, **options: Any) -> FakeManager:
    """Return a manager whose book is live since `now`."""
    made = FakeManager(symbol, **options)
    made.go_live(now)
    made.audit(now)
    return made


def symbols(count: int) -> list[str]:
    """Return so many symbols."""
    names = list(MIDS)
    return (names + [f"COIN{index}USDT" for index in range(count)])[:count]
