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

OFFLINE: Final = "`depthcli watch --demo` works without a network"
"""What can be done without a connection."""

_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
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
    for known in (_proxy, _network, _connection):
        for cause in causes:
            if words := known(cause):
                return words
    return printable(str(error)) or "the connection failed"


def _proxy(cause: BaseException) -> str:
    if isinstance(cause, (httpx.ProxyError, ProxyError)):
        return f"the proxy refuses: {printable(str(cause))}; {OFFLINE}"
    return ""


def _network(cause: BaseException) -> str:
    if isinstance(cause, socket.gaierror):
        return f"its name can't be resolved; {OFFLINE}"
    if isinstance(cause, ssl.SSLError):
        return printable(str(cause))
    if isinstance(cause, ConnectionRefusedError):
        return f"connection refused; {OFFLINE}"
    if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
        return f"no network leads there; {OFFLINE}"
    return ""


def _connection(cause: BaseException) -> str:
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
