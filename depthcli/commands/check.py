"""`depthcli check`: compares live books with the exchange's snapshots, level by level."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from depthcli.commands import exit_codes
from depthcli.commands.context import environment_of, symbols_or_usual, targets_for
from depthcli.commands.help import KEEP_UP, OUTPUT, SHOW
from depthcli.commands.options import (
    Limit,
    LogFile,
    MarketName,
    Options,
    RestUrl,
    SymbolsIfAny,
    Testnet,
    Tld,
    UpdateSpeed,
    WsUrl,
)
from depthcli.commands.signals import run

if TYPE_CHECKING:
    from typing import BinaryIO

    from depthcli.commands.following import Following

EXAMPLES = """\
depthcli check BNBBTC usdm:BTCUSDT  # one audit of each book
depthcli check --for 600 BNBBTC  # ten minutes of audits
"""


def check(
    context: typer.Context,
    symbols: SymbolsIfAny = None,
    *,
    seconds: Annotated[
        float,
        typer.Option(
            "--for",
            help="Keep auditing every few seconds for this long; 0: audit each book once.",
            min=0,
            metavar="SECONDS",
            rich_help_panel=SHOW,
        ),
    ] = 0,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per line instead of text.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds to wait for the first audit.",
            min=0.1,
            metavar="SECONDS",
            rich_help_panel=KEEP_UP,
        ),
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
    """Compare live books with the exchange's snapshots.

    Every level is compared. Where levels differ, the output says how many are among the best 20,
    100 and 1,000 per side, and how many are deeper.

    Exit code 0: no level differs; 1: a level differs; 3: a book could not be compared.
    """
    from depthcli.commands.following import Following
    from depthcli.settings.logs import log_to

    log_to(log_file)
    following = Following(
        targets=targets_for(context, symbols_or_usual(context, symbols), market, options),
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


async def check_books(
    following: Following,
    *,
    as_json: bool,
    seconds: float,
    timeout: float,  # noqa: ASYNC109, it bounds the wait for the first audit only
    out: BinaryIO,
) -> bool:
    """Follow symbols and audit their books; return whether no audit found a difference.

    Args:
        following: what to follow.
        as_json: one JSON object per line; otherwise text.
        seconds: how long to go on; 0: one audit of each book.
        timeout: seconds to wait for a first audit of a book.
        out: where the lines go.

    Raises:
        DepthcliError: as `follow` does; UnreachableError also if a book could not be audited at
            all, and no other differs.
        OSError: `out` can't be written to; BrokenPipeError if its reader went away.
    """
    from decimal import Decimal

    from depthcli.commands.audits import Check
    from depthcli.commands.following import follow
    from depthcli.errors import UnreachableError

    checking = Check(following, out, as_json=as_json, seconds=seconds, timeout=timeout)
    async with follow(following, Decimal, checking) as group:
        try:
            await checking.audit_all(group.members)
        except* OSError as failed:
            raise failed.exceptions[0] from None
        summary = checking.summary(group.members)
    if not summary.differ and checking.unchecked:
        raise UnreachableError(f"no audit could be made of {checking.unchecked}")
    return not summary.differ
