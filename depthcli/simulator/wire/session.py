"""The subscriptions of one WebSocket, and the requests that change them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from depthcli.core.markets import Market

METHODS: Final = (
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST_SUBSCRIPTIONS",
    "SET_PROPERTY",
    "GET_PROPERTY",
)
_LARGEST_ID: Final = 2**63 - 1
_LONGEST_ID: Final = 36


class _InvalidRequestError(Exception):
    """An invalid request; the message is that of the reply."""


def parse_target(target: str) -> tuple[str, bool, list[str]] | None:
    """Parse the path and query of a WebSocket's address.

    Returns:
        The prefix before `/ws` or `/stream`, whether events are wrapped with their stream's name,
        and the initial streams. None if there is nothing at that address.
    """
    address = urlsplit(target)
    path = address.path.rstrip("/")
    prefix = "/public" if path.startswith("/public/") else ""
    path = path.removeprefix(prefix)
    if path == "/stream":
        names = parse_qs(address.query).get("streams", [""])[-1]
        return prefix, True, _distinct(names)
    if path == "/ws" or path.startswith("/ws/"):
        return prefix, False, _distinct(unquote(path.removeprefix("/ws")))
    return None


def _distinct(names: str) -> list[str]:
    return list(dict.fromkeys(filter(None, names.split("/"))))


class Session:
    """The subscriptions of one WebSocket.

    Attributes:
        market: the market whose format the replies have.
        combined: whether events are wrapped with their stream's name.
        streams: the subscribed streams, in order.
    """

    def __init__(self, market: Market, *, combined: bool, streams: list[str]) -> None:
        self.market = market
        self.combined = combined
        self.streams = dict.fromkeys(streams)

    def handle(self, text: str | bytes) -> str:
        """Execute a request, which may change `streams`, and return the reply."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError) as error:
            return self._failure(3, f"Invalid JSON: {error}", None)
        identifier = request.get("id") if isinstance(request, dict) else None
        try:
            result = self._result(request)
        except _InvalidRequestError as error:
            known = identifier if _is_identifier(identifier) else None
            return self._failure(2, f"Invalid request: {error}", known)
        return _text({"result": result, "id": identifier})

    def _result(self, request: Any) -> Any:
        method = _checked_method(request)
        if method == "LIST_SUBSCRIPTIONS":
            return list(self.streams)
        parameters = request.get("params")
        if not isinstance(parameters, list):
            raise _InvalidRequestError("missing field `params`, expected a sequence")
        if method.endswith("PROPERTY"):
            return self._property(method, parameters)
        if not all(isinstance(name, str) for name in parameters):
            raise _InvalidRequestError("invalid type in `params`, expected a string")
        for name in parameters:
            if method == "SUBSCRIBE":
                self.streams[name] = None
            else:
                self.streams.pop(name, None)
        return None

    def _property(self, method: str, parameters: list[Any]) -> bool | None:
        if not parameters or parameters[0] != "combined":
            raise _InvalidRequestError("unknown property")
        if method == "GET_PROPERTY":
            return self.combined
        if len(parameters) != 2 or not isinstance(parameters[1], bool):
            raise _InvalidRequestError("invalid value for property `combined`, expected a boolean")
        self.combined = parameters[1]
        return None

    def _failure(self, code: int, message: str, identifier: Any) -> str:
        failure = {"code": code, "msg": message}
        if self.market.wraps_failures:
            return _text({"error": failure, "id": identifier})
        return _text(failure | ({} if identifier is None else {"id": identifier}))


def _text(reply: dict[str, Any]) -> str:
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":"))


def _checked_method(request: Any) -> str:
    if not isinstance(request, dict):
        raise _InvalidRequestError("expected a map")
    if "method" not in request:
        raise _InvalidRequestError("missing field `method`")
    if not _is_identifier(request.get("id")):
        raise _InvalidRequestError(
            "request ID must be an integer, null, or a string of at most 36 characters"
        )
    method = request["method"]
    if method not in METHODS:
        known = ", ".join(f"`{known}`" for known in METHODS)
        raise _InvalidRequestError(f"unknown variant `{method}`, expected one of {known}")
    return str(method)


def _is_identifier(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -_LARGEST_ID - 1 <= value <= _LARGEST_ID
    return value is None or (isinstance(value, str) and len(value) <= _LONGEST_ID)
