"""The commands' client: it keeps the names of all symbols that it sees, for the completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthcli.client import AsyncClient
from depthcli.symbol_cache import remember

if TYPE_CHECKING:
    from depthcli.environment import Environment
    from depthcli.markets import Market
    from depthcli.messages import ExchangeInfo


class RememberingClient(AsyncClient):
    """A client that keeps the names of a market's trading symbols whenever it fetches all."""

    async def exchange_info(self, market: Market) -> ExchangeInfo:
        """Fetch all symbols of a market, as any client does, and keep their names."""
        info = await super().exchange_info(market)
        names = [known.symbol for known in info.listed if known.trading]
        remember(market.name, self.rest_origin(market), names)
        return info


def client_of(environment: Environment) -> RememberingClient:
    """Return a client of that environment.

    Raises:
        UsageError: a URL isn't an origin.
    """
    return RememberingClient(
        tld=environment.tld,
        testnet=environment.testnet,
        rest_url=environment.rest_url,
        ws_url=environment.ws_url,
    )
