"""Answers to the client's requests in virtual time, as an httpx transport."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import httpx

from depthcli.simulator.corruption import mistyped

if TYPE_CHECKING:
    from tests.simulation.network import VirtualNetwork
    from tests.simulation.plan import Fault

NO_SUCH_SYMBOL: Final = b'{"code":-1121,"msg":"Invalid symbol."}'


class VirtualTransport(httpx.AsyncBaseTransport):
    """Answers the client's requests, in virtual time."""

    def __init__(self, network: VirtualNetwork) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        network = self._network
        network.requests += 1
        sent = network.loop.time()
        if sent < network.silent_until:
            left = network.silent_until - sent
            network.violated(f"a request {left:.1f} s before the exchange's silence was over")
        fault = network.rest_fault()
        kind = fault.kind if fault else ""
        patience = request.extensions["timeout"]["read"] or 3600.0
        if kind == "rest-hang":
            await asyncio.sleep(patience)
            raise httpx.ReadTimeout("nothing came")
        await asyncio.sleep(network.latency)
        if kind == "rest-refuse":
            raise httpx.ConnectError("All connection attempts failed")
        response = self._answer(request, fault)
        if kind == "rest-slow":
            assert fault is not None
            await asyncio.sleep(float(fault.detail))
        await asyncio.sleep(network.latency)
        network.note(
            f"answer {response.status_code} {request.url.query!r} {response.content[:60]!r}"
        )
        if kind == "rest-truncate" and fault is not None and fault.detail == "cut":
            raise httpx.RemoteProtocolError("peer closed connection without sending complete body")
        if response.status_code in {418, 429}:
            self._hush(response)
        # As it comes from the network: to be read once.
        body = httpx.ByteStream(response.content)
        return httpx.Response(response.status_code, headers=response.headers, stream=body)

    def _hush(self, response: httpx.Response) -> None:
        network = self._network
        try:
            wait = float(response.headers["Retry-After"])
        except (KeyError, ValueError):
            return
        if 0 < wait <= 3 * 24 * 3600:
            network.silent_until = max(network.silent_until, network.loop.time() + wait)

    def _answer(self, request: httpx.Request, fault: Fault | None) -> httpx.Response:
        network = self._network
        exchange = network.exchange
        exchange.catch_up()
        market = exchange.market
        path = request.url.path
        parameters = request.url.params
        depth = path.endswith("/depth")
        limit = int(parameters["limit"]) if depth else 0
        weight = market.weight(limit) if depth else market.info_weight
        used, over = network.weigh(weight)
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        if over:
            network.violated(f"weight {used} in a minute")
        if fault is not None and fault.kind == "status":
            content = b'{"code":-1003,"msg":"Too many requests."}'
            if fault.detail == "garbage":
                content = b"<html>Bad Gateway</html>"
            elif fault.detail:
                headers["Retry-After"] = fault.detail
            return httpx.Response(int(fault.value), headers=headers, content=content)
        if not depth:
            return self._info(parameters.get("symbols", ""), headers)
        kind = fault.kind if fault else ""
        age = int(fault.detail) if fault and kind == "rest-stale" else 0
        body = exchange.snapshot(parameters["symbol"], limit, age)
        if body is None:
            return httpx.Response(400, headers=headers, content=NO_SUCH_SYMBOL)
        if kind == "rest-truncate":
            body = body[: len(body) // 2] if fault and fault.detail == "short" else b""
        elif kind == "rest-mistyped" and fault is not None:
            body = {
                "types": mistyped(body),
                "html": b"<html>maintenance</html>",
                "list": b"[1, 2, 3]",
                "error": b'{"code":-1001,"msg":"Internal error; unable to process."}',
            }[fault.detail]
        return httpx.Response(200, headers=headers, content=body)

    def _info(self, narrowed: str, headers: dict[str, str]) -> httpx.Response:
        network = self._network
        listed = [
            {"symbol": listing.symbol, "status": "HALT" if listing.halted else "TRADING"}
            for listing in network.exchange.listings.values()
            if not listing.delisted and (not narrowed or listing.symbol in json.loads(narrowed))
        ]
        if narrowed and not listed:
            return httpx.Response(400, headers=headers, content=NO_SUCH_SYMBOL)
        limit = {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": network.weight_per_minute,
        }
        content = json.dumps({"symbols": listed, "rateLimits": [limit]}).encode()
        return httpx.Response(200, headers=headers, content=content)
