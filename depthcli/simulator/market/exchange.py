"""A simulated exchange for one market: changing books, and the events that describe the changes.

Everything is a pure function of the seed, the times passed to `advance`, and the methods called. A
symbol depends neither on other symbols nor on subscriptions. The cost is that of actions and
events: time without any costs nothing.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

from depthcli.simulator.market import payloads as wire
from depthcli.simulator.market.flow import ASK, BID
from depthcli.simulator.market.listing import Listing
from depthcli.simulator.market.stream_names import parse_stream
from depthcli.simulator.market.windows import UpdateIds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from depthcli.core.markets import Market
    from depthcli.simulator.market.flow import Tempo
    from depthcli.simulator.market.history import History
    from depthcli.simulator.market.instruments import Instrument
    from depthcli.simulator.market.source import StreamEvent
    from depthcli.simulator.market.stream_names import Stream

LONGEST_CATCH_UP_MS: Final = 3000.0
"""After a longer pause, such as a machine's sleep, the order flow in between is left out."""

SNAPSHOT_AGE_MS: Final = 2000.0
"""How long snapshots are cached in markets where the real exchange does so."""

ENGINE_IDS_PER_MS: Final = 2.0
"""How fast update ids grow that are shared by all symbols of an engine."""

ID_AFTER_RESTART: Final = 1000

MOST_EARLY: Final = 1000
"""The most early snapshots that are remembered."""

PriceLevels = list[tuple[str, str]]


