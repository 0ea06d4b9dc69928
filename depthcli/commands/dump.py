"""The commands that follow books: `watch`, `dump` and `check`.

They parse, wire and print, and decide nothing. What a command needs is imported inside it, so that
`dump` doesn't pay for the screen. Typer reads the annotations when the program runs.
"""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from depthcli.commands import exit_codes
from depthcli.commands.options import (
    Limit,
    LogFile,
    MarketName,
    Options,
    RefreshInterval,
    RestUrl,
    Symbols,
    SymbolsIfAny,
    Testnet,
    Tld,
    UpdateSpeed,
    Web,
    WebHost,
    WebPort,
    WsUrl,
)
from depthcli.commands.running import run
from depthcli.core.refresh_schedule import DEFAULT_REFRESH
from depthcli.errors import UsageError

if TYPE_CHECKING:
    from depthcli.settings.workspaces import Workspace, Workspaces


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
    web: Web = False,
    host: WebHost = "127.0.0.1",
    port: WebPort = 8000,
) -> None:
    """Show live depth, a panel a symbol. q leaves, ? explains."""
    from depthcli.commands.following import Following
    from depthcli.commands.watch import watch as watch_books
    from depthcli.core.symbols import targets_of
    from depthcli.settings.environment import (
        environment_of,
        market_of,
        market_was_said,
        on_command_line,
        typed,
    )
    from depthcli.settings.logs import log_to
    from depthcli.settings.workspaces import LAST, Workspace, Workspaces
    from depthcli.tui.drawing.terminal import in_browser
    from depthcli.web.arguments import arguments_of

    default = market_of(context, market, options)
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
    if not web and any(on_command_line(context, name) for name in ("host", "port")):
        raise UsageError("--host and --port say where --web serves: add it")
    if not (interactive or web or in_browser()):
        raise UsageError("watch needs a terminal; for programs and pipes there is: depthcli dump")
    log_to(log_file)
    following = Following(
        targets=targets_of(symbols, default, market_was_said=market_was_said(context, options)),
        depth=depth,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        environment=environment_of(context),
    )
    wished = {"view": view, "depth": depth, "theme": theme, "unit": unit, "flash": flash}
    if kept is not None:
        wished = {name: value for name, value in wished.items() if typed(context, name)}
    start = (kept or Workspace(symbols=[])).but(**wished)
    if web:
        from depthcli.web import serve

        taken_up = [f"--workspace={LAST}"] if kept is not None and not workspace else []
        run(serve([*taken_up, *arguments_of(context)], host, port))
        return
    showing = watch_books(
        following,
        fps=fps,
        demo_seed=seed if demo else None,
        workspaces=workspaces,
        start=start,
        name=workspace or "",
    )
    raise typer.Exit(run(showing))


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
    when_behind: Annotated[
        Literal["newest", "every"],
        typer.Option(
            help="With --follow, for a reader that is slow: the newest book of each symbol next,"
            " or every change, of which 64 MiB are kept; more than that is an error.",
            show_choices=True,
        ),
    ] = "newest",
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
    from depthcli.commands.dump import TEXT_DEPTH, dump as dump_books
    from depthcli.commands.following import Following
    from depthcli.core.symbols import targets_of
    from depthcli.settings.environment import environment_of, market_of, market_was_said
    from depthcli.settings.logs import log_to

    log_to(log_file)
    following = Following(
        targets=targets_of(
            symbols,
            market_of(context, market, options),
            market_was_said=market_was_said(context, options),
        ),
        depth=depth if as_json else depth or TEXT_DEPTH,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        environment=environment_of(context),
    )
    run(
        dump_books(
            following,
            as_json=as_json,
            follow_on=follow,
            count=count,
            timeout=timeout,
            out=sys.stdout.buffer,
            every=when_behind == "every",
        )
    )


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

    Where levels differ, it tells how many of the best 20, 100 and 1,000 a side, and how many lie
    deeper.

    Exit code 0: no level differs; 1: one does; 3: a book could not be compared.
    """
    from depthcli.commands.check import check as check_books
    from depthcli.commands.following import Following
    from depthcli.core.symbols import targets_of
    from depthcli.settings.environment import environment_of, market_of, market_was_said
    from depthcli.settings.logs import log_to

    log_to(log_file)
    following = Following(
        targets=targets_of(
            symbols,
            market_of(context, market, options),
            market_was_said=market_was_said(context, options),
        ),
        depth=None,
        limit=limit,
        speed=update_speed,
        refresh_interval=0,
        environment=environment_of(context),
    )
    checking = check_books(
        following, as_json=as_json, seconds=seconds, timeout=timeout, out=sys.stdout.buffer
    )
    if run(checking) is False:
        raise typer.Exit(exit_codes.DIFFERENT)


def _last_again(workspaces: "Workspaces") -> "Workspace | None":
    """Offer what was left last; return it if the user wants it."""
    last = workspaces.read_last()
    if last is None or not last.symbols:
        return None
    names = [symbol.name.removeprefix("spot:") for symbol in last.symbols]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    wanted = typer.confirm(f"Watch {', '.join(names[:4])}{more} again, as you left it?", True)
    return last if wanted else None
