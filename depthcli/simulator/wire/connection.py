"""One TCP connection, for HTTP or WebSocket, as its first request decides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from depthcli.simulator.wire.http import HttpConnection
from depthcli.simulator.wire.service import reset
from depthcli.simulator.wire.websocket import WebSocketConnection

if TYPE_CHECKING:
    from depthcli.simulator.wire.service import Service

LONGEST_HEAD: Final = 64 * 1024


class Connection(asyncio.Protocol):
    """Waits for the head of the first request, then uses HTTP or WebSocket."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._head = b""
        self._handler: HttpConnection | WebSocketConnection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless a fault refuses the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._service.transports.add(self._transport)
        if self._service.faults.refuses():
            reset(self._transport)

    def data_received(self, data: bytes) -> None:
        """Receive bytes from the network."""
        if self._handler is None:
            data = self._head = self._head + data
            if b"\r\n\r\n" not in data:
                if len(data) > LONGEST_HEAD:
                    reset(self._transport)
                return
            self._handler = HttpConnection(self._service, self._transport)
        if isinstance(self._handler, HttpConnection) and _asks_for_upgrade(data):
            # Also later: with one origin for both, clients may upgrade a kept-alive connection.
            self._handler.lost()
            self._handler = WebSocketConnection(self._service, self._transport)
        self._handler.receive(data)

    def eof_received(self) -> None:
        """Receive the end of the client's data; asyncio then closes the transport."""
        if self._handler:
            self._handler.receive_end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        del exc
        self._service.transports.discard(self._transport)
        if self._handler:
            self._handler.lost()


def _asks_for_upgrade(head: bytes) -> bool:
    head, end, _ = head.partition(b"\r\n\r\n")
    lines = (head if end else b"").lower().split(b"\r\n")[1:]
    fields = (line.partition(b":") for line in lines)
    return any(name.strip() == b"upgrade" and b"websocket" in value for name, _, value in fields)
