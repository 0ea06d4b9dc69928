"""A simulated exchange for one market: books that change, and the events that say so.

Everything is a pure function of the seed and of the times given to `advance`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from depthcli.simulator import wire
from depthcli.simulator.flow import ASK, BID
from depthcli.simulator.history import History
from depthcli.simulator.listing import Listing, UpdateIds
from depthcli.simulator.streams import parse_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from depthcli.markets import Market
    from depthcli.simulator.flow import Tempo
    from depthcli.simulator.instruments import Instrument
    from depthcli.simulator.source import StreamEvent

STEP_MS: Final = 20
"""Time passes in such steps, so that snapshots fall into the middle of the events' windows."""

LONGEST_CATCH_UP_MS: Final = 3000
"""A machine that slept wakes up with the time gone by, not with hours of order flow."""

OPTIONS_SNAPSHOT_AGE_MS: Final = 2000
"""The options exchange caches its snapshots, so that they lag behind the stream."""

PriceLevels = list[tuple[str, str]]


class Exchange:
    """The simulated exchange of one market.

    Args:
        market: whose wire format, streams and rules of update ids are kept.
        instruments: what is traded.
        seed: of the order flow.
        tempos: per symbol, where it shouldn't be the symbol's own.
        keep_history: remember everything that happens, so that `book_at` can be asked; the memory
            grows for as long as the exchange runs.
        weight_per_minute: the request weight per address; None for the market's own.
        snapshot_age_ms: for so long a snapshot is served again as it was; None for the market's.
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
        snapshot_age_ms: int | None = None,
    ) -> None:
        self.market = market
        self.weight_per_minute = weight_per_minute or market.weight_per_minute
        options_age = OPTIONS_SNAPSHOT_AGE_MS if market.name == "options" else 0
        self._snapshot_age_ms = options_age if snapshot_age_ms is None else snapshot_age_ms
        self._cached: dict[tuple[str, int], tuple[float, bytes]] = {}
        self._now_ms: float | None = None
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._listings: dict[str, Listing] = {}
        self._histories: dict[str, list[History]] = {}
        engine = UpdateIds(Random(f"{seed}:engine").randrange(10**9, 10**10))
        for symbol, instrument in self._instruments.items():
            first_id = Random(f"{seed}:{symbol}:ids").randrange(10**8, 10**9)
            ids = engine if market.ids_are_shared else UpdateIds(first_id)
            tempo = (tempos or {}).get(symbol)
            self._listings[symbol] = Listing(market, instrument, ids, seed, tempo)
            if keep_history:
                self._begin_history(symbol)

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols that are listed."""
        return tuple(self._listings)

    def watch(self, stream: str) -> bool:
        """From now on give the events of that stream; False if there's no such stream."""
        parsed = parse_stream(self.market, stream)
        if not parsed or parsed.symbol not in self._listings:
            return False
        self._listings[parsed.symbol].watched[parsed] = stream
        return True

    def unwatch(self, stream: str) -> None:
        """Give no more events of that stream."""
        parsed = parse_stream(self.market, stream)
        if parsed and parsed.symbol in self._listings:
            self._listings[parsed.symbol].watched.pop(parsed, None)

    def advance(self, now_ms: float) -> list[StreamEvent]:
        """Let time pass until `now_ms`, ms since the epoch, and return the watched events due.

        The first call only tells what time it is.
        """
        if self._now_ms is None:
            self._now_ms = now_ms
        self._now_ms = max(self._now_ms, now_ms - LONGEST_CATCH_UP_MS)
        events: list[StreamEvent] = []
        while self._now_ms + STEP_MS <= now_ms:
            self._now_ms += STEP_MS
            for listing in self._listings.values():
                listing.step(STEP_MS, int(self._now_ms), events)
        return events

    def snapshot(self, symbol: str, limit: int, age: int = 0) -> bytes:
        """Return the answer to a snapshot request, as it was `age` updates ago.

        Raises:
            KeyError: the symbol isn't listed.
        """
        listing = self._listings[symbol]
        if age:
            return listing.snapshot(limit, int(self._now_ms or 0), age)
        now_ms = self._now_ms or 0.0
        made_ms, body = self._cached.get((symbol, limit), (0.0, b""))
        if not body or not self._snapshot_age_ms or now_ms - made_ms >= self._snapshot_age_ms:
            body = listing.snapshot(limit, int(now_ms))
            self._cached[symbol, limit] = (now_ms, body)
        return body

    def exchange_info(self, symbols: Sequence[str] | None = None) -> bytes:
        """Return the exchange info, of all symbols or of those named.

        Raises:
            KeyError: one of them isn't listed.
        """
        listings = [self._listings[symbol] for symbol in symbols or self._listings]
        listed = [(listing.flow.instrument, listing.status) for listing in listings]
        now_ms = int(self._now_ms or 0)
        return wire.exchange_info(self.market, now_ms, self.weight_per_minute, listed)

    def last_update_id(self, symbol: str) -> int:
        """Return the update id that a snapshot of the symbol would have now."""
        return self._listings[symbol].ids.last

    def book_at(self, symbol: str, update_id: int) -> tuple[PriceLevels, PriceLevels]:
        """Return bids and asks after that update, best first, as the exchange writes them.

        Raises:
            LookupError: the symbol never reached that update id, or no history is kept.
        """
        for history in reversed(self._histories.get(symbol, [])):
            latest = history is self._histories[symbol][-1] and symbol in self._listings
            last = self._listings[symbol].ids.last if latest else history.last_id
            if history.first_id <= update_id <= last:
                bids, asks = history.at(update_id)
                return self._texts(symbol, bids, BID), self._texts(symbol, asks, ASK)
        raise LookupError(f"{symbol} has no history of update {update_id}")

    def halt(self, symbol: str) -> None:
        """Stop trading: the symbol stays listed with its last book, and nothing happens in it."""
        self._listings[symbol].halted = True

    def delist(self, symbol: str) -> None:
        """Take a symbol off: its streams fall silent and requests for it are refused."""
        del self._listings[symbol]

    def restart_ids(self) -> None:
        """Start update ids anew at low numbers, as after an outage."""
        self._cached.clear()
        for listing in self._listings.values():
            listing.ids.last = 1000
        for symbol, listing in self._listings.items():
            listing.forget_ids()
            if symbol in self._histories:
                self._begin_history(symbol)

    def _begin_history(self, symbol: str) -> None:
        listing = self._listings[symbol]
        listing.history = History(listing.ids.last, listing.flow.books)
        self._histories.setdefault(symbol, []).append(listing.history)

    def _texts(self, symbol: str, book: dict[int, int], side: int) -> PriceLevels:
        instrument = self._instruments[symbol]
        price, quantity = instrument.prices.text, instrument.quantities.text
        best_first = sorted(book.items(), reverse=side == BID)
        return [(price(ticks), quantity(lots)) for ticks, lots in best_first]
