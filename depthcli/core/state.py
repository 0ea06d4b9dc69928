"""The states of a book, the outcomes of a snapshot, and the counters of a book's history."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.book import Difference


class State(StrEnum):
    """The state of a book: whether it can be relied on, and if not, why."""

    CONNECTING = "connecting"
    """There is no stream yet."""
    BUFFERING = "buffering"
    """The stream is open and its events are buffered until the first snapshot arrives."""
    LIVE = "live"
    """The book equals the exchange's at `last_update_id`."""
    STALE = "stale"
    """The book was correct once, but isn't being kept up to date; `reason` says why."""
    CLOSED = "closed"
    """The book won't change any more; `reason` says why."""


class Verdict(Enum):
    """The outcome of a snapshot."""

    ADOPTED = "the book is in sync from here"
    AUDITED = "compared with the live book; replaces it if that was requested"
    AHEAD = "kept until the stream catches up with it"
    TOO_OLD = "older than the buffered events: request another"
    UNWANTED = "there is no stream to link it to"


@dataclass(frozen=True, slots=True)
class ByRank:
    """How many levels differ, by their distance from the best price, bids and asks together.

    Ranks are as in `Difference.rank`: positions on the exchange's side of the book. `best_1000`
    includes `best_100`, which includes `best_20`; `best_1000` and `deeper` add up to all
    differences.

    Attributes:
        best_20: among the best 20 levels per side.
        best_100: among the best 100.
        best_1000: among the best 1,000.
        deeper: below those.
    """

    best_20: int = 0
    best_100: int = 0
    best_1000: int = 0
    deeper: int = 0

    @classmethod
    def of(cls, differences: Iterable[Difference]) -> ByRank:
        """Count differences by rank. O(n)."""
        ranks = [each.rank for each in differences]
        best_20, best_100, best_1000 = (
            sum(rank <= most for rank in ranks) for most in (20, 100, 1_000)
        )
        return cls(best_20, best_100, best_1000, len(ranks) - best_1000)

    def __add__(self, other: ByRank) -> ByRank:
        return ByRank(
            self.best_20 + other.best_20,
            self.best_100 + other.best_100,
            self.best_1000 + other.best_1000,
            self.deeper + other.deeper,
        )

    def __str__(self) -> str:
        return (
            f"{self.best_20:,} in the best 20, {self.best_100:,} in the best 100,"
            f" {self.best_1000:,} in the best 1,000, {self.deeper:,} deeper"
        )

    @property
    def nearest(self) -> str:
        """Where the nearest differences are, such as `2 in the best 20`; empty without any."""
        for count, most in ((self.best_20, 20), (self.best_100, 100), (self.best_1000, 1_000)):
            if count:
                return f"{count:,} in the best {most:,}"
        return f"{self.deeper:,} below the best 1,000" if self.deeper else ""


@dataclass(slots=True)
class Counters:
    """What has happened to a book since it was started.

    Attributes:
        applied: events applied.
        ignored: old events: duplicates, or contained in the snapshot.
        refused: events of another symbol, or frames that couldn't be decoded.
        gaps: breaks in the chain of events.
        resyncs: times the book was rebuilt from a snapshot after the first.
        audits: fresh snapshots compared with the live book.
        differences: levels that differed in the last audit; None before the first.
        differences_ever: levels that differed in all audits together.
        by_rank: those of the last audit, by rank.
        by_rank_ever: those of all audits, by rank.
        skipped: events applied without being returned one by one, because the reader was too slow.
    """

    applied: int = 0
    ignored: int = 0
    refused: int = 0
    gaps: int = 0
    resyncs: int = 0
    audits: int = 0
    differences: int | None = None
    differences_ever: int = 0
    skipped: int = 0
    by_rank: ByRank = ByRank()
    by_rank_ever: ByRank = ByRank()


class AuditResult(NamedTuple):
    """The result of an audit.

    Attributes:
        update_id: the update id of the book when it was compared with the exchange's.
        levels: how many levels were compared, both sides together.
        differences: the levels that differed, bids before asks, each best first; empty if the book
            was correct.
    """

    update_id: int
    levels: int
    differences: list[Difference]

    @property
    def by_rank(self) -> ByRank:
        """The differences, counted by distance from the best price. O(n)."""
        return ByRank.of(self.differences)
