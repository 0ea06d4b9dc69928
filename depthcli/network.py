"""How the exchange is reached: which certificates are trusted, which proxy stands in between."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from websockets.asyncio.client import ClientConnection, connect

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    import asyncio
    import ssl

NOT_FOLLOWED: Final = (
    "which is not followed: a login page of the network, or a filter, may stand before the exchange"
)
"""What is said of a redirect."""


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


class _ImpatientConnection(ClientConnection):
    """A connection that is cut when the other end doesn't close it after a goodbye or damage.

    Otherwise whoever reads from it waits for as long as the other end likes.
    """

    _cutting: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take in data, and see whether it was the last."""
        super().data_received(data)
        if self._cutting is None and self.protocol.close_expected():
            self._cutting = self.loop.call_later(self.close_timeout or 0, self.transport.abort)


class connect_directly(connect):  # noqa: N801, it is called like the function that it replaces
    """Opens a WebSocket as its parent does, and goes nowhere else: a redirect is an error."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, create_connection=_ImpatientConnection, **options)

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the error that a redirect is."""
        return exc
