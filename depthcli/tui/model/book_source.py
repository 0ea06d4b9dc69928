"""What the app asks of whoever keeps the books, when the user adds or drops a symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthcli.tui.model.watched import Watched


class BookSource(Protocol):
    """Keeps the books that are watched."""

    async def add(self, name: str) -> Watched:
        """Begin to keep the book of a symbol.

        Args:
            name: as typed, with a market before it where that matters: `usdm:BTCUSDT`.

        Raises:
            DepthcliError: there is no such symbol, or the exchange can't be asked.
        """

    async def drop(self, watched: Watched) -> None:
        """Keep a book no longer."""

    async def search(self, text: str) -> list[str]:
        """Return the names of symbols that match what was typed so far, the best first.

        Raises:
            DepthcliError: the exchange can't be asked.
        """
