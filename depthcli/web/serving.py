"""The web server: its page, its connections, and which requests it accepts."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web
from textual_serve.server import Server

from depthcli.errors import UsageError, printable
from depthcli.web.sessions import PATIENCE, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.typedefs import Handler

PAGE: Final = Path(__file__).with_name("page.html")

POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline';"
    " style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)
"""The page's content security policy: no resources from elsewhere, and no framing."""

MALFORMED: Final = (
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the parent's reading of messages raises when one isn't what the page sends."""

CLOSING: Final = 2.0
"""Seconds to wait for a browser when its connection is closed."""

LARGEST: Final = 1_000
"""Most columns and lines of a screen at the start."""


async def serve_screens(arguments: Sequence[str], host: str, port: int) -> None:
    """Serve screens to browsers until it is cancelled; `depthcli.web.serve` says how."""
    screens = Screens(command_of(arguments), host)
    runner = web.AppRunner(
        await screens.application(), access_log=None, shutdown_timeout=CLOSING + 2 * PATIENCE
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            raise UsageError(_why_not(host, port, error)) from error
        print(url_of(host, runner.addresses[0][1]), flush=True)
        if not is_loopback(host):
            print(
                f"depthcli: anyone who can reach {printable(host)} can see and use these screens",
                file=sys.stderr,
            )
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class Screens(Server):
    """Answers browsers: with the page, and with a session for each tab that shows it.

    Args:
        command: the command of a screen's process.
        host: the address that it listens on.
    """

    def __init__(self, command: Sequence[str], host: str) -> None:
        super().__init__(command[0], host)
        self._words = command
        self._names = names_of(host)
        self._open: set[web.WebSocketResponse] = set()

    async def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = await self._make_app()
        application.middlewares.append(self._admit)
        return application

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the caller prints the address."""

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002, its parent's
        """Close what is open; the sessions end with their connections."""
        closing = (one.close(code=WSCloseCode.GOING_AWAY) for one in tuple(self._open))
        await asyncio.gather(*closing, return_exceptions=True)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002
        """Answer with the page."""
        return web.FileResponse(
            PAGE, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        )

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Answer with a session, which lasts until the tab or its process ends."""
        websocket = web.WebSocketResponse(heartbeat=15, timeout=CLOSING)
        await websocket.prepare(request)
        session = Session(
            self._words,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=websocket.close,
            download_manager=self.download_manager,
        )
        self._open.add(websocket)
        try:
            await session.start(_cells(request, "width", 80), _cells(request, "height", 24))
            with suppress(*MALFORMED, ConnectionError):
                await self._process_messages(websocket, session)
        finally:
            self._open.discard(websocket)
            try:
                await websocket.close()
            finally:
                await session.stop()
        if session.complaint:
            print(session.complaint, file=sys.stderr)
        return websocket

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests that pages from elsewhere make in the user's browser."""
        origin = request.headers.get("Origin")
        if not self._is_own(request.host):
            raise web.HTTPForbidden(text="depthcli isn't served by that name\n")
        if origin is not None and origin.partition("://")[2] != request.host:
            raise web.HTTPForbidden(text="pages from elsewhere can't use depthcli\n")
        return await handler(request)

    def _is_own(self, host: str) -> bool:
        """Return whether a `Host` names this server; anyone can make a name point here.

        An address can't be faked like that, so any address is accepted beyond loopback.
        """
        with suppress(ValueError):
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._names:
                return True
            address = ip_address(name)
            return address.is_loopback or not is_loopback(self.host)
        return False


def names_of(host: str) -> frozenset[str]:
    """Return the names, other than addresses, of a server that listens on a host."""
    names = {"localhost", host}
    if not is_loopback(host):
        names |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower() for name in names)


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def url_of(host: str, port: int) -> str:
    """Return the URL for a browser on this machine."""
    with suppress(ValueError):
        address = ip_address(host)
        if address.is_unspecified:
            host = "localhost"
        elif address.version == 6:
            host = f"[{host}]"
    return f"http://{host}:{port}/"


def _why_not(host: str, port: int, error: OSError | UnicodeError) -> str:
    """Return why the server can't listen there, and what to do."""
    number = getattr(error, "errno", None) or 0
    # asyncio's own message is longer and says no more.
    why = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or error
    more = "; --port 0 takes any that is free" if number == errno.EADDRINUSE else ""
    return f"can't listen on {printable(host)}:{port}: {why}{more}"


def _cells(request: web.Request, name: str, usual: int) -> int:
    with suppress(ValueError):
        return min(max(int(request.query.get(name, usual)), 1), LARGEST)
    return usual


def command_of(arguments: Sequence[str]) -> list[str]:
    """Return the command of a screen's process, to be run without a shell."""
    # Modules are looked for where this process looks for them: in its folder only if it does.
    here = {"", str(Path.cwd())}.intersection(sys.path)
    safely = [] if here else ["-P"]
    return [sys.executable, *safely, "-m", "depthcli", "watch", *arguments]
