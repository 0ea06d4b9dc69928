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
    """What a connection is held to.

    Attributes:
        ping_interval: seconds between two pings; None for the market's own.
        pong_timeout: seconds until a connection that doesn't answer is closed; None likewise.
        lifetime: seconds after which any WebSocket is closed.
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
    """A WebSocket, as far as the simulator counts and disturbs it."""

    session: Session | None

    def suffer(self, order: ConnectionOrder) -> None:
        """Let happen what was ordered."""


@dataclass(slots=True)
class Service:
    """What all connections of a simulator share.

    Attributes:
        sources: the markets.
        rest: answers requests.
        hub: gives events to WebSockets.
        faults: what goes wrong.
        limits: what a connection is held to.
        clock: seconds since the epoch.
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
        """Return the market whose rules hold for a WebSocket at such an address.

        Where several markets are there, only the first stream tells which it is.
        """
        markets = [source.market for source in self.sources]
        return next((market for market in markets if market.websocket_prefix == prefix), markets[0])

    def market_named(self, name: str) -> Market:
        """Return the market of that name."""
        return next(source.market for source in self.sources if source.market.name == name)


def reset(transport: asyncio.Transport) -> None:
    """End a connection as a crash would: the peer gets a reset, and nothing more."""
    end = transport.get_extra_info("socket")
    if end is not None and not transport.is_closing():
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