class Exchange:
    """The simulated exchange of one market.

    Args:
        market: defines the wire format, the streams and the rules of update ids.
        instruments: what is traded.
        seed: of the order flow.
        tempos: by symbol, where they differ from the symbol's own.
        keep_history: record all changes for `book_at`; memory grows as long as the exchange runs.
        weight_per_minute: the request weight per address; None for the market's own.
        snapshot_age_ms: how long snapshots are cached; None for the market's default.
        longest_catch_up_ms: if `advance` is called with a time further ahead, the order flow in
            between is left out; None: it never is.

    Attributes:
        early: the latest early snapshots, at most a thousand: symbol and update id to the update id
            up to which the levels are current.
    """

    def __init__(
        self,
        market: Market,
        instruments: Iterable[Instrument],
        *,
        seed: int = 0,
        tempos: Mapping[str, Tempo] | None = None,
        keep_history: bool = False,
        weight_per_minute: int | None = None,
        snapshot_age_ms: float | None = None,
        longest_catch_up_ms: float | None = LONGEST_CATCH_UP_MS,
    ) -> None:
        self.market = market
        self.weight_per_minute = weight_per_minute or market.weight_per_minute
        usual_age = SNAPSHOT_AGE_MS if market.snapshot_lag else 0.0
        self._snapshot_age_ms = usual_age if snapshot_age_ms is None else snapshot_age_ms
        self._longest_catch_up_ms = longest_catch_up_ms
        self._seed = seed
        self._tempos = tempos or {}
        self._keep_history = keep_history
        self._epoch_ms: float | None = None
        self._time_ms = 0.0
        self._cached: dict[str, dict[int, tuple[float, bytes]]] = {}
        self._instruments: dict[str, Instrument] = {}
        self._listings: dict[str, Listing] = {}
        self._watched: dict[str, dict[Stream, str]] = {}
        self._histories: dict[str, list[History]] = {}
        self._times_listed: dict[str, int] = {}
        self._agenda: list[tuple[float, int, Listing]] = []
        self._sequence = count()
        self._expiries: list[tuple[int, str]] = []
        self._told_early: list[StreamEvent] = []
        self.early: dict[tuple[str, int], int] = {}
        for instrument in instruments:
            self.list_symbol(instrument)

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols that are listed."""
        return tuple(self._listings)

    def watch(self, stream: str) -> bool:
        """Return the events of that stream from now on; False if there is no such stream."""
        parsed = parse_stream(self.market, stream)
        if not parsed or parsed.symbol not in self._listings:
            return False
        listing = self._caught_up(parsed.symbol)
        self._watched[parsed.symbol][parsed] = stream
        self._schedule(listing)
        return True

    def unwatch(self, stream: str) -> None:
        """Return no more events of that stream."""
        parsed = parse_stream(self.market, stream)
        if parsed and self._watched.get(parsed.symbol, {}).pop(parsed, None):
            listing = self._listings.get(parsed.symbol)
            if listing:
                self._schedule(listing)

    def advance(self, now_ms: float) -> list[StreamEvent]:
        """Advance to `now_ms`, in ms since the epoch; return the watched events that are due.

        The first call only sets the time.
        """
        if self._epoch_ms is None:
            self._epoch_ms = now_ms - self._time_ms
            self._expiries = [expiry for expiry in self._expiries if expiry[0] > now_ms]
            heapify(self._expiries)
        if self._longest_catch_up_ms is not None:
            earliest = now_ms - self._longest_catch_up_ms - self._time_ms
            self._epoch_ms = max(self._epoch_ms, earliest)
        events, self._told_early = self._told_early, []
        while self._expiries and self._expiries[0][0] <= now_ms:
            expiry_ms, symbol = heappop(self._expiries)
            self._run(expiry_ms, events)
            listing = self._listings.get(symbol)
            if listing and listing.instrument.expiry_ms == expiry_ms:
                self.delist(symbol)
        self._run(now_ms, events)
        return events

    def snapshot(self, symbol: str, limit: int, age: int = 0) -> bytes:
        """Return the response to a snapshot request, with the book of `age` updates ago.

        Raises:
            KeyError: the symbol isn't listed.
        """
        listing = self._caught_up(symbol)
        epoch_ms = self._epoch_ms or 0.0
        if age or not self._snapshot_age_ms:
            return listing.snapshot(limit, epoch_ms, age)
        cached = self._cached.setdefault(symbol, {})
        made_ms, body = cached.get(limit, (0.0, b""))
        if not body or self._time_ms - made_ms >= self._snapshot_age_ms:
            body = listing.snapshot(limit, epoch_ms)
            cached[limit] = (self._time_ms, body)
        return body

    def early_snapshot(self, symbol: str, limit: int) -> bytes:
        """Return a snapshot that lacks the event whose last id equals its own.

        The event is returned by the next `advance`. The snapshot is an ordinary one on spot, while
        the symbol is halted, and while it has no subscribers.

        Raises:
            KeyError: the symbol isn't listed.
        """
        if not self.market.event_at_snapshot_id_applies:
            return self.snapshot(symbol, limit)
        listing = self._caught_up(symbol)
        made = listing.early_snapshot(limit, self._epoch_ms or 0.0, self._told_early)
        if made is None:
            return self.snapshot(symbol, limit)
        self.early[symbol, made.update_id] = made.follows
        if len(self.early) > MOST_EARLY:
            del self.early[next(iter(self.early))]
        self._schedule(listing)
        return made.body

    def exchange_info(self, symbols: Sequence[str] | None = None) -> bytes:
        """Return the exchange info, with all symbols or only the named ones.

        Raises:
            KeyError: one of them isn't listed.
        """
        listings = [self._listings[symbol] for symbol in symbols or self._listings]
        listed = [(listing.instrument, listing.status) for listing in listings]
        now_ms = int(self._now_ms or 0)
        return wire.exchange_info(self.market, now_ms, self.weight_per_minute, listed)

    def last_update_id(self, symbol: str) -> int:
        """Return the update id of a snapshot of the symbol taken now."""
        return self._caught_up(symbol).ids.reached(self._time_ms)

    def book_at(self, symbol: str, update_id: int) -> tuple[PriceLevels, PriceLevels]:
        """Return bids and asks after that update, best first, as the exchange writes them.

        Raises:
            LookupError: the symbol never reached that update id, or no history is kept.
        """
        for history in reversed(self._histories.get(symbol, [])):
            latest = history is self._histories[symbol][-1] and symbol in self._listings
            last = self.last_update_id(symbol) if latest else history.last_id
            if history.first_id <= update_id <= last:
                bids, asks = history.at(update_id)
                return self._texts(symbol, bids, BID), self._texts(symbol, asks, ASK)
        raise LookupError(f"{symbol} has no history of update {update_id}")

    def halt(self, symbol: str, seconds: float = math.inf, status: str = "HALT") -> None:
        """Stop trading: the symbol stays listed with its last book, which no longer changes.

        Args:
            symbol: which one.
            seconds: for how long, unless `resume` is called first.
            status: its status in the exchange info: `HALT` or `BREAK`.

        Raises:
            KeyError: the symbol isn't listed.
        """
        listing = self._caught_up(symbol)
        listing.halt(self._time_ms, status, self._time_ms + seconds * 1000)
        self._schedule(listing)

    def resume(self, symbol: str) -> None:
        """Resume trading of a halted symbol, with the book as it was.

        Raises:
            KeyError: the symbol isn't listed.
        """
        listing = self._caught_up(symbol)
        listing.resume(self._time_ms)
        self._schedule(listing)

    def delist(self, symbol: str) -> None:
        """Delist a symbol: its streams fall silent and requests for it are refused.

        Futures and options are delisted automatically when they expire.

        Raises:
            KeyError: the symbol isn't listed.
        """
        self._caught_up(symbol)
        self._listings.pop(symbol).scheduled_ms = math.inf
        self._cached.pop(symbol, None)

    def list_symbol(self, instrument: Instrument) -> None:
        """List a new symbol, or one that was delisted, which then starts over.

        Existing subscriptions to its streams get its events.
        """
        symbol = instrument.symbol
        if symbol in self._listings:
            self.delist(symbol)
        times = self._times_listed[symbol] = self._times_listed.get(symbol, 0) + 1
        seed = self._seed if times == 1 else f"{self._seed}:{times}"
        if self.market.ids_are_shared:
            first_id = Random(f"{self._seed}:engine").randrange(10**9, 10**10)
            ids = UpdateIds(first_id, ENGINE_IDS_PER_MS)
        else:
            ids = UpdateIds(Random(f"{seed}:{symbol}:ids").randrange(10**8, 10**9))
        listing = Listing(
            self.market,
            instrument,
            ids,
            seed=seed,
            tempo=self._tempos.get(symbol),
            watched=self._watched.setdefault(symbol, {}),
            at_ms=self._time_ms,
        )
        self._instruments[symbol] = instrument
        self._listings[symbol] = listing
        # Contracts that are listed after their expiry don't expire.
        if instrument.expiry_ms > (self._now_ms or 0.0):
            heappush(self._expiries, (instrument.expiry_ms, symbol))
        self._schedule(listing)
        if self._keep_history:
            self._histories.setdefault(symbol, []).append(listing.begin_history())

    def restart_ids(self, start: int = ID_AFTER_RESTART) -> None:
        """Restart update ids at low numbers, as after an outage.

        Args:
            start: the first number.
        """
        self._cached.clear()
        for symbol in self._listings:
            listing = self._caught_up(symbol)
            listing.restart_ids(start)
            self._schedule(listing)
            if self._keep_history:
                self._histories[symbol].append(listing.begin_history())

    @property
    def _now_ms(self) -> float | None:
        return None if self._epoch_ms is None else self._epoch_ms + self._time_ms

    def _run(self, now_ms: float, events: list[StreamEvent]) -> None:
        """Advance the time, running only the symbols in which something is due."""
        epoch_ms = self._epoch_ms or 0.0
        until_ms = max(self._time_ms, now_ms - epoch_ms)
        agenda = self._agenda
        while agenda and agenda[0][0] <= until_ms:
            due_ms, _, listing = heappop(agenda)
            if due_ms == listing.scheduled_ms:
                listing.run(due_ms, epoch_ms, events)
                self._schedule(listing)
        self._time_ms = until_ms

    def _schedule(self, listing: Listing) -> None:
        listing.scheduled_ms = due_ms = listing.next_due()
        if due_ms < math.inf:
            heappush(self._agenda, (due_ms, next(self._sequence), listing))

    def _caught_up(self, symbol: str) -> Listing:
        """Return a symbol's listing, brought up to date; due events have been emitted before."""
        listing = self._listings[symbol]
        listing.run(self._time_ms, self._epoch_ms or 0.0, [])
        return listing

    def _texts(self, symbol: str, book: dict[int, int], side: int) -> PriceLevels:
        instrument = self._instruments[symbol]
        price, quantity = instrument.prices.text, instrument.quantities.text
        best_first = sorted(book.items(), reverse=side == BID)
        return [(price(ticks), quantity(lots)) for ticks, lots in best_first]
