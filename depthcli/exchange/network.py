"""Routes to the exchange: certificates, proxies, and the WebSocket connection class."""

from __future__ import annotations

import os
import ssl
import urllib.request
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.frames import CloseCode, Frame, Opcode

from depthcli.errors import UnreachableError, UsageError, printable
from depthcli.exchange.failures import trouble_with
from depthcli.exchange.proxies import Proxy, is_exempt, names_one, proxy_for, read_proxy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from websockets.protocol import Event
    from websockets.typing import BytesLike

NOT_FOLLOWED: Final = (
    "which is not followed: a login page of the network, or a filter, may be in the way"
)
"""The end of the message about a redirect."""

_WHOLE: Final = (Opcode.TEXT, Opcode.BINARY)
"""The opcodes of unfragmented messages."""


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def origin_of(url: str, schemes: tuple[str, ...]) -> str:
    """Return `scheme://host[:port]` of a URL, which must be the origin of an exchange.

    Raises:
        UsageError: it has another part, or another scheme.
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


@cache
def trust() -> ssl.SSLContext:
    """Return the TLS context, with the usual certificate authorities or those of `SSL_CERT_FILE`.

    REST and WebSocket share it, so that both work or neither does. It is created only when TLS is
    needed.

    Raises:
        UsageError: the certificates can't be read, or the file of `SSLKEYLOGFILE` can't be written.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        key_log = os.environ.get("SSLKEYLOGFILE")
        if key_log and error.filename == key_log:
            raise UsageError(
                f"the file that SSLKEYLOGFILE names can't be written: {error}; name another, or"
                " unset it"
            ) from error
        raise UsageError(
            f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names can't be read: {error}"
        ) from error


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach one origin.

    Attributes:
        proxy: the proxy to use; None: connect directly.
        trust: the TLS context for the origin; None: without TLS.
        proxy_trust: the TLS context for the proxy; None: without TLS.
    """

    proxy: Proxy | None = None
    trust: ssl.SSLContext | None = None
    proxy_trust: ssl.SSLContext | None = None

    def websocket_options(self) -> dict[str, Any]:
        """Return the options of this route for `websockets.asyncio.client.connect`."""
        options: dict[str, Any] = {"proxy": self.proxy and self.proxy.url, "ssl": self.trust}
        if self.proxy_trust is not None:
            options["proxy_ssl"] = self.proxy_trust
        return options

    def rest_transport(self, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
        """Return an httpx transport for this route."""
        # Without TLS an empty context will do: loading the usual authorities takes long.
        verify = self.trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.proxy is not None and self.proxy.is_socks:
            from depthcli.exchange.socks import SocksTransport  # noqa: PLC0415, it needs an extra

            return SocksTransport(self.proxy, verify, limits)
        proxy = None
        if self.proxy is not None:
            proxy = httpx.Proxy(
                self.proxy.address, auth=self.proxy.credentials, ssl_context=self.proxy_trust
            )
        return httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits, proxy=proxy)


class Routes:
    """The routes to all origins. Each is determined once, for REST and WebSocket alike.

    Args:
        proxy: the URL of the proxy for all of them. None: use the environment's variables, or if
            none is set, the settings of macOS or Windows; loopback is then reached directly.
    """

    def __init__(self, proxy: str | None = None) -> None:
        # A proxy given as an argument defaults to HTTP's port, not to curl's.
        self._proxy = read_proxy(proxy, "https_proxy", http_port=80) if proxy else None
        self._known: dict[str, Route] = {}

    def to(self, origin: str) -> Route:
        """Return the route to `scheme://host` or `scheme://host:port`.

        Raises:
            UsageError: its proxy can't be used, SOCKS support isn't installed, or the certificates
                can't be read.
        """
        route = self._known.get(origin)
        if route is None:
            proxy = self._proxy or _proxy_of_environment(origin)
            if proxy is not None and proxy.is_socks:
                _check_socks(proxy)
            route = self._known[origin] = Route(
                proxy,
                trust() if origin.startswith(("https:", "wss:")) else None,
                trust() if proxy is not None and proxy.scheme == "https" else None,
            )
        return route


class RoutedTransport(httpx.AsyncBaseTransport):
    """Sends each request over the route to its origin.

    Args:
        routes: the routes.
        limits: the connection limits of each route.
    """

    def __init__(self, routes: Routes, limits: httpx.Limits) -> None:
        self._routes = routes
        self._limits = limits
        self._transports: dict[Route, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the response, whose body isn't read yet.

        Raises:
            httpx.TransportError: the origin can't be reached. If the proxy is at fault, the cause
                is an UnreachableError that says so.
        """
        url = request.url
        route = self._routes.to(f"{url.scheme}://{url.netloc.decode('ascii')}")
        transport = self._transports.get(route)
        if transport is None:
            transport = self._transports[route] = route.rest_transport(self._limits)
        try:
            return await transport.handle_async_request(request)
        except httpx.TransportError as error:
            if route.proxy is not None and (words := trouble_with(route.proxy, error)):
                raise httpx.ProxyError(words, request=request) from UnreachableError(words)
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()


