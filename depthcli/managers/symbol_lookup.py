"""What the exchange says of symbols, asked of several markets at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from depthcli.core.markets import MARKETS
from depthcli.core.symbols import Target
from depthcli.errors import DepthcliError, UnknownSymbolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from depthcli.core.markets import Market
    from depthcli.core.messages import SymbolInfo
    from depthcli.exchange.client import AsyncClient

ELSEWHERE_TIMEOUT: Final = 2.0
"""Seconds for which other markets are asked whether they have a symbol that one hasn't."""


def by_market(targets: Iterable[Target]) -> dict[Market, list[str]]:
    """Return the symbols of each market, in order."""
    wanted: dict[Market, list[str]] = {}
    for market, symbol in targets:
        wanted.setdefault(market, []).append(symbol)
    return wanted


async def look_up(
    client: AsyncClient, wanted: Mapping[Market, list[str]]
) -> dict[Target, SymbolInfo]:
    """Return what the exchange says of the symbols of several markets, asked at the same time.

    Raises:
        UnknownSymbolError: one doesn't exist; it carries the near names, also of other markets.
        UsageError: a market isn't there in this environment.
        ExchangeError, UnreachableError, BadMessageError: as for `AsyncClient.look_up`; with several
            markets, a note says which it was.
    """
    answers = await asyncio.gather(
        *[client.look_up(market, symbols) for market, symbols in wanted.items()],
        return_exceptions=True,
    )
    infos: dict[Target, SymbolInfo] = {}
    for market, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, UnknownSymbolError):
            raise await _with_other_markets(client, market, answer)
        if isinstance(answer, BaseException):
            if len(wanted) > 1:
                answer.add_note(f"market {market.name}")
            raise answer
        infos |= {Target(market, info.symbol): info for info in answer}
    return infos


async def _with_other_markets(
    client: AsyncClient, market: Market, error: UnknownSymbolError
) -> UnknownSymbolError:
    """Return the error with the other markets that have the symbol first among the near names."""

    async def has_it(other: Market) -> bool:
        try:
            async with asyncio.timeout(ELSEWHERE_TIMEOUT):
                info = await client.exchange_info(other)
        except (DepthcliError, TimeoutError):
            return False
        return any(known.symbol == error.symbol for known in info.listed)

    others = [other for other in MARKETS.values() if other is not market]
    have_it = await asyncio.gather(*map(has_it, others))
    elsewhere = [
        str(Target(other, error.symbol)) for other, has in zip(others, have_it, strict=True) if has
    ]
    return UnknownSymbolError(error.symbol, market.name, elsewhere + error.near)
