"""Requests through a SOCKS proxy; what it imports comes with the extra `socks`.

It does what `websockets` does for streams, with the same library, so that REST and WebSocket differ
in nothing: httpx alone knows no SOCKS4, and leaves names to the proxy whatever the scheme says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
from httpx_socks import AsyncProxyTransport
from python_socks import ProxyError, ProxyTimeoutError, ProxyType

if TYPE_CHECKING:
    import ssl

    from depthcli.exchange.proxies import Proxy


class SocksTransport(httpx.AsyncBaseTransport):
    """Carries requests through a SOCKS proxy, and fails as httpx does.

    Args:
        proxy: the SOCKS proxy.
        trust: whom TLS with the exchange believes.
        limits: of the connections.
    """

    def __init__(self, proxy: Proxy, trust: ssl.SSLContext, limits: httpx.Limits) -> None:
        user, password = proxy.credentials or (None, None)
        self._inner = AsyncProxyTransport(
            proxy_type=ProxyType.SOCKS5 if "5" in proxy.scheme else ProxyType.SOCKS4,
            proxy_host=proxy.host,
            proxy_port=proxy.port,
            username=user,
            password=password,
            rdns=proxy.resolves_names,
            verify=trust,
            trust_env=False,
            limits=limits,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer; its body is still to be read."""
        try:
            return await self._inner.handle_async_request(request)
        except ProxyTimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except ProxyError as error:
            raise httpx.ProxyError(str(error)) from error
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            raise httpx.ConnectError(str(error)) from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()