def _proxy_of_environment(origin: str) -> Proxy | None:
    if is_loopback(origin):
        return None
    if names_one(os.environ):
        return proxy_for(origin, os.environ)
    return None if is_exempt(origin, os.environ) else _proxy_of_system(origin)


def _proxy_of_system(origin: str) -> Proxy | None:
    """Return the proxy in the settings of macOS or Windows; other systems have no such settings."""
    parts = urlsplit(origin)
    for settings, bypass in (
        ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"),
        ("getproxies_registry", "proxy_bypass_registry"),
    ):
        read = getattr(urllib.request, settings, None)
        if read is not None and not getattr(urllib.request, bypass)(parts.netloc):
            proxies = read()
            kind = "https" if parts.scheme in {"https", "wss"} else "http"
            if named := proxies.get(kind) or proxies.get("all"):
                return read_proxy(named, "the system's settings", http_port=80)
    return None


def _check_socks(proxy: Proxy) -> None:
    try:
        import depthcli.exchange.socks  # noqa: F401, PLC0415, it needs an extra
    except ImportError as error:
        raise UsageError(
            f"the proxy that {proxy.source} names speaks SOCKS, and what that needs isn't"
            " installed: pip install 'depthcli[socks]'"
        ) from error


class HandingConnection(ClientConnection):
    """A connection that passes each message to a callback as it arrives.

    This avoids a queue and a task switch per message, a third of the cost of receiving it. If the
    event loop is busy, data stays in the socket. `recv` then only raises at the end of the
    connection. The exception is a fragmented message, which the exchange never sends: it is
    assembled for `recv` as usual, and to keep the order, all later messages go there, too.

    The transport is aborted if the peer doesn't close the connection after a closing handshake or a
    protocol error. Otherwise waiting for its end could take as long as the peer likes.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._now = 0.0
        self._buffered: list[tuple[BytesLike, float]] = []
        self._handler: Callable[[BytesLike, float], object] = self._buffer
        self._fragmented = False
        self._abort_timer: asyncio.TimerHandle | None = None

    def hand_over(self, handle: Callable[[BytesLike, float], object]) -> None:
        """Pass each message to a function, beginning with those that arrived before this call.

        It is called with the message and its time of arrival on the loop's clock.
        """
        self._handler = handle
        buffered, self._buffered = self._buffered, []
        for message, arrived in buffered:
            handle(message, arrived)

    def process_event(self, event: Event) -> None:
        """Process an event of the protocol."""
        if not isinstance(event, Frame):
            super().process_event(event)
        elif event.fin and event.opcode in _WHOLE and not self._fragmented:
            self._handler(event.data, self._now)
        else:
            self._fragmented = self._fragmented or not event.fin
            super().process_event(event)

    def data_received(self, data: bytes) -> None:
        """Process data, and limit the wait for the peer's close if the connection is ending."""
        self._now = self.loop.time()
        super().data_received(data)
        if self._abort_timer is None and self.protocol.close_expected():
            self._abort_timer = self.loop.call_later(self.close_timeout or 0, self.transport.abort)

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Perform the closing handshake, within the timeout. The socket is closed in any case.

        It is closed also if the wait is cancelled. Up to Python 3.11.2 that always happens in a
        task that was cancelled before: `asyncio.timeout` mistakes its own expiry for another
        cancellation (fixed in 3.11.3, gh-102780).
        """
        try:
            await super().close(code, reason)
        finally:
            if not self.connection_lost_waiter.done():
                self.transport.abort()

    def _buffer(self, message: BytesLike, arrived: float) -> None:
        self._buffered.append((message, arrived))


class connect_directly(connect):  # noqa: N801, named like the function that it replaces
    """Opens a WebSocket like its base class, but treats redirects as errors."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, create_connection=HandingConnection, **options)

    async def __aenter__(self) -> ClientConnection:
        try:
            return await super().__aenter__()
        except (OSError, WebSocketException) as error:
            if isinstance(self.proxy, str):
                proxy = read_proxy(self.proxy, "the route")
                if words := trouble_with(proxy, error):
                    raise UnreachableError(words) from error
            raise

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the exception instead of following the redirect."""
        return exc
