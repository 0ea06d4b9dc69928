"""What must be true at every step, judged against the exchange's own memory."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from depthcli.core.state import State
from tests.simulation.history import ASK, BID, Epoch, Event, price_text, quantity_text

if TYPE_CHECKING:
    from depthcli.core.book import DepthCache
    from depthcli.core.side import BookSide
    from depthcli.managers.depth_cache import DepthCacheManager
    from tests.simulation.exchange import Listing

BEHIND: Final = 120.0
"""Seconds after which a book that lacks something the exchange has sent may not say `live`."""

BACK: Final = 240.0
"""Seconds after the last fault after which every book is live, and stays so."""

MENDED: Final = 15.0
"""Seconds in which a book whose levels the market has left behind is built anew."""

SHORT: Final = 30.0
"""Seconds that a book may have too few levels left until a fresh snapshot is compared with it."""

HARMLESS: Final = 10.0
"""Seconds behind after which it is looked at whether what was missed changes the book at all."""

LOSS_SHOWS: Final = 180.0
"""Seconds within which the next event comes, and shows that one is missing."""

LOOKS_UNCHECKED: Final = 6
"""One in so many looks compares a book again that has not moved on since it was compared."""

STEADY_BEHIND: Final = 15.0
"""Seconds that a book may be behind when nothing has gone wrong for `BACK`."""


_LEVELS: Final[dict[type[Any], dict[tuple[int, int], tuple[Any, Any]]]] = {float: {}, Decimal: {}}
"""Levels in each number type, by ticks and lots: Decimals are slow to make."""


class TrueSide:
    """One side of the exchange's book in the client's numbers, best level first."""

    def __init__(self, side: int, number: type[Any]) -> None:
        self.levels: list[tuple[Any, Any]] = []
        self._sign = -1 if side == BID else 1
        self._number = number
        self._numbers = _LEVELS[number]
        self._places: list[int] = []

    def put(self, ticks: int, lots: int) -> None:
        """Set a level; a quantity of zero removes it."""
        place = self._sign * ticks
        index = bisect_left(self._places, place)
        present = index < len(self._places) and self._places[index] == place
        if not lots:
            if present:
                del self._places[index], self.levels[index]
            return
        level = self._numbers.get((ticks, lots))
        if level is None:
            level = self._number(price_text(ticks)), self._number(quantity_text(lots))
            self._numbers[ticks, lots] = level
        if present:
            self.levels[index] = level
        else:
            self._places.insert(index, place)
            self.levels.insert(index, level)

    def clear(self) -> None:
        """Remove all levels."""
        self._places.clear()
        self.levels.clear()

    def up_to(self, horizon: Any) -> list[tuple[Any, Any]]:
        """Return the levels up to a price."""
        if horizon is None:
            return self.levels
        sign = self._sign
        return [level for level in self.levels if sign * level[0] <= sign * horizon]

    def is_shown_by(self, side: BookSide[Any]) -> bool:
        """Return whether a side of a book is this one up to its horizon, level by level."""
        shown, truth, horizon = side.levels(), self.levels, side.horizon
        count = len(shown)
        if horizon is None or count >= len(truth):
            return shown == truth
        # What comes next is beyond the horizon, and what is shown is not.
        sign = self._sign
        return (
            sign * truth[count][0] > sign * horizon
            and (not count or sign * shown[-1][0] <= sign * horizon)
            and shown == truth[:count]
        )


class Truth:
    """The exchange's book in the client's numbers, followed from id to id."""

    def __init__(self, listing: Listing, number: type[Any]) -> None:
        self.listing = listing
        self._epoch: Epoch | None = None
        self._reached = 0
        self._position = 0
        self._sides = TrueSide(BID, number), TrueSide(ASK, number)

    def at(self, epoch: Epoch, update_id: int) -> tuple[TrueSide, TrueSide]:
        """Return bids and asks after that update; cheap as long as ids rise."""
        sides = self._sides
        if epoch is not self._epoch or update_id < self._reached:
            self._epoch = epoch
            self._position = 0
            for side, levels in zip(sides, epoch.start, strict=True):
                side.clear()
                for ticks, lots in levels.items():
                    side.put(ticks, lots)
        self._reached = update_id
        log, position = epoch.log, self._position
        while position < len(log) and log[position][0] <= update_id:
            _, side, ticks, lots = log[position]
            sides[side].put(ticks, lots)
            position += 1
        self._position = position
        return sides


class Judge:
    """Watches one manager, and says what is wrong with it."""

    def __init__(
        self,
        listing: Listing,
        manager: DepthCacheManager[Any],
        number: type[Any],
        began: float,
        *,
        enough: int,
        snapshot_age: float,
    ) -> None:
        self.listing = listing
        self.manager = manager
        self.began = self.awake_since = began
        self.longest_behind = self.longest_short = self.longest_mended = 0.0
        self.given_count = self.left_behind = 0
        self._truth = Truth(listing, number)
        self._now = Truth(listing, number)
        self._before = Truth(listing, number)
        self._whole_id: int | None = None
        self._state = State.CONNECTING
        self._live_epoch: Epoch | None = None
        self._live_id = 0
        self._since = self._same_at = began
        self._given_id: int | None = None
        self._came_again: int | None = None
        self._seen = (0, 0)
        self._resyncs = -1
        self._enough = enough
        self._snapshot_age = snapshot_age
        self._left_at: float | None = None
        self._short: tuple[float, int, int] | None = None
        self._checked = (0, 0, 0)
        self._unchecked_looks = 0

    def turned(self, state: State, now: float, undisturbed: float) -> bool:
        """The state or its reason changed; return whether it was the state."""
        if state is self._state:
            return False
        if self._left_at is not None and undisturbed > BACK:
            self.longest_mended = max(self.longest_mended, now - self._left_at)
        self._left_at = now if self.is_left_behind else None
        self._state = state
        self._given_id = None
        self._since = now
        return True

    def went_back(self) -> str:
        """Return what is wrong if the book says `live` at an earlier update than before."""
        update_id = self.manager.cache.last_update_id
        epoch = self.listing.epoch_of(update_id)
        if epoch is not self._live_epoch:
            self._live_epoch, self._live_id = epoch, 0
        before, self._live_id = self._live_id, max(self._live_id, update_id)
        # Where ids are shared, nothing may have happened in between.
        if update_id < before and epoch and epoch.changed_between(update_id, before):
            return f"says live at {update_id}, after {before}"
        return ""

    def unlinked(self, carried_since: float | None) -> str:
        """Return what is wrong if a book goes live that lacks what no stream will bring.

        Args:
            carried_since: since when the exchange has sent the stream, on the loop's clock.
        """
        update_id = self.manager.cache.last_update_id
        epoch = self.listing.epoch_of(update_id)
        missed = epoch and epoch.next_event(update_id)
        if missed and carried_since is not None and missed.at < carried_since:
            return f"live at {update_id}, which lacks {missed} from before the stream was open"
        return ""

    def vouched(self) -> str:
        """Return what is wrong if a book built anew has fewer levels than were asked for."""
        cache, limit = self.manager.cache, self.manager.limit
        resyncs, self._resyncs = self._resyncs, self.manager.counters.resyncs
        if resyncs == self._resyncs:
            return ""
        epoch = self.listing.epoch_of(cache.last_update_id)
        if epoch and cache.last_update_id in epoch.early:
            return ""  # the event on top of the snapshot may have taken some
        for side in (cache.bids, cache.asks):
            if side.horizon is not None and len(side) < limit:
                return f"live with {len(side)} of {limit} levels in {side!r}"
        return ""

    def without_cause(self, undisturbed: float) -> str:
        """Return what is wrong if a live book turns stale though nothing has gone wrong.

        A market that leaves the few levels of a small snapshot behind is cause enough, if it did.
        """
        if self.is_left_behind:
            self.left_behind += 1
            return "" if self._has_left() else f"{self.manager.reason}, which it hasn't"
        if undisturbed > BACK and not (self.listing.halted or self.listing.delisted):
            return f"{self.manager.state} without a cause: {self.manager.reason}"
        return ""

    def _has_left(self) -> bool:
        """Return whether the exchange has no level where the book vouches for any, on one side."""
        cache = self.manager.cache
        epoch = self.listing.epoch_of(cache.last_update_id)
        if epoch is None:
            return False
        bids, asks = self._truth.at(epoch, cache.last_update_id)
        return any(
            side.horizon is not None and not truth.up_to(side.horizon)
            for side, truth in ((cache.bids, bids), (cache.asks, asks))
        )

    def _short_for(self, now: float) -> float:
        """Return for how many seconds too few levels are left, and no snapshot has come."""
        manager = self.manager
        cache, counters = manager.cache, manager.counters
        short = manager.state is State.LIVE and any(
            side.horizon is not None and len(side.top(self._enough)) < self._enough
            for side in (cache.bids, cache.asks)
        )
        snapshots = (counters.audits, counters.resyncs)
        if not short:
            self._short = None
        elif self._short is None or self._short[1:] != snapshots:
            self._short = (now, *snapshots)
        return now - self._short[0] if self._short else 0.0

    def gapless(self, undisturbed: float) -> str:
        """Return what is wrong if a gap is seen where there was none.

        Args:
            undisturbed: for how many seconds no event of the stream was lost on its way.
        """
        if self.manager.reason.startswith("gap") and undisturbed > LOSS_SHOWS:
            return f"{self.manager.reason}, but no event was lost"
        return ""

    @property
    def is_left_behind(self) -> bool:
        """Whether it is stale only since the market left the levels of its snapshot."""
        return "moved beyond the levels" in self.manager.reason

    def given(self, cache: DepthCache[Any]) -> str:
        """A book was given out; return what is wrong, if anything."""
        self.given_count += 1
        state = self.manager.state
        if state is not State.LIVE:
            return f"a book was given out while {state}"
        update_id = cache.last_update_id
        before, self._given_id = self._given_id, update_id
        counters = self.manager.counters
        seen, self._seen = self._seen, (counters.skipped, counters.audits)
        # Events are given out one by one, unless the reader is slow or a refresh went past them.
        if before is not None and seen == self._seen:
            epoch = self.listing.epoch_of(before)
            following = epoch and epoch.next_event(before)
            if update_id == before and epoch and self._may_come_again(epoch, before):
                self._came_again = before
            elif following is None or following.last != update_id:
                expected = following.last if following else "nothing"
                return f"after the book at {before} came the one at {update_id}, not {expected}"
        return self.went_back() or self.wrong(cache)

    def _may_come_again(self, epoch: Epoch, update_id: int) -> bool:
        """Return whether a book may be given out once more at that id.

        The event that ends at a derivatives' snapshot's own id belongs on top of it, and may come
        after it: once, where there is such an event.
        """
        return (
            self.manager.market.event_at_snapshot_id_applies
            and self._came_again != update_id
            and any(event.last == update_id for event in epoch.events)
        )

    def wrong(self, cache: DepthCache[Any]) -> str:
        """Return in what the book differs from the exchange's at its update id, if in anything."""
        update_id = cache.last_update_id
        counters = self.manager.counters
        self._checked = (update_id, counters.audits, counters.resyncs)
        epoch = self.listing.epoch_of(update_id)
        if epoch is None:
            return f"the exchange never had update {update_id}" if update_id else ""
        bids, asks = self._truth.at(epoch, update_id)
        if bids.is_shown_by(cache.bids) and asks.is_shown_by(cache.asks):
            self._whole_id = update_id
            return ""
        wrong = self._differing(cache, (bids, asks))
        awaited = self._awaited(epoch, update_id)
        if awaited is not None:
            # Until that event has come, nobody can know better than its snapshot.
            before = self._before.at(epoch, awaited.follows)
            return wrong if self._differing(cache, before) else ""
        return wrong

    def _awaited(self, epoch: Epoch, update_id: int) -> Event | None:
        """Return the event that ends at the book's own id, if the book may still lack it."""
        return epoch.early.get(update_id) if self._whole_id != update_id else None

    def _is_due(self) -> bool:
        """Return whether the book may be another one than when it was compared last."""
        counters = self.manager.counters
        now = (self.manager.cache.last_update_id, counters.audits, counters.resyncs)
        self._unchecked_looks = (self._unchecked_looks + 1) % LOOKS_UNCHECKED
        return now != self._checked or not self._unchecked_looks

    def _differs_from_now(self) -> bool:
        """Return whether the exchange's book is another by now, up to the book's horizon."""
        now = self._now.at(self.listing.epoch, self.listing.ids.last)
        return bool(self._differing(self.manager.cache, now))

    @staticmethod
    def _differing(cache: DepthCache[Any], truth: tuple[TrueSide, TrueSide]) -> str:
        return _wrong_side("bids", cache.bids, truth[BID]) or _wrong_side(
            "asks", cache.asks, truth[ASK]
        )

    def behind(self, now: float) -> float:
        """Return for how many seconds the book has lacked something that the exchange sent.

        Time in which our machine slept doesn't count, nor what was before the present state: that
        a snapshot was old when it came can show only afterwards. Nor does what was before the last
        look that found the book to be the exchange's of that moment, whatever had been missed.
        """
        since = max(self._since, self.awake_since, self._same_at)
        update_id = self.manager.cache.last_update_id
        epochs = self.listing.epochs
        epoch = self.listing.epoch_of(update_id)
        if epoch is None:
            return now
        missed = self._awaited(epoch, update_id) or epoch.next_event(update_id)
        if missed is not None:
            return now - max(missed.at, since)
        if epoch is not epochs[-1]:
            return now - max(epochs[epochs.index(epoch) + 1].began, since)
        return 0.0

    def look(self, now: float, undisturbed: float) -> str:
        """Look at the manager from outside; return what is wrong, if anything.

        Args:
            now: the time.
            undisturbed: for how many seconds nothing has gone wrong.
        """
        manager = self.manager
        if manager.counters.differences:
            return f"an audit found differences: {manager._synchronizer.last_differences[:3]}"
        behind = self.behind(now)
        if behind > HARMLESS and not self._differs_from_now():
            # What was missed lies beyond the horizon, or was taken back: it is the same book.
            self._same_at = now
            behind = 0.0
        if manager.state is State.LIVE:
            self.longest_behind = max(self.longest_behind, behind)
            if behind > BEHIND:
                return f"says live, and has missed what was sent {behind:.1f} s ago"
        if self._is_due() and (wrong := self.wrong(manager.cache)):
            return f"while {manager.state}: {wrong}"
        short = self._short_for(now)
        if undisturbed > BACK and not (self.listing.delisted or self.listing.halted):
            mended = MENDED + self._snapshot_age
            mending = self.is_left_behind and now - self._since < mended
            if self.longest_mended > mended:
                return f"left behind by the market for {self.longest_mended:.1f} s"
            self.longest_short = max(self.longest_short, short)
            if short > SHORT + self._snapshot_age:
                return f"few levels are left, and no snapshot has come for {short:.1f} s"
            if manager.state is not State.LIVE and not mending:
                return (
                    f"{manager.state} ({manager.reason}), {undisturbed:.0f} s after anything went"
                    " wrong"
                )
            if behind > STEADY_BEHIND:
                return f"{behind:.1f} s behind, {undisturbed:.0f} s after anything went wrong"
        return ""


def _wrong_side(name: str, side: BookSide[Any], truth: TrueSide) -> str:
    if truth.is_shown_by(side):
        return ""
    levels, expected = side.levels(), truth.up_to(side.horizon)
    ours, theirs = dict(levels), dict(expected)
    if ours == theirs:
        return f"{name} out of order: {levels}"
    differing = [
        f"{price}: {ours.get(price, 'none')} instead of {theirs.get(price, 'none')}"
        for price in sorted(ours.keys() | theirs.keys())
        if ours.get(price) != theirs.get(price)
    ]
    return f"wrong {name} at {side!r}: {'; '.join(differing[:5])}"
