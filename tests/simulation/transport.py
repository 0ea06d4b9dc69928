"""Answers to the client's requests in virtual time."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from depthcli.exchange.rest import CONNECT_TIMEOUT
from depthcli.simulator.faults.corruption import mistyped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.simulation.network import VirtualNetwork
    from tests.simulation.plan import Fault

NO_SUCH_SYMBOL: Final = b'{"code":-1121,"msg":"Invalid symbol."}'

_url = cache(httpx.URL)
"""There are few, and they are slow to make."""


class Answered(NamedTuple):
    """What the exchange answers."""

    status: int
    headers: dict[str, str]
    body: bytes


async def answer(
    network: VirtualNetwork, path: str, parameters: Mapping[str, str], patience: float
) -> Answered:
    """Return the exchange's answer to a request, or raise what httpx does."""
    network.requests += 1
    sent = network.loop.time()
    if sent < network.silent_until:
        left = network.silent_until - sent
        network.violated(f"a request {left:.1f} s before the exchange's silence was over")
    fault = network.rest_fault()
    kind = fault.kind if fault else ""
    if kind == "rest-hang":
        await asyncio.sleep(patience)
        raise httpx.ReadTimeout("nothing came")
    await asyncio.sleep(network.latency)
    if kind == "rest-refuse":
        raise httpx.ConnectError("All connection attempts failed")
    answered = _answered(network, path, parameters, fault)
    if kind == "rest-slow":
        assert fault is not None
        await asyncio.sleep(float(fault.detail))
    await asyncio.sleep(network.latency)
    network.note(f"answer {answered.status} {path} {answered.body[:60]!r}")
    if kind == "rest-truncate" and fault is not None and fault.detail == "cut":
        raise httpx.RemoteProtocolError("peer closed connection without sending complete body")
    if answered.status in {418, 429}:
        _hush(network, answered)
    return answered


def _hush(network: VirtualNetwork, answered: Answered) -> None:
    try:
        wait = float(answered.headers["Retry-After"])
    except (KeyError, ValueError):
        return
    if 0 < wait <= 3 * 24 * 3600:
        network.silent_until = max(network.silent_until, network.loop.time() + wait)


FOREIGN: Final = {
    "garbage": b"<html>Bad Gateway</html>",
    "html": b"<html><body>Not Found</body></html>",
    "json": b'{"code":404,"message":"no such route"}',
    "empty": b"",
}
"""What others than the exchange answer in its place."""


def _answered(
    network: VirtualNetwork, path: str, parameters: Mapping[str, str], fault: Fault | None
) -> Answered:
    exchange = network.exchange
    exchange.catch_up()
    market = exchange.market
    depth = path.endswith("/depth")
    limit = int(parameters["limit"]) if depth else 0
    weight = market.weight(limit) if depth else market.info_weight
    used, over = network.weigh(weight)
    headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
    if over:
        network.violated(f"weight {used} in a minute")
    if fault is not None and fault.kind == "status":
        content = b'{"code":-1003,"msg":"Too many requests."}'
        if fault.detail in FOREIGN:
            content = FOREIGN[fault.detail]
        elif fault.detail:
            headers["Retry-After"] = fault.detail
        return Answered(int(fault.value), headers, content)
    if not depth:
        return _info(network, parameters.get("symbols", ""), headers)
    kind = fault.kind if fault else ""
    age = int(fault.detail) if fault and kind == "rest-stale" else 0
    body = exchange.snapshot(parameters["symbol"], limit, age)
    if body is None:
        return Answered(400, headers, NO_SUCH_SYMBOL)
    if kind == "rest-truncate":
        body = body[: len(body) // 2] if fault and fault.detail == "short" else b""
    elif kind == "rest-mistyped" and fault is not None:
        body = {
            "types": mistyped(body),
            "html": b"<html>maintenance</html>",
            "list": b"[1, 2, 3]",
            "error": b'{"code":-1001,"msg":"Internal error; unable to process."}',
        }[fault.detail]
    return Answered(200, headers, body)


def _info(network: VirtualNetwork, narrowed: str, headers: dict[str, str]) -> Answered:
    listed = [
        {"symbol": listing.symbol, "status": "HALT" if listing.halted else "TRADING"}
        for listing in network.exchange.listings.values()
        if not listing.delisted and (not narrowed or listing.symbol in json.loads(narrowed))
    ]
    if narrowed and not listed:
        return Answered(400, headers, NO_SUCH_SYMBOL)
    limit = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": network.weight_per_minute,
    }
    content = json.dumps({"symbols": listed, "rateLimits": [limit]}).encode()
    return Answered(200, headers, content)


class VirtualTransport(httpx.AsyncBaseTransport):
    """The network below httpx: nothing but the wire is virtual."""

    def __init__(self, network: VirtualNetwork) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        patience = request.extensions["timeout"]["read"] or 3600.0
        answered = await answer(self._network, request.url.path, request.url.params, patience)
        # As it comes from the network: to be read once.
        body = httpx.ByteStream(answered.body)
        return httpx.Response(answered.status, headers=answered.headers, stream=body)


class VirtualHttp:
    """In place of httpx's client: what the client uses of it, at a twentieth of the costs."""

    def __init__(self, network: VirtualNetwork) -> None:
        self._network = network

    def stream(self, _method: str, url: str, params: Mapping[str, str]) -> _Asked:
        return _Asked(self._network, url, params)

    async def aclose(self) -> None:
        """Nothing is open between two requests."""


class _Asked:
    """A request: enter it to have the response."""

    def __init__(self, network: VirtualNetwork, url: str, parameters: Mapping[str, str]) -> None:
        self._network = network
        self._url = url
        self._parameters = parameters

    async def __aenter__(self) -> _Response:
        url = _url(self._url)
        answered = await answer(self._network, url.path, self._parameters, CONNECT_TIMEOUT)
        return _Response(url, answered)

    async def __aexit__(self, *_: object) -> None:
        pass


class _Response:
    """What is read of `httpx.Response`."""

    has_redirect_location = False

    def __init__(self, url: httpx.URL, answered: Answered) -> None:
        self.url = url
        self.status_code = answered.status
        self.headers = answered.headers
        self._body = answered.body

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        yield self._body
