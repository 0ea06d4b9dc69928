"""The arguments and options that several commands share, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from depthcli.commands.completion import complete_market, complete_symbol
from depthcli.commands.help import EXCHANGE, KEEP_UP, OUTPUT, WEB
from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthcli.core.markets import Market
    from depthcli.settings.environment import Environment


_symbols = typer.Argument(
    help="Such as BNBBTC usdm:BTCUSDT; bnb/btc and bnb-btc are understood.",
    show_default=False,
    autocompletion=complete_symbol,
)
Symbols = Annotated[list[str], _symbols]
SymbolsIfAny = Annotated[list[str] | None, _symbols]
Pattern = Annotated[
    str | None,
    typer.Argument(
        help="Part of a name, such as bnb, or a pattern, such as 'BTC*'. [default: all]",
        show_default=False,
        autocompletion=complete_symbol,
    ),
]
MarketName = Annotated[
    str,
    typer.Option(
        "--market",
        "-m",
        help="spot, usdm, coinm or options: of symbols that don't say theirs.",
        metavar="NAME",
        autocompletion=complete_market,
        rich_help_panel=EXCHANGE,
    ),
]
Options = Annotated[
    bool,
    typer.Option(
        "--options", help="Short for --market options: vanilla options.", rich_help_panel=EXCHANGE
    ),
]
Testnet = Annotated[
    bool, typer.Option("--testnet", help="On the exchange's testnet.", rich_help_panel=EXCHANGE)
]
Tld = Annotated[
    Literal["com", "us", "vision"] | None,
    typer.Option(
        help="us: binance.us; vision: the hosts for market data only.  [default: com]",
        show_default=False,
        rich_help_panel=EXCHANGE,
    ),
]
RestUrl = Annotated[
    str | None,
    typer.Option(
        help="Origin of another exchange, such as http://127.0.0.1:8901.",
        envvar="DEPTHCLI_REST_URL",
        metavar="URL",
        rich_help_panel=EXCHANGE,
    ),
]
WsUrl = Annotated[
    str | None,
    typer.Option(
        help="Origin of its WebSockets, such as ws://127.0.0.1:8901.",
        envvar="DEPTHCLI_WS_URL",
        metavar="URL",
        rich_help_panel=EXCHANGE,
    ),
]
RefreshInterval = Annotated[
    float,
    typer.Option(
        help="Seconds between two snapshots that are compared with the book and replace it;"
        " 0: never.",
        min=0,
        metavar="SECONDS",
        rich_help_panel=KEEP_UP,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        help="Levels a side of a snapshot.  [default: from --depth and the number of symbols]",
        min=1,
        metavar="LEVELS",
        show_default=False,
        rich_help_panel=KEEP_UP,
    ),
]
UpdateSpeed = Annotated[
    int | None,
    typer.Option(
        help="Update speed of the stream, ms.  [default: the market's fastest]",
        min=1,
        metavar="MS",
        show_default=False,
        rich_help_panel=KEEP_UP,
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        help="Write to this file what happens to the books and the connections.",
        dir_okay=False,
        metavar="FILE",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Web = Annotated[
    bool,
    typer.Option(
        "--web",
        help="Serve the screen to browsers, each tab its own. Ctrl-C ends it.",
        rich_help_panel=WEB,
    ),
]
WebHost = Annotated[
    str,
    typer.Option(
        help="With --web: the address to listen at; another than loopback lets others in.",
        metavar="ADDRESS",
        rich_help_panel=WEB,
    ),
]
WebPort = Annotated[
    int,
    typer.Option(
        help="With --web: its port; 0: any that is free.", min=0, max=65535, rich_help_panel=WEB
    ),
]


def environment_of(context: typer.Context) -> Environment:
    """Return the environment that a command's options and the environment variables name.

    An option on the command line wins over the variables, as is usual.

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

    # What the configuration file says gives way to --options.
    settled = name == context.params.get("market") and not typed(context, "market")
    market = market_named("spot" if options and settled else name)
    if options and market.name not in {"spot", OPTIONS.name}:
        raise UsageError(f"--options and --market {name} exclude each other")
    return OPTIONS if options else market


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


def symbols_or_usual(context: typer.Context, symbols: Sequence[str] | None) -> list[str]:
    """Return what was typed; else what the configuration names, else what was watched last.

    Where nothing was typed, standard error says what was taken.

    Raises:
        UsageError: there is neither.
    """
    from depthcli.settings.workspaces import Workspaces

    if symbols:
        if _source(context, "symbols") == "DEFAULT_MAP":
            _say_taken(symbols, "the configuration file names")
        return list(symbols)
    last = Workspaces().read_last()
    names = [symbol.name.removeprefix("spot:") for symbol in last.symbols] if last else []
    if not names:
        command = context.info_name
        raise UsageError(
            f"name a symbol: depthcli {command} BNBBTC; or name the usual ones in the configuration"
            ' file, with symbols = ["BNBBTC"] below [exchange]: depthcli config edit'
        )
    _say_taken(names, "you watched last")
    return names


def _say_taken(symbols: Sequence[str], whose: str) -> None:
    names = " ".join(printable(name) for name in symbols)
    typer.echo(f"depthcli: no symbol was named; taking those that {whose}: {names}", err=True)
