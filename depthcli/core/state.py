"""What a book is worth, what became of a snapshot, what happened so far: in the library's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.book import Difference


class State(StrEnum):
    """What a book is worth."""

    CONNECTING = "connecting"
    """There is no stream yet."""
    BUFFERING = "buffering"
    """The stream is open and its events are kept; the first snapshot is awaited."""
    LIVE = "live"
    """The book is the exchange's at `last_update_id`."""
    STALE = "stale"
    """The book was true once and can't be kept up now; `reason` says why."""
    CLOSED = "closed"
    """Nothing comes any more; `reason` says why."""


class Verdict(Enum):
    """What became of a snapshot."""

    ADOPTED = "the book is in step from here"
    AUDITED = "compared with the live book, which it replaces if that was asked for"
    AHEAD = "kept until the stream has come as far"
    TOO_OLD = "older than the events that are kept: ask again"
    UNWANTED = "there is no stream to link it to"


@dataclass(frozen=True, slots=True)
class ByRank:
    """How many levels differ near the touch, and how many far from it, bids and asks together.

    A level's rank is that of `Difference.rank`: by the exchange's side of the book. The first three
    numbers contain each other; the last two make up all that differ.

    Attributes:
        best_20: of the best 20 levels a side.
        best_100: of the best 100.
        best_1000: of the best 1,000.
        deeper: beyond those.
    """

    best_20: int = 0
    best_100: int = 0
    best_1000: int = 0
    deeper: int = 0

    @classmethod
    def of(cls, differences: Iterable[Difference]) -> ByRank:
        """Return where some differences lie. O(n)."""
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
        """Where the nearest of them lie, such as `2 in the best 20`; empty if nothing differs."""
        for count, most in ((self.best_20, 20), (self.best_100, 100), (self.best_1000, 1_000)):
            if count:
                return f"{count:,} in the best {most:,}"
        return f"{self.deeper:,} below the best 1,000" if self.deeper else ""


@dataclass(slots=True)
class Counters:
    """What happened to a book since it was started.

    Attributes:
        applied: events applied.
        ignored: events that were old: duplicates, or contained in the snapshot.
        refused: events that weren't this symbol's, or frames that couldn't be decoded.
        gaps: breaks in the chain of events.
        resyncs: times that the book was built from a snapshot after the first.
        audits: fresh snapshots that were compared with the live book.
        differences: levels that differed in the last audit; None before the first.
        differences_ever: levels that differed in all audits together.
        by_rank: where those of the last audit lay.
        by_rank_ever: where those of all audits lay.
        skipped: events that went into the book without having been shown one by one, because the
            reader was too slow.
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
    """What an audit found.

    Attributes:
        update_id: the book's, when it was compared with the exchange's.
        levels: how many levels were compared, of both sides together.
        differences: the levels that differed, bids before asks, either best first; none where the
            book was true.
    """

    update_id: int
    levels: int
    differences: list[Difference]

    @property
    def by_rank(self) -> ByRank:
        """Where the differences lie: how many near the touch, how many far from it. O(n)."""
        return ByRank.of(self.differences)
