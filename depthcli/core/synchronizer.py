"""Snapshot and events in, a book that is in step out; or the reason why it isn't.

No sockets, no asyncio, no clock. Events are handed in as they arrive (`receive`) and wait in
`pending`; `advance` applies one of them at a time, so that whoever reads sees the book at every
update id; `offer` hands in a snapshot and says what became of it.

How events link, after "How to manage a local order book correctly" of the exchange's documentation,
in one rule for all markets: an event *follows* an update id (`DepthEvent.follows`).
With the book at id B, an event is *old* if its last id is at most B, the *next* one if the id
that it follows is at most B, and otherwise there is a *gap*.

The derivatives differ in one event (`Market.event_at_snapshot_id_applies`): one that ends at the
id of the snapshot itself isn't old, for the snapshot may lack it. Until it has come nobody can tell
whether it is in the book; applied twice, it does no harm, for quantities are absolute.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from depthcli.core.audit import Audit
from depthcli.core.book_status import BookStatus
from depthcli.core.messages import N
from depthcli.core.readability import Readability, lead_on, oddity
from depthcli.core.restart import LOWER_SNAPSHOTS, RESTART_EVENTS, RESTART_MS, ended_before
from depthcli.core.state import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.book import Comparison
    from depthcli.core.messages import DepthEvent, Snapshot

MOST_PENDING: Final = 20_000
"""Events that wait at the most, for a snapshot or for a reader: beyond it memory isn't spent."""

_LIVE: Final = State.LIVE
"""Named once more: it is asked for with every event, and an Enum is slow to look into."""


