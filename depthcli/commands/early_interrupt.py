"""Ctrl-C before a command runs. Imported before all else: loading the rest takes a while."""

from __future__ import annotations

import signal
import sys
from typing import Final

from depthcli.commands import exit_codes


class EarlyInterrupt:
    """Ctrl-C while a command is still loading: it ends the process silently.

    The exception alone isn't enough: Python drops it where it is raised inside a callback of the
    import system, and C code makes another error of it.

    Attributes:
        came: whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.came = False

    def install(self) -> None:
        """Install the handler, unless the parent wants Ctrl-C to be ignored."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._end)

    def _end(self, *_: object) -> None:
        self.came = True
        sys.unraisablehook = lambda _: None
        sys.exit(exit_codes.INTERRUPTED)


early_interrupt: Final = EarlyInterrupt()
