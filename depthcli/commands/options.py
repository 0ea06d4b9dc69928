"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from depthcli.commands.completion import complete_market, complete_symbol
from depthcli.commands.help import EXCHANGE, KEEP_UP, OUTPUT, WEB

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
