"""`depthcli watch --web` as a real process, and a tab without a browser."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.variables import variables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection

    from depthcli.simulator import Simulator

PATIENCE = 40.0


class Serving:
    """The process.

    Attributes:
        url: where browsers find it.
        complaints: what it said on standard error, once it has ended.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.complaints = ""

    async def end(self, ending: int) -> int:
        """Send a signal to it and to all in its terminal, as a terminal does; its exit code."""
        os.killpg(self.process.pid, ending)
        return await self.finish()

    async def finish(self) -> int:
        """Return its exit code, when it has ended."""
        said = await asyncio.wait_for(self.process.stderr.read(), PATIENCE)
        self.complaints = said.decode()
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def serving(*arguments: str, **settings: str) -> AsyncIterator[Serving]:
    """Run it, on any port that is free."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "depthcli", "watch", "--port=0", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=variables(**settings),
        start_new_session=True,
    )
    served = Serving(process)
    try:
        first = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        served.url = first.decode().strip()
        yield served
    finally:
        if process.returncode is None:
            await served.end(signal.SIGTERM)


def tab(url: str, **headers: str) -> connect:
    """Open a connection such as a tab has, of a hundred and ten columns and thirty lines."""
    address = url.replace("http", "ws", 1) + "ws?width=110&height=30"
    return connect(address, proxy=None, additional_headers=headers)


async def text_until(socket: ClientConnection, pattern: str) -> str:
    """Return what was drawn, without colours, when it matches; or all, when that is all."""
    shown = ""
    async with asyncio.timeout(PATIENCE):
        while not re.search(pattern, shown):
            try:
                message = await socket.recv()
            except ConnectionClosed:
                return shown
            shown += re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", message.decode())
    return shown


def until_connections(simulator: Simulator, number: int) -> None:
    """Wait until so many screens follow the exchange."""
    deadline = time.monotonic() + PATIENCE
    while simulator.connections != number:
        assert time.monotonic() < deadline, simulator.connections
        time.sleep(0.02)
