"""Runs a command, and ends it on signals and errors.

A signal closes everything properly; the exit code keeps which it was. What takes time to import is
imported when a command runs.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from depthcli.commands import exit_codes
from depthcli.commands.early_interrupt import early_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

COLLECT_AFTER: Final = (10_000, 10, 100)
"""Thresholds of the garbage collector. Events leave no garbage, and a collection over 1,500 books
takes a quarter of a second while events wait, so collections are rare."""

ENDINGS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that end a command: Ctrl-C, `kill`, and the terminal's hang-up."""


class EndedBySignalError(Exception):
    """A signal ended the job, after which it closed everything.

    Attributes:
        exit_code: 128 and the signal's number, as shells have it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def run(job: Coroutine[Any, Any, T]) -> T:
    """Run a command's job, and return its result.

    Raises:
        typer.Exit: a signal ended it, the reader of its output is gone, or something on this
            machine failed, which is printed.
        DepthcliError: as the job raises it.
    """
    gc.set_threshold(*COLLECT_AFTER)
    try:
        return run_until_signal(job, interrupted=lambda: early_interrupt.came)
    except KeyboardInterrupt:
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    except EndedBySignalError as ended:
        raise typer.Exit(ended.exit_code) from None
    except BrokenPipeError:
        # The reader is gone: print nothing more, not even when the interpreter flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.DONE) from None
    except OSError as error:
        print(f"depthcli: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.FAILED) from None


def run_until_signal(job: Coroutine[Any, Any, T], *, interrupted: Callable[[], bool]) -> T:
    """Run a job until it is done or one of the `ENDINGS` comes, which cancels it.

    Args:
        job: the job.
        interrupted: whether Ctrl-C came before there was an event loop.

    A second signal ends the process at once. A signal that the parent ignores, as `nohup`
    does, stays ignored.

    Raises:
        EndedBySignalError: a signal came, and the job has ended.
    """
    import asyncio

    return asyncio.run(_until_signal(job, interrupted))


async def _until_signal(job: Coroutine[Any, Any, T], interrupted: Callable[[], bool]) -> T:
    import asyncio

    loop = asyncio.get_running_loop()
    working = asyncio.ensure_future(job)
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        for ending in handled:
            loop.remove_signal_handler(ending)
            signal.signal(ending, signal.SIG_DFL)
        working.cancel()

    handled = [ending for ending in ENDINGS if signal.getsignal(ending) is not signal.SIG_IGN]
    try:
        for ending in handled:
            loop.add_signal_handler(ending, end, ending)
    except NotImplementedError:  # Windows: there Ctrl-C is a KeyboardInterrupt
        return await working
    if interrupted():
        end(signal.SIGINT)
    try:
        result = await working
    except asyncio.CancelledError:
        if not came:
            raise
    if came:
        raise EndedBySignalError(came[0])
    return result