class Synchronizer(BookStatus[N]):
    """Keeps one symbol's book in step with the exchange's, or says why not.

    Args:
        symbol: in the exchange's upper case.
        conv_type: the number type of the book.
        ids_are_shared: whether a snapshot's id moves on though nothing happened in the symbol
            (`Market.ids_are_shared`).
        event_at_snapshot_id_applies: whether an event that ends at a snapshot's own id belongs on
            top of it (`Market.event_at_snapshot_id_applies`).
        on_state: called with the new state and its reason after each change of state.

    Attributes:
        pending: events that arrived and aren't applied yet.
        cache, state, cause, reason, halted, counters, last_audit: as `BookStatus` has them.
    """

    def __init__(
        self,
        symbol: str,
        conv_type: type[N],
        *,
        ids_are_shared: bool = False,
        event_at_snapshot_id_applies: bool = False,
        on_state: Callable[[State, str], None] | None = None,
    ) -> None:
        kind: Any = conv_type  # mypy can't follow a restricted type variable through `super`
        super().__init__(symbol, kind, on_state)
        self.pending: deque[DepthEvent[N]] = deque()
        self._ids_are_shared = ids_are_shared
        self._event_at_snapshot_id_applies = event_at_snapshot_id_applies
        self._connected = False
        self._was_live = False
        self._unread = False
        self._readability = Readability()
        self._in_step = False  # but for what couldn't be read
        self._readable_from = 0
        self._old_in_a_row = 0
        self._lower_snapshots = 0
        self._latest_event_time: int | None = None
        self._last_event: DepthEvent[N] | None = None  # applied since the book was built
        self._audit: Audit[N] | None = None
        self._replacement: Audit[N] | None = None

    @property
    def wants_snapshot(self) -> bool:
        """Whether the book can't go on without a snapshot, and there is a stream to link it to."""
        return (
            self._connected
            and self.state is not State.LIVE
            and not self.halted
            and not self._readability.wanted
        )

    @property
    def unreadable(self) -> bool:
        """Whether the stream's events can't be read, so that no snapshot would help."""
        return self._readability.wanted > 0

    @property
    def audit_under_way(self) -> bool:
        """Whether a comparison has begun and hasn't ended yet."""
        return self._audit is not None

    def opened(self) -> None:
        """Take note that the stream is open: what comes from now on comes without holes."""
        if self.state is State.CLOSED:
            return
        self._connected = True
        self.pending.clear()
        self._readability.believe()
        self._readable_from = 0
        if not self._was_live:
            self._turn(State.BUFFERING)

    def lost(self, reason: str) -> None:
        """Take note that the stream broke off: the book is no longer kept up."""
        if self.state is State.CLOSED:
            return
        self._connected = self.halted = False
        self.pending.clear()
        self._turn(State.STALE if self._was_live else State.CONNECTING, reason)

    def close(self, reason: str) -> None:
        """End for good, unless it has ended. The last true book stays in `cache`."""
        if self.state is State.CLOSED:
            return
        self._connected = False
        self.pending.clear()
        self._turn(State.CLOSED, reason)

    def refuse(self, why: str) -> None:
        """Take note of a frame of this stream that can't be read: the book isn't kept up by it.

        No snapshot is wanted until events can be read again (`Readability`), for its book would be
        left behind by the next one. If they then go on where the book is, nothing was missed.

        Args:
            why: what is wrong with the frame.
        """
        self.counters.refused += 1
        if not self._connected:
            return
        again = self.unreadable
        self._readability.failed(self.counters.applied)
        self.halted = False
        if not again:
            in_step = self.state is State.LIVE and not self._awaits_own_event()
            state = State.STALE if self.state is State.LIVE else self.state
            self._turn(state, f"events can't be read: {why}")
            self._in_step = in_step

    def believe(self) -> None:
        """Want a snapshot though no event could be read: there was none for long."""
        if self.unreadable:
            self._readability.believe()
            self._turn(self.state, "events couldn't be read")

    def receive(self, event: DepthEvent[N]) -> None:
        """Take in an event as it arrives; `advance` will apply it. O(1)."""
        if event.symbol != self.symbol or event.first_update_id > event.last_update_id:
            self.refuse(oddity(event, self.symbol))
            return
        if not self._connected:
            return
        pending = self.pending
        if len(pending) >= MOST_PENDING:
            self._make_room()
        pending.append(event)
        if self.halted:
            self.resume()
        if self._readability.wanted:
            self._read_again(event)
        if self._until_heard and event.last_update_id > self.cache.last_update_id:
            self._until_heard = False
            if event.follows <= self.cache.last_update_id:
                self._turn(State.LIVE)

    def advance(self) -> bool:
        """Bring the book one step forward, if that can be done.

        Returns:
            Whether the book is live and has a content that wasn't there before: after the next
            event, or after a snapshot was adopted. Call it again until it returns False.
        """
        if self._unread:
            self._unread = False
            if self.state is State.LIVE:
                return True
        pending, cache = self.pending, self.cache
        while pending and self.state is _LIVE:
            event = pending[0]
            at = cache.last_update_id
            if event.last_update_id <= at and not self._may_be_missing(event):
                self._old(event)
                continue
            # `event.follows`, written out: a property takes as long as a look-up of a level.
            follows = event.previous_update_id
            if follows is None:
                follows = event.first_update_id - 1
            if follows > at:
                self.counters.gaps += 1
                missing = follows - at
                updates = "1 update is" if missing == 1 else f"{missing} updates are"
                self._turn(State.STALE, f"gap: {updates} missing after {at}")
            else:
                del pending[0]
                cache.apply(event)
                self.counters.applied += 1
                self._old_in_a_row = 0
                self._latest_event_time = event.event_time
                self._last_event = event
                audit = self._audit or self._replacement
                if audit is not None:
                    self._follow_up(audit, event)
                if cache.exhausted():
                    self._turn(State.STALE, "the market moved beyond the levels of the snapshot")
                elif self.state is _LIVE:  # an audit may have ended with this event
                    return True
        return False

    def begin_audit(self) -> None:
        """Keep what is applied from now on, so that a snapshot asked for now can be compared."""
        if self.state is State.LIVE:
            self._replacement = None
            # A snapshot at the book's own id may lack the event that ends there.
            last = (
                [] if self._awaits_own_event() or self._last_event is None else [self._last_event]
            )
            self._audit = Audit(self.cache.last_update_id, deque(last))

    def cancel_audit(self) -> None:
        """Give up the comparison: its snapshot won't come."""
        self._audit = None

    def offer(self, snapshot: Snapshot[N], limit: int, *, replace: bool = True) -> Verdict:
        """Hand in a snapshot that was asked for.

        Args:
            snapshot: the levels.
            limit: how many levels a side were asked for.
            replace: whether a snapshot that is compared with a live book also replaces it.
        """
        if self.state is not State.LIVE:
            return self._adopt(snapshot, limit) if self.wants_snapshot else Verdict.UNWANTED
        audit = self._audit
        if audit is None:
            return Verdict.UNWANTED
        audit.snapshot, audit.limit, audit.replace = snapshot, limit, replace
        before = self.cache.last_update_id
        verdict = self._compare(audit, snapshot)
        mended = verdict is Verdict.AUDITED and bool(self.last_differences)
        self._unread = self._unread or mended or self.cache.last_update_id != before
        return verdict

    def _turn(self, state: State, reason: str = "") -> None:
        if (state, reason) != (self.state, self.reason):
            self._audit = self._replacement = None
            self._in_step = False
            self._old_in_a_row = 0
            super()._turn(state, reason)

    def _note_audit(self, comparison: Comparison) -> None:
        self._audit = self._replacement = None
        super()._note_audit(comparison)

    def _read_again(self, event: DepthEvent[N]) -> None:
        """Take note of an event that was read after others that couldn't be."""
        if self._in_step and lead_on(self.pending, self.cache.last_update_id):
            # What couldn't be read was none of the book's events.
            self._readability.believe()
            self._turn(State.LIVE)
            return
        if not self._readability.read():
            return
        # What couldn't be read lies before this event. A snapshot may lack the event that ends at
        # its own id: that one must not be among what couldn't be read.
        self._readable_from = event.last_update_id
        self._turn(self.state, "events can be read again")

    def _awaits_own_event(self) -> bool:
        """Return whether the event that ends at the book's id may still have to be applied."""
        last = self._last_event
        return self._event_at_snapshot_id_applies and (
            last is None or last.last_update_id != self.cache.last_update_id
        )

    def _may_be_missing(self, event: DepthEvent[N]) -> bool:
        """Return whether an event may be the one that the snapshot at its id lacked."""
        return event.last_update_id == self.cache.last_update_id and self._awaits_own_event()

    def _belongs_on(self, event: DepthEvent[N], snapshot: Snapshot[N]) -> bool:
        """Return whether an event belongs on top of a snapshot."""
        at = snapshot.last_update_id
        return event.last_update_id > at or (
            event.last_update_id == at and self._event_at_snapshot_id_applies
        )

    def _follow_up(self, audit: Audit[N], event: DepthEvent[N]) -> None:
        """Take an event that was applied into the comparison that is under way."""
        audit.events.append(event)
        if len(audit.events) > MOST_PENDING:
            self._audit = self._replacement = None
        elif audit.snapshot is not None:
            self._compare(audit, audit.snapshot)

    def _old(self, event: DepthEvent[N]) -> None:
        """Ignore an old event, unless it shows that the exchange counts anew."""
        self._old_in_a_row += 1
        if self._latest_event_time is None:
            self._latest_event_time = event.event_time
        if (
            event.event_time > self._latest_event_time + RESTART_MS
            or self._old_in_a_row > RESTART_EVENTS
        ):
            self._lower_snapshots = LOWER_SNAPSHOTS
            self._turn(State.STALE, f"ids went back to {event.last_update_id}")
            return
        self.pending.popleft()
        self.counters.ignored += 1
        if self._last_event is None:
            # The snapshot contained it: its time says how new the book is.
            self.cache.update_time = max(event.event_time, self.cache.update_time or 0)

    def _make_room(self) -> None:
        """Apply what a slow reader left, or forget the oldest event that waits for a snapshot."""
        if self.state is State.LIVE:
            while self.advance():
                self.counters.skipped += 1
            self._unread = self.state is State.LIVE
        if len(self.pending) >= MOST_PENDING:
            self.pending.popleft()

    def _adopt(self, snapshot: Snapshot[N], limit: int) -> Verdict:
        """Build the book from a snapshot, if the events that are kept link to it."""
        at = snapshot.last_update_id
        pending = self.pending
        if ended := ended_before(pending):
            self._lower_snapshots = LOWER_SNAPSHOTS
            self._readable_from = 0
            for _ in range(ended):
                pending.popleft()
        if at < self._readable_from:
            return Verdict.TOO_OLD
        newer = next((event for event in pending if event.last_update_id > at), None)
        if newer is not None and newer.follows > at:
            return Verdict.TOO_OLD
        if not pending and at < self.cache.last_update_id:
            # Without an event nothing tells a cached snapshot from an exchange that counts anew.
            self._lower_snapshots += 1
            if self._lower_snapshots <= LOWER_SNAPSHOTS:
                return Verdict.TOO_OLD
        # What was under way when the snapshot was made is old, too, and may be much later.
        self._latest_event_time = None if newer is None else pending[-1].event_time
        self._last_event = None
        self.cache.load(snapshot, limit)
        while pending and not self._belongs_on(pending[0], snapshot):
            # The snapshot contains it: its time says how new the book is.
            self.cache.update_time = pending.popleft().event_time
            self.counters.ignored += 1
        if pending and pending[0].last_update_id == at:
            self._last_event = pending.popleft()
            self.cache.apply(self._last_event)
            self.counters.applied += 1
            if self.cache.exhausted():
                return Verdict.TOO_OLD
        self._lower_snapshots = self._readable_from = 0
        self.counters.resyncs += self._was_live
        self._was_live = True
        self._unread = True
        self._turn(State.LIVE)
        return Verdict.ADOPTED

    def _compare(self, audit: Audit[N], snapshot: Snapshot[N]) -> Verdict:
        """Bring the snapshot to the live book's id by the events kept since, and compare."""
        at, ours = snapshot.last_update_id, self.cache.last_update_id
        if at < audit.since:
            audit.snapshot = None
            return Verdict.TOO_OLD
        if at > ours and not self._ids_are_shared:
            return Verdict.AHEAD
        fresh = audit.replayed(self.cache, snapshot, self._belongs_on)
        comparison = self.cache.compare(fresh)
        if comparison.differences and (at > ours or (at == ours and self._awaits_own_event())):
            # Where ids are shared, the id alone doesn't say that anything happened here. And of two
            # snapshots at one id, one may lack the event that ends there: it is still to come.
            return Verdict.AHEAD
        self._note_audit(comparison)
        if at > ours:
            # What lies deeper may be from later on: it waits for what the stream still brings.
            self._replacement = audit if audit.replace else None
        elif audit.replace:
            if not fresh.exhausted():
                self.cache.adopt(fresh)
        elif comparison.differences:
            differ = f"{len(comparison.differences)} levels differ from the exchange's"
            self.doubt(f"audit: {differ}, {self.counters.by_rank.nearest}")
        return Verdict.AUDITED
