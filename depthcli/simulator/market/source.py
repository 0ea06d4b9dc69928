"""The interface of data sources, shared by the simulated exchange and captures."""

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
        owed: whether it must be exempt from faults: a snapshot that lacks it was sent with its id,
            and if the event were lost, no client could notice.
    """

    stream: str
    payload: bytes
    owed: bool = False


class Source(Protocol):
    """One market's books and streams. It never waits; time is passed in."""

    @property
    def market(self) -> Market:
        """The market."""

    @property
    def weight_per_minute(self) -> int:
        """The request weight that one address may use per minute."""

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols that have a book."""

    def watch(self, stream: str) -> bool:
        """Return the events of that stream from now on; False if there is no such stream."""

    def unwatch(self, stream: str) -> None:
        """Return no more events of that stream."""

    def advance(self, now_ms: float) -> list[StreamEvent]:
        """Advance to `now_ms`, in ms since the epoch; return the watched events that are due."""

    def snapshot(self, symbol: str, limit: int, age: int = 0) -> bytes:
        """Return the response to a snapshot request, with the book of `age` updates ago.

        Raises:
            KeyError: the symbol has no book.
        """

    def exchange_info(self, symbols: Sequence[str] | None = None) -> bytes:
        """Return the exchange info, with all symbols or only the named ones.

        Raises:
            KeyError: one of them isn't listed.
        """
