"""The commands: they parse, wire and print, and decide nothing.

What a command needs is imported inside it, so that `--help` and `--version` are quick and `dump`
doesn't pay for the screen. Typer reads the annotations when the program runs.
"""

import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from depthcli import __version__, exit_codes
from depthcli.completion import complete_market, end_word
from depthcli.config_commands import config_app
from depthcli.environment import environment_of
from depthcli.errors import DepthcliError, UsageError, printable
from depthcli.logs import log_to
from depthcli.markets import MARKETS, OPTIONS, Market, market_named
from depthcli.parameters import (
    Limit,
    LogFile,
    MarketName,
    Options,
    Pattern,
    RefreshInterval,
    RestUrl,
    Symbols,
    SymbolsIfAny,
    Testnet,
    Tld,
    UpdateSpeed,
    WsUrl,
)
from depthcli.schedule import DEFAULT_REFRESH
from depthcli.symbols import split_market

if TYPE_CHECKING:
    from depthcli.workspaces import Workspace, Workspaces

T = TypeVar("T")

LONGEST_LINE = 1_000
"""Characters of the longest line of an error that is shown."""

app = typer.Typer(
    name="depthcli",
    help="Live market depth in a terminal, from an order book that is provably the exchange's.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "DEPTHCLI"},
)
app.add_typer(config_app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"depthcli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    # The file's own commands have to work when it is wrong.
    if context.invoked_subcommand != "config" and not context.resilient_parsing:
        from depthcli.config import config_path, read_config

        context.default_map = read_config(config_path()).defaults()


@app.command()
def watch(
    context: typer.Context,
    symbols: SymbolsIfAny = None,
    *,
    depth: Annotated[
        int, typer.Option("--depth", "-d", help="Levels a side to show.", min=1, max=1000)
    ] = 5,
    fps: Annotated[float, typer.Option(help="Repaints a second at the most.", min=1, max=60)] = 10,
    demo: Annotated[
        bool, typer.Option("--demo", help="On an embedded exchange: no network is needed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="With --demo: the order flow's seed.")] = 1,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace",
            "-w",
            help="What was saved by that name, with the key w: its symbols and how they looked.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    view: Annotated[
        Literal["books", "ladder", "chart", "heatmap", "overview"],
        typer.Option(help="How to look at the books at first.", show_choices=True),
    ] = "books",
    theme: Annotated[Literal["dark", "light"], typer.Option(help="Colours at first.")] = "dark",
    unit: Annotated[
        Literal["base", "quote"], typer.Option(help="The asset that quantities are shown in.")
    ] = "base",
    flash: Annotated[
        bool, typer.Option(help="Whether changed quantities flash in the ladder.")
    ] = True,
    market: MarketName = "spot",
    options: Options = False,
    refresh_interval: RefreshInterval = DEFAULT_REFRESH,
    limit: Limit = None,
    update_speed: UpdateSpeed = None,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    testnet: Testnet = False,
    tld: Tld = None,
    log_file: LogFile = None,
) -> None:
    """Show live depth, a panel a symbol. q leaves, ? explains."""
    from depthcli.following import Following, targets_of
    from depthcli.watch import watch as watch_books
    from depthcli.workspaces import Workspace, Workspaces

    default = _market(context, market, options)
    workspaces = Workspaces()
    kept = workspaces.read(workspace) if workspace else None
    interactive = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not symbols and not demo and kept is None and interactive:
        kept = _last_again(workspaces)
    if not symbols and kept is not None:
        symbols = [symbol.name for symbol in kept.symbols]
    if not symbols:
        if not demo:
            raise UsageError(
                "name a symbol: depthcli watch BNBBTC ETHBTC; or try: depthcli watch --demo"
            )
        from depthcli.simulator import default_symbols

        symbols = default_symbols(default)[:4]
    if demo and (testnet or tld):
        raise UsageError(f"--demo and {'--testnet' if testnet else '--tld'} exclude each other")
    if not interactive:
        raise UsageError("watch needs a terminal; for programs and pipes there is: depthcli dump")
    log_to(log_file)
    following = Following(
        targets=targets_of(symbols, default),
        depth=depth,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        environment=environment_of(context),
    )
    wished = {"view": view, "depth": depth, "theme": theme, "unit": unit, "flash": flash}
    if kept is not None:
        wished = {name: value for name, value in wished.items() if _typed(context, name)}
    start = (kept or Workspace(symbols=[])).but(**wished)
    showing = watch_books(
        following,
        fps=fps,
        demo_seed=seed if demo else None,
        workspaces=workspaces,
        start=start,
        name=workspace or "",
    )
    raise typer.Exit(_run(showing))


@app.command()
def dump(
    context: typer.Context,
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
    testnet: Testnet = False,
    tld: Tld = None,
    log_file: LogFile = None,
) -> None:
    """Print books for programs, one a line, and nothing else on standard output."""
    from depthcli.dump import TEXT_DEPTH, dump as dump_books
    from depthcli.following import Following, targets_of

    log_to(log_file)
    following = Following(
        targets=targets_of(symbols, _market(context, market, options)),
        depth=depth if as_json else depth or TEXT_DEPTH,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        environment=environment_of(context),
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
def check(
    context: typer.Context,
    symbols: Symbols,
    *,
    seconds: Annotated[
        float,
        typer.Option(
            "--for",
            help="Go on for so long, an audit every few seconds; 0: one audit of each book.",
            min=0,
            metavar="SECONDS",
        ),
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a line, instead of lines for people.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(help="Seconds to wait for the first audit.", min=0.1, metavar="SECONDS"),
    ] = 60,
    market: MarketName = "spot",
    options: Options = False,
    limit: Limit = None,
    update_speed: UpdateSpeed = None,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    testnet: Testnet = False,
    tld: Tld = None,
    log_file: LogFile = None,
) -> None:
    """Compare live books with the exchange's snapshots, level by level.

    Exit code 0: no level differs; 1: one does; 3: a book could not be compared.
    """
    from depthcli.check import check as check_books
    from depthcli.following import Following, targets_of

    log_to(log_file)
    following = Following(
        targets=targets_of(symbols, _market(context, market, options)),
        depth=None,
        limit=limit,
        speed=update_speed,
        refresh_interval=0,
        environment=environment_of(context),
    )
    checking = check_books(
        following, as_json=as_json, seconds=seconds, timeout=timeout, out=sys.stdout.buffer
    )
    if _run(checking) is False:
        raise typer.Exit(exit_codes.DIFFERENT)


@app.command()
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
    from depthcli.listing import Search, list_symbols

    log_to(None)
    named, pattern = split_market(pattern or "")
    market = market if named is None else named
    search = Search(
        pattern=pattern,
        underlying=underlying,
        expiry=expiry,
        side=side,
        everything=everything,
    )
    markets = tuple(MARKETS.values()) if market == "all" else (_market(context, market, options),)
    listing = list_symbols(
        search,
        markets,
        environment_of(context),
        as_json=as_json,
        out=sys.stdout,
        notes=sys.stderr,
    )
    if not _run(listing):
        raise typer.Exit(exit_codes.NOTHING_FOUND)


@app.command()
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
    from depthcli.simulator.serving import serve

    log_to(None)
    _run(
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


def _last_again(workspaces: "Workspaces") -> "Workspace | None":
    """Offer what was left last; return it if the user wants it."""
    last = workspaces.read_last()
    if last is None or not last.symbols:
        return None
    names = [symbol.name.removeprefix("spot:") for symbol in last.symbols]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    wanted = typer.confirm(f"Watch {', '.join(names[:4])}{more} again, as you left it?", True)
    return last if wanted else None


def _typed(context: typer.Context, name: str) -> bool:
    """Return whether an option was said on the command line or in the environment."""
    source = getattr(context.get_parameter_source(name), "name", "")
    return source in {"COMMANDLINE", "ENVIRONMENT"}


def _market(context: typer.Context, name: str, options: bool) -> Market:
    # What the configuration file says gives way to --options.
    settled = name == context.params.get("market") and not _typed(context, "market")
    market = market_named("spot" if options and settled else name)
    if options and market.name not in {"spot", OPTIONS.name}:
        raise UsageError(f"--options and --market {name} exclude each other")
    return OPTIONS if options else market


def _run(job: Coroutine[Any, Any, T]) -> T:
    from depthcli.leaving import ToldToEndError, run

    try:
        return run(job)
    except KeyboardInterrupt:
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    except ToldToEndError as told:
        raise typer.Exit(told.exit_code) from None
    except BrokenPipeError:
        # Nobody reads any more: nothing more is said, also not when the interpreter flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.DONE) from None
    except OSError as error:
        print(f"depthcli: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.FAILED) from None


def main() -> None:
    """Run the command line; the exit codes are those of `exit_codes`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # While a command is still being loaded, Ctrl-C ends it without a word.
        signal.signal(signal.SIGINT, lambda *_: sys.exit(exit_codes.INTERRUPTED))
    end_word(os.environ)
    try:
        if sys.stdout is None or sys.stderr is None:
            raise UsageError("standard output and standard error must be open")
        app()
    except DepthcliError as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        for line in f"depthcli: {error}{notes}".split("\n"):
            print(printable(line, LONGEST_LINE), file=sys.stderr)
        sys.exit(exit_codes.USAGE if isinstance(error, UsageError) else exit_codes.EXCHANGE)
