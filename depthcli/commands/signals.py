"""How a command is run: what it ends with when it is told to end, or can't go on.

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
"""When the interpreter looks for garbage. Events leave none behind, and to look at the levels of
1,500 books takes a quarter of a second, in which events wait: so that is done seldom."""

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


def run(job: Coroutine[Any, Any, T]) -> T:
    """Run a command's job, and return what it returns.

    Raises:
        typer.Exit: a signal ended it, nobody reads its output any more, or something on this
            machine failed, which is printed.
        DepthcliError: as the job does.
    """
    gc.set_threshold(*COLLECT_AFTER)
    try:
        return run_until_told(job, interrupted=lambda: early_interrupt.came)
    except KeyboardInterrupt:
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    except ToldToEndError as told:
        raise typer.Exit(told.exit_code) from None
    except BrokenPipeError:
        # Nobody reads any more: nothing more is said, also not when the interpreter flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.DONE) from None
    except OSError as error:
        print(f"depthcli: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exit_codes.FAILED) from None


def run_until_told(job: Coroutine[Any, Any, T], *, interrupted: Callable[[], bool]) -> T:
    """Run a job until it is done or one of the `ENDINGS` comes, which cancels it.

    Args:
        job: what is run.
        interrupted: whether Ctrl-C came before there was a loop to hear it.

    A second signal ends the process at once. A signal that the parent wants to be ignored, as
    `nohup` does, stays ignored.

    Raises:
        ToldToEndError: a signal came, and the job has ended.
    """
    import asyncio

    return asyncio.run(_until_told(job, interrupted))


async def _until_told(job: Coroutine[Any, Any, T], interrupted: Callable[[], bool]) -> T:
    import asyncio

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
