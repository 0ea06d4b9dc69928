"""How the exchange is reached: which certificates are trusted, which proxy stands in between."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable

    from websockets.protocol import Event
    from websockets.typing import BytesLike

NOT_FOLLOWED: Final = (
    "which is not followed: a login page of the network, or a filter, may stand before the exchange"
)
"""What is said of a redirect."""

_WHOLE: Final = (Opcode.TEXT, Opcode.BINARY)
"""What a message in one part begins with."""


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine: no proxy stands before it."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def origin_of(url: str, schemes: tuple[str, ...]) -> str:
    """Return `scheme://host` of a URL that is to be the origin of an exchange, and nothing more.

    Raises:
        UsageError: it has something more, or another scheme.
    """
    example = f"{schemes[0]}://127.0.0.1:8901"
    try:
        parts = urlsplit(url)
        host = httpx.URL(url).host
        whole = bool(host) and parts.port != 0 and not set("@ %") & set(parts.netloc)
    except (ValueError, httpx.InvalidURL):
        whole = False
    if (
        not whole
        or parts.scheme not in schemes
        or parts.path.strip("/")
        or "?" in url
        or "#" in url
    ):
        raise UsageError(f"{printable(url)!r} isn't the origin of an exchange: give {example}")
    return f"{parts.scheme}://{parts.netloc}"


def proxy_for(origin: str) -> str | None:
    """Return the proxy through which a WebSocket origin is reached; None: directly.

    The environment's variables are those that REST requests obey: `HTTPS_PROXY` for `wss` and
    `HTTP_PROXY` for `ws`, else `ALL_PROXY`, and `NO_PROXY` for hosts that need none.
    """
    parts = urlsplit(origin)
    if is_loopback(origin) or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    return proxies.get("https" if parts.scheme == "wss" else "http") or proxies.get("all")


@cache
def trust() -> ssl.SSLContext:
    """Return what decides whom to believe: well-known authorities, or those of `SSL_CERT_FILE`.

    It is one for REST and WebSocket, so that what works for one works for the other.

    Raises:
        UsageError: the file can't be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise UsageError(
            f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names can't be read: {error}"
        ) from error


class HandingConnection(ClientConnection):
    """A connection that hands each message over as it comes, once somebody takes them.

    So a message costs neither a place in a queue nor a turn of a task, a third of what it costs to
    receive it; and what a full loop can't take in stays in the socket. `recv` only tells the end,
    unless a message comes in parts, which the exchange never does: that one is assembled there, as
    usual, and so that nothing overtakes it, all that come after it are received there, too.

    It is cut when the other end doesn't close it after a goodbye or damage. Otherwise whoever waits
    for its end waits for as long as the other end likes.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._now = 0.0
        self._early: list[tuple[BytesLike, float]] = []
        self._take: Callable[[BytesLike, float], object] = self._keep
        self._in_parts = False
        self._cutting: asyncio.TimerHandle | None = None

    def hand_over(self, take: Callable[[BytesLike, float], object]) -> None:
        """Let a function take each message as it comes, those first that came before.

        It is called with the message and the time of the loop's clock when it came.
        """
        self._take = take
        early, self._early = self._early, []
        for message, came in early:
            take(message, came)

    def process_event(self, event: Event) -> None:
        """Take in what the protocol found in the data."""
        if not isinstance(event, Frame):
            super().process_event(event)
        elif event.fin and event.opcode in _WHOLE and not self._in_parts:
            self._take(event.data, self._now)
        else:
            self._in_parts = self._in_parts or not event.fin
            super().process_event(event)

    def data_received(self, data: bytes) -> None:
        """Take in data, and see whether it was the last."""
        self._now = self.loop.time()
        super().data_received(data)
        if self._cutting is None and self.protocol.close_expected():
            self._cutting = self.loop.call_later(self.close_timeout or 0, self.transport.abort)

    def _keep(self, message: BytesLike, came: float) -> None:
        self._early.append((message, came))


class connect_directly(connect):  # noqa: N801, it is called like the function that it replaces
    """Opens a WebSocket as its parent does, and goes nowhere else: a redirect is an error."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, create_connection=HandingConnection, **options)

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the error that a redirect is."""
        return exc
