"""A terminal that may go away: what is written to it then is lost, and the app ends."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.driver import Driver

HUNG_UP: Final = 129
"""What the app returns then: as if the signal SIGHUP had ended it."""


def driver_class() -> type[Driver] | None:
    """Return the driver that survives the loss of its terminal; None: Textual's own."""
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver  # noqa: PLC0415, it isn't there on Windows

    class TerminalDriver(LinuxDriver):
        """Without it, an error ends the thread that writes, and the app waits for it for good."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            leave = partial(self._app.exit, return_code=HUNG_UP)
            self._file: Any = _Mortal(self._file, partial(self._loop.call_soon_threadsafe, leave))

    return TerminalDriver


class _Mortal:
    """A text file whose errors are told once, and not raised."""

    def __init__(self, file: Any, gone: Callable[[], object]) -> None:
        self._file = file
        self._gone: Callable[[], object] | None = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Write, or lose the text."""
        self._attempt(partial(self._file.write, text))
        return len(text)

    def flush(self) -> None:
        """Flush, or lose what is buffered."""
        self._attempt(self._file.flush)

    def _attempt(self, action: Callable[[], object]) -> None:
        if self._gone is None:
            return
        try:
            action()
        except OSError:
            gone, self._gone = self._gone, None
            gone()
