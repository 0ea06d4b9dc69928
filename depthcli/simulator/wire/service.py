"""What all connections of a simulator share."""

from __future__ import annotations

import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from depthcli.core.markets import Market
    from depthcli.simulator.faults.faults import ConnectionOrder, Faults
    from depthcli.simulator.market.source import Source
    from depthcli.simulator.wire.hub import Hub
    from depthcli.simulator.wire.rest import RestInterface
    from depthcli.simulator.wire.session import Session


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a connection.

    Attributes:
        ping_interval: seconds between two pings; None for the market's own.
        pong_timeout: seconds to wait for a pong before the connection is closed; None for the
            market's own.
        lifetime: seconds after which every WebSocket is closed.
        largest_backlog: bytes that may wait for a slow client before it is disconnected.
    """

    ping_interval: float | None = None
    pong_timeout: float | None = None
    lifetime: float = 24 * 3600.0
    largest_backlog: int = 4 * 2**20

    def pings(self, market: Market) -> tuple[float, float]:
        """Return the seconds between pings and the seconds to wait for a pong."""
        return (
            market.ping_interval if self.ping_interval is None else self.ping_interval,
            market.pong_timeout if self.pong_timeout is None else self.pong_timeout,
        )


class OpenWebSocket(Protocol):
    """The part of a WebSocket's interface that the simulator needs for counts and faults."""

    session: Session | None

    def apply_fault(self, order: ConnectionOrder) -> None:
        """Carry out a fault."""


@dataclass(slots=True)
class Service:
    """What all connections of a simulator share.

    Attributes:
        sources: the markets.
        rest: answers requests.
        hub: distributes events to WebSockets.
        faults: decides what goes wrong.
        limits: the limits of each connection.
        clock: returns seconds since the epoch.
        requests: the latest REST requests, as method and target.
        transports: of all open connections.
        websockets: the open WebSockets, in the order of their opening.
    """

    sources: Sequence[Source]
    rest: RestInterface
    hub: Hub
    faults: Faults
    limits: Limits
    clock: Callable[[], float]
    requests: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))
    transports: set[asyncio.Transport] = field(default_factory=set)
    websockets: dict[OpenWebSocket, None] = field(default_factory=dict)

    def market_at(self, prefix: str) -> Market:
        """Return the market whose rules apply to a WebSocket with that path prefix.

        If several markets share the prefix, only the first stream decides on the market.
        """
        markets = [source.market for source in self.sources]
        return next((market for market in markets if market.websocket_prefix == prefix), markets[0])

    def market_named(self, name: str) -> Market:
        """Return the market of that name."""
        return next(source.market for source in self.sources if source.market.name == name)


def reset(transport: asyncio.Transport) -> None:
    """End a connection like a crash: the peer gets a TCP reset."""
    end = transport.get_extra_info("socket")
    if end is not None and not transport.is_closing():
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
