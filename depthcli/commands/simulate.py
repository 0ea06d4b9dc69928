"""`depthcli simulate`: an exchange on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from depthcli.commands.help import FAULTS, SERVE
from depthcli.commands.signals import run

EXAMPLES = """\
depthcli simulate --port 8901 BNBBTC ETHBTC  # an exchange with two symbols
depthcli simulate --faults drop:0.01,abort:0.001 --seed 7  # lost events and connections, repeatably
"""


def simulate(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            help="Symbols to trade, such as BNBBTC or usdm:BTCUSDT.  [default: about twenty]",
            metavar="SYMBOL",
            show_default=False,
        ),
    ] = None,
    *,
    port: Annotated[
        int,
        typer.Option(
            help="Port to listen on; 0: any free port.",
            min=0,
            max=65535,
            metavar="N",
            rich_help_panel=SERVE,
        ),
    ] = 0,
    market: Annotated[
        list[str] | None,
        typer.Option(
            "--market",
            "-m",
            help="Markets to serve: spot, usdm, coinm, options, a list with commas, or all."
            "  [default: spot, or the capture's]",
            metavar="NAME",
            show_default=False,
            rich_help_panel=SERVE,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the order flow.", metavar="N", rich_help_panel=SERVE)
    ] = 1,
    capture: Annotated[
        Path | None,
        typer.Option(
            help="Replay a recording instead: JSON lines of raw answers and frames, plain or gzip.",
            metavar="FILE",
            show_default=False,
            rich_help_panel=SERVE,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            help="With --capture: replay X times as fast as recorded.",
            min=0.01,
            metavar="X",
            rich_help_panel=SERVE,
        ),
    ] = 1.0,
    faults: Annotated[
        str | None,
        typer.Option(
            help="Faults and how often, such as drop:0.01,duplicate:0.01 (see docs/simulate.md).",
            metavar="PLAN",
            show_default=False,
            rich_help_panel=FAULTS,
        ),
    ] = None,
    lifetime: Annotated[
        float,
        typer.Option(
            help="Close each WebSocket after this long; the real exchange does so after 24 hours.",
            min=0.1,
            metavar="SECONDS",
            rich_help_panel=FAULTS,
        ),
    ] = 86_400,
    snapshot_age: Annotated[
        float | None,
        typer.Option(
            help="Serve options snapshots from a cache of this age.  [default: 2]",
            min=0,
            metavar="SECONDS",
            show_default=False,
            rich_help_panel=FAULTS,
        ),
    ] = None,
) -> None:
    """Run an exchange on this machine, over real HTTP and WebSocket, until Ctrl-C."""
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
