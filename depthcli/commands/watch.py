"""`depthcli watch`: live books on the screen, with `--demo` from a built-in exchange."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from depthcli.commands.context import environment_of, market_of, on_command_line, targets_for, typed
from depthcli.commands.help import EXCHANGE, KEEP_UP, SHOW
from depthcli.commands.options import (
    Limit,
    LogFile,
    MarketName,
    Options,
    RefreshInterval,
    RestUrl,
    SymbolsIfAny,
    Testnet,
    Tld,
    UpdateSpeed,
    Web,
    WebHost,
    WebPort,
    WsUrl,
)
from depthcli.commands.signals import run
from depthcli.core.refresh_schedule import DEFAULT_REFRESH
from depthcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from depthcli.commands.following import Following
    from depthcli.settings.workspaces import Workspace, Workspaces

EXAMPLES = """\
depthcli watch BNBBTC ETHBTC  # two books, side by side
depthcli watch --demo --view overview  # every symbol of the built-in exchange
"""


def watch(
    context: typer.Context,
    symbols: SymbolsIfAny = None,
    *,
    depth: Annotated[
        int,
        typer.Option(
            "--depth",
            "-d",
            help="Levels per side to show, 1 to 1,000.",
            min=1,
            max=1000,
            metavar="N",
            rich_help_panel=SHOW,
        ),
    ] = 5,
    fps: Annotated[
        float,
        typer.Option(
            help="Most repaints per second, 1 to 60.",
            min=1,
            max=60,
            metavar="N",
            rich_help_panel=KEEP_UP,
        ),
    ] = 10,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="Use a built-in exchange, without a network.",
            rich_help_panel=EXCHANGE,
        ),
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            help="With --demo: seed of the order flow.", metavar="N", rich_help_panel=EXCHANGE
        ),
    ] = 1,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace",
            "-w",
            help="Open the workspace saved under this name (key w): symbols, view and colours.",
            metavar="NAME",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    view: Annotated[
        Literal["books", "ladder", "chart", "heatmap", "overview"],
        typer.Option(help="View to start with.", show_choices=True, rich_help_panel=SHOW),
    ] = "books",
    theme: Annotated[
        Literal["dark", "light"], typer.Option(help="Colours to start with.", rich_help_panel=SHOW)
    ] = "dark",
    unit: Annotated[
        Literal["base", "quote"],
        typer.Option(help="Show quantities in the base or the quote asset.", rich_help_panel=SHOW),
    ] = "base",
    flash: Annotated[
        bool,
        typer.Option(help="Flash changed quantities in the ladder.", rich_help_panel=SHOW),
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
    """Show live depth, one panel per symbol. Press ? for help, q to quit."""
    from depthcli.commands.following import Following
    from depthcli.commands.web_arguments import arguments_of
    from depthcli.settings.logs import log_to
    from depthcli.settings.workspaces import LAST, Workspace, Workspaces
    from depthcli.tui.drawing.terminal import in_browser

    default = market_of(context, market, options)
    workspaces = Workspaces()
    saved = workspaces.read(workspace) if workspace else None
    interactive = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not symbols and not demo and saved is None and interactive:
        saved = _last_again(workspaces)
    if not symbols and saved is not None:
        symbols = [symbol.name for symbol in saved.symbols]
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
        raise UsageError("--host and --port need --web")
    if not (interactive or web or in_browser()):
        raise UsageError("watch needs a terminal; for programs and pipes use: depthcli dump")
    log_to(log_file)
    following = Following(
        targets=targets_for(context, symbols, market, options),
        depth=depth,
        limit=limit,
        speed=update_speed,
        refresh_interval=refresh_interval,
        environment=environment_of(context),
    )
    wished = {"view": view, "depth": depth, "theme": theme, "unit": unit, "flash": flash}
    if saved is not None:
        wished = {name: value for name, value in wished.items() if typed(context, name)}
    start = (saved or Workspace(symbols=[])).but(**wished)
    if web:
        from depthcli.web import serve

        reopened = [f"--workspace={LAST}"] if saved is not None and not workspace else []
        run(serve([*reopened, *arguments_of(context)], host, port))
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


async def watch_books(
    following: Following,
    *,
    fps: float,
    demo_seed: int | None,
    workspaces: Workspaces,
    start: Workspace,
    name: str = "",
) -> int:
    """Show the books until the user quits, and save the workspace; return the exit code.

    Args:
        following: what to follow.
        fps: most repaints per second.
        demo_seed: seed of the built-in exchange's order flow; None: follow a real exchange.
        workspaces: where workspaces are kept.
        start: how to show the books at the start.
        name: the name of that workspace; may be empty.

    Raises:
        DepthcliError: as `follow` does.
    """
    import asyncio
    import gc

    from depthcli.commands.caching_client import renew_names
    from depthcli.commands.following import Listener, follow
    from depthcli.commands.watchlist import ExchangeClock, Watchlist, offered
    from depthcli.settings.workspaces import LAST
    from depthcli.tui import WatchApp

    async with AsyncExitStack() as stack:
        if demo_seed is not None:
            following = await stack.enter_async_context(_embedded(following, demo_seed))
        group = await stack.enter_async_context(follow(following, float, Listener[float]()))
        markets = offered(following, embedded=demo_seed is not None)
        books = Watchlist(following, group, markets)
        clock = ExchangeClock()
        stack.callback(asyncio.create_task(clock.keep(group.client, markets[0])).cancel)
        if demo_seed is None:
            renewing = asyncio.create_task(renew_names(following.environment, following.wanted))
            stack.callback(renewing.cancel)
        app = WatchApp(
            [books.watched(one) for one in group.members],
            title=title_of(following, embedded=demo_seed is not None),
            depth=start.depth,
            fps=fps,
            offset=lambda: clock.offset,
            books=books,
            workspaces=workspaces,
            workspace=start,
            name=name,
        )
        # Modules live as long as the program: without them, collections of garbage are short.
        gc.freeze()
        await app.run_async()
        if demo_seed is None and app.view_state.tiles:
            with suppress(UsageError):
                workspaces.save(LAST, app.workspace())
    return app.return_code or 0


@asynccontextmanager
async def _embedded(following: Following, seed: int) -> AsyncIterator[Following]:
    """Run an exchange in this process, and give what is followed as it is there."""
    from dataclasses import replace

    from depthcli.settings.environment import Environment
    from depthcli.simulator import embedded_exchange

    async with embedded_exchange(following.wanted, seed) as simulator:
        where = Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url)
        yield replace(following, environment=where)


def title_of(following: Following, *, embedded: bool) -> str:
    """Return the markets and, if it isn't the default, the exchange."""
    markets = list(following.wanted)
    names = markets[0].title if len(markets) == 1 else ", ".join(one.name for one in markets)
    exchange = "built-in exchange" if embedded else following.environment.title
    return f"{names} · {exchange}" if exchange else names


def _last_again(workspaces: Workspaces) -> Workspace | None:
    """Offer the last workspace; return it if the user accepts."""
    last = workspaces.read_last()
    if last is None or not last.symbols:
        return None
    names = [symbol.name.removeprefix("spot:") for symbol in last.symbols]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    wanted = typer.confirm(f"Watch {', '.join(names[:4])}{more} again, as you left it?", True)
    return last if wanted else None
