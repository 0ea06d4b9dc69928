"""Waits for an answer over HTTP, for so long at the most, and gives it up without a trace.

httpcore, which httpx sends by, tidies up where anyio's cancellation can't reach it. asyncio's own
reaches everywhere, and comes by each `asyncio.timeout` and each task that is cancelled: a
connection in which it meets the tidying up is neither used again nor closed, and each of them costs
a file descriptor for as long as the client lives.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


async def within(seconds: float, asking: Coroutine[Any, Any, T]) -> T:
    """Wait for an answer in a task of its own, which only anyio cancels.

    Args:
        seconds: to wait at the most.
        asking: awaits the answer.

    Raises:
        TimeoutError: it took longer.
    """
    scope = CancelScope(deadline=asyncio.get_running_loop().time() + seconds)
    task = asyncio.create_task(_in_scope(scope, asking))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_forget)
        scope.cancel()
        await asyncio.wait([task])
        raise


def _forget(task: asyncio.Task[Any]) -> None:
    """Take note of how it ended: nobody else will."""
    if not task.cancelled():
        task.exception()


async def _in_scope(scope: CancelScope, asking: Coroutine[Any, Any, T]) -> T:
    with scope:
        return await asking
    raise TimeoutError
