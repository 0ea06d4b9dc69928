"""`depthcli dump`: books for other programs, one per line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from depthcli.commands.context import environment_of, symbols_or_usual, targets_for
from depthcli.commands.help import KEEP_UP, OUTPUT, SHOW
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
    WsUrl,
)
from depthcli.commands.signals import run
from depthcli.core.refresh_schedule import DEFAULT_REFRESH

if TYPE_CHECKING:
    from typing import BinaryIO

    from depthcli.commands.book_lines import Dump
    from depthcli.commands.following import Following

EXAMPLES = """\
depthcli dump --json BNBBTC  # one book, as soon as it is live
depthcli dump --json --follow --depth 1 BNBBTC | jq -r '.bids[0][0]'  # every best bid
"""


def dump(
    context: typer.Context,
    symbols: SymbolsIfAny = None,
    *,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per line instead of tables.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="Keep printing: a line for each change.", rich_help_panel=SHOW
        ),
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-n",
            help="Stop after N lines.",
            min=1,
            metavar="N",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            "-d",
            help="Levels per side.  [default: with --json all that the snapshot covers, else 10]",
            min=1,
            metavar="N",
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    when_behind: Annotated[
        Literal["newest", "every"],
        typer.Option(
            help="With --follow, what a slow reader gets: the newest book of each symbol, or every"
            " change. Up to 64 MiB of changes are kept; beyond that dump fails.",
            show_choices=True,
            rich_help_panel=KEEP_UP,
        ),
    ] = "newest",
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds to wait for the first book.",
            min=0.1,
            metavar="SECONDS",
            rich_help_panel=KEEP_UP,
        ),
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
    """Print books for other programs, one per line.

    Nothing else goes to standard output.
    """
    from depthcli.commands.book_lines import TEXT_DEPTH
    from depthcli.commands.following import Following
    from depthcli.settings.logs import log_to

    log_to(log_file)
    following = Following(
        targets=targets_for(context, symbols_or_usual(context, symbols), market, options),
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


async def dump_books(
    following: Following,
    *,
    as_json: bool,
    follow_on: bool,
    count: int | None,
    timeout: float,  # noqa: ASYNC109, it bounds the wait for the first book only
    out: BinaryIO,
    every: bool = False,
) -> None:
    """Write books to `out` until every line asked for is written.

    Args:
        following: what to follow.
        as_json: one JSON object per line; otherwise one table per book.
        follow_on: write a line for each change after the first book of each symbol.
        count: most lines (or tables) to write; None: no limit.
        timeout: seconds within which a first book must be live.
        out: where the lines go; another thread writes them.
        every: keep each change for a slow reader, as `Dump` says.

    Raises:
        DepthcliError: as `follow` does; UnreachableError also if no book became live in time.
        OSError: `out` can't be written to; BrokenPipeError if its reader went away;
            ReaderBehindError if it is too slow for every change.
    """
    from depthcli.commands.book_lines import Dump, json_line, text_table, watch_reader

    lines = Dump(
        following,
        out,
        json_line if as_json else text_table,
        follow_on=follow_on,
        count=count,
        every=every,
    )
    watch_reader(out, lines)
    try:
        await _follow(following, lines, timeout=timeout, follow_on=follow_on)
    finally:
        await lines.writer.close()


async def _follow(
    following: Following,
    lines: Dump,
    *,
    timeout: float,  # noqa: ASYNC109, as above
    follow_on: bool,
) -> None:
    """Follow books until `lines` is finished and everything is written."""
    import asyncio
    from decimal import Decimal

    from depthcli.commands.following import follow
    from depthcli.errors import DepthcliError, UnreachableError

    async with follow(following, Decimal, lines) as group:
        try:
            done, _ = await asyncio.wait([lines.finished], timeout=timeout)
            late = [one for one in group.members if one.target in lines.waiting]
            if not done and late and (len(late) == len(group.members) or not follow_on):
                name = following.label(late[0].target)
                reason = late[0].manager.reason or late[0].manager.state
                lines.finish(UnreachableError(f"{name} isn't live after {timeout:g} s: {reason}"))
            try:
                await lines.finished
            except DepthcliError:
                await lines.writer.drain()
                raise
            await lines.writer.drain()
        except asyncio.CancelledError:
            await lines.writer.close()
            raise
        finally:
            # The managers stop next; that writes no more lines.
            lines.finished.cancel()
