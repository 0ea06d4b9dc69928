"""What is watched, and what one look at it gives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from depthcli.synchronizer import State
from depthcli.tui.numbers import price_text

if TYPE_CHECKING:
    from depthcli.book import DepthCache
    from depthcli.synchronizer import Counters
    from depthcli.tui.numbers import Number

Levels = tuple[tuple[Any, Any], ...]
"""`(price, quantity)`, best first: all floats, or all Decimals."""

_RATE_SECONDS: Final = 3.0


class Manager(Protocol):
    """Who keeps a book: what the app needs to see of it."""

    @property
    def symbol(self) -> str:
        """The symbol, fit to be printed."""

    @property
    def cache(self) -> DepthCache[Any]:
        """The book; the same object for good."""

    @property
    def state(self) -> State:
        """What the book is worth."""

    @property
    def reason(self) -> str:
        """Why the book isn't live, in a few words fit to be printed; or empty."""

    @property
    def counters(self) -> Counters:
        """What happened to the book since the start."""

    @property
    def last_received(self) -> float | None:
        """When the last event came, in seconds of the app's clock; None before the first."""

    @property
    def last_audit(self) -> float | None:
        """When the last audit ended, in seconds of the app's clock; None before the first."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A manager, with how many decimals its symbol is written, and what it is called.

    Attributes:
        manager: who keeps the book.
        price_decimals: decimals of prices.
        quantity_decimals: decimals of quantities.
        label: what is shown in place of the symbol, such as `usdm:BTCUSDT`; empty: the symbol.
    """

    manager: Manager
    price_decimals: int
    quantity_decimals: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One look at a book.

    Attributes:
        symbol: the symbol, or what it is called where markets are mixed.
        price_decimals: decimals of prices.
        quantity_decimals: decimals of quantities.
        price_width: cells that a price takes; it never shrinks.
        state: what the book is worth.
        reason: why it isn't live.
        bids: the best bids.
        asks: the best asks.
        update_time: the exchange's time of the last event in the book, ms since the epoch.
        age: seconds since the last event came; of a book that isn't live, since it was last true;
            of one that never was, since it was first looked at.
        audit_age: seconds since the last audit, or None.
        differences: levels that differed in the last audit, or None.
    """

    symbol: str
    price_decimals: int
    quantity_decimals: int
    price_width: int
    state: State
    reason: str
    bids: Levels
    asks: Levels
    update_time: int | None
    age: float
    audit_age: float | None
    differences: int | None

    @property
    def live(self) -> bool:
        """Whether the book is the exchange's now."""
        return self.state is State.LIVE

    @property
    def empty(self) -> bool:
        """Whether there is no book to show."""
        return not self.bids and not self.asks

    @property
    def spread(self) -> Number | None:
        """Best ask less best bid; None if a side is empty."""
        return self.asks[0][0] - self.bids[0][0] if self.bids and self.asks else None

    @property
    def mid(self) -> Number | None:
        """The price halfway between best bid and best ask; None if a side is empty."""
        return (self.asks[0][0] + self.bids[0][0]) / 2 if self.bids and self.asks else None


class Observer:
    """Looks at one manager, and remembers when its book was last seen to be true."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self._first_look: float | None = None
        self._last_true: float | None = None
        self._price_width = 0

    def look(self, now: float) -> None:
        """Take note of the state. Call it for each frame, shown or not."""
        if self._first_look is None:
            self._first_look = now
        if self.watched.manager.state is State.LIVE:
            self._last_true = now

    def picture(self, depth: int, now: float) -> Picture:
        """Return the best `depth` levels of both sides, and all that is to be said of them."""
        manager = self.watched.manager
        bids, asks = manager.cache.top(depth)
        best = asks[:1] or bids[:1]
        if best:
            text = price_text(best[0][0], self.watched.price_decimals)
            self._price_width = max(self._price_width, len(text))
        audited = manager.last_audit
        return Picture(
            symbol=self.watched.label or manager.symbol,
            price_decimals=self.watched.price_decimals,
            quantity_decimals=self.watched.quantity_decimals,
            price_width=max(self._price_width, self.watched.price_decimals + 2),
            state=manager.state,
            reason=manager.reason,
            bids=tuple(bids),
            asks=tuple(asks),
            update_time=manager.cache.update_time,
            age=now - self._since(now, has_book=bool(best)),
            audit_age=None if audited is None else now - audited,
            differences=manager.counters.differences,
        )

    def _since(self, now: float, *, has_book: bool) -> float:
        """Return the moment from which the age of what is shown counts."""
        manager = self.watched.manager
        if manager.state is State.LIVE:
            moment = manager.last_received
        elif self._last_true is not None:
            moment = self._last_true
        else:
            moment = manager.last_received if has_book else self._first_look
        return now if moment is None else moment


class Rate:
    """How fast a total grows, over the last few seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, total: int) -> None:
        """Take note of the total at a moment, in seconds."""
        samples = self._samples
        samples.append((now, total))
        while now - samples[0][0] > _RATE_SECONDS:
            samples.popleft()

    @property
    def per_second(self) -> float | None:
        """The growth per second, or None before two moments are known."""
        if not self._samples:
            return None
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else None
