"""A watched book, and the picture of it that a frame shows: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from depthcli.core.state import ByRank, State

if TYPE_CHECKING:
    from depthcli.core.analytics import Cost
    from depthcli.core.book import DepthCache
    from depthcli.core.state import Counters
    from depthcli.tui.drawing.numbers import Number

Level = tuple[Any, Any]
Levels = tuple[Level, ...]
"""`(price, quantity)`, best first: all floats, or all Decimals."""


class Manager(Protocol):
    """A manager of a book, as far as the app needs it."""

    @property
    def symbol(self) -> str:
        """The symbol, safe to print."""

    @property
    def cache(self) -> DepthCache[Any]:
        """The book; always the same object."""

    @property
    def state(self) -> State:
        """The state of the book."""

    @property
    def reason(self) -> str:
        """Why the book isn't live, in a few words safe to print; or empty."""

    @property
    def counters(self) -> Counters:
        """The book's counters since the start."""

    @property
    def buffered(self) -> int:
        """Events that wait for a snapshot."""

    @property
    def last_received(self) -> float | None:
        """When the last event came, in seconds of the app's clock; None before the first."""

    @property
    def last_audit(self) -> float | None:
        """When the last audit ended, in seconds of the app's clock; None before the first."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A manager, and how its symbol is written.

    Attributes:
        manager: keeps the book.
        price_decimals: decimals of prices.
        quantity_decimals: decimals of quantities.
        label: what is shown in place of the symbol, such as `usdm:BTCUSDT`; empty: the symbol.
        tick: the smallest step between two prices; None: one in the last decimal.
        base: the base asset, such as `BTC`; empty: unknown.
        quote: the quote asset, such as `USDT`; empty: unknown.
        trading: whether the exchange matches orders now.
        inverse: whether quantities are contracts of a fixed worth in the quote asset, so that price
            times quantity means nothing.
        address: the symbol with its market, `usdm:BTCUSDT`; may be empty.
    """

    manager: Manager
    price_decimals: int
    quantity_decimals: int
    label: str = ""
    tick: Decimal | None = None
    base: str = ""
    quote: str = ""
    trading: bool = True
    inverse: bool = False
    address: str = ""

    @property
    def name(self) -> str:
        """The symbol's name on the screen."""
        return self.label or self.manager.symbol

    @property
    def step(self) -> Decimal:
        """The smallest step between two prices."""
        return self.tick or Decimal(1).scaleb(-self.price_decimals)


@dataclass(frozen=True, slots=True)
class Picture:
    """A book as one frame shows it.

    Attributes:
        symbol: the symbol.
        price_decimals: decimals of prices.
        quantity_decimals: decimals of quantities, in the asset that they are shown in.
        price_width: cells that a price takes; it never shrinks.
        state: the state of the book.
        reason: why it isn't live.
        bids: the best bids, grouped if `step` is set.
        asks: the best asks, grouped in the same way.
        update_time: the exchange's time of the last event in the book, ms since the epoch.
        age: seconds since the last event came; of a book that isn't live, since it was last true;
            of one that never was, since it was first looked at.
        audit_age: seconds since the last audit, or None.
        differences: levels that differed in the last audit, or None.
        differences_ever: levels that differed in all audits together.
        by_rank: those levels by their distance from the touch.
        reason_age: seconds since the reason was given.
        buffered: events that wait for a snapshot.
        trading: whether the exchange matches orders now.
        base: the base asset; empty: unknown.
        quote: the quote asset; empty: unknown.
        in_quote: whether quantities are shown in the quote asset.
        inverse: whether price times quantity means nothing.
        step: the step of the groups; None: levels aren't grouped.
        tick: the smallest step between two prices.
        group: ten to this power times the tick makes the step.
        horizons: the deepest bid and ask up to which the book is known; None: all of the side.
        bids_tail: how many of `bids`, from the end, are beyond the snapshot.
        asks_tail: the same of `asks`.
        touch: best bid and best ask as they are, not grouped, quantities in the base asset.
        micro: the mid weighted by the other side's quantity; None if a side is empty.
        size: the order size of `buy` and `sell`, in the base asset; None: none.
        buy: the cost of buying that size with a market order, against the mid.
        sell: the cost of selling it.
        rate: recent updates a second; None: not known yet.
        latency: seconds from the exchange's event time to arrival; None: unknown.
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
    differences_ever: int = 0
    by_rank: ByRank = field(default_factory=ByRank)
    reason_age: float = 0.0
    buffered: int = 0
    trading: bool = True
    base: str = ""
    quote: str = ""
    in_quote: bool = False
    inverse: bool = False
    step: Decimal | None = None
    tick: Decimal = Decimal(1)
    group: int = 0
    horizons: tuple[Number | None, Number | None] = (None, None)
    bids_tail: int = 0
    asks_tail: int = 0
    touch: tuple[Level | None, Level | None] | None = None
    micro: Number | None = None
    size: Number | None = None
    buy: Cost[Any] | None = None
    sell: Cost[Any] | None = None
    rate: float | None = None
    latency: float | None = None

    @property
    def live(self) -> bool:
        """Whether the book is live."""
        return self.state is State.LIVE

    @property
    def empty(self) -> bool:
        """Whether there is no book to show."""
        return not self.bids and not self.asks

    @property
    def best_bid(self) -> Level | None:
        """The best bid, not grouped."""
        return self.touch[0] if self.touch else next(iter(self.bids), None)

    @property
    def best_ask(self) -> Level | None:
        """The best ask, not grouped."""
        return self.touch[1] if self.touch else next(iter(self.asks), None)

    @property
    def spread(self) -> Number | None:
        """Best ask less best bid; None if a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return ask[0] - bid[0] if bid and ask else None

    @property
    def mid(self) -> Number | None:
        """The price halfway between best bid and best ask; None if a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return (ask[0] + bid[0]) / 2 if bid and ask else None

    @property
    def known(self) -> tuple[int, int]:
        """How many of `bids` and of `asks` are within the snapshot."""
        return len(self.bids) - self.bids_tail, len(self.asks) - self.asks_tail

    @property
    def cut(self) -> bool:
        """Whether some of the levels are beyond the snapshot."""
        most = max(len(self.bids), len(self.asks))
        return self.comparable(most) < most

    def comparable(self, count: int) -> int:
        """Return how many of the best levels of both sides may be compared, at most `count`.

        A side that is known only up to its horizon has more levels than can be counted; one
        without a horizon has no more than there are.
        """
        for known, horizon in zip(self.known, self.horizons, strict=True):
            if horizon is not None:
                count = min(count, known)
        return count


class Wanted(NamedTuple):
    """What a picture contains.

    Attributes:
        depth: levels or groups per side.
        grouped: whether levels are put into groups of the observer's step.
        in_quote: whether quantities are shown in the quote asset.
        numbers: whether micro-price and the cost to trade are wanted.
        beyond: whether levels beyond the snapshot follow, marked as such.
    """

    depth: int
    grouped: bool = True
    in_quote: bool = False
    numbers: bool = True
    beyond: bool = True


def bid_share(picture: Picture, count: int) -> float | None:
    """Return the bids' share of the quantity on both sides, 0 to 1; None if there is none.

    Only levels within the snapshot count, the same number on both sides.
    """
    count = picture.comparable(count)
    bid = sum(float(quantity) for _, quantity in picture.bids[:count])
    ask = sum(float(quantity) for _, quantity in picture.asks[:count])
    return bid / (bid + ask) if bid + ask > 0 else None
