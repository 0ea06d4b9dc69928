"""The commands' client, which caches the names of symbols for shell completion."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from depthcli.errors import DepthcliError
from depthcli.exchange.client import AsyncClient
from depthcli.settings.symbol_cache import is_fresh, remember

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.exchange_info import ExchangeInfo
    from depthcli.core.markets import Market
    from depthcli.settings.environment import Environment

logger = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds before names are renewed in the background, so that the user's own requests go first."""


class CachingClient(AsyncClient):
    """A client that caches the names of a market's trading symbols when it fetches all."""

    async def exchange_info(self, market: Market) -> ExchangeInfo:
        """Fetch all symbols of a market, and cache their names."""
        info = await super().exchange_info(market)
        names = [known.symbol for known in info.listed if known.trading]
        remember(market.name, self.rest_origin(market), names)
        return info


def client_of(environment: Environment) -> CachingClient:
    """Return a client of that environment.

    Raises:
        UsageError: a URL isn't an origin.
    """
    return CachingClient(
        tld=environment.tld,
        testnet=environment.testnet,
        rest_url=environment.rest_url,
        ws_url=environment.ws_url,
    )


async def renew_names(
    environment: Environment, markets: Iterable[Market], after: float = PATIENCE
) -> None:
    """Fetch all symbols of those markets whose names on disk are missing or older than a day.

    Args:
        environment: where the exchange is.
        markets: whose names are wanted.
        after: seconds to wait first. A failure is only logged.
    """
    await asyncio.sleep(after)
    async with client_of(environment) as client:
        for market in markets:
            try:
                if not is_fresh(market.name, client.rest_origin(market)):
                    await client.exchange_info(market)
            except DepthcliError as error:
                logger.info("the names of %s weren't renewed: %s", market.name, error)
