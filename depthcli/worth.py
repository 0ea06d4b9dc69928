"""What a book is worth, what became of a snapshot, what happened so far: in the library's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from depthcli.book import Difference


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


class AuditResult(NamedTuple):
    """What an audit found.

    Attributes:
        update_id: the book's, when it was compared with the exchange's.
        levels: how many levels were compared, of both sides together.
        differences: the levels that differed; none where the book was true.
    """

    update_id: int
    levels: int
    differences: list[Difference]
