"""The network between the client and the exchange, in virtual time and with faults.

`VirtualNetwork.connect` opens WebSockets as `websockets.asyncio.client.connect` does, and
`VirtualTransport` answers what httpx asks. Both count what the exchange counts, and report what it
would punish.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import httpx
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from depthcli.simulator.corruption import corrupted, mistyped

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.simulation.exchange import Exchange, Listing
    from tests.simulation.plan import Fault

NO_SUCH_SYMBOL: Final = b'{"code":-1121,"msg":"Invalid symbol."}'

ATTEMPTS: Final = 300
ATTEMPTS_SECONDS: Final = 300.0
"""So many connection attempts are allowed in so many seconds."""

FRAME_FAULTS: Final = frozenset({"drop", "duplicate", "reorder", "delay", "corrupt"})
CONNECT_FAULTS: Final = frozenset({"refuse", "hang", "handshake"})
REST_FAULTS: Final = frozenset(
    {
        "rest-refuse",
        "rest-hang",
        "rest-slow",
        "rest-truncate",
        "rest-stale",
        "rest-mistyped",
        "status",
    }
)


class _Active:
    """A fault that goes on for a while, or for a number of times."""

    def __init__(self, fault: Fault, until: float) -> None:
        self.fault = fault
        self.until = until
        self.left = fault.count or 10**9


class VirtualNetwork:
    """Everything between us and the exchange.

    Args:
        loop: whose clock is used.
        exchange: at the other end.
        random: latencies and what a fault leaves open.
        latency: seconds that anything takes one way, at the least and at the most.
        weight_per_minute: what the exchange allows.
        lifetime: seconds after which the exchange ends a connection.
        stream_lag: seconds that events take longer than answers.
        violated: called with a sentence when the exchange's rules are broken.
        note: called with a line for the trace.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        exchange: Exchange,
        random: Random,
        latency: tuple[float, float],
        weight_per_minute: int,
        lifetime: float,
        stream_lag: float,
        violated: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self.loop = loop
        self.exchange = exchange
        self.random = random
        self.lifetime = lifetime
        self.stream_lag = stream_lag
        self.violated = violated
        self.note = note
        self.happened: Counter[str] = Counter()
        self.connections: list[VirtualWebSocket] = []
        self.opened = 0
        self.requests = 0
        self.silent_until = 0.0
        self._latency = latency
        self._attempts: deque[float] = deque()
        self._active: dict[str, list[_Active]] = {"frame": [], "connect": [], "rest": []}
        self.weight_per_minute = weight_per_minute
        self._minute = 0
        self._used = 0
        self.others: tuple[float, int] = (0.0, 0)

    @property
    def latency(self) -> float:
        """How long something takes one way, this time."""
        return self.random.uniform(*self._latency)

    # Faults.

    def add(self, fault: Fault) -> None:
        """Let a fault of frames, connections to be made or requests begin."""
        group = (
            "frame"
            if fault.kind in FRAME_FAULTS
            else "connect"
            if fault.kind in CONNECT_FAULTS
            else "rest"
        )
        self._active[group].append(_Active(fault, self.loop.time() + fault.seconds))

    def _take(self, group: str) -> Fault | None:
        active = self._active[group]
        if not active:
            return None
        now = self.loop.time()
        active[:] = [entry for entry in active if entry.until > now and entry.left > 0]
        if not active:
            return None
        active[0].left -= 1
        fault = active[0].fault
        self.happened[fault.kind] += 1
        return fault

    def forget_faults(self) -> None:
        """Let nothing go wrong from now on."""
        for active in self._active.values():
            active.clear()

    # WebSockets.

    def publish(self, listing: Listing, payload: bytes) -> None:
        """Send an event to whoever is subscribed to it."""
        for connection in self.connections:
            if listing.stream in connection.streams:
                connection.publish(listing.stream, payload)

    def opened_at(self, stream: str) -> float | None:
        """Return since when the exchange has sent that stream without a hole, if it does."""
        return min(
            (
                connection.streams[stream]
                for connection in self.connections
                if stream in connection.streams
            ),
            default=None,
        )

    def frame_fault(self) -> Fault | None:
        """Return what is to happen to the frame that is being sent, if anything."""
        return self._take("frame") if self._active["frame"] else None

    def connect(self, url: str, **options: Any) -> _Opening:
        """Open a WebSocket: what a socket manager takes as its `connector`."""
        return _Opening(self, url, options)

    async def open(self, url: str, options: dict[str, Any]) -> VirtualWebSocket:
        """Make one connection, or fail as the real thing does."""
        now = self.loop.time()
        self._attempts.append(now)
        while self._attempts[0] <= now - ATTEMPTS_SECONDS:
            self._attempts.popleft()
        if len(self._attempts) > ATTEMPTS:
            self.violated(f"{len(self._attempts)} connection attempts in {ATTEMPTS_SECONDS:g} s")
        patience = options.get("open_timeout") or 3600.0
        fault = self._take("connect")
        if fault is not None:
            self.note(f"connecting: {fault.kind} {fault.value:g}")
            if fault.kind == "hang":
                await asyncio.sleep(patience)
                raise TimeoutError("timed out during opening handshake")
            await asyncio.sleep(2 * self.latency)
            if fault.kind == "refuse":
                raise ConnectionRefusedError(111, "Connection refused")
            raise InvalidStatus(Response(int(fault.value), "Refused", Headers()))
        # What is sent between here and the client's taking note waits in the queue.
        await asyncio.sleep(self.latency)
        connection = VirtualWebSocket(self, url, options)
        self.opened += 1
        self.connections.append(connection)
        self.note(f"open: connection {connection.number} {url.partition('?')[2]}")
        try:
            await asyncio.sleep(self.latency)
        except asyncio.CancelledError:
            connection.abort()
            raise
        return connection

    # Requests.

    def rest_fault(self) -> Fault | None:
        """Return what is to happen to the request that is being sent, if anything."""
        return self._take("rest")

    def weigh(self, weight: int) -> tuple[int, bool]:
        """Count a request as the exchange does: by the minutes of its clock.

        Returns:
            The weight used in this minute, and whether the request is over the limit.
        """
        now = self.exchange.now()
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
            until, share = self.others
            if self.loop.time() < until:
                self._used = int(share * self.weight_per_minute)
        self._used += weight
        return self._used, self._used > self.weight_per_minute


