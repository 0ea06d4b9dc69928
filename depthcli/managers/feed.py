"""One symbol's stream: taken into its synchronizer as it arrives, given out change by change.

What a book is worth is decided by the `Synchronizer`. A `Feed` brings it what the stream brings,
and wakes whoever waits: the reader when the book has changed, the keeper when it may need a
snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Generic

from depthcli.core.messages import N
from depthcli.core.partial_book import PartialSynchronizer
from depthcli.core.synchronizer import Synchronizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.book import DepthCache
    from depthcli.core.markets import Market
    from depthcli.core.messages import DepthEvent
    from depthcli.core.state import State
    from depthcli.errors import DepthcliError
    from depthcli.exchange.sockets import BinanceSocketManager, Subscription

logger = logging.getLogger(__name__)


class Feed(Generic[N]):
    """Listens to the stream of one symbol (`StreamListener`), and keeps its book.

    Args:
        market: of the symbol.
        symbol: in the exchange's upper case.
        conv_type: the number type of the book.
        speed: update speed of the stream in ms; None: the exchange's plain one.
        levels: follow the stream of so many best levels; None: the diff events.
        on_change: called with the book at once after each change, and with None when it is lost
            for good; without it the changes wait for `wait_for_news`.
        on_state: called with the new state and its reason after each change of either.

    Attributes:
        market, symbol, conv_type: as above.
        synchronizer: what the stream is taken into.
        subscription: the hold on the stream; None before the start.
        last_unreadable: when the last event came that can't be read, on the loop's clock.
        follows_levels: whether the stream is that of the best levels.
        openings: how often the stream was opened.
        last_received: when the last event came, on the loop's clock; None before the first.
        error: why the exchange refuses the symbol for good, if it does.
        on_event: called after each event with the time when it came.
        on_need: called when the book may need something: the stream was opened, or the state or
            its cause is another.

    Raises:
        UsageError: the market has no such speed or levels.
    """

    def __init__(
        self,
        market: Market,
        symbol: str,
        conv_type: type[N],
        *,
        speed: int | None,
        levels: int | None,
        on_change: Callable[[DepthCache[N] | None], object] | None,
        on_state: Callable[[State, str], None] | None,
    ) -> None:
        self.market = market
        self.symbol = symbol
        self.conv_type: type[N] = conv_type
        self.subscription: Subscription[N] | None = None
        self.follows_levels = False
        self.openings = 0
        self.last_received: float | None = None
        self.last_unreadable = 0.0
        self.error: DepthcliError | None = None
        self.on_event: Callable[[float], None] = lambda _now: None
        self.on_need: Callable[[], None] = lambda: None
        self._speed = speed
        self._on_change: Callable[[DepthCache[N] | None], object] | None = on_change
        self._on_state = on_state
        self._told: tuple[State, str] | None = None
        self._news = asyncio.Event()
        self._sockets: BinanceSocketManager | None = None
        self.synchronizer: Synchronizer[N]
        if levels is None:
            self._use_changes()
        else:
            self._use_levels(levels)

    def start(self, sockets: BinanceSocketManager) -> None:
        """Subscribe to the stream. Inside a running loop."""
        self._sockets = sockets
        self.subscription = sockets.subscribe(self.market, self._stream, self.conv_type, self)

    def stop(self) -> None:
        """Listen no longer."""
        if self.subscription is not None:
            self.subscription.close()

    def end(self, reason: str, error: DepthcliError | None = None) -> None:
        """Listen no longer: the book is lost for good."""
        self.error = error
        self.stop()
        self.gone(reason)

    def follow_levels(self, levels: int) -> None:
        """Change over to the stream of the best levels, which needs no snapshot."""
        self._change_over(lambda: self._use_levels(levels))

    def follow_changes(self) -> None:
        """Change back to the stream of diff events; until a snapshot is adopted, it isn't live."""
        self._change_over(self._use_changes)

    def _change_over(self, use: Callable[[], None]) -> None:
        """Follow another stream; the last true book and what was counted stay."""
        self.stop()
        before = self.synchronizer
        use()
        self.synchronizer.cache = before.cache
        self.synchronizer.counters = before.counters
        self.last_received = None
        if self._sockets is not None:
            self.start(self._sockets)

    async def wait_for_news(self) -> None:
        """Wait until something came, or the state has changed."""
        self._news.clear()
        await self._news.wait()

    # What the stream tells (`StreamListener`).

    def opened(self) -> None:
        """The stream is open."""
        self.openings += 1
        self.last_received = None
        self.synchronizer.opened()
        self.on_need()

    def receive(self, event: DepthEvent[N], now: float) -> None:
        """An event came."""
        self.last_received = now
        refused = self.synchronizer.counters.refused
        self.synchronizer.receive(event)
        if self.synchronizer.counters.refused != refused:
            self.last_unreadable = now
        self.pass_on()
        self.on_event(now)

    def refuse(self, why: str) -> None:
        """A frame came that can't be read."""
        self.last_unreadable = asyncio.get_running_loop().time()
        self.synchronizer.refuse(why)

    def lost(self, reason: str) -> None:
        """The stream broke off; it will be opened anew."""
        self.synchronizer.lost(reason)

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""
        self.synchronizer.close(reason)
        self._call_at_once(None)

    # Giving out.

    def pass_on(self) -> None:
        """Give out what can be given out."""
        if self._on_change is None:
            self._news.set()
            return
        synchronizer = self.synchronizer
        while synchronizer.advance():
            self._call_at_once(synchronizer.cache)
            if not synchronizer.pending:
                return

    def _call_at_once(self, cache: DepthCache[N] | None) -> None:
        if self._on_change is None:
            return
        try:
            self._on_change(cache)
        except Exception:
            logger.exception("the callback of %s raised", self.symbol)

    def _state_changed(self, state: State, reason: str) -> None:
        self._news.set()
        if (told := (state, self.synchronizer.cause)) != self._told:
            self._told = told
            self.on_need()
            logger.info("%s: %s %s", self.symbol, state, reason)
        if self._on_state is not None:
            try:
                self._on_state(state, reason)
            except Exception:
                # It is the caller's, and must not end the connection that others share.
                logger.exception("on_state of %s raised", self.symbol)

    def _use_changes(self) -> None:
        """Follow the diff events."""
        market = self.market
        self._stream = market.stream(self.symbol, self._speed)
        self.follows_levels = False
        self.synchronizer = Synchronizer(
            self.symbol,
            self.conv_type,
            ids_are_shared=market.ids_are_shared,
            event_at_snapshot_id_applies=market.event_at_snapshot_id_applies,
            on_state=self._state_changed,
        )

    def _use_levels(self, levels: int) -> None:
        """Follow the best levels, as the exchange sends them, instead of diff events."""
        self._stream = self.market.partial_stream(self.symbol, levels, self._speed)
        self.follows_levels = True
        self.synchronizer = PartialSynchronizer(
            self.symbol, self.conv_type, levels, on_state=self._state_changed
        )
