"""The commands: they parse, wire and print, and decide nothing.

What a command needs is imported inside it, so that `--help` and `--version` are quick and `dump`
doesn't pay for the screen.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from depthcli import __version__, exit_codes
from depthcli.errors import DepthcliError, UsageError
from depthcli.schedule import DEFAULT_REFRESH

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from depthcli.markets import Market

app = typer.Typer(
    name="depthcli",
    help="Live market depth in a terminal, from an order book that is provably the exchange's.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Symbols = Annotated[
    list[str],
    typer.Argument(help="Such as BNBBTC; bnb/btc and bnb-btc are understood.", show_default=False),
]
MarketName = Annotated[
    str, typer.Option("--market", "-m", help="spot, usdm, coinm or options.", metavar="NAME")
]
Options = Annotated[
    bool, typer.Option("--options", help="Short for --market options: vanilla options.")
]
RestUrl = Annotated[
    str | None,
    typer.Option(
        help="Origin of another exchange, such as http://127.0.0.1:8901.",
        envvar="DEPTHCLI_REST_URL",
        metavar="URL",
    ),
]
WsUrl = Annotated[
    str | None,
    typer.Option(
        help="Origin of its WebSockets, such as ws://127.0.0.1:8901.",
        envvar="DEPTHCLI_WS_URL",
        metavar="URL",
    ),
]
RefreshInterval = Annotated[
    float,
    typer.Option(
        help="Seconds between two snapshots that are compared with the book and replace it;"
        " 0: never.",
        min=0,
        metavar="SECONDS",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        help="Levels a side of a snapshot.  [default: from --depth and the number of symbols]",
        min=1,
        metavar="LEVELS",
        show_default=False,
    ),
]
UpdateSpeed = Annotated[
    int | None,
    typer.Option(
        help="Update speed of the stream, ms.  [default: the market's fastest]",
        min=1,
        metavar="MS",
        show_default=False,
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        help="Write to this file what happens to the books and the connections.",
        dir_okay=False,
        metavar="FILE",
        show_default=False,
    ),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"depthcli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def watch(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            help="Such as BNBBTC ETHBTC; bnb/btc and bnb-btc are understood.", show_default=False
        ),
    ] = None,
    *,
    depth: Annotated[
        int, typer.Option("--depth", "-d", help="Levels a side to show.", min=1, max=1000)
    ] = 5,
    fps: Annotated[float, typer.Option(help="Repaints a second at the most.", min=1, max=60)] = 10,
    demo: Annotated[
        bool, typer.Option("--demo", help="On an embedded exchange: no network is needed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="With --demo: the order flow's seed.")] = 1,
    market: MarketName = "spot",
    options: Options = False,
    refresh_interval: RefreshInterval = DEFAULT_REFRESH,
    limit: Limit = None,
    update_speed: UpdateSpeed = None,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    log_file: LogFile = None,
) -> None:
    """Show live depth, a panel a symbol. [bold]q[/] leaves, [bold]?[/] explains."""
    from depthcli.following import Following
    from depthcli.watch import watch as watch_books

    if not symbols:
        if not demo:
            raise UsageError(
                "name a symbol: depthcli watch BNBBTC ETHBTC; or try: depthcli watch --demo"
            )
        symbols = ["BNBBTC", "ETHBTC", "BTCUSDT", "SOLUSDT"]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("watch needs a terminal; for programs and pipes there is: depthcli dump")
    _log_to(log_file)
    following = Following(
        market=_market(market, options),
        symbols=tuple(symbols),
        depth=depth,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        rest_url=rest_url,
        ws_url=ws_url,
    )
    _run(watch_books(following, depth=depth, fps=fps, demo_seed=seed if demo else None))


@app.command()
def dump(
    symbols: Symbols,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a line, instead of tables for people.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on: a line for each change of a book.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", "-n", help="End after so many lines.", min=1, metavar="N", show_default=False
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            "-d",
            help="Levels a side.  [default: with --json all that the snapshot covers, else 10]",
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for the first book.", min=0.1, metavar="SECONDS")
    ] = 30,
    market: MarketName = "spot",
    options: Options = False,
    refresh_interval: RefreshInterval = DEFAULT_REFRESH,
    limit: Limit = None,
    update_speed: UpdateSpeed = None,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    log_file: LogFile = None,
) -> None:
    """Print books for programs, one a line, and nothing else on standard output."""
    from depthcli.dump import TEXT_DEPTH, dump as dump_books
    from depthcli.following import Following

    _log_to(log_file)
    following = Following(
        market=_market(market, options),
        symbols=tuple(symbols),
        depth=depth if as_json else depth or TEXT_DEPTH,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        rest_url=rest_url,
        ws_url=ws_url,
    )
    _run(
        dump_books(
            following,
            as_json=as_json,
            follow_on=follow,
            count=count,
            timeout=timeout,
            out=sys.stdout.buffer,
        )
    )


@app.command()
def simulate(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(help="The symbols to trade. [default: some twenty]", show_default=False),
    ] = None,
    *,
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 0,
    market: Annotated[
        str | None,
        typer.Option(
            "--market",
            "-m",
            help="spot, usdm, coinm or options.  [default: spot, or the capture's]",
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
) -> None:
    """Run an exchange on this machine, over real HTTP and WebSocket. Ctrl-C ends it."""
    from depthcli.simulator.serving import serve

    _log_to(None)
    _run(
        serve(
            symbols or [],
            port=port,
            market_name=market,
            seed=seed,
            capture=capture,
            speed=speed,
            faults=faults,
        )
    )


def _market(name: str, options: bool) -> Market:
    from depthcli.markets import OPTIONS, market_named

    market = market_named(name)
    if options and market.name not in {"spot", OPTIONS.name}:
        raise UsageError(f"--options and --market {name} exclude each other")
    return OPTIONS if options else market


def _log_to(file: Path | None) -> None:
    logger = logging.getLogger("depthcli")
    handler: logging.Handler = logging.NullHandler()
    if file is not None:
        try:
            handler = logging.FileHandler(file, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"can't write the log to {file}: {error.strerror}") from error
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False


def _run(job: Coroutine[Any, Any, None]) -> None:
    import asyncio

    try:
        asyncio.run(job)
    except KeyboardInterrupt:
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    except BrokenPipeError:
        # Nobody reads any more: nothing more is said, also not when the interpreter flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"depthcli: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.FAILED) from None


def main() -> None:
    """Run the command line; the exit codes are those of `exit_codes`."""
    try:
        app()
    except DepthcliError as error:
        print(f"depthcli: {error}", file=sys.stderr)
        sys.exit(exit_codes.USAGE if isinstance(error, UsageError) else exit_codes.EXCHANGE)
