"""A book from partial events, each of which holds the best levels of both sides.

For markets without diff events, or without a snapshot to link them to. Each event replaces the
book, and its deepest levels are the horizon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthcli.core.messages import N, Snapshot
from depthcli.core.restart import RESTART_MS
from depthcli.core.state import State, Verdict
from depthcli.core.synchronizer import Synchronizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.audit import Audit
    from depthcli.core.messages import DepthEvent


class PartialSynchronizer(Synchronizer[N]):
    """Keeps the top of one symbol's book from partial events.

    Args:
        symbol: in upper case, as the exchange writes it.
        conv_type: the number type of the book.
        levels: how many per side the stream sends.
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
        """Always False: each event is a snapshot itself."""
        return False

    def receive(self, event: DepthEvent[N]) -> None:
        """Receive an event as it arrives; the first one makes the book live at once."""
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
        """Replace the book with the next event, if there is one; return whether it changed."""
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
        """Compare a silent book with a snapshot. Events can't be replayed over either of them."""
        comparison = self.cache.compare(audit.replayed(self.cache, snapshot, self._belongs_on))
        if comparison.differences:
            ahead = snapshot.last_update_id > self.cache.last_update_id
            audit.snapshot = snapshot if ahead else None
            return Verdict.AHEAD if ahead else Verdict.TOO_OLD
        self._note_audit(comparison)
        return Verdict.AUDITED
