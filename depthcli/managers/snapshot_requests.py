"""Requests about one symbol, which report or give up while they have to wait."""

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

REPORT_INTERVAL: Final = 1.0
"""Seconds between two reports of what a book is waiting for."""

GIVE_UP_AFTER: Final = 20.0
"""Seconds after which a request is given up while the exchange forbids requests."""


class SnapshotRequester(Generic[N]):
    """Sends requests about one symbol.

    Args:
        client: sends the requests.
        market: of the symbol.
        symbol: in upper case, as the exchange writes it.
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
        """Fetch a snapshot that a book needs, however long it takes.

        Args:
            limit: levels per side.
            tell: called once a second with what the request is waiting for.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as for `AsyncClient.snapshot`.
        """
        request = self._snapshot(limit, Urgency.NEEDED)
        return await _await_checking(
            request, REPORT_INTERVAL, lambda: tell(self._what_is_awaited())
        )

    async def snapshot(self, limit: int, urgency: Urgency) -> Snapshot[N]:
        """Fetch a snapshot to compare with a live book.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as for `AsyncClient.snapshot`; also
                UnreachableError if the exchange forbids requests for long.
        """
        return await self._unless_forbidden(self._snapshot(limit, urgency))

    async def info(self) -> SymbolInfo | None:
        """Fetch the exchange's entry for the symbol; None if it is no longer listed.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as for `AsyncClient.symbol_info`;
                also UnreachableError if the exchange forbids requests for long.
        """
        return await self._unless_forbidden(self._client.symbol_info(self._market, self._symbol))

    async def _snapshot(self, limit: int, urgency: Urgency) -> Snapshot[N]:
        return await self._client.snapshot(
            self._market, self._symbol, limit, self._conv_type, urgency
        )

    def _what_is_awaited(self) -> str:
        silent = self._client.silent_for(self._market)
        turn = self._client.outlook(self._market)
        if silent > REPORT_INTERVAL:
            return f"{self._ban(silent)}the exchange may be asked again in {silent:.0f} s"
        if turn > REPORT_INTERVAL:
            return f"waiting for request weight, {turn:.0f} s at the most"
        return "waiting for the snapshot"

    def _ban(self, silent: float) -> str:
        until = self._client.banned_until(self._market)
        return f"banned until {clock_time(until, silent)}; " if until else ""

    async def _unless_forbidden(self, request: Coroutine[Any, Any, T]) -> T:
        """Await a request, but not for long while the exchange forbids requests.

        A doubtful book must learn soon that it can't be checked.
        """

        def give_up_if_forbidden() -> None:
            if silent := self._client.silent_for(self._market):
                raise UnreachableError(
                    f"{self._ban(silent)}nothing may be asked for {silent:.0f} s"
                )

        return await _await_checking(request, GIVE_UP_AFTER, give_up_if_forbidden)


async def _await_checking(
    request: Coroutine[Any, Any, T], every: float, check: Callable[[], None]
) -> T:
    """Await a request, and call a function every so many seconds until it is done."""
    task = asyncio.create_task(request)
    try:
        while not (await asyncio.wait([task], timeout=every))[0]:
            check()
        return task.result()
    finally:
        task.cancel()
