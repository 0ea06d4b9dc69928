"""A comparison of a live book with a fresh snapshot, while events go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from depthcli.core.book import DepthCache
from depthcli.core.messages import N

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from depthcli.core.messages import DepthEvent, Snapshot


@dataclass(slots=True)
class Audit(Generic[N]):
    """A comparison under way: what was applied since it began, and the snapshot once it came."""

    since: int
    events: deque[DepthEvent[N]]
    snapshot: Snapshot[N] | None = None
    limit: int = 0
    replace: bool = False

    def replayed(
        self,
        cache: DepthCache[N],
        snapshot: Snapshot[N],
        belongs_on: Callable[[DepthEvent[N], Snapshot[N]], bool],
    ) -> DepthCache[N]:
        """Return the book of a snapshot with the events since on top, as new as the live book.

        Args:
            cache: the live book.
            snapshot: what the exchange said.
            belongs_on: whether an event belongs on top of a snapshot.
        """
        fresh: DepthCache[N] = DepthCache(cache.symbol, cache.conv_type)
        fresh.load(snapshot, self.limit)
        for event in self.events:
            if belongs_on(event, snapshot):
                fresh.apply(event)
        return fresh
