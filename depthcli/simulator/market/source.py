"""What the server serves from: the interface that the exchange and a capture share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.markets import Market


class StreamEvent(NamedTuple):
    """One event that is due.

    Attributes:
        stream: the stream's name.
        payload: the JSON that its subscribers get.
        owed: whether faults must leave it alone: a snapshot that lacks it already bears its id,
            and without the event nobody could tell.
    """

    stream: str
    payload: bytes
    owed: bool = False


class Source(Protocol):
    """One market's books and streams; it never waits, and time is an argument."""

    @property
    def market(self) -> Market:
        """The market."""

    @property
    def weight_per_minute(self) -> int:
        """The request weight that one address may use in a minute."""

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols that have a book."""

    def watch(self, stream: str) -> bool:
        """From now on give the events of that stream; False if there's no such stream."""

    def unwatch(self, stream: str) -> None:
        """Give no more events of that stream."""

    def advance(self, now_ms: float) -> list[StreamEvent]:
        """Let time pass until `now_ms`, ms since the epoch, and return the watched events due."""

    def snapshot(self, symbol: str, limit: int, age: int = 0) -> bytes:
        """Return the answer to a snapshot request, as it was `age` updates ago.

        Raises:
            KeyError: the symbol has no book.
        """

    def exchange_info(self, symbols: Sequence[str] | None = None) -> bytes:
        """Return the exchange info, of all symbols or of those named.

        Raises:
            KeyError: one of them isn't listed.
        """
