"""`depthcli simulate`: an exchange on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from depthcli.commands.help import OUTPUT, SHOW, WRONG
from depthcli.commands.signals import run

EXAMPLES = """\
depthcli simulate --port 8901 BNBBTC ETHBTC  # an exchange with two symbols
depthcli simulate --faults drop:0.01,abort:0.001 --seed 7  # one that misbehaves, the same way again
"""


def simulate(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            help="The symbols to trade, such as BNBBTC or usdm:BTCUSDT.  [default: some twenty]",
            show_default=False,
        ),
    ] = None,
    *,
    port: Annotated[
        int, typer.Option(help="0: any that is free.", min=0, max=65535, rich_help_panel=OUTPUT)
    ] = 0,
    market: Annotated[
        list[str] | None,
        typer.Option(
            "--market",
            "-m",
            help="spot, usdm, coinm, options, several with commas between, or all."
            "  [default: spot, or the capture's]",
            metavar="NAME",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The order flow's seed.", rich_help_panel=SHOW)] = 1,
    capture: Annotated[
        Path | None,
        typer.Option(
            help="Serve a recording instead: JSON lines of raw answers and frames, gzip or not.",
            metavar="FILE",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            help="With --capture: so many times the recorded pace.",
            min=0.01,
            metavar="X",
            rich_help_panel=SHOW,
        ),
    ] = 1.0,
    faults: Annotated[
        str | None,
        typer.Option(
            help="Misbehave by chance, such as drop:0.01,duplicate:0.01 (see docs/simulate.md).",
            metavar="PLAN",
            show_default=False,
            rich_help_panel=WRONG,
        ),
    ] = None,
    lifetime: Annotated[
        float,
        typer.Option(
            help="Close each WebSocket after so long, as the real exchange does after 24 hours.",
            min=0.1,
            metavar="SECONDS",
            rich_help_panel=WRONG,
        ),
    ] = 86_400,
    snapshot_age: Annotated[
        float | None,
        typer.Option(
            help="Snapshots of options are cached for so long.  [default: 2]",
            min=0,
            metavar="SECONDS",
            show_default=False,
            rich_help_panel=WRONG,
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
