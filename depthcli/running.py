"""How a command is run: what it ends with when it is told to end, or can't go on."""

import gc
import os
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer

from depthcli import exit_codes

T = TypeVar("T")

COLLECT_AFTER: Final = (10_000, 10, 100)
"""When the interpreter looks for garbage. Events leave none behind, and to look at the levels of
1,500 books takes a quarter of a second, in which events wait: so that is done seldom."""


def run(job: Coroutine[Any, Any, T]) -> T:
    """Run a command's job, and return what it returns.

    Raises:
        typer.Exit: a signal ended it, nobody reads its output any more, or something on this
            machine failed, which is printed.
        DepthcliError: as the job does.
    """
    from depthcli.leaving import ToldToEndError, run as run_until_told

    gc.set_threshold(*COLLECT_AFTER)
    try:
        return run_until_told(job)
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
