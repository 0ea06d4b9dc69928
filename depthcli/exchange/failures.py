"""Why a connection failed, in words for people: by its cause, not by the name of an exception."""

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
"""What can be done without a connection."""

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
    """Return why a connection failed: the first cause in the chain of exceptions that is known."""
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
    """Return what a proxy failed in; an empty text where the fault may as well lie beyond it.

    What refuses a connection, or isn't found, is the proxy: of what lies beyond, it tells itself.
    """
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, _REFUSED_BY_PROXY):
            return f"the proxy {proxy.address} refuses: {_proxys_words(cause)}; {OFFLINE}"
    resolves_here = proxy.is_socks and not proxy.resolves_names
    for cause in causes:
        if not (isinstance(cause, socket.gaierror) and resolves_here) and (
            words := _network(cause)
        ):
            return f"the proxy {proxy.address}: {words}"
    return ""


def _refusal(cause: BaseException) -> str:
    if isinstance(cause, _REFUSED_BY_PROXY):
        return f"the proxy refuses: {_proxys_words(cause)}; {OFFLINE}"
    return ""


def _proxys_words(error: BaseException) -> str:
    """Return why a proxy refuses, as those say it who heard it."""
    # Of SOCKS, websockets says only that it failed, and then whom it heard it from.
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
        return f"no network leads there; {OFFLINE}"
    return ""


def _connection(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLError):
        return printable(str(cause))
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return "the connection broke off" if isinstance(cause, _BROKEN) else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an exception, those that it groups, and those that it came from."""
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
