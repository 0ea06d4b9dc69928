"""The commands about the exchange itself: `symbols` lists it, `simulate` is one.

As in `book_commands`, what a command needs is imported inside it.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from depthcli.commands import exit_codes
from depthcli.commands.completion import complete_market
from depthcli.commands.options import Options, Pattern, RestUrl, Testnet, Tld, WsUrl
from depthcli.commands.running import run


def symbols(
    context: typer.Context,
    pattern: Pattern = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a line, instead of a table for people.")
    ] = False,
    market: Annotated[
        str,
        typer.Option(
            "--market",
            "-m",
            help="spot, usdm, coinm, options or all.",
            metavar="NAME",
            autocompletion=complete_market,
        ),
    ] = "spot",
    options: Options = False,
    underlying: Annotated[
        str | None,
        typer.Option(
            help="Options and futures: only those on it, such as BTCUSDT.",
            metavar="PAIR",
            show_default=False,
        ),
    ] = None,
    expiry: Annotated[
        str | None,
        typer.Option(
            help="Options and futures: only those that expire then: 261225, 2026-12-25, nearest.",
            metavar="DATE",
            show_default=False,
        ),
    ] = None,
    side: Annotated[
        Literal["call", "put"] | None,
        typer.Option(help="Options: only calls, or only puts.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also those that aren't trading now.")
    ] = False,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    testnet: Testnet = False,
    tld: Tld = None,
) -> None:
    """List and search the exchange's symbols. Exit code 1: none matches."""
    from depthcli.commands.symbols import Search, list_symbols
    from depthcli.core.markets import MARKETS, OPTIONS
    from depthcli.core.symbols import names_market_by_ending, split_market, two_markets
    from depthcli.settings.environment import environment_of, market_of, market_was_said
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


def simulate(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            help="The symbols to trade, such as BNBBTC or usdm:BTCUSDT.  [default: some twenty]",
            show_default=False,
        ),
    ] = None,
    *,
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 0,
    market: Annotated[
        list[str] | None,
        typer.Option(
            "--market",
            "-m",
            help="spot, usdm, coinm, options, several with commas between, or all."
            "  [default: spot, or the capture's]",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The order flow's seed.")] = 1,
    capture: Annotated[
        Path | None,
        typer.Option(
            help="Serve a recording instead: JSON lines of raw answers and frames, gzip or not.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            help="With --capture: so many times the recorded pace.", min=0.01, metavar="X"
        ),
    ] = 1.0,
    faults: Annotated[
        str | None,
        typer.Option(
            help="Misbehave by chance, such as drop:0.01,duplicate:0.01 (see the README).",
            metavar="PLAN",
            show_default=False,
        ),
    ] = None,
    lifetime: Annotated[
        float,
        typer.Option(
            help="Close each WebSocket after so long, as the real exchange does after 24 hours.",
            min=0.1,
            metavar="SECONDS",
        ),
    ] = 86_400,
    snapshot_age: Annotated[
        float | None,
        typer.Option(
            help="Snapshots of options are cached for so long.  [default: 2]",
            min=0,
            metavar="SECONDS",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run an exchange on this machine, over real HTTP and WebSocket. Ctrl-C ends it."""
    from depthcli.settings.logs import log_to
    from depthcli.simulator.serving import serve

    log_to(None)
    run(
        serve(
            symbols or [],
            port=port,
            market_names=market or [],
            seed=seed,
            capture=capture,
            speed=speed,
            faults=faults,
            lifetime=lifetime,
            snapshot_age=snapshot_age,
        )
    )
