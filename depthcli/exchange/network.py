"""How the exchange is reached: which certificates are trusted, which proxy stands in between."""

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
    "which is not followed: a login page of the network, or a filter, may stand before the exchange"
)
"""What is said of a redirect."""

_WHOLE: Final = (Opcode.TEXT, Opcode.BINARY)
"""What a message in one part begins with."""


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


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


@cache
def trust() -> ssl.SSLContext:
    """Return what decides whom to believe: well-known authorities, or those of `SSL_CERT_FILE`.

    It is one for REST and WebSocket, so that what works for one works for the other. It is made
    when TLS is needed, not before.

    Raises:
        UsageError: the file can't be read, or that of `SSLKEYLOGFILE` can't be written.
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
    """How one origin is reached.

    Attributes:
        proxy: what stands in between; None: nothing does.
        trust: whom TLS with the origin believes; None: there is no TLS.
        proxy_trust: whom TLS with the proxy believes; None: there is no TLS with it.
    """

    proxy: Proxy | None = None
    trust: ssl.SSLContext | None = None
    proxy_trust: ssl.SSLContext | None = None

    def websocket_options(self) -> dict[str, Any]:
        """Return what `websockets.asyncio.client.connect` is to be told of it."""
        options: dict[str, Any] = {"proxy": self.proxy and self.proxy.url, "ssl": self.trust}
        if self.proxy_trust is not None:
            options["proxy_ssl"] = self.proxy_trust
        return options

    def rest_transport(self, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
        """Return what carries requests over it."""
        # Without TLS, nobody has to be believed; finding the usual authorities takes long.
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
    """The ways to all origins; each is decided once, for REST and WebSocket alike.

    Args:
        proxy: the URL of the proxy for all of them; None: the environment's variables say which an
            origin needs, or where none is set, the settings of macOS or Windows. Loopback needs
            none then.
    """

    def __init__(self, proxy: str | None = None) -> None:
        # A proxy that is named here has HTTP's own port as its default, not curl's.
        self._proxy = read_proxy(proxy, "https_proxy", http_port=80) if proxy else None
        self._known: dict[str, Route] = {}

    def to(self, origin: str) -> Route:
        """Return the way to `scheme://host`, or `scheme://host:port`.

        Raises:
            UsageError: the proxy that is named for it can't be used, SOCKS isn't installed, or what
                TLS needs can't be had.
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
    """Carries each request over the way to its origin.

    Args:
        routes: tell the ways.
        limits: of the connections over each of them.
    """

    def __init__(self, routes: Routes, limits: httpx.Limits) -> None:
        self._routes = routes
        self._limits = limits
        self._transports: dict[Route, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer; its body is still to be read.

        Raises:
            httpx.TransportError: the origin can't be reached; where the proxy on the way is at
                fault, an UnreachableError that says so is the cause.
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
    """Return what the settings of macOS or Windows say; other systems have none."""
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

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye, and wait for the answer until the timeout; the socket is closed in any case.

        That holds when the wait is cancelled, too. It always is in a task that was cancelled
        before, up to Python 3.11.2: there `asyncio.timeout` takes its own end for another
        cancellation (fixed in 3.11.3, gh-102780).
        """
        try:
            await super().close(code, reason)
        finally:
            if not self.connection_lost_waiter.done():
                self.transport.abort()

    def _keep(self, message: BytesLike, came: float) -> None:
        self._early.append((message, came))


class connect_directly(connect):  # noqa: N801, it is called like the function that it replaces
    """Opens a WebSocket as its parent does, and goes nowhere else: a redirect is an error."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, create_connection=HandingConnection, **options)

    async def __aenter__(self) -> ClientConnection:
        try:
            return await super().__aenter__()
        except (OSError, WebSocketException) as error:
            if isinstance(self.proxy, str):
                proxy = read_proxy(self.proxy, "the way")
                if words := trouble_with(proxy, error):
                    raise UnreachableError(words) from error
            raise

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the error that a redirect is."""
        return exc
