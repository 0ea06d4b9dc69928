"""`depthcli watch`: the screen, the books below it and, for a demonstration, the exchange."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from depthcli.bookkeeping import Bookkeeper, offered
from depthcli.environment import Environment
from depthcli.following import Listener, follower_of
from depthcli.remembering import renew_names
from depthcli.tui import WatchApp

if TYPE_CHECKING:
    from depthcli.following import Following


async def watch(following: Following, *, depth: int, fps: float, demo_seed: int | None) -> None:
    """Show the books until the user leaves.

    Args:
        following: what to follow.
        depth: levels a side to show at first.
        fps: repaints a second at the most.
        demo_seed: the order flow's seed of an embedded exchange; None: follow a real one.

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
        follower = await stack.enter_async_context(follower_of(following, float, listener))
        markets = offered(following, embedded=demo_seed is not None)
        books = Bookkeeper(following, follower, markets)
        watched = [books.watched(one) for one in follower.followed]
        if demo_seed is None:
            renewing = asyncio.create_task(renew_names(following.environment, following.wanted))
            stack.callback(renewing.cancel)
        title = title_of(following, embedded=demo_seed is not None)
        await WatchApp(watched, title=title, depth=depth, fps=fps, books=books).run_async()


def title_of(following: Following, *, embedded: bool) -> str:
    """Return where the books come from: the markets and, if it isn't the usual one, the place."""
    markets = list(following.wanted)
    names = markets[0].title if len(markets) == 1 else ", ".join(one.name for one in markets)
    place = "embedded exchange" if embedded else following.environment.title
    return f"{names} · {place}" if place else names
