"""The interface through which the app adds and drops symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthcli.tui.model.watched import Watched


class BookSource(Protocol):
    """Keeps the books on the screen."""

    async def add(self, name: str) -> Watched:
        """Start to keep the book of a symbol.

        Args:
            name: as typed, with a market before it where that matters: `usdm:BTCUSDT`.

        Raises:
            DepthcliError: there is no such symbol, or the exchange can't be asked.
        """

    async def drop(self, watched: Watched) -> None:
        """Stop keeping a book."""

    async def search(self, text: str) -> list[str]:
        """Return the names of symbols that match what is typed, best first.

        Raises:
            DepthcliError: the exchange can't be asked.
        """
