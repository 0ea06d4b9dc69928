"""Resolves options to an exchange, a market and symbols.

An option on the command line wins over an environment variable, that over the configuration file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.markets import Market
    from depthcli.core.symbols import Target
    from depthcli.settings.environment import Environment


def environment_of(context: typer.Context) -> Environment:
    """Return the exchange that the options and the environment variables name.

    An option on the command line wins over the variables.

    Raises:
        UsageError: two options name different ones.
    """
    from depthcli.settings.environment import Environment

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
    from depthcli.core.markets import OPTIONS, market_named

    # --options wins over the market of the configuration file.
    settled = name == context.params.get("market") and not typed(context, "market")
    market = market_named("spot" if options and settled else name)
    if options and market.name not in {"spot", OPTIONS.name}:
        raise UsageError(f"--options and --market {name} exclude each other")
    return OPTIONS if options else market


def market_was_said(context: typer.Context, options: bool) -> bool:
    """Return whether `--market` or `--options` was given."""
    return options or typed(context, "market")


def targets_for(
    context: typer.Context, symbols: Sequence[str], market: str, options: bool
) -> tuple[Target, ...]:
    """Return the symbols with their markets, each once, in order.

    Raises:
        UsageError: there is no such market, a symbol can't be one, or two markets are named for it.
    """
    from depthcli.core.symbols import targets_of

    said = market_was_said(context, options)
    return targets_of(symbols, market_of(context, market, options), market_was_said=said)


def typed(context: typer.Context, name: str) -> bool:
    """Return whether an option was given on the command line or in the environment."""
    return _source(context, name) in {"COMMANDLINE", "ENVIRONMENT"}


def on_command_line(context: typer.Context, name: str) -> bool:
    """Return whether an argument was given on the command line."""
    return _source(context, name) == "COMMANDLINE"


def _said(context: typer.Context) -> dict[str, Any]:
    """Return the options that name an exchange; those of the configuration file come last."""
    said = {name: context.params.get(name) for name in ("tld", "testnet", "rest_url", "ws_url")}
    if any(said[name] and typed(context, name) for name in said):
        for name in said:
            if _source(context, name) == "DEFAULT_MAP":
                said[name] = None
    return said


def _source(context: typer.Context, name: str) -> str:
    return getattr(context.get_parameter_source(name), "name", "")


def symbols_or_usual(context: typer.Context, symbols: Sequence[str] | None) -> list[str]:
    """Return the symbols given, else those of the configuration file, else those watched last.

    If none were given, standard error says which are used. What was watched last keeps its markets;
    if a market is named, only symbols of that market count.

    Raises:
        UsageError: there is neither, or nothing of the market that was named.
    """
    from depthcli.settings.workspaces import Workspaces

    if symbols:
        if _source(context, "symbols") == "DEFAULT_MAP":
            _say_taken(symbols, "in the configuration file")
        return list(symbols)
    last = Workspaces().read_last()
    watched = [symbol.name for symbol in last.symbols] if last else []
    options = bool(context.params["options"])
    market = market_of(context, context.params["market"], options).name
    said = market_was_said(context, options)
    names = [name for name in watched if not said or name.startswith(f"{market}:")]
    if not names:
        command = context.info_name
        other = f"nothing that you watched last is of market {market}; " if watched else ""
        raise UsageError(
            f"{other}name a symbol: depthcli {command} BNBBTC; or name the usual ones in the"
            ' configuration file, with symbols = ["BNBBTC"] below [exchange]: depthcli config edit'
        )
    _say_taken(names, "you watched last")
    return names


def _say_taken(symbols: Sequence[str], whose: str) -> None:
    names = " ".join(printable(name) for name in symbols)
    typer.echo(f"depthcli: no symbols given; using those {whose}: {names}", err=True)
