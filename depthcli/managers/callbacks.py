"""Calls a callback for each change of one depth cache of a threaded manager."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

from depthcli.core.messages import N
from depthcli.errors import DepthcliError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.book import DepthCache
    from depthcli.managers.depth_cache import DepthCacheManager

logger = logging.getLogger(__name__)

Callback: TypeAlias = "Callable[[DepthCache[N] | None], Any]"


class CallbackRunner(Generic[N]):
    """Follows one depth cache, in the threaded manager's thread.

    Only `stopped` may be used from other threads.

    Args:
        name: the cache's name in the threaded manager.
        manager: keeps the book; it is started here.
        callback: called with the book after each change, and with None when it is lost for good.
        exit_all: called when the callback raised SystemExit.

    Attributes:
        stopped: set it to prevent further callbacks.
    """

    def __init__(
        self,
        name: str,
        manager: DepthCacheManager[N],
        callback: Callback[N],
        exit_all: Callable[[], None],
    ) -> None:
        self.stopped = False
        self._name = name
        self._manager: DepthCacheManager[N] = manager
        self._callback: Callback[N] = callback
        self._exit_all = exit_all
        self._calling = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start following the cache in a new task."""
        if not self.stopped:
            self._task = asyncio.create_task(self._follow(), name=f"follow {self._name}")

    def end(self) -> asyncio.Task[None] | None:
        """Stop following it, after any running callback has returned; return its task."""
        if self._task is not None and not self._calling:
            self._task.cancel()
        return self._task

    async def _follow(self) -> None:
        try:
            async with self._manager:
                while (cache := await self._manager.recv()) is not None:
                    await self._call(cache)
                    if self.stopped:
                        return
                reason = self._manager.reason
        except DepthcliError as error:
            reason = str(error)
        except Exception as error:
            logger.exception("a bug in depthcli")
            reason = repr(error)
        if not self.stopped:
            logger.error("%s is lost for good: %s", self._name, reason)
            await self._call(None)

    async def _call(self, cache: DepthCache[N] | None) -> None:
        if self.stopped:
            return
        self._calling = True
        try:
            answer = self._callback(cache)
            if inspect.isawaitable(answer):
                await answer
        except SystemExit:
            self._exit_all()
        except Exception:
            logger.exception("the callback of %s raised", self._name)
        finally:
            self._calling = False
