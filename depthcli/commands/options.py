"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from depthcli.commands.completion import complete_market, complete_symbol
from depthcli.commands.help import EXCHANGE, KEEP_UP, OUTPUT, WEB

SymbolsIfAny = Annotated[
    list[str] | None,
    typer.Argument(
        help="Symbols, such as BNBBTC, bnb/btc or usdm:BTCUSDT.  [default: those in the"
        " configuration file, else those watched last]",
        metavar="SYMBOL",
        show_default=False,
        autocompletion=complete_symbol,
    ),
]
Pattern = Annotated[
    str | None,
    typer.Argument(
        help="Part of a name, such as bnb, or a pattern, such as 'BTC*'.  [default: all]",
        metavar="PATTERN",
        show_default=False,
        autocompletion=complete_symbol,
    ),
]
MarketName = Annotated[
    str,
    typer.Option(
        "--market",
        "-m",
        help="Market of the symbols without a prefix: spot, usdm, coinm or options.",
        metavar="NAME",
        autocompletion=complete_market,
        rich_help_panel=EXCHANGE,
    ),
]
Options = Annotated[
    bool,
    typer.Option(
        "--options", help="Vanilla options; short for --market options.", rich_help_panel=EXCHANGE
    ),
]
Testnet = Annotated[
    bool, typer.Option("--testnet", help="Use the exchange's testnet.", rich_help_panel=EXCHANGE)
]
Tld = Annotated[
    Literal["com", "us", "vision"] | None,
    typer.Option(
        help="com: binance.com; us: binance.us; vision: its market-data hosts.  [default: com]",
        show_default=False,
        rich_help_panel=EXCHANGE,
    ),
]
RestUrl = Annotated[
    str | None,
    typer.Option(
        help="REST origin of another exchange, such as http://127.0.0.1:8901.",
        envvar="DEPTHCLI_REST_URL",
        metavar="URL",
        rich_help_panel=EXCHANGE,
    ),
]
WsUrl = Annotated[
    str | None,
    typer.Option(
        help="WebSocket origin of another exchange, such as ws://127.0.0.1:8901.",
        envvar="DEPTHCLI_WS_URL",
        metavar="URL",
        rich_help_panel=EXCHANGE,
    ),
]
RefreshInterval = Annotated[
    float,
    typer.Option(
        help="Seconds between refreshes, when a new snapshot is compared with the book and"
        " replaces it; 0: never.",
        min=0,
        metavar="SECONDS",
        rich_help_panel=KEEP_UP,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        help="Levels per side to request in a snapshot.  [default: from the depth and the"
        " number of symbols]",
        min=1,
        metavar="LEVELS",
        show_default=False,
        rich_help_panel=KEEP_UP,
    ),
]
UpdateSpeed = Annotated[
    int | None,
    typer.Option(
        help="Milliseconds between updates, such as 100 or 1000.  [default: the market's fastest]",
        min=1,
        metavar="MS",
        show_default=False,
        rich_help_panel=KEEP_UP,
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        help="Log what happens to books and connections to this file.",
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
        help="Serve the screen to browsers until Ctrl-C; each tab has its own.",
        rich_help_panel=WEB,
    ),
]
WebHost = Annotated[
    str,
    typer.Option(
        help="With --web: address to listen on. Anyone who can reach it can use it.",
        metavar="ADDRESS",
        rich_help_panel=WEB,
    ),
]
WebPort = Annotated[
    int,
    typer.Option(
        help="With --web: port to listen on; 0: any free port.",
        min=0,
        max=65535,
        metavar="N",
        rich_help_panel=WEB,
    ),
]