class _Opening:
    """What `connect` returns: enter it to have the connection."""

    def __init__(self, network: VirtualNetwork, url: str, options: dict[str, Any]) -> None:
        self._network = network
        self._url = url
        self._options = options
        self._connection: VirtualWebSocket | None = None

    def __await__(self) -> Any:
        return self._open().__await__()

    async def _open(self) -> VirtualWebSocket:
        self._connection = await self._network.open(self._url, self._options)
        return self._connection

    async def __aenter__(self) -> VirtualWebSocket:
        return await self._open()

    async def __aexit__(self, *_: object) -> None:
        assert self._connection is not None
        await self._connection.close()


class VirtualWebSocket:
    """A connection as the client sees it, and what the exchange knows of it."""

    def __init__(self, network: VirtualNetwork, url: str, options: dict[str, Any]) -> None:
        self.number = network.opened + 1
        self.transport = self
        self.streams: dict[str, float] = {}
        self.muted: dict[str, float] = {}
        self.stalled_until = self.slow_until = self.slowness = 0.0
        self.half_open = False
        self.ended = False
        self._network = network
        self._options = options
        self._market = network.exchange.market
        self._queue: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closing: tuple[Close | None, Close | None] | None = None
        self._last_arrival = 0.0
        self._held: bytes | None = None
        self._sent: deque[float] = deque()
        loop = network.loop
        self._life = loop.call_later(network.lifetime, self.end, Close(1008, "disconnected"))
        query = urlsplit(url).query.removeprefix("streams=")
        self._subscribe([unquote(name) for name in query.split("/") if name])

    # The client's side.

    async def recv(self, decode: bool | None = None) -> bytes:
        while not self._queue:
            if self._closing is not None:
                raise self._closed()
            self._waiter = self._network.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._queue.popleft()

    async def send(self, data: bytes, text: bool | None = None) -> None:
        network = self._network
        if self._closing is not None:
            raise self._closed()
        now = network.loop.time()
        self._sent.append(now)
        while self._sent[0] <= now - 1:
            self._sent.popleft()
        if len(self._sent) > self._market.messages_per_second:
            network.violated(f"{len(self._sent)} messages in a second on connection {self.number}")
        network.note(f"connection {self.number} is sent {data[:150]!r}")
        if not self.half_open:
            network.loop.call_later(network.latency, self._asked, data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        loop = self._network.loop
        closing = Close(code, reason)
        if self._closing is None and not self.half_open:
            # The goodbye is sent, whether or not the caller has the patience to wait for its end.
            loop.call_later(2 * self._network.latency, self._end, closing, closing)
        patience = loop.time() + (self._options.get("close_timeout") or 3600.0)
        while not self.ended and loop.time() < patience:  # noqa: ASYNC110, time is waited for, too
            await asyncio.sleep(min(0.05, self._network.latency))
        self._end(None, closing)

    def abort(self) -> None:
        """Cut the connection, as its transport does."""
        self._network.loop.call_soon(self._end, None, None)

    def _closed(self) -> Exception:
        assert self._closing is not None
        received, sent = self._closing
        if received is not None and received.code in {1000, 1001}:
            return ConnectionClosedOK(received, received, True)
        return ConnectionClosedError(received, sent, True if received and sent else None)

    # The exchange's side.

    def publish(self, stream: str, payload: bytes) -> None:
        """Send an event, unless something happens to it."""
        network = self._network
        now = network.loop.time()
        if self.half_open or self.ended:
            return
        if now < self.stalled_until or now < self.muted.get(stream, 0.0):
            network.happened["lost"] += 1
            return
        wrapped = b'{"stream":"%s","data":%s}' % (stream.encode(), payload)
        fault = network.frame_fault()
        held, self._held = self._held, None
        if fault is None:
            self.push(wrapped)
        elif fault.kind == "duplicate":
            self.push(wrapped)
            self.push(wrapped)
        elif fault.kind == "delay":
            # It comes out of order: those behind it overtake it.
            network.loop.call_later(fault.value, self._arrive, wrapped)
        elif fault.kind == "reorder":
            self._held = wrapped
        elif fault.kind == "corrupt":
            delivery = corrupted(payload, fault.detail, network.random)
            if delivery.cut:
                self.end(None)
            elif delivery.whole:
                self.push(delivery.payload)
            else:
                self.push(b'{"stream":"%s","data":%s}' % (stream.encode(), delivery.payload))
        if held is not None:
            self.push(held)

    def push(self, frame: bytes) -> None:
        """Send a frame; frames arrive in the order in which they were sent."""
        loop = self._network.loop
        now = loop.time()
        lag = self._network.latency + self._network.stream_lag
        if now < self.slow_until:
            lag += self.slowness
        self._last_arrival = max(now + lag, self._last_arrival + 1e-6)
        loop.call_at(self._last_arrival, self._arrive, frame)

    def go_half_open(self) -> None:
        """Fall silent without an end; the client's pings aren't answered any more."""
        self.half_open = True
        interval, timeout = self._options.get("ping_interval"), self._options.get("ping_timeout")
        if interval and timeout:
            noticed = self._network.random.uniform(timeout, interval + timeout)
            sent = Close(1011, "keepalive ping timeout")
            self._network.loop.call_later(noticed, self._end, None, sent)

    def end(self, closing: Close | None) -> None:
        """End the connection: with a closing frame, or broken off."""
        if not self.half_open:
            self._end(closing, None)

    def _end(self, received: Close | None, sent: Close | None) -> None:
        if self.ended:
            return
        self.ended = True
        self._life.cancel()
        self._closing = (received, sent)
        self._network.connections.remove(self)
        self._network.note(f"connection {self.number} ended: {received or sent or 'broken off'}")
        self._wake()

    def _arrive(self, frame: bytes) -> None:
        if self._closing is None and not self.half_open:
            self._queue.append(frame)
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _asked(self, data: bytes) -> None:
        if self.ended or self.half_open:
            return
        request = json.loads(data)
        if request["method"] == "SUBSCRIBE":
            self._subscribe(request["params"])
        elif request["method"] == "UNSUBSCRIBE":
            for stream in request["params"]:
                self.streams.pop(stream, None)
        if self._network.loop.time() >= self.stalled_until:
            self.push(b'{"result":null,"id":%d}' % request["id"])

    def _subscribe(self, streams: list[str]) -> None:
        now = self._network.loop.time()
        for stream in streams:
            self.streams.setdefault(stream, now)
        if len(self.streams) > self._market.streams_per_connection:
            self._network.violated(f"{len(self.streams)} streams on connection {self.number}")


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
        return response

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
