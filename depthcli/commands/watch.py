"""`depthcli watch`: the screen, the books below it and, for a demonstration, the exchange."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from depthcli.commands.caching_client import renew_names
from depthcli.commands.following import Listener, follow
from depthcli.commands.watchlist import ExchangeClock, Watchlist, offered
from depthcli.errors import UsageError
from depthcli.settings.environment import Environment
from depthcli.settings.workspaces import LAST
from depthcli.tui import WatchApp

if TYPE_CHECKING:
    from depthcli.commands.following import Following
    from depthcli.settings.workspaces import Workspace, Workspaces


async def watch(
    following: Following,
    *,
    fps: float,
    demo_seed: int | None,
    workspaces: Workspaces,
    start: Workspace,
    name: str = "",
) -> int:
    """Show the books until the user leaves, and keep how they left them; return the exit code.

    Args:
        following: what to follow.
        fps: repaints a second at the most.
        demo_seed: the order flow's seed of an embedded exchange; None: follow a real one.
        workspaces: where workspaces are kept.
        start: how to look at the books at first.
        name: of the workspace that is, if it has one.

    Raises:
        DepthcliError: as `follow` does.
    """
    async with AsyncExitStack() as stack:
        if demo_seed is not None:
            # Imported here, for who watches a real exchange doesn't need one of his own.
            from depthcli.simulator import embedded_exchange  # noqa: PLC0415

            simulator = await stack.enter_async_context(
                embedded_exchange(following.wanted, demo_seed)
            )
            where = Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url)
            following = replace(following, environment=where)
        listener: Listener[float] = Listener()
        group = await stack.enter_async_context(follow(following, float, listener))
        markets = offered(following, embedded=demo_seed is not None)
        books = Watchlist(following, group, markets)
        watched = [books.watched(one) for one in group.members]
        clock = ExchangeClock()
        keeping = asyncio.create_task(clock.keep(group.client, markets[0]))
        stack.callback(keeping.cancel)
        if demo_seed is None:
            renewing = asyncio.create_task(renew_names(following.environment, following.wanted))
            stack.callback(renewing.cancel)
        title = title_of(following, embedded=demo_seed is not None)
        app = WatchApp(
            watched,
            title=title,
            depth=start.depth,
            fps=fps,
            offset=lambda: clock.offset,
            books=books,
            workspaces=workspaces,
            workspace=start,
            name=name,
        )
        # Modules live as long as the program: looking through them for garbage would hold up keys.
        gc.freeze()
        await app.run_async()
        if demo_seed is None and app.view_state.tiles:
            with suppress(UsageError):
                workspaces.save(LAST, app.workspace())
    return app.return_code or 0


def title_of(following: Following, *, embedded: bool) -> str:
    """Return where the books come from: the markets and, if it isn't the usual one, the place."""
    markets = list(following.wanted)
    names = markets[0].title if len(markets) == 1 else ", ".join(one.name for one in markets)
    place = "embedded exchange" if embedded else following.environment.title
    return f"{names} · {place}" if place else names
