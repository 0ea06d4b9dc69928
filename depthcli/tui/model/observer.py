"""Reads a book for the screen, and remembers what the book itself doesn't keep."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from math import floor, log10
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthcli.core.analytics import cost_to_trade, group_levels, micro_price, reaches_past
from depthcli.core.state import State
from depthcli.tui.drawing.numbers import price_text
from depthcli.tui.model.order_sizes import decimals_of_notional, usual_size
from depthcli.tui.model.rates import Gauge, Rate
from depthcli.tui.model.watched import Picture, Wanted

if TYPE_CHECKING:
    from depthcli.core.analytics import Cost, Side
    from depthcli.core.book import DepthCache
    from depthcli.core.state import Counters
    from depthcli.tui.drawing.numbers import Number
    from depthcli.tui.model.watched import Level, Levels, Manager, Watched

COARSEST: Final = 6
"""The largest group: ten to this power times the tick."""

MOST_LEVELS: Final = 5_000
"""Most levels per side in one picture: no snapshot has more."""


class _Content(NamedTuple):
    """The levels of a picture, rebuilt only when the book has changed."""

    bids: Levels
    asks: Levels
    bids_tail: int
    asks_tail: int
    touch: tuple[Level | None, Level | None]
    micro: Number | None
    buy: Cost[Any] | None
    sell: Cost[Any] | None


@dataclass(frozen=True, slots=True)
class _Frozen:
    """A manager as it was when the display was paused."""

    symbol: str
    cache: DepthCache[Any]
    state: State
    reason: str
    counters: Counters
    buffered: int
    last_received: float | None
    last_audit: float | None


class Observer:
    """Reads one manager, and remembers what it doesn't keep.

    Attributes:
        watched: the manager, and how its symbol is written.
        group: ten to this power times the tick is the step of the groups.
        size: the order size to show the cost of, in the base asset; None before the first book.
        size_is_usual: whether it is the default.
    """

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.group = 0
        self.size: float | None = None
        self.size_is_usual = True
        self._source: Manager = watched.manager
        self._first_look: float | None = None
        self._last_true: float | None = None
        self._reason = ""
        self._reason_since = 0.0
        self._update_time: int | None = None
        self._price_width = 0
        self._quote_decimals: int | None = None
        self._rate = Rate()
        self._shown_rate: float | None = None
        self._latency = Gauge()
        self._key: tuple[Any, ...] = ()
        self._content: _Content | None = None

    @property
    def step(self) -> Decimal:
        """The step of the groups."""
        return self.watched.step * Decimal(10) ** self.group

    @property
    def rate(self) -> float | None:
        """Recent updates a second, measured once a second; None: not known yet."""
        return self._shown_rate

    @property
    def latency(self) -> float | None:
        """Recent seconds from the exchange's event time to arrival; None: unknown."""
        return self._latency.value

    def look(self, now: float, wall: float | None = None) -> None:
        """Update rates, latency and age. Call it for each frame, shown or not.

        Args:
            now: seconds of the app's clock.
            wall: seconds since the epoch by the exchange's clock, as well as it is known.
        """
        manager = self.watched.manager
        if self._first_look is None:
            self._first_look = now
        if manager.state is State.LIVE:
            self._last_true = now
        if manager.reason != self._reason:
            self._reason, self._reason_since = manager.reason, now
        update_time, received = manager.cache.update_time, manager.last_received
        if wall is not None and received is not None and update_time != self._update_time:
            self._update_time = update_time
            if update_time is not None:
                self._latency.add(now, wall - (now - received) - update_time / 1000)
        if self._rate.due(now):
            self._rate.add(now, manager.counters.applied)
            self._shown_rate = self._rate.per_second

    def freeze(self) -> None:
        """Show the book as it is now until `thaw`."""
        manager = self.watched.manager
        self._source = _Frozen(
            manager.symbol,
            deepcopy(manager.cache),
            manager.state,
            manager.reason,
            replace(manager.counters),
            manager.buffered,
            manager.last_received,
            manager.last_audit,
        )

    def thaw(self) -> None:
        """Show the live book again."""
        self._source = self.watched.manager

    def choose_size(self, size: float) -> None:
        """Show the cost of an order of that size."""
        self.size, self.size_is_usual = size, False

    def coarser(self, powers: int) -> None:
        """Make groups coarser by powers of ten, within limits."""
        best = self._source.cache.best_bid or self._source.cache.best_ask
        most = COARSEST
        if best:
            most = min(most, max(0, floor(log10(float(best[0]) / float(self.watched.step)))))
        self.group = min(max(self.group + powers, 0), most)

    def picture(self, wanted: Wanted | int, now: float) -> Picture:
        """Return the best levels of both sides, with all figures.

        Args:
            wanted: what to include; a number: this many levels, and everything else.
            now: seconds of the app's clock.
        """
        if isinstance(wanted, int):
            wanted = Wanted(wanted)
        if self.watched.inverse:
            wanted = wanted._replace(in_quote=False)
        source, watched = self._source, self.watched
        content = self._look_inside(wanted)
        audited = source.last_audit
        return Picture(
            symbol=watched.name,
            price_decimals=watched.price_decimals,
            quantity_decimals=(self._quote_decimals or 0)
            if wanted.in_quote
            else watched.quantity_decimals,
            price_width=max(self._price_width, watched.price_decimals + 2),
            state=source.state,
            reason=source.reason,
            bids=content.bids,
            asks=content.asks,
            update_time=source.cache.update_time,
            age=now - self._since(now, has_book=bool(content.bids or content.asks)),
            audit_age=None if audited is None else now - audited,
            differences=source.counters.differences,
            differences_ever=source.counters.differences_ever,
            by_rank=source.counters.by_rank_ever,
            reason_age=now - self._reason_since,
            buffered=source.buffered,
            trading=watched.trading,
            base=watched.base,
            quote=watched.quote,
            in_quote=wanted.in_quote,
            inverse=watched.inverse,
            step=self.step if self.group and wanted.grouped else None,
            tick=watched.step,
            group=self.group if wanted.grouped else 0,
            horizons=(source.cache.bids.horizon, source.cache.asks.horizon),
            bids_tail=content.bids_tail,
            asks_tail=content.asks_tail,
            touch=content.touch,
            micro=content.micro,
            size=self.size,
            buy=content.buy,
            sell=content.sell,
            rate=self._shown_rate,
            latency=self._latency.value,
        )

    def _look_inside(self, wanted: Wanted) -> _Content:
        """Return what the book holds; the same object as before if nothing has changed."""
        source = self._source
        counters = source.counters
        key = (
            id(source),
            source.cache.last_update_id,
            counters.applied,
            counters.audits,
            counters.resyncs,
            source.state,
            wanted,
            self.group,
            self.size,
        )
        if self._content is None or key != self._key:
            self._content = self._content_of(source.cache, wanted)
            self._key = (*key[:-1], self.size)
        return self._content

    def _content_of(self, cache: DepthCache[Any], wanted: Wanted) -> _Content:
        bids, bids_tail = self._side(cache, "bid", wanted)
        asks, asks_tail = self._side(cache, "ask", wanted)
        if wanted.grouped and self.group:
            bid, ask = cache.best_bid, cache.best_ask
        else:
            bid, ask = next(iter(bids), None), next(iter(asks), None)
        best = ask or bid
        if best:
            highest = asks[-1] if asks and wanted.beyond else best
            text = price_text(highest[0], self.watched.price_decimals)
            self._price_width = max(self._price_width, len(text))
            if self._quote_decimals is None:
                self._quote_decimals = decimals_of_notional(float(best[0]) * float(best[1]))
        micro = buy = sell = None
        if wanted.numbers:
            micro = micro_price(bid, ask)
            if bid and ask:
                if self.size is None:
                    self.size = usual_size([float(quantity) for _, quantity in cache.asks.top(20)])
                mid = (bid[0] + ask[0]) / 2
                size = cache.conv_type(str(self.size))
                buy = _cost(cache.asks, size, mid)
                sell = _cost(cache.bids, size, mid)
        if wanted.in_quote:
            bids = tuple((price, price * quantity) for price, quantity in bids)
            asks = tuple((price, price * quantity) for price, quantity in asks)
        return _Content(bids, asks, bids_tail, asks_tail, (bid, ask), micro, buy, sell)

    def _side(self, cache: DepthCache[Any], side: Side, wanted: Wanted) -> tuple[Levels, int]:
        """Return the levels or groups of a side, and how many are beyond the snapshot."""
        levels = cache.bids if side == "bid" else cache.asks
        depth = wanted.depth
        if not (wanted.grouped and self.group):
            found = levels.top(depth)
            if len(found) == depth or levels.horizon is None or not wanted.beyond:
                return tuple(found), 0
            beyond = levels.beyond()[: depth - len(found)]
            return (*found, *beyond), len(beyond)
        count = max(4 * depth, 50)
        while True:
            found = levels.top(count)
            groups = group_levels(found, self.step, side=side)
            # The last group is whole only if there is a next one.
            if len(groups) > depth:
                return tuple(groups[:depth]), 0
            if len(found) < count or count > MOST_LEVELS:
                break
            count *= 4
        if levels.horizon is None:
            return tuple(groups), 0
        groups = group_levels([*found, *levels.beyond()], self.step, side=side)[:depth]
        tail = sum(reaches_past(price, levels.horizon, side=side) for price, _ in groups)
        return tuple(groups), tail

    def _since(self, now: float, *, has_book: bool) -> float:
        """Return the time from which the age counts."""
        source = self._source
        if source.state is State.LIVE:
            start = source.last_received
        elif self._last_true is not None:
            start = self._last_true
        else:
            start = source.last_received if has_book else self._first_look
        return now if start is None else start


def _cost(side: Any, size: Any, mid: Any) -> Cost[Any]:
    """Return the cost of a market order, reading only the levels that it takes."""
    count = 20
    while True:
        levels = side.top(count)
        cost = cost_to_trade(levels, size, reference=mid)
        if cost.complete or len(levels) < count:
            return cost
        count *= 8
