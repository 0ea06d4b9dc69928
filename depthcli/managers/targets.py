"""Symbols of several markets: looked up together, and sized so that the weight suffices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from depthcli.core.markets import MARKETS, Market
from depthcli.core.symbols import Target
from depthcli.errors import DepthcliError, UnknownSymbolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from depthcli.core.exchange_info import SymbolInfo
    from depthcli.exchange.client import AsyncClient

DEPTH: Final = 1_000
"""Levels a side that are asked for: the market may move far before the next refresh."""

SHARE: Final = 0.5
"""The share of a minute's request weight that the first snapshots may take together."""

ELSEWHERE_TIMEOUT: Final = 2.0
"""Seconds for which other markets are asked whether they have a symbol that one hasn't."""


def by_market(targets: Iterable[Target]) -> dict[Market, list[str]]:
    """Return the symbols of each market, in order."""
    wanted: dict[Market, list[str]] = {}
    for market, symbol in targets:
        wanted.setdefault(market, []).append(symbol)
    return wanted


def snapshot_limit(
    market: Market, targets: Iterable[Target], depth: int | None, limit: int | None = None
) -> int:
    """Return how many levels a side to ask a market for.

    What is followed in all markets that share its pool of request weight has to fit into it.

    Args:
        market: whose snapshot it is.
        targets: all symbols that are followed from the start.
        depth: levels a side that are wanted at any time.
        limit: what the user wants, whatever it costs; None: what there is weight for.
    """
    if limit is not None:
        return market.fit_limit(limit)
    sharing = [one for one, _ in targets if one.weight_pool == market.weight_pool]
    chosen = market.fit_limit(max(DEPTH, 2 * (depth or 0)))
    cheaper = [known for known in market.limits if known < chosen]
    while cheaper and _weight(sharing, chosen) > SHARE * market.weight_per_minute:
        chosen = cheaper.pop()
    return chosen


def _weight(markets: Iterable[Market], limit: int) -> int:
    """Return the weight of a snapshot of so many levels from each of those markets."""
    return sum(market.weight(market.fit_limit(limit)) for market in markets)


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
