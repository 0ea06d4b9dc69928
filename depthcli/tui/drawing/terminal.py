"""The terminal or the browser of the app, and what happens when it goes away."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual import constants

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.driver import Driver

HUNG_UP: Final = 129
"""The exit code when the terminal goes away, as if SIGHUP had ended the app."""


def in_browser() -> bool:
    """Return whether the app is shown in a browser, by the process that started it."""
    return constants.DRIVER == "textual.drivers.web_driver:WebDriver"


def driver_class() -> type[Driver] | None:
    """Return the driver that survives the loss of its terminal; None: Textual's own."""
    if in_browser():
        return _browser_driver_class()
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver  # noqa: PLC0415, it isn't there on Windows

    class TerminalDriver(LinuxDriver):
        """Without this, an error ends the writing thread, and the app waits for it for ever."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            leave = partial(self._app.exit, return_code=HUNG_UP)
            self._file: Any = _Mortal(self._file, partial(self._loop.call_soon_threadsafe, leave))

    return TerminalDriver


def _browser_driver_class() -> type[Driver]:
    from textual.drivers.web_driver import WebDriver  # noqa: PLC0415, few need it

    class BrowserDriver(WebDriver):
        """Without this, the app goes on for ever when its link to the browser is killed."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            leave = partial(self._app.exit, return_code=HUNG_UP)
            self._leave = partial(self._loop.call_soon_threadsafe, leave)
            pipe = open(self.fileno, "wb", buffering=0, closefd=False)  # noqa: SIM115
            self._write: Any = _Mortal(pipe, self._leave).write

        def run_input_thread(self) -> None:
            """Read what is typed until there is nothing any more, or the app has ended."""
            super().run_input_thread()
            if not self.exit_event.is_set():
                self._leave()

    return BrowserDriver


class _Mortal:
    """A file whose first error is reported through a callback, not raised."""

    def __init__(self, file: Any, gone: Callable[[], object]) -> None:
        self._file = file
        self._gone: Callable[[], object] | None = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str | bytes) -> int:
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
