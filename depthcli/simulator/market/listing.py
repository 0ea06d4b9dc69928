"""One listed symbol: its order flow, its update ids, and the windows of its events.

Times are in ms since the exchange started. Work is done only when needed: a symbol without
subscribers is left alone and brought up to date on request, with the same result.
"""

from __future__ import annotations

import math
from collections import deque
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.simulator.market import payloads as wire
from depthcli.simulator.market.flow import ASK, BID, Change, OrderFlow, Tempo
from depthcli.simulator.market.history import UNDOABLE, History, UndoLog
from depthcli.simulator.market.source import StreamEvent
from depthcli.simulator.market.stream_names import suffix_speeds
from depthcli.simulator.market.windows import UpdateIds, Window

if TYPE_CHECKING:
    from depthcli.core.markets import Market
    from depthcli.simulator.market.instruments import Instrument
    from depthcli.simulator.market.stream_names import Stream

BEST_PRICES: Final = 0
"""The speed of the stream of best prices, which are sent when they change."""

LONGEST_LAG: Final = 5000
"""A symbol without subscribers is left alone for about so many actions at most, so that the first
request needn't wait for hours of them."""

TRADING: Final = "TRADING"


class EarlySnapshot(NamedTuple):
    """A snapshot that lacks the event whose last id equals its own.

    Attributes:
        update_id: its id.
        follows: the update id up to which its levels are current.
        body: the response.
    """

    update_id: int
    follows: int
    body: bytes


