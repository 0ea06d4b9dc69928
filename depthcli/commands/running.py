"""How a command is run: what it ends with when it is told to end, or can't go on."""

import gc
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer

from depthcli.commands import exit_codes

T = TypeVar("T")

COLLECT_AFTER: Final = (10_000, 10, 100)
"""When the interpreter looks for garbage. Events leave none behind, and to look at the levels of
1,500 books takes a quarter of a second, in which events wait: so that is done seldom."""


class EarlyInterrupt:
    """Ctrl-C while a command is still being loaded: it ends the process without a word.

    The exception alone isn't enough: Python drops it where it is raised inside a callback of the
    import system, and C code makes another error of it.

    Attributes:
        came: whether there was a Ctrl-C.
    """

    def __init__(self) -> None:
        self.came = False

    def heed(self) -> None:
        """Begin to listen, unless the parent wants Ctrl-C to be ignored."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._end)

    def _end(self, *_: object) -> None:
        self.came = True
        sys.unraisablehook = lambda _: None
        sys.exit(exit_codes.INTERRUPTED)


early_interrupt: Final = EarlyInterrupt()


def run(job: Coroutine[Any, Any, T]) -> T:
    """Run a command's job, and return what it returns.

    Raises:
        typer.Exit: a signal ended it, nobody reads its output any more, or something on this
            machine failed, which is printed.
        DepthcliError: as the job does.
    """
    from depthcli.commands.signals import ToldToEndError, run as run_until_told

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
