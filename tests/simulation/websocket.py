"""A WebSocket in virtual time, as `websockets.asyncio.client.connect` gives one."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from depthcli.simulator.faults.corruption import corrupted

if TYPE_CHECKING:
    from tests.simulation.network import VirtualNetwork


class VirtualWebSocket:
    """A connection as the client sees it, and what the exchange knows of it."""

    def __init__(self, network: VirtualNetwork, url: str, options: dict[str, Any]) -> None:
        self.number = network.opened + 1
        self.transport = self
        self.streams: set[str] = set()
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
            network.lost([stream])
            return
        if now < self.stalled_until or now < self.muted.get(stream, 0.0):
            network.happened["lost"] += 1
            network.lost([stream])
            return
        wrapped = b'{"stream":"%s","data":%s}' % (stream.encode(), payload)
        fault = network.frame_fault()
        held, self._held = self._held, None
        if fault is not None and fault.kind != "duplicate":
            network.lost([stream])
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
        self._lose_what_is_under_way()
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
        self._lose_what_is_under_way()
        self._closing = (received, sent)
        self._network.connections.remove(self)
        self._network.carries(self.streams)
        self._network.note(f"connection {self.number} ended: {received or sent or 'broken off'}")
        self._wake()

    def _lose_what_is_under_way(self) -> None:
        if self._last_arrival > self._network.loop.time():
            self._network.lost(self.streams)

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
            self._network.carries(request["params"])
        elif request["method"] == "UNSUBSCRIBE":
            self.streams.difference_update(request["params"])
            self._network.carries(request["params"])
        if self._network.loop.time() >= self.stalled_until:
            self.push(b'{"result":null,"id":%d}' % request["id"])

    def _subscribe(self, streams: list[str]) -> None:
        self.streams.update(streams)
        if len(self.streams) > self._market.streams_per_connection:
            self._network.violated(f"{len(self.streams)} streams on connection {self.number}")
