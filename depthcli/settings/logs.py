"""The log file of the commands: safe to display, and a full disk ends only the log."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"

LONGEST: Final = 2_000
"""Characters of the longest line in a log."""


def log_to(file: Path | None) -> None:
    """Write the package's log to a file; None: nowhere.

    Raises:
        UsageError: the file can't be written.
    """
    logger = logging.getLogger("depthcli")
    handler: logging.Handler = logging.NullHandler()
    if file is not None:
        try:
            handler = _LogFile(file, encoding="utf-8", errors="backslashreplace")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"can't write the log to {printable(str(file))}: {why}") from error
        handler.setFormatter(_SafeFormatter(FORMAT))
        logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    logging.getLogger("asyncio").addFilter(_is_no_echo)


def _is_no_echo(record: logging.LogRecord) -> bool:
    """Return False for the second error of websockets when a proxy hangs up without an answer.

    websockets also raises an error, which is reported. This one can't be caught, and asyncio would
    print its traceback.
    """
    error = record.exc_info[1] if record.exc_info else None
    ended = isinstance(error, EOFError) and error.args == ("stream ended",)
    return not (ended or type(error).__name__ == "InvalidProxyMessage")


class _SafeFormatter(logging.Formatter):
    """Formats lines without control characters that a terminal might obey."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        return "\n".join(printable(line, LONGEST) for line in lines)


class _LogFile(logging.FileHandler):
    """Writes until the first failure, which is reported once when the program ends."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, its parent's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError) or self.stream is None:
            super().handleError(record)
            return
        logging.getLogger("depthcli").removeHandler(self)
        # What is still buffered can't be written either; that isn't reported again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
        where = printable(self.baseFilename)
        atexit.register(_complain, f"the log {where} is incomplete: {error.strerror or error}")


def _complain(what: str) -> None:
    sys.stderr.write(f"depthcli: {what}\n")
