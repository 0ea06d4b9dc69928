"""`depthcli watch`: the screen, the books below it and, for a demonstration, the exchange."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from depthcli.following import Listener, follow
from depthcli.tui import WatchApp, Watched

if TYPE_CHECKING:
    from decimal import Decimal

    from depthcli.following import Following

UNKNOWN_DECIMALS: Final = 8
"""Digits behind the point where the exchange doesn't say how fine its steps are."""


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
    title = following.market.title
    async with AsyncExitStack() as stack:
        if demo_seed is not None:
            # Imported here, for who watches a real exchange doesn't need one of his own.
            from depthcli.simulator import embedded_exchange  # noqa: PLC0415

            simulator = await stack.enter_async_context(
                embedded_exchange(following.market, following.names, demo_seed)
            )
            following = replace(following, rest_url=simulator.rest_url, ws_url=simulator.ws_url)
            title += " · embedded exchange"
        listener: Listener[float] = Listener()
        followed = await stack.enter_async_context(follow(following, float, listener))
        watched = [
            Watched(
                manager,
                decimals(info.tick_size),
                decimals(info.step_size),
                tick=info.tick_size,
                base=info.base_asset,
                quote=info.quote_asset,
                trading=info.trading,
            )
            for manager, info in followed
        ]
        await WatchApp(watched, title=title, depth=depth, fps=fps).run_async()


def decimals(step: Decimal | None) -> int:
    """Return how many digits behind the point a multiple of the step needs."""
    if step is None:
        return UNKNOWN_DECIMALS
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else UNKNOWN_DECIMALS
