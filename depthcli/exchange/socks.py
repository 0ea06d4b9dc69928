"""Requests through a SOCKS proxy. Its dependencies come with the extra `socks`.

It uses the same library as `websockets`, so that REST and WebSocket behave alike. httpx alone has
no SOCKS4, and lets the proxy resolve names whatever the scheme says.
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
    """Sends requests through a SOCKS proxy; raises httpx's exceptions.

    Args:
        proxy: the SOCKS proxy.
        trust: the TLS context for the exchange.
        limits: the connection limits.
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
        """Send a request and return the response, whose body isn't read yet."""
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
