"""`depthcli symbols`: what can be traded, listed and searched."""

import sys
from typing import Annotated, Literal

import typer

from depthcli.commands import exit_codes
from depthcli.commands.completion import complete_market
from depthcli.commands.context import environment_of, market_of, market_was_said
from depthcli.commands.help import EXCHANGE, OUTPUT, SHOW
from depthcli.commands.options import Options, Pattern, RestUrl, Testnet, Tld, WsUrl
from depthcli.commands.signals import run

EXAMPLES = """\
depthcli symbols 'BNB*'  # symbols that start with BNB
depthcli symbols --options --underlying BTCUSDT --expiry nearest --side call  # the next calls
"""


def symbols(
    context: typer.Context,
    pattern: Pattern = None,
    *,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per line instead of a table.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    market: Annotated[
        str,
        typer.Option(
            "--market",
            "-m",
            help="Market: spot, usdm, coinm, options or all.",
            metavar="NAME",
            autocompletion=complete_market,
            rich_help_panel=EXCHANGE,
        ),
    ] = "spot",
    options: Options = False,
    underlying: Annotated[
        str | None,
        typer.Option(
            help="Options and futures: only those on this underlying, such as BTCUSDT.",
            metavar="PAIR",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    expiry: Annotated[
        str | None,
        typer.Option(
            help="Options and futures: only this expiry: 261225, 2026-12-25 or nearest.",
            metavar="DATE",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    side: Annotated[
        Literal["call", "put"] | None,
        typer.Option(
            help="Options: only calls or only puts.", show_default=False, rich_help_panel=SHOW
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", "-a", help="Include symbols that aren't trading now.", rich_help_panel=SHOW
        ),
    ] = False,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    testnet: Testnet = False,
    tld: Tld = None,
) -> None:
    """List and search the exchange's symbols. Exit code 1: no symbol matches."""
    from depthcli.commands.listing import Search, list_symbols
    from depthcli.core.markets import MARKETS, OPTIONS
    from depthcli.core.symbols import names_market_by_ending, split_market, two_markets
    from depthcli.settings.logs import log_to

    log_to(None)
    named, wanted = split_market(pattern or "")
    said = OPTIONS.name if options else market
    by_ending = names_market_by_ending(pattern or "") and said not in {"all", named}
    if by_ending and market_was_said(context, options):
        raise two_markets(pattern or "", said)
    market = market if named is None else named
    search = Search(
        pattern=wanted,
        underlying=underlying,
        expiry=expiry,
        side=side,
        everything=everything,
    )
    markets = tuple(MARKETS.values()) if market == "all" else (market_of(context, market, options),)
    listing = list_symbols(
        search,
        markets,
        environment_of(context),
        as_json=as_json,
        out=sys.stdout,
        notes=sys.stderr,
    )
    if not run(listing):
        raise typer.Exit(exit_codes.NOTHING_FOUND)
