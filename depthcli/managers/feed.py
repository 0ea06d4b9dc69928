"""Connects one symbol's stream with its synchronizer, and reports changes of the book.

The `Synchronizer` decides on the state of the book. A `Feed` passes it the events of the stream,
and wakes up the reader when the book has changed and the `SnapshotScheduler` when it may need a
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
        symbol: in upper case, as the exchange writes it.
        conv_type: the number type of the book.
        speed: update speed of the stream in ms; None: the exchange's default.
        levels: follow the stream of so many best levels; None: the diff events.
        on_change: called with the book right after each change, and with None when it is lost for
            good. Without it, changes wait until they are read; see `wait_for_news`.
        on_state: called with the new state and its reason after each change of either.

    Attributes:
        market, symbol, conv_type: as above.
        synchronizer: receives the events and keeps the book.
        subscription: to the stream; None before the start.
        last_unreadable: when the last unreadable event arrived, on the loop's clock.
        follows_levels: whether the stream is that of the best levels.
        openings: how often the stream was opened.
        last_received: when the last event arrived, on the loop's clock; None before the first.
        error: why the exchange refuses the symbol for good, if it does.
        on_event: called after each event with its time of arrival.
        on_need: called when the book may need a snapshot: the stream was opened, or the state or
            its cause has changed.

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
        self._reported: tuple[State, str] | None = None
        self._news = asyncio.Event()
        self._sockets: BinanceSocketManager | None = None
        self.synchronizer: Synchronizer[N]
        if levels is None:
            self._use_changes()
        else:
            self._use_levels(levels)

    def start(self, sockets: BinanceSocketManager) -> None:
        """Subscribe to the stream. Call it in a running event loop."""
        self._sockets = sockets
        self.subscription = sockets.subscribe(self.market, self._stream, self.conv_type, self)

    def stop(self) -> None:
        """Stop listening."""
        if self.subscription is not None:
            self.subscription.close()

    def end(self, reason: str, error: DepthcliError | None = None) -> None:
        """Stop listening, because the book is lost for good."""
        self.error = error
        self.stop()
        self.gone(reason)

    def follow_levels(self, levels: int) -> None:
        """Switch to the stream of the best levels, which needs no snapshot."""
        self._change_over(lambda: self._use_levels(levels))

    def follow_changes(self) -> None:
        """Switch back to the diff events; the book isn't live until a snapshot arrives."""
        self._change_over(self._use_changes)

    def _change_over(self, use: Callable[[], None]) -> None:
        """Follow another stream, and keep the last correct book and the counters."""
        self.stop()
        before = self.synchronizer
        use()
        self.synchronizer.cache = before.cache
        self.synchronizer.counters = before.counters
        self.last_received = None
        if self._sockets is not None:
            self.start(self._sockets)

    async def wait_for_news(self) -> None:
        """Wait until an event arrives or the state changes."""
        self._news.clear()
        await self._news.wait()

    # Called by the stream (`StreamListener`).

    def opened(self) -> None:
        """The stream is open."""
        self.openings += 1
        self.last_received = None
        self.synchronizer.opened()
        self.on_need()

    def receive(self, event: DepthEvent[N], now: float) -> None:
        """An event arrived."""
        self.last_received = now
        refused = self.synchronizer.counters.refused
        self.synchronizer.receive(event)
        if self.synchronizer.counters.refused != refused:
            self.last_unreadable = now
        self.pass_on()
        self.on_event(now)

    def refuse(self, why: str) -> None:
        """An unreadable frame arrived."""
        self.last_unreadable = asyncio.get_running_loop().time()
        self.synchronizer.refuse(why)

    def lost(self, reason: str) -> None:
        """The stream broke off; it will be opened again."""
        self.synchronizer.lost(reason)

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""
        self.synchronizer.close(reason)
        self._call_at_once(None)

    # Reporting changes.

    def pass_on(self) -> None:
        """Call `on_change` for each pending change, or wake up the reader."""
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
        if (reported := (state, self.synchronizer.cause)) != self._reported:
            self._reported = reported
            self.on_need()
            logger.info("%s: %s %s", self.symbol, state, reason)
        if self._on_state is not None:
            try:
                self._on_state(state, reason)
            except Exception:
                # An error of the caller must not end the connection that others share.
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
        """Follow the stream of the best levels instead of diff events."""
        self._stream = self.market.partial_stream(self.symbol, levels, self._speed)
        self.follows_levels = True
        self.synchronizer = PartialSynchronizer(
            self.symbol, self.conv_type, levels, on_state=self._state_changed
        )
