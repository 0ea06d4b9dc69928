"""Which exchange a command talks to: the exchange's own, or one of the user's; and which market."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from depthcli.core.markets import OPTIONS, market_named
from depthcli.errors import UsageError

if TYPE_CHECKING:
    import typer

    from depthcli.core.markets import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a command's exchange is.

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
        """What is worth telling a user who knows the market: empty for the usual exchange."""
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


def environment_of(context: typer.Context) -> Environment:
    """Return the environment that a command's options and the environment variables name.

    An option on the command line wins over the variables, as is usual.

    Raises:
        UsageError: two options name different ones.
    """
    options = _said(context)
    tld, testnet = options.get("tld"), bool(options.get("testnet"))
    urls: dict[str, str | None] = {name: options.get(name) for name in ("rest_url", "ws_url")}
    own = [name for name, url in urls.items() if url and _source(context, name) != "ENVIRONMENT"]
    named = ["--testnet"] * testnet + ["--tld"] * (tld is not None)
    named += [f"--{name.replace('_', '-')}" for name in own]
    if len(named) > 1 and len(named) > len(own):
        raise UsageError(f"{named[0]} and {named[1]} exclude each other")
    if named and not own:
        return Environment(tld=tld or "com", testnet=testnet, rest_url="", ws_url="")
    return Environment(rest_url=urls["rest_url"], ws_url=urls["ws_url"])


def market_of(context: typer.Context, name: str, options: bool) -> Market:
    """Return the market that a command's `--market` and `--options` name.

    Raises:
        UsageError: there is no such market, or the two exclude each other.
    """
    # What the configuration file says gives way to --options.
    settled = name == context.params.get("market") and not typed(context, "market")
    market = market_named("spot" if options and settled else name)
    if options and market.name not in {"spot", OPTIONS.name}:
        raise UsageError(f"--options and --market {name} exclude each other")
    return OPTIONS if options else market


def market_was_said(context: typer.Context, options: bool) -> bool:
    """Return whether the user named a market beside the symbols, with `--market` or `--options`."""
    return options or typed(context, "market")


def typed(context: typer.Context, name: str) -> bool:
    """Return whether an option was said on the command line or in the environment."""
    return _source(context, name) in {"COMMANDLINE", "ENVIRONMENT"}


def on_command_line(context: typer.Context, name: str) -> bool:
    """Return whether an argument was typed: not what the environment or the file says."""
    return _source(context, name) == "COMMANDLINE"


def _said(context: typer.Context) -> dict[str, Any]:
    """Return the options that name an exchange; those of the configuration file give way."""
    said = {name: context.params.get(name) for name in ("tld", "testnet", "rest_url", "ws_url")}
    if any(said[name] and typed(context, name) for name in said):
        for name in said:
            if _source(context, name) == "DEFAULT_MAP":
                said[name] = None
    return said


def _source(context: typer.Context, name: str) -> str:
    return getattr(context.get_parameter_source(name), "name", "")
