"""The exchange that a command uses: one of Binance's, or one of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from depthcli.core.markets import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The addresses of a command's exchange.

    Attributes:
        tld: `com`, `us` or `vision`.
        testnet: the exchange's testnet instead.
        rest_url: origin of an exchange of the user's own; empty: none, whatever the environment
            variable says; None: as the variable says.
        ws_url: the same for WebSockets.
    """

    tld: str = "com"
    testnet: bool = False
    rest_url: str | None = None
    ws_url: str | None = None

    @property
    def title(self) -> str:
        """The exchange's name on the screen; empty for the default one."""
        if self.rest_url:
            return urlsplit(self.rest_url).netloc
        if self.testnet:
            return "testnet"
        return {"com": "", "us": "binance.us", "vision": "market data only"}[self.tld]

    def rest_origin(self, market: Market) -> str | None:
        """Return `scheme://host` of a market's REST interface, or None where there is none.

        It is what `AsyncClient.rest_origin` gives, without the time that loading a client takes.
        """
        if self.rest_url:
            return self.rest_url.rstrip("/")
        origins = market.origins.get("testnet" if self.testnet else self.tld)
        return origins.rest if origins else None