class Listing:
    """One symbol of an exchange.

    Args:
        market: defines formats and speeds.
        instrument: what is traded.
        ids: numbers its updates.
        seed: of the order flow.
        tempo: how active it is; None for the symbol's own.
        watched: the subscribed streams and their names; may change at any time.
        at_ms: when it is listed.

    Attributes:
        flow: its book and order flow.
        ids: numbers its updates.
        status: its status in the exchange info: `TRADING`, or why it isn't traded.
        history: records all changes, if wanted.
        scheduled_ms: when the exchange will run it next.
    """

    def __init__(
        self,
        market: Market,
        instrument: Instrument,
        ids: UpdateIds,
        *,
        seed: int | str,
        tempo: Tempo | None,
        watched: dict[Stream, str],
        at_ms: float,
    ) -> None:
        self.flow = OrderFlow(instrument, seed, tempo)
        self.ids = ids
        self.status = TRADING
        self.history: History | None = None
        self.scheduled_ms = math.inf
        self._market = market
        self._watched = watched
        self._past: deque[Change] = deque(maxlen=UNDOABLE)
        self._past_ids: deque[int] = deque(maxlen=UNDOABLE)
        # As on the real exchange, symbols don't all send their events at the same moment.
        phase = Random(f"{seed}:{instrument.symbol}:phase").randrange(1000)
        self._windows = {
            speed: Window(speed, phase, at_ms, ids.reached(at_ms))
            for speed in sorted(set(suffix_speeds(market).values()))
        }
        self._first_end_ms = min(window.due_ms for window in self._windows.values())
        self._reached_ms = at_ms
        longest_lag = LONGEST_LAG * (1 + phase / 1000)
        self._longest_lag_ms = longest_lag / self.flow.tempo.actions_per_second * 1000
        self._flow_began_ms = at_ms
        self._halted_ms = self._resumes_ms = math.inf
        self._best: list[tuple[int, int]] = []

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self.flow.instrument

    def next_due(self) -> float:
        """Return when it must be run at the latest; infinity for never."""
        if not self._watched:
            return min(self._resumes_ms, self._reached_ms + self._longest_lag_ms)
        action = self._next_action()
        due = self._resumes_ms
        for stream in self._watched:
            if stream.speed == BEST_PRICES:
                due = min(due, action)
                continue
            window = self._windows[stream.speed]
            if window.last_id:
                due = min(due, window.due_ms)
            elif action < math.inf:
                due = min(due, window.end_after(action))
        return due

    def run(self, until_ms: float, epoch_ms: float, events: list[StreamEvent]) -> None:
        """Advance the time, and add the watched events that are due.

        Args:
            until_ms: the new time.
            epoch_ms: when the exchange started, in ms since the epoch.
            events: the list to which events are added.
        """
        if self._resumes_ms <= until_ms:
            self.resume(self._resumes_ms)
        while (action := self._next_action()) <= until_ms:
            self._end_windows(action, epoch_ms, events)
            self._number(self.flow.act(), action)
            for stream, name in self._watched.items():
                if stream.speed == BEST_PRICES:
                    self._tell_best(name, action, epoch_ms, events)
        self._end_windows(until_ms, epoch_ms, events)
        self._reached_ms = max(self._reached_ms, until_ms)

    def halt(self, at_ms: float, status: str, until_ms: float = math.inf) -> None:
        """Stop trading until then, or until `resume`."""
        self.status = status
        self._halted_ms = min(self._halted_ms, at_ms)
        self._resumes_ms = until_ms

    def resume(self, at_ms: float) -> None:
        """Continue trading with the book as it was."""
        if self._halted_ms < math.inf:
            self._flow_began_ms += at_ms - self._halted_ms
        self.status = TRADING
        self._halted_ms = self._resumes_ms = math.inf

    def snapshot(
        self, limit: int, epoch_ms: float, age: int = 0, update_id: int | None = None
    ) -> bytes:
        """Return a snapshot of the book of `age` updates ago.

        Args:
            limit: levels per side.
            epoch_ms: when the exchange started, in ms since the epoch.
            age: in updates.
            update_id: the snapshot's id; None for the book's own.
        """
        last_update_id = self.ids.reached(self._reached_ms)
        if age:
            last_update_id, (bids, asks) = self._undo_log().back(
                self.flow.books, last_update_id, age
            )
            best_bids = sorted(bids.items(), reverse=True)[:limit]
            best_asks = sorted(asks.items())[:limit]
        else:
            best_bids, best_asks = self.flow.top(BID, limit), self.flow.top(ASK, limit)
        return wire.snapshot(
            self._market,
            self.instrument,
            int(epoch_ms + self._reached_ms),
            last_update_id if update_id is None else update_id,
            wire.both_sides(self.instrument, best_bids, best_asks),
        )

    def early_snapshot(
        self, limit: int, epoch_ms: float, events: list[StreamEvent]
    ) -> EarlySnapshot | None:
        """Return a snapshot that lacks the event whose last id equals its own, and emit the event.

        If nothing has changed since the previous event, the next action happens at once.

        Args:
            limit: levels per side.
            epoch_ms: when the exchange started, in ms since the epoch.
            events: the list to which the event is added, once per subscribed stream.

        Returns:
            None if nothing can change or there are no subscribers.
        """
        speeds = {stream.speed for stream in self._watched if stream.speed and not stream.levels}
        windows = [self._windows[speed] for speed in speeds]
        if not windows or self._halted_ms < math.inf:
            return None
        while not all(window.last_id for window in windows):
            self._number(self.flow.act(), self._reached_ms)
        last_id = windows[0].last_id
        # The longer events contain the changes of the shortest one.
        follows = max(window.previous_id for window in windows)
        age = self.ids.reached(self._reached_ms) - follows
        body = self.snapshot(limit, epoch_ms, age, last_id)
        for window in windows:
            self._tell(window, self._reached_ms, epoch_ms, events, owed=True)
        return EarlySnapshot(last_id, follows, body)

    def restart_ids(self, start: int) -> None:
        """Restart the update ids; changes that weren't sent yet are lost."""
        self.ids.restart(start, self._reached_ms)
        self._past.clear()
        self._past_ids.clear()
        for window in self._windows.values():
            window.begin(start)

    def begin_history(self) -> History:
        """Record all changes from now on."""
        self.history = History(self.ids.reached(self._reached_ms), self.flow.books)
        return self.history

    def _undo_log(self) -> UndoLog[int, int]:
        log: UndoLog[int, int] = UndoLog()
        for update_id, (side, price, _, previous) in zip(self._past_ids, self._past, strict=True):
            log.note(update_id, side, price, previous or None)
        return log

    def _next_action(self) -> float:
        return math.inf if self._halted_ms < math.inf else self._flow_began_ms + self.flow.due_ms

    def _number(self, changes: list[Change], at_ms: float) -> None:
        if not changes:
            return
        first_id = self.ids.take(len(changes), at_ms)
        self._past += changes
        self._past_ids += range(first_id, first_id + len(changes))
        for window in self._windows.values():
            window.note(first_id, changes)
        if self.history:
            self.history.note(first_id, changes)

    def _end_windows(self, at_ms: float, epoch_ms: float, events: list[StreamEvent]) -> None:
        """End the windows that are due, and emit their changes to subscribers."""
        if at_ms < self._first_end_ms:
            return
        for window in self._windows.values():
            if at_ms < window.due_ms:
                continue
            if window.last_id:
                self._tell(window, window.due_ms, epoch_ms, events)
            window.due_ms = window.end_after(at_ms)
        self._first_end_ms = min(window.due_ms for window in self._windows.values())

    def _tell(
        self,
        window: Window,
        at_ms: float,
        epoch_ms: float,
        events: list[StreamEvent],
        *,
        owed: bool = False,
    ) -> None:
        """Emit the changes of a window to subscribers, and begin the next window."""
        now_ms = int(epoch_ms + at_ms)
        for stream, name in self._watched.items():
            if stream.speed == window.speed:
                payload = self._payload(window, stream.levels, now_ms)
                events.append(StreamEvent(name, payload, owed))
        window.begin(window.last_id)

    def _tell_best(
        self, stream: str, at_ms: float, epoch_ms: float, events: list[StreamEvent]
    ) -> None:
        flow = self.flow
        best = [(flow.best[side], flow.books[side][flow.best[side]]) for side in (BID, ASK)]
        if best != self._best:
            self._best = best
            payload = wire.book_ticker(
                self._market,
                self.instrument,
                int(epoch_ms + at_ms),
                self.ids.reached(at_ms),
                best,
            )
            events.append(StreamEvent(stream, payload))

    def _payload(self, window: Window, levels: int, now_ms: int) -> bytes:
        if levels:
            top = self.flow.top(BID, levels), self.flow.top(ASK, levels)
            sides = wire.both_sides(self.instrument, *top)
            return wire.partial_book(self._market, self.instrument, now_ms, window.ids, sides)
        bids, asks = window.changed()
        sides = wire.both_sides(self.instrument, bids.items(), asks.items())
        return wire.depth_event(self._market, self.instrument, now_ms, window.ids, sides)
