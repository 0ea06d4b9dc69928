"""A small exchange that remembers everything: what it says can be checked at every update id.

It is no relation of `depthcli.simulator`: it shares no mistakes with the client or with the other
simulator. And an hour costs it milliseconds: nothing happens in it between two changes, and what
nobody can see yet happens only when the next event is sent, or when somebody asks.

Most of the time its market is dull: an event every five seconds, so that no silence is questioned.
Bursts and long quiet come now and then, and around what goes wrong.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from math import inf, log
from typing import TYPE_CHECKING, Final

from tests.simulation.history import ASK, BID, BookSource, Epoch, Event, Ids, level_text, put

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from random import Random

    from depthcli.core.markets import Market

START_MS: Final = 1_700_000_000_000
DEEPEST: Final = 16
"""Ticks from the middle at which orders are placed at the most."""

MOST_LEVELS: Final = 18
"""Levels a side; the deepest are cancelled beyond it."""

MOST_LOTS: Final = 400

DULL: Final = 5.8
"""Seconds from event to event at the most where the market is dull."""


class Listing:
    """One symbol."""

    def __init__(self, symbol: str, stream: str, ids: Ids) -> None:
        self.symbol = symbol
        self.stream = stream
        self.ids = ids
        self.books: BookSource = ({}, {})
        self.middle = 10_000
        self.trend = 1
        self.epochs: list[Epoch] = []
        self.halted = self.delisted = False
        self.sent_id = ids.last
        self.changed: BookSource = ({}, {})
        self.first_changed = 0
        self.closing = False
        self.gap = self.spread = self.phase_ends = 0.0
        self.lively = True

    @property
    def epoch(self) -> Epoch:
        """The one that goes on."""
        return self.epochs[-1]

    def epoch_of(self, update_id: int) -> Epoch | None:
        """Return the latest epoch in which that update happened."""
        latest = self.epochs[-1]
        if latest.first_id <= update_id <= max(latest.last_id, self.ids.last):
            return latest
        for epoch in reversed(self.epochs[:-1]):
            if epoch.first_id <= update_id <= epoch.last_id:
                return epoch
        return None


class Exchange:
    """The exchange of one market.

    Attributes:
        publish: called with a listing and the payload of each event; whoever listens sets it. It
            returns whether the event is on its way to somebody, and to all who subscribed.

    Args:
        market: whose wire format and rule of ids are kept.
        symbols: what is traded, each with the name of its stream.
        window: seconds that an event covers at the most.
        random: where everything comes from.
        loop: time passes as on its clock, and by `sleep_through`.
        snapshot_age: for so many seconds a snapshot is served again as it was.
        early: how likely a snapshot of a derivative bears the id of an event whose changes it
            lacks, as BINANCE.md's section 5 tells of real ones.
        pace: how many times as long it takes from trade to trade.
        lively: from when to when, on the loop's clock, the pace changes all the time; in order.
    """

    def __init__(
        self,
        market: Market,
        symbols: Iterable[tuple[str, str]],
        window: float,
        random: Random,
        loop: asyncio.AbstractEventLoop,
        *,
        snapshot_age: float = 0.0,
        early: float = 0.0,
        pace: float = 1.0,
        lively: Iterable[tuple[float, float]] = (),
    ) -> None:
        self.market = market
        self.publish: Callable[[Listing, bytes], bool] = lambda *_: False
        self.random = random
        self.event_count = 0
        self.clock_error_ms = 0
        self._ids_are_shared = market.ids_are_shared
        self._loop = loop
        self._window = window
        self._pace = pace
        self._lively = deque(lively)
        self._ahead = 0.0
        self._snapshot_age = snapshot_age
        self._early = early
        self._cached: dict[tuple[str, int], tuple[float, bytes]] = {}
        self._due: list[
            tuple[float, int, float, Listing, Callable[[Listing, float, float], object]]
        ] = []
        self._count = 0
        self._armed = inf
        self._timer: asyncio.TimerHandle | None = None
        engine = Ids(random.randrange(10**11, 10**12))
        self.listings: dict[str, Listing] = {}
        for symbol, stream in symbols:
            ids = engine if market.ids_are_shared else Ids(random.randrange(10**11, 10**12))
            listing = Listing(symbol, stream, ids)
            self._fill(listing)
            listing.epochs.append(Epoch(ids.last, listing.books, loop.time()))
            self.listings[symbol] = listing
            self._schedule(random.uniform(0.0, 3.0), listing, self._trade)
        self._arm()

    def now(self) -> float:
        """Return the exchange's clock, seconds; it goes on while our machine sleeps."""
        return self._loop.time() + self._ahead

    def enliven(self, seconds: float) -> None:
        """Let the pace change all the time for so long from now on."""
        now = self._loop.time()
        self._lively.appendleft((now, now + seconds))
        for listing in self.listings.values():
            listing.phase_ends = 0.0

    def now_ms(self, at: float) -> int:
        """Return what the exchange believes that the date is, ms since the epoch."""
        return START_MS + int(at * 1000) + self.clock_error_ms

    def sleep_through(self, seconds: float) -> None:
        """Let so much time pass here, of which the loop's clock knows nothing."""
        self._ahead += seconds
        self._arm()

    def catch_up(self) -> None:
        """Do what is due by now."""
        now = self.now() + 1e-6
        due = self._due
        while due and due[0][0] <= now:
            at, _, seen, listing, happen = heappop(due)
            happen(listing, at, seen)
        self._arm()

    def snapshot(self, symbol: str, limit: int, age: int = 0) -> bytes | None:
        """Return the answer to a request for a snapshot, or None where there's no such symbol.

        Args:
            symbol: as it was asked for.
            limit: levels a side.
            age: by how many of its changes the book is to be behind.
        """
        listing = self.listings.get(symbol)
        if listing is None or listing.delisted:
            return None
        now = self.now()
        made, body = self._cached.get((symbol, limit), (0.0, b""))
        if body and now - made < self._snapshot_age:
            return body
        if not age and self._early and self.random.random() < self._early:
            ahead = self._book_before_its_event(listing)
            if ahead is not None:
                return _snapshot_body(*ahead, limit)
        books, update_id = listing.books, listing.ids.last
        if age:
            epoch = listing.epoch
            update_id = epoch.log[-age][0] if len(epoch.log) >= age else epoch.first_id
            books = epoch.book_at(update_id)
        elif self.market.ids_are_shared:
            # Something happened in another symbol of the engine.
            listing.ids.last += self.random.randrange(3)
            listing.epoch.last_id = update_id = listing.ids.last
        body = _snapshot_body(books, update_id, limit)
        self._cached[symbol, limit] = (now, body)
        return body

    def _book_before_its_event(self, listing: Listing) -> tuple[BookSource, int] | None:
        """Send an event; return the book from before it with the id at which it ends.

        None where nothing changes, or where the event is lost on its way: the next one would link
        to the snapshot, and nobody could know.
        """
        if listing.halted:
            return None
        while not listing.first_changed:
            self._order(listing)
        epoch = listing.epoch
        if not self._close_window(listing, self.now(), 0.0):
            return None
        event = epoch.events[-1]
        epoch.early[event.last] = event
        return epoch.book_at(event.follows), event.last

    def restart(self, *, back: bool) -> None:
        """Begin anew with another book, and ids that are far lower or far higher than before."""
        moved: set[int] = set()
        self._cached.clear()
        for listing in self.listings.values():
            ids = listing.ids
            listing.epoch.last_id = max(listing.epoch.last_id, ids.last)
        for listing in self.listings.values():
            ids = listing.ids
            if id(ids) not in moved:
                moved.add(id(ids))
                distance = self.random.randrange(10**8, 10**9)
                ids.last += -distance if back else distance
            listing.books[BID].clear()
            listing.books[ASK].clear()
            self._fill(listing)
            listing.changed = ({}, {})
            listing.first_changed = 0
            listing.sent_id = ids.last
            listing.epochs.append(Epoch(ids.last, listing.books, self._loop.time()))

    def _schedule(self, at: float, listing: Listing, happen: Callable[..., None]) -> None:
        """Let a change happen at that time; it is seen when the event that it begins is sent."""
        self._count += 1
        seen = at + self._window * (0.1 + 0.9 * self.random.random())
        heappush(self._due, (at, self._count, seen, listing, happen))

    def _arm(self) -> None:
        """Wake up when the next event may have to be sent: nobody sees before what has changed."""
        seen = min([entry[2] for entry in self._due], default=inf) - self._ahead
        if seen == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = seen
        if seen < inf:
            self._timer = self._loop.call_at(seen, self.catch_up)

    def _fill(self, listing: Listing) -> None:
        random = self.random
        for side in (BID, ASK):
            for distance in range(1, DEEPEST):
                if random.random() < 0.6:
                    price = listing.middle + (distance if side == ASK else -distance)
                    listing.books[side][price] = random.randrange(1, MOST_LOTS)

    def _trade(self, listing: Listing, at: float, seen: float) -> None:
        random = self.random.random
        if listing.delisted:
            return
        if at >= listing.phase_ends:
            self._begin_phase(listing, at)
        self._schedule(at + listing.gap * (1 - listing.spread * random()), listing, self._trade)
        self._change(listing, at, seen)
        if listing.lively and random() < 0.3:
            # So that snapshots fall into the middle of an event's window.
            self._schedule(at + self._window * random(), listing, self._change)

    def _begin_phase(self, listing: Listing, at: float) -> None:
        """Let another pace begin."""
        random = self.random
        now = at - self._ahead
        while self._lively and self._lively[0][1] <= now:
            self._lively.popleft()
        ends = self._lively[0][0] - now if self._lively else inf
        listing.lively = ends <= 0 or random.random() < 0.1
        if listing.lively:
            # Bursts, an ordinary pace, and long quiet.
            mean = self._pace * random.choice((0.4, 4.0, 5.0, 5.0, 5.0, 5.0, 40.0))
            listing.gap, listing.spread = 1.2 * mean, 0.75
            length = random.uniform(5, 20 if mean < 1 else 200)
        else:
            listing.gap, listing.spread = DULL - self._window, 0.1
            length = random.uniform(100, 300)
        listing.phase_ends = at + (length if ends <= 0 else min(length, ends))

    def _change(self, listing: Listing, at: float, seen: float) -> None:
        if listing.halted or listing.delisted:
            return
        before = listing.ids.last
        for _ in range(self.random.choice((1, 1, 1, 2, 5)) if listing.lively else 1):
            self._order(listing)
        while not listing.lively and listing.ids.last == before:
            self._order(listing)
        if listing.first_changed and not listing.closing:
            listing.closing = True
            self._count += 1
            heappush(self._due, (seen, self._count, seen, listing, self._close_window))

    def _order(self, listing: Listing) -> None:
        """Somebody places an order or takes it back, or the price moves through some levels."""
        random = self.random.random
        side = BID if random() < 0.5 else ASK
        if random() < (0.1 if listing.lively else 0.25):
            if random() < 0.25:
                listing.trend = -listing.trend
            listing.middle += listing.trend
            taken = ASK if listing.trend > 0 else BID
            if listing.middle in listing.books[taken]:
                self._set(listing, taken, listing.middle, 0)
            return
        # Near the touch more often than far from it.
        distance = 1 + min(int(-4 * log(1 - random())), DEEPEST)
        price = listing.middle + (distance if side == ASK else -distance)
        book = listing.books[side]
        if price in book and random() < 0.45:
            self._set(listing, side, price, 0)
        else:
            self._set(listing, side, price, 1 + int(MOST_LOTS * random()))
        if len(book) > MOST_LEVELS:
            self._set(listing, side, max(book) if side == ASK else min(book), 0)

    def _set(self, listing: Listing, side: int, price: int, quantity: int) -> None:
        ids, epoch = listing.ids, listing.epochs[-1]
        ids.last += 1 + int(8 * self.random.random()) if self._ids_are_shared else 1
        epoch.last_id = last = ids.last
        put(listing.books[side], price, quantity)
        epoch.log.append((last, side, price, quantity))
        listing.changed[side][price] = quantity
        listing.first_changed = listing.first_changed or last

    def _close_window(self, listing: Listing, at: float, _: float) -> bool:
        """Send what has changed; return whether it is on its way to all who listen."""
        listing.closing = False
        if not listing.first_changed or listing.delisted:
            return False
        epoch = listing.epoch
        first, last, previous = listing.first_changed, epoch.log[-1][0], listing.sent_id
        bids, asks = [",".join(map(level_text, side.items())) for side in listing.changed]
        chain = f',"pu":{previous}' if self._ids_are_shared else ""
        payload = (
            f'{{"e":"depthUpdate","E":{self.now_ms(at)},"s":"{listing.symbol}","U":{first},'
            f'"u":{last}{chain},"b":[{bids}],"a":[{asks}]}}'
        ).encode()
        follows = previous if self._ids_are_shared else first - 1
        epoch.sent(Event(first, last, follows, self._loop.time()))
        listing.sent_id = last
        listing.changed = ({}, {})
        listing.first_changed = 0
        self.event_count += 1
        return self.publish(listing, payload)


def _snapshot_body(books: BookSource, update_id: int, limit: int) -> bytes:
    bids = ",".join(map(level_text, sorted(books[BID].items(), reverse=True)[:limit]))
    asks = ",".join(map(level_text, sorted(books[ASK].items())[:limit]))
    return f'{{"lastUpdateId":{update_id},"bids":[{bids}],"asks":[{asks}]}}'.encode()
