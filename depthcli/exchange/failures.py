"""Human-readable reasons for failed connections, found in the chain of exceptions."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Final

import httpx
from websockets.exceptions import InvalidMessage, ProxyError

from depthcli.errors import DepthcliError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthcli.exchange.proxies import Proxy

OFFLINE: Final = "`depthcli watch --demo` works without a network"
"""A hint for users without a connection."""

_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_REFUSED_BY_PROXY: Final = (httpx.ProxyError, ProxyError)
_BROKEN: Final = (
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    InvalidMessage,
    EOFError,
    ConnectionError,
)


def cause_of(error: BaseException) -> str:
    """Return why a connection failed: the first known cause in the chain of exceptions."""
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, DepthcliError):
            return printable(str(cause))
    for known in (_refusal, _network, _connection):
        for cause in causes:
            if words := known(cause):
                return words
    return printable(str(error)) or "the connection failed"


def trouble_with(proxy: Proxy, error: BaseException) -> str:
    """Return how a proxy failed; an empty string if the fault may lie beyond it.

    A refused connection or an unknown host is the proxy's own: it reports failures beyond itself in
    its responses.
    """
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, _REFUSED_BY_PROXY):
            return f"the proxy {proxy.address} refuses: {_proxy_reason(cause)}; {OFFLINE}"
    resolves_here = proxy.is_socks and not proxy.resolves_names
    for cause in causes:
        if not (isinstance(cause, socket.gaierror) and resolves_here) and (
            words := _network(cause)
        ):
            return f"the proxy {proxy.address}: {words}"
    return ""


def _refusal(cause: BaseException) -> str:
    if isinstance(cause, _REFUSED_BY_PROXY):
        return f"the proxy refuses: {_proxy_reason(cause)}; {OFFLINE}"
    return ""


def _proxy_reason(error: BaseException) -> str:
    """Return why a proxy refused, as the libraries report it."""
    # For SOCKS, websockets says only that it failed; the cause of its exception says why.
    last = list(_chain(error))[-1] if isinstance(error, ProxyError) else error
    response = getattr(error, "response", None)
    if response is not None:
        return printable(f"HTTP {response.status_code} {response.reason_phrase}".strip())
    return "it hangs up" if isinstance(last, EOFError) else printable(str(last) or str(error))


def _network(cause: BaseException) -> str:
    if isinstance(cause, socket.gaierror):
        return f"its name can't be resolved; {OFFLINE}"
    if isinstance(cause, ConnectionRefusedError):
        return f"connection refused; {OFFLINE}"
    if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
        return f"no route to it; {OFFLINE}"
    return ""


def _connection(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLError):
        return printable(str(cause))
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return "the connection broke off" if isinstance(cause, _BROKEN) else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, those that it groups, and their causes and contexts."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting += [one.__cause__, one.__context__]
