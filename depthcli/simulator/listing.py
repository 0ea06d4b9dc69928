"""One listed symbol: its order flow, its update ids, and the windows that its events cover."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from depthcli.simulator import wire
from depthcli.simulator.flow import ASK, BID, Change, OrderFlow, Tempo
from depthcli.simulator.history import UndoLog
from depthcli.simulator.source import StreamEvent
from depthcli.simulator.streams import Stream, suffix_speeds

if TYPE_CHECKING:
    from depthcli.markets import Market
    from depthcli.simulator.history import History
    from depthcli.simulator.instruments import Instrument

BEST_PRICES: Final = 0
"""The speed of the stream that tells the best prices as they change."""


class UpdateIds:
    """A count of updates: of one symbol, or shared by all symbols of an engine."""

    def __init__(self, last: int) -> None:
        self.last = last

    def take(self, count: int) -> int:
        """Take so many ids and return the first of them."""
        first = self.last + 1
        self.last += count
        return first


class Window:
    """What changed in a symbol since the last event of one speed.

    Attributes:
        due_ms: when the next event is due.
        previous_id: the last update id of the event before.
        first_id: the first update id in the window; zero if nothing changed.
        last_id: the last one.
        changed: per side, price in ticks to the new quantity in lots.
    """

    __slots__ = ("changed", "due_ms", "first_id", "last_id", "previous_id", "speed")

    def __init__(self, speed: int, previous_id: int) -> None:
        self.speed = speed
        self.due_ms = 0
        self.begin(previous_id)

    def begin(self, previous_id: int) -> None:
        """Start a new window after the event that ended with that update id."""
        self.previous_id = previous_id
        self.first_id = self.last_id = 0
        self.changed: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def note(self, first_id: int, changes: list[Change]) -> None:
        """Take in changes, each of which took the next update id."""
        self.first_id = self.first_id or first_id
        self.last_id = first_id + len(changes) - 1
        for side, price, quantity, _ in changes:
            self.changed[side][price] = quantity

    def is_due(self, now_ms: int, phase: int) -> bool:
        """Return whether the window ends now, and set when the one after it will."""
        if now_ms < self.due_ms:
            return False
        first = not self.due_ms
        self.due_ms = now_ms - (now_ms - phase) % self.speed + self.speed
        return not first


class Listing:
    """One symbol of an exchange.

    Attributes:
        flow: its book and order flow.
        ids: the count that its updates are numbered by.
        watched: what somebody listens to, and the stream's name.
        halted: whether trading is stopped.
        history: where everything that happens is kept, if wanted.
    """

    def __init__(
        self, market: Market, instrument: Instrument, ids: UpdateIds, seed: int, tempo: Tempo | None
    ) -> None:
        self.flow = OrderFlow(instrument, seed, tempo)
        self.ids = ids
        self.watched: dict[Stream, str] = {}
        self.halted = False
        self.history: History | None = None
        self._market = market
        self._undo: UndoLog[int, int] = UndoLog()
        self._windows = [Window(speed, ids.last) for speed in set(suffix_speeds(market).values())]
        # as on the real exchange, not all symbols' events come at the same moment
        self._phase = Random(f"{seed}:{instrument.symbol}:phase").randrange(1000)
        self._best: list[tuple[int, int]] = []
        self._best_prices = Stream(instrument.symbol, BEST_PRICES)

    @property
    def status(self) -> str:
        """The status that the exchange info tells."""
        return "HALT" if self.halted else "TRADING"

    def step(self, milliseconds: int, now_ms: int, events: list[StreamEvent]) -> None:
        """Let time pass, and add the watched events that are due."""
        changes = [] if self.halted else self.flow.advance(milliseconds)
        if changes:
            self._number(changes)
            if best_prices := self.watched.get(self._best_prices):
                self._tell_best(best_prices, now_ms, events)
        for window in self._windows:
            if window.is_due(now_ms, self._phase) and window.last_id:
                self._tell(window, now_ms, events)
                window.begin(window.last_id)

    def snapshot(self, limit: int, now_ms: int, age: int = 0) -> bytes:
        """Return the best levels of the book, as they were `age` updates ago."""
        last_update_id, (bids, asks) = self.ids.last, self.flow.books
        if age:
            last_update_id, (bids, asks) = self._undo.back((bids, asks), last_update_id, age)
        instrument = self.flow.instrument
        best_bids = sorted(bids.items(), reverse=True)[:limit]
        best_asks = sorted(asks.items())[:limit]
        return wire.snapshot(
            self._market,
            instrument,
            now_ms,
            last_update_id,
            wire.both_sides(instrument, best_bids, best_asks),
        )

    def forget_ids(self) -> None:
        """Begin anew after update ids have been set back; changes not yet told are lost."""
        self._undo.forget()
        for window in self._windows:
            window.begin(self.ids.last)

    def _number(self, changes: list[Change]) -> None:
        first_id = self.ids.take(len(changes))
        for update_id, change in enumerate(changes, first_id):
            self._undo.note(update_id, change.side, change.price, change.previous or None)
        for window in self._windows:
            window.note(first_id, changes)
        if self.history:
            self.history.note(first_id, changes)

    def _tell_best(self, stream: str, now_ms: int, events: list[StreamEvent]) -> None:
        best = [
            (self.flow.best[side], self.flow.books[side][self.flow.best[side]])
            for side in (BID, ASK)
        ]
        if best != self._best:
            self._best = best
            payload = wire.book_ticker(
                self._market, self.flow.instrument, now_ms, self.ids.last, best
            )
            events.append(StreamEvent(stream, payload))

    def _tell(self, window: Window, now_ms: int, events: list[StreamEvent]) -> None:
        for stream, name in self.watched.items():
            if stream.speed == window.speed:
                payload = self._payload(window, stream.levels, now_ms)
                events.append(StreamEvent(name, payload))

    def _payload(self, window: Window, levels: int, now_ms: int) -> bytes:
        flow = self.flow
        if levels:
            bids: list[tuple[int, int]] = flow.top(BID, levels)
            asks = flow.top(ASK, levels)
        else:
            bids, asks = list(window.changed[BID].items()), list(window.changed[ASK].items())
        sides = wire.both_sides(flow.instrument, bids, asks)
        if levels and self._market.name == "spot":
            return wire.partial_book(self.ids.last, sides)
        ids = (window.first_id, window.last_id, window.previous_id)
        return wire.depth_event(self._market, flow.instrument, now_ms, ids, sides)
