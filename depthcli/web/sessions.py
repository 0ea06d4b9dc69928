"""A screen in a browser's tab: its process ends with the tab, and the tab with its process."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from textual_serve.app_service import AppService

from depthcli.errors import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

GREETING: Final = b"__GANGLION__\n"
"""The line with which a Textual app begins to speak in packets."""

PATIENCE: Final = 5.0
"""Seconds for a process to end by itself."""

LAST_WORDS: Final = 100
"""Most lines of a process's error that are shown."""


class Session(AppService):
    """Runs a screen's process, and relays between it and the tab.

    Args:
        command: the command of the process.
        options: those of its parent.

    Attributes:
        complaint: what the process said on standard error, once it has ended.
    """

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        super().__init__(command[0], **options)
        self._words = command
        self.complaint = ""

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the process: without a shell, and out of reach of this terminal's Ctrl-C."""
        environment = self._build_environment(width, height)
        # Said in the environment, it would let each screen serve screens.
        environment.pop("DEPTHCLI_WATCH_WEB", None)
        self._process = process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Relay the process's output until it has ended; then close the tab's connection."""
        process = self._process
        if process is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("the session wasn't started")
        complaining = asyncio.create_task(process.stderr.read())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await process.stdout.readuntil(GREETING)
            while True:
                await self._hand_on(process.stdout)
        # The tab is gone, but a process that can't write can't end.
        while await process.stdout.read(65536):
            pass
        said = (await complaining).decode("utf-8", "replace").splitlines()
        self.complaint = "\n".join(printable(line, 1_000) for line in said[-LAST_WORDS:])
        with suppress(ConnectionError):
            if self.complaint:
                lines = self.complaint.replace("\n", "\r\n")
                await self.remote_write_bytes(f"\x1b[?1049l\x1b[2J\x1b[H{lines}\r\n".encode())
            await self.remote_close()

    async def _hand_on(self, stream: asyncio.StreamReader) -> None:
        kind = await stream.readexactly(1)
        size = int.from_bytes(await stream.readexactly(4), "big")
        payload = await stream.readexactly(size)
        if kind == b"D":
            await self.on_data(payload)
        elif kind == b"P":
            await self.on_packed(payload)
        # The tab's connection is closed when the process has ended, and not when it says it will.
        elif json.loads(payload).get("type") != "exit":
            await self.on_meta(payload)

    async def stop(self) -> None:
        """Terminate the process, and kill it if it doesn't end."""
        process, running = self._process, self._task
        if process is None or running is None:
            return
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        # `asyncio.timeout` fails in a task that was cancelled before, up to Python 3.11.2.
        asking = asyncio.create_task(self.send_meta({"type": "quit"}))
        await asyncio.wait([asking, running], timeout=PATIENCE)
        if not running.done():
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(asking, running)
        await process.wait()
