"""How a command ends when it is told to: everything is closed properly, and the signal is kept."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

ENDINGS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What tells a command to end: Ctrl-C, `kill`, and a terminal that goes away."""


class ToldToEndError(Exception):
    """A signal ended the job, after which it closed everything.

    Attributes:
        exit_code: 128 and the signal's number, as shells have it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def run(job: Coroutine[Any, Any, T], *, interrupted: Callable[[], bool]) -> T:
    """Run a job until it is done or one of the `ENDINGS` comes, which cancels it.

    Args:
        job: what is run.
        interrupted: whether Ctrl-C came before there was a loop to hear it.

    A second signal ends the process at once. A signal that the parent wants to be ignored, as
    `nohup` does, stays ignored.

    Raises:
        ToldToEndError: a signal came, and the job has ended.
    """
    return asyncio.run(_until_told(job, interrupted))


async def _until_told(job: Coroutine[Any, Any, T], interrupted: Callable[[], bool]) -> T:
    loop = asyncio.get_running_loop()
    working = asyncio.ensure_future(job)
    told: list[int] = []

    def end(number: int) -> None:
        told.append(number)
        for ending in heeded:
            loop.remove_signal_handler(ending)
            signal.signal(ending, signal.SIG_DFL)
        working.cancel()

    heeded = [ending for ending in ENDINGS if signal.getsignal(ending) is not signal.SIG_IGN]
    try:
        for ending in heeded:
            loop.add_signal_handler(ending, end, ending)
    except NotImplementedError:  # Windows: there Ctrl-C is a KeyboardInterrupt
        return await working
    if interrupted():
        end(signal.SIGINT)
    try:
        result = await working
    except asyncio.CancelledError:
        if not told:
            raise
    if told:
        raise ToldToEndError(told[0])
    return result
