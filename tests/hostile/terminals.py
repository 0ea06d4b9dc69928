"""A real terminal for a real process: what it shows, and in what state it is left."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from typing import Self

import pytest

from tests.variables import variables

pty = pytest.importorskip("pty", reason="no terminals of this kind here")
termios = pytest.importorskip("termios")
fcntl = pytest.importorskip("fcntl")

PATIENCE = 40.0
SIZE = b"\x28\x00\x78\x00\x00\x00\x00\x00"
"""Forty lines of a hundred and twenty columns, as the kernel wants it."""


class Terminal:
    """A process in a terminal of its own.

    Args:
        command: what runs.
        ignored: a signal that it inherits as ignored, as `nohup` does it.
        more: environment variables.
    """

    def __init__(self, *command: str, ignored: int | None = None, **more: str) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, SIZE)
        self._before = termios.tcgetattr(self._slave)
        self.shown = b""

        def prepare() -> None:
            if ignored is None:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            else:
                import signal  # noqa: PLC0415

                signal.signal(ignored, signal.SIG_IGN)

        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509
            env=variables(TERM="xterm-256color", **more),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def go_away(self) -> None:
        """Close it, as a window is closed."""
        for end in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(end)

    def let_go(self) -> None:
        """Keep only the side that shows, so that the process has the only hold on the other."""
        os.close(self._slave)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def read_until(self, pattern: bytes) -> None:
        """Read what is shown until it matches."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            assert time.monotonic() < deadline, self.shown[-500:]
            assert self._read(0.2) or self.process.poll() is None, self.shown[-500:]

    def wait(self) -> int:
        """Read on until the process has ended; return its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown[-500:]
            self._read(0.05)
        while self._read(0):
            pass
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether it is as it was: the usual screen, the cursor shown, lines as they are read."""
        shown = self.shown
        return (
            shown.rfind(b"\x1b[?1049l") > shown.rfind(b"\x1b[?1049h") >= 0
            and shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")
            and termios.tcgetattr(self._slave) == self._before
        )

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        with contextlib.suppress(OSError):
            self.shown += (read := os.read(self._master, 65536))
            return bool(read)
        return False
