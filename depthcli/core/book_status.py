"""What a book is worth, why, what happened to it, and who is told of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from depthcli.core.book import DepthCache
from depthcli.core.messages import N
from depthcli.core.state import AuditResult, Counters, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.book import Comparison, Difference


class BookStatus(Generic[N]):
    """A book, and what it is worth. How it is kept in step, subclasses know.

    Args:
        symbol: in the exchange's upper case.
        conv_type: the number type of the book.
        on_state: called with the new state and its reason after each change of either.

    Attributes:
        cache: the book; the same object for good. True while `state` is LIVE; its last true
            content afterwards.
        state: what the book is worth.
        cause: why it is stale or closed; empty otherwise.
        reason: the same, and what is being done about it.
        halted: whether trading is halted, so that the book stands still.
        counters: what happened so far.
        last_audit: what the last audit found; None before the first.
    """

    def __init__(
        self, symbol: str, conv_type: type[N], on_state: Callable[[State, str], None] | None
    ) -> None:
        self.symbol = symbol
        self.cache: DepthCache[N] = DepthCache(symbol, conv_type)
        self.state = State.CONNECTING
        self.cause = self.reason = ""
        self.halted = False
        self.counters = Counters()
        self.last_audit: AuditResult | None = None
        self._on_state = on_state
        self._until_heard = False

    @property
    def last_differences(self) -> list[Difference]:
        """The levels that differed in the last audit."""
        return [] if self.last_audit is None else self.last_audit.differences

    def doubt(self, reason: str, *, until_heard: bool = False) -> None:
        """Turn a live book stale and want a snapshot, while the stream goes on.

        Args:
            reason: why.
            until_heard: whether an event that follows the book without a hole takes the doubt away.
        """
        if self.state is State.LIVE:
            self._turn(State.STALE, reason)
            self._until_heard = until_heard

    def halt(self, reason: str) -> None:
        """Take note that trading is halted: no snapshot is wanted until it goes on."""
        if self.state is State.LIVE:
            self.halted = True
            self._turn(State.STALE, reason)

    def resume(self) -> None:
        """Take note that trading goes on: a halted book wants a snapshot."""
        if self.halted:
            self.halted = False
            self._turn(State.STALE, "trading goes on")

    def explain(self, doing: str) -> None:
        """Tell what is being done about a book that isn't live; it stands behind the cause."""
        if self.state is State.LIVE or self.state is State.CLOSED:
            return
        reason = f"{self.cause}; {doing}" if self.cause and doing else self.cause or doing
        if reason != self.reason:
            self.reason = reason
            if self._on_state is not None:
                self._on_state(self.state, reason)

    def _turn(self, state: State, reason: str = "") -> None:
        """Change the state or its reason, and tell."""
        self.state, self.cause, self.reason = state, reason, reason
        self._until_heard = False
        if self._on_state is not None:
            self._on_state(state, reason)

    def _note_audit(self, comparison: Comparison) -> None:
        """Take note of what an audit found."""
        self.last_audit = AuditResult(self.cache.last_update_id, *comparison)
        self.counters.audits += 1
        self.counters.differences = len(comparison.differences)
        self.counters.differences_ever += len(comparison.differences)
        self.counters.by_rank = self.last_audit.by_rank
        self.counters.by_rank_ever += self.counters.by_rank
