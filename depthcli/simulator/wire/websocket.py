"""A WebSocket over one TCP connection: handshake, requests, pings, and events."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from depthcli.simulator.wire.hub import wrapped
from depthcli.simulator.wire.service import reset
from depthcli.simulator.wire.session import Session, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.simulator.faults.faults import ConnectionOrder
    from depthcli.simulator.wire.hub import Subscription
    from depthcli.simulator.wire.service import Service

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that a client has to answer a close frame before the connection is aborted."""


class WebSocketConnection:
    """One WebSocket: `ServerProtocol` handles the framing, a `Session` the requests.

    Attributes:
        session: the subscriptions; None before the handshake.
    """

    def __init__(self, service: Service, transport: asyncio.Transport) -> None:
        self.session: Session | None = None
        self._service = service
        self._transport = transport
        self._protocol = ServerProtocol()
        self._prefix = ""
        self._market_is_known = False
        self._subscriptions: dict[str, Subscription | None] = {}
        self._enqueued: list[bytes] = []
        self._cut = False
        self._frozen = False
        self._message: list[bytes] = []
        self._arrivals: deque[float] = deque()
        self._awaited_pongs: dict[bytes, asyncio.TimerHandle] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def combined(self) -> bool:
        """Whether events are wrapped with their stream's name."""
        return self.session is not None and self.session.combined

    def receive(self, data: bytes) -> None:
        """Receive bytes from the network."""
        if self._frozen:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame) and self.session:
                self._handle_frame(event, self.session)
        self._flush()

    def receive_end(self) -> None:
        """Receive the end of the client's data."""
        self._protocol.receive_eof()
        self._flush()

    def lost(self) -> None:
        """Clean up after the connection has ended."""
        self._service.websockets.pop(self, None)
        self._cancel_all()

    def enqueue(self, frame: bytes, *, cut: bool) -> None:
        """Queue a frame; `cut`: the connection breaks off in the middle of it."""
        if not self._cut:
            self._enqueued.append(frame[: len(frame) // 2] if cut else frame)
            self._cut = cut

    def send_enqueued(self) -> None:
        """Send the queued frames; a client that lags too far behind is disconnected."""
        frames, self._enqueued = self._enqueued, []
        if self._protocol.state is not OPEN or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > self._service.limits.largest_backlog:
            self._transport.abort()
            return
        self._transport.write(b"".join(frames))
        if self._cut:
            self._transport.close()

    def close(self, code: int, reason: str = "") -> None:
        """Begin a closing handshake."""
        if self._protocol.state is OPEN and not self._frozen:
            self._protocol.send_close(code, reason)
            self._flush()
            self._set_timer("close", CLOSE_TIMEOUT, self._transport.abort)

    def apply_fault(self, order: ConnectionOrder) -> None:
        """Carry out a fault of the connection."""
        if order.kind == "abort":
            reset(self._transport)
        elif order.kind == "close":
            self.close(order.code)
        elif order.kind == "freeze":
            self._frozen = True
            self._cancel_all()
        else:
            self._announce_shutdown(order.seconds)

    def _announce_shutdown(self, seconds: float | None) -> None:
        now_ms = int(self._service.clock() * 1000)
        event = b'{"e":"serverShutdown","E":%d}' % now_ms
        if self._protocol.state is OPEN and not self._frozen:
            self._protocol.send_text(wrapped("!serverShutdown", event) if self.combined else event)
            self._flush()
            if seconds is not None:
                self._set_timer("lifetime", seconds, self._end_of_life)

    def _open(self, request: Request) -> None:
        target = parse_target(request.path)
        if target is None:
            self._protocol.send_response(self._protocol.reject(404, "no stream here\n"))
            return
        response = self._protocol.accept(request)
        self._protocol.send_response(response)
        if self._protocol.state is not OPEN:
            return
        self._prefix, combined, streams = target
        market = self._service.market_at(self._prefix)
        self.session = Session(market, combined=combined, streams=streams)
        self._service.websockets[self] = None
        self._set_timer("lifetime", self._service.limits.lifetime, self._end_of_life)
        self._wait_to_ping()
        self._follow(self.session)

    def _handle_frame(self, frame: Frame, session: Session) -> None:
        # A close frame may arrive together with the last request, which then gets no reply.
        if frame.opcode is Opcode.CLOSE or self._protocol.state is not OPEN:
            return
        if self._too_fast(session):
            self._protocol.fail(CloseCode.POLICY_VIOLATION, "Too many requests")
        elif frame.opcode is Opcode.PONG:
            timer = self._awaited_pongs.pop(bytes(frame.data), None)
            if timer:
                timer.cancel()
        elif frame.opcode is not Opcode.PING:
            self._message.append(bytes(frame.data))
            if frame.fin:
                request, self._message = b"".join(self._message), []
                self._protocol.send_text(session.handle(request).encode())
                self._follow(session)

    def _too_fast(self, session: Session) -> bool:
        now = asyncio.get_running_loop().time()
        self._arrivals.append(now)
        while self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        return len(self._arrivals) > session.market.messages_per_second

    def _follow(self, session: Session) -> None:
        """Update the subscriptions to match the session."""
        for name in [name for name in self._subscriptions if name not in session.streams]:
            self._unsubscribe(name)
        for name in session.streams:
            if name not in self._subscriptions:
                subscription = self._service.hub.subscribe(self, self._prefix, name)
                self._subscriptions[name] = subscription
                if subscription and not self._market_is_known:
                    self._market_is_known = True
                    session.market = self._service.market_named(subscription.market)
                    self._wait_to_ping()
        if len(session.streams) > session.market.streams_per_connection:
            self._protocol.fail(CloseCode.POLICY_VIOLATION, "Too many streams")

    def _unsubscribe(self, name: str) -> None:
        subscription = self._subscriptions.pop(name)
        if subscription:
            self._service.hub.unsubscribe(self, subscription)

    def _cancel_all(self) -> None:
        """Cancel all timers and subscriptions."""
        for timer in (*self._timers.values(), *self._awaited_pongs.values()):
            timer.cancel()
        for name in list(self._subscriptions):
            self._unsubscribe(name)

    def _wait_to_ping(self) -> None:
        if self.session:
            interval, _ = self._service.limits.pings(self.session.market)
            self._set_timer("ping", interval, self._ping)

    def _ping(self) -> None:
        if self._protocol.state is not OPEN or not self.session:
            return
        payload = str(int(self._service.clock() * 1000)).encode()
        _, timeout = self._service.limits.pings(self.session.market)
        loop = asyncio.get_running_loop()
        self._awaited_pongs[payload] = loop.call_later(timeout, self._pong_missing)
        self._protocol.send_ping(payload)
        self._flush()
        self._wait_to_ping()

    def _pong_missing(self) -> None:
        if self._protocol.state is OPEN:
            self._protocol.fail(CloseCode.POLICY_VIOLATION, "Pong timeout")
            self._flush()
            self._set_timer("close", CLOSE_TIMEOUT, self._transport.abort)

    def _end_of_life(self) -> None:
        self.close(CloseCode.GOING_AWAY, "end of life")

    def _set_timer(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, callback)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
