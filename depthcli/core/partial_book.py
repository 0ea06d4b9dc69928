"""A book of which the exchange sends the whole top with each event, and nothing else.

Where a market has no diff events to be had, or no snapshot to link them to, each partial event
replaces the book. It is vouched for as deep as the event goes, and the horizon says how deep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthcli.core.book import DepthCache
from depthcli.core.messages import N, Snapshot
from depthcli.core.restart import RESTART_MS
from depthcli.core.state import State, Verdict
from depthcli.core.synchronizer import Synchronizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.audit import Audit
    from depthcli.core.messages import DepthEvent


class PartialSynchronizer(Synchronizer[N]):
    """Keeps the top of one symbol's book from events that each hold all of it.

    Args:
        symbol: in the exchange's upper case.
        conv_type: the number type of the book.
        levels: a side, as many as the stream sends.
        on_state: called with the new state and its reason after each change of state.
    """

    def __init__(
        self,
        symbol: str,
        conv_type: type[N],
        levels: int,
        *,
        on_state: Callable[[State, str], None] | None = None,
    ) -> None:
        kind: Any = conv_type  # mypy can't follow a restricted type variable through `super`
        super().__init__(symbol, kind, ids_are_shared=True, on_state=on_state)
        self._depth = levels

    @property
    def wants_snapshot(self) -> bool:
        """Never: each event is one."""
        return False

    def receive(self, event: DepthEvent[N]) -> None:
        """Take in an event as it arrives: the first one makes the book live at once."""
        arrived: Any = event
        super().receive(arrived)
        if self.unreadable:
            self.pending.clear()
            return
        if self._connected and self.state is not State.LIVE and self.pending:
            self._replace(self.pending.pop())
            self.pending.clear()
            self.counters.resyncs += self._was_live
            self._was_live = self._unread = True
            self._turn(State.LIVE)

    def advance(self) -> bool:
        """Replace the book by the next event, if there is one; return whether it changed."""
        if self._unread:
            self._unread = False
            return self.state is State.LIVE
        while self.pending and self.state is State.LIVE:
            event = self.pending.popleft()
            if self._is_old(event):
                self.counters.ignored += 1
            else:
                self._replace(event)
                return True
        return False

    def _is_old(self, event: DepthEvent[N]) -> bool:
        updated = self.cache.update_time
        late = updated is None or event.event_time <= updated + RESTART_MS
        return event.last_update_id <= self.cache.last_update_id and late

    def _replace(self, event: DepthEvent[N]) -> None:
        self.cache.load(Snapshot(event.last_update_id, event.bids, event.asks), self._depth)
        self.cache.update_time = event.event_time
        self.counters.applied += 1
        self._audit = None

    def _compare(self, audit: Audit[N], snapshot: Snapshot[N]) -> Verdict:
        """Compare a silent book with a snapshot: no event can be replayed over either."""
        fresh: DepthCache[N] = DepthCache(self.symbol, self.cache.conv_type)
        fresh.load(snapshot, audit.limit)
        comparison = self.cache.compare(fresh)
        if comparison.differences:
            ahead = snapshot.last_update_id > self.cache.last_update_id
            audit.snapshot = snapshot if ahead else None
            return Verdict.AHEAD if ahead else Verdict.TOO_OLD
        self._audit = self._replacement = None
        self._note_audit(comparison)
        return Verdict.AUDITED
