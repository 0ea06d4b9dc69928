"""One TCP connection: its first bytes tell whether it speaks HTTP or WebSocket."""

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
    """Waits for the head of the first request and hands over to whoever speaks its language."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._head = b""
        self._speaker: HttpConnection | WebSocketConnection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless connections are to be refused."""
        self._transport = cast("asyncio.Transport", transport)
        self._service.transports.add(self._transport)
        if self._service.faults.refuses():
            reset(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self._speaker is None:
            data = self._head = self._head + data
            if b"\r\n\r\n" not in data:
                if len(data) > LONGEST_HEAD:
                    reset(self._transport)
                return
            self._speaker = HttpConnection(self._service, self._transport)
        if isinstance(self._speaker, HttpConnection) and _asks_for_upgrade(data):
            # Also later: with one origin for both, clients upgrade a connection that they kept.
            self._speaker.lost()
            self._speaker = WebSocketConnection(self._service, self._transport)
        self._speaker.receive(data)

    def eof_received(self) -> None:
        """Say goodbye in turn: asyncio closes the transport."""
        if self._speaker:
            self._speaker.receive_end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        del exc
        self._service.transports.discard(self._transport)
        if self._speaker:
            self._speaker.lost()


def _asks_for_upgrade(head: bytes) -> bool:
    head, end, _ = head.partition(b"\r\n\r\n")
    lines = (head if end else b"").lower().split(b"\r\n")[1:]
    fields = (line.partition(b":") for line in lines)
    return any(name.strip() == b"upgrade" and b"websocket" in value for name, _, value in fields)
