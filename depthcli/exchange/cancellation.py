"""Timeouts and cancellation for HTTP requests that don't leak connections.

httpcore, on which httpx is built, shields its cleanup from anyio's cancellation, but not from
asyncio's, which every `asyncio.timeout` and every cancelled task uses. A connection whose cleanup
is interrupted is neither reused nor closed: it costs a file descriptor as long as the client lives.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


async def within(seconds: float, request: Coroutine[Any, Any, T]) -> T:
    """Await a request in a task of its own, which only anyio cancels.

    Args:
        seconds: the timeout.
        request: awaits the response.

    Raises:
        TimeoutError: it took longer.
    """
    scope = CancelScope(deadline=asyncio.get_running_loop().time() + seconds)
    task = asyncio.create_task(_in_scope(scope, request))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_forget)
        scope.cancel()
        await asyncio.wait([task])
        raise


def _forget(task: asyncio.Task[Any]) -> None:
    """Retrieve the task's exception, so that asyncio doesn't log it as never retrieved."""
    if not task.cancelled():
        task.exception()


async def _in_scope(scope: CancelScope, request: Coroutine[Any, Any, T]) -> T:
    with scope:
        return await request
    raise TimeoutError
