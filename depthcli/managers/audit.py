"""Audits: compare a live book with a fresh snapshot at the same update id."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Generic

from depthcli.core.backoff import Backoff
from depthcli.core.messages import N
from depthcli.core.state import Verdict

if TYPE_CHECKING:
    from depthcli.core.book import Difference
    from depthcli.exchange.request_queue import Urgency
    from depthcli.managers.feed import Feed
    from depthcli.managers.snapshot_requests import SnapshotRequester

logger = logging.getLogger(__name__)

GRACE: Final = 3.0
"""Seconds that the stream has to catch up with a snapshot that is ahead of it."""

MOST_LOGGED: Final = 10
"""The most differing levels that an audit logs one by one."""


class Auditor(Generic[N]):
    """Audits one book, one audit at a time.

    Args:
        feed: keeps the book.
        requester: fetches the snapshots.

    Attributes:
        last: when the last audit ended, on the loop's clock; None before the first.
    """

    def __init__(self, feed: Feed[N], requester: SnapshotRequester[N]) -> None:
        self.last: float | None = None
        self._feed: Feed[N] = feed
        self._requester: SnapshotRequester[N] = requester
        self._lock = asyncio.Lock()

    async def audit(self, limit: int, urgency: Urgency, *, replace: bool) -> Verdict:
        """Make one audit, as soon as no other is running, and log differences.

        Args:
            limit: levels per side of the snapshot.
            urgency: how urgent the snapshot is.
            replace: whether the snapshot also replaces the book.

        Returns:
            The outcome of the snapshot; `Verdict.AUDITED` if it was compared.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as for `SnapshotRequester.snapshot`.
        """
        synchronizer = self._feed.synchronizer
        async with self._lock:
            audits = synchronizer.counters.audits
            synchronizer.begin_audit()
            try:
                verdict = await self._until_compared(limit, urgency, replace=replace)
            finally:
                synchronizer.cancel_audit()
                if synchronizer.counters.audits > audits:
                    self._audited(synchronizer.last_differences)
        return verdict

    async def _until_compared(self, limit: int, urgency: Urgency, *, replace: bool) -> Verdict:
        """Request snapshots until one is new enough, then wait for the stream to catch up."""
        feed, synchronizer = self._feed, self._feed.synchronizer
        clock = asyncio.get_running_loop().time
        backoff = Backoff(first=0.5, step=1.0, most=10)
        audits = synchronizer.counters.audits
        until = clock() + feed.market.snapshot_lag + GRACE
        verdict = Verdict.UNWANTED
        while synchronizer.audit_under_way:
            snapshot = await self._requester.snapshot(limit, urgency)
            if not synchronizer.audit_under_way:
                break
            verdict = synchronizer.offer(snapshot, limit, replace=replace)
            if verdict is not Verdict.TOO_OLD or clock() > until:
                break
            await asyncio.sleep(backoff.next())
        asked = clock()
        while verdict is Verdict.AHEAD and synchronizer.audit_under_way:
            await asyncio.sleep(GRACE / 10)
            last_event = max(asked, feed.last_received or asked)
            if clock() - last_event > GRACE:
                return verdict
            if clock() - asked > 10 * GRACE:
                return Verdict.UNWANTED
        if synchronizer.counters.audits > audits:
            return Verdict.AUDITED
        return verdict if verdict is not Verdict.AHEAD else Verdict.UNWANTED

    def _audited(self, differences: list[Difference]) -> None:
        """Log what an audit found, and report the corrected book."""
        self.last = asyncio.get_running_loop().time()
        symbol = self._feed.symbol
        if not differences:
            return
        where = self._feed.synchronizer.counters.by_rank
        logger.error("%s: audit: %d levels differ: %s", symbol, len(differences), where)
        for difference in differences[:MOST_LOGGED]:
            logger.error("%s: audit: %s", symbol, difference)
        self._feed.pass_on()
