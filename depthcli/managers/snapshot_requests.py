"""What is asked of the exchange about one symbol, with an eye on how long the answer takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from depthcli.core.messages import N
from depthcli.errors import UnreachableError, clock_time
from depthcli.exchange.request_queue import Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from depthcli.core.exchange_info import SymbolInfo
    from depthcli.core.markets import Market
    from depthcli.core.messages import Snapshot
    from depthcli.exchange.client import AsyncClient

T = TypeVar("T")

TELL: Final = 1.0
"""Seconds between two words on what a book is waiting for."""

UNANSWERED: Final = 20.0
"""Seconds after which a question counts as unanswered while the exchange wants silence."""


class SnapshotRequester(Generic[N]):
    """Asks about one symbol.

    Args:
        client: where the exchange is.
        market: of the symbol.
        symbol: in the exchange's upper case.
        conv_type: the number type of the snapshots.
    """

    def __init__(
        self, client: AsyncClient, market: Market, symbol: str, conv_type: type[N]
    ) -> None:
        self._client = client
        self._market = market
        self._symbol = symbol
        self._conv_type: type[N] = conv_type

    async def needed_snapshot(self, limit: int, tell: Callable[[str], None]) -> Snapshot[N]:
        """Fetch a snapshot that a book can't do without; tell meanwhile what is waited for.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as `AsyncClient.snapshot` does.
        """
        asking = self._snapshot(limit, Urgency.NEEDED)
        return await _attended(asking, TELL, lambda: tell(self._what_is_awaited()))

    async def snapshot(self, limit: int, urgency: Urgency) -> Snapshot[N]:
        """Fetch a snapshot to compare a live book with.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as `AsyncClient.snapshot` does; also
                if the exchange wants silence for long.
        """
        return await self._unless_silenced(self._snapshot(limit, urgency))

    async def info(self) -> SymbolInfo | None:
        """Ask what the exchange says of the symbol; None: it no longer lists it.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as `AsyncClient.symbol_info` does;
                also if the exchange wants silence for long.
        """
        return await self._unless_silenced(self._client.symbol_info(self._market, self._symbol))

    async def _snapshot(self, limit: int, urgency: Urgency) -> Snapshot[N]:
        return await self._client.snapshot(
            self._market, self._symbol, limit, self._conv_type, urgency
        )

    def _what_is_awaited(self) -> str:
        silent = self._client.silent_for(self._market)
        turn = self._client.outlook(self._market)
        if silent > TELL:
            return f"{self._ban(silent)}the exchange may be asked again in {silent:.0f} s"
        if turn > TELL:
            return f"waiting for request weight, {turn:.0f} s at the most"
        return "waiting for the snapshot"

    def _ban(self, silent: float) -> str:
        until = self._client.banned_until(self._market)
        return f"banned until {clock_time(until, silent)}; " if until else ""

    async def _unless_silenced(self, asking: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer, but not for long while the exchange wants silence.

        Whoever doubts a live book must know soon that the question can't even be asked.
        """

        def give_up_if_silenced() -> None:
            if silent := self._client.silent_for(self._market):
                raise UnreachableError(
                    f"{self._ban(silent)}nothing may be asked for {silent:.0f} s"
                )

        return await _attended(asking, UNANSWERED, give_up_if_silenced)


async def _attended(asking: Coroutine[Any, Any, T], every: float, attend: Callable[[], None]) -> T:
    """Wait for an answer, and call a function every so many seconds until it is there."""
    task = asyncio.create_task(asking)
    try:
        while not (await asyncio.wait([task], timeout=every))[0]:
            attend()
        return task.result()
    finally:
        task.cancel()
