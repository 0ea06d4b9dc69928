"""The network between the client and the exchange, in virtual time and with faults.

It counts what the exchange counts, and reports what the exchange would punish.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from tests.simulation.websocket import VirtualWebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from tests.simulation.exchange import Exchange, Listing
    from tests.simulation.plan import Fault


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
        exchange.publish = self.publish
        self._latency = latency
        self._carried_since: dict[str, float] = {}
        self._lost_at: dict[str, float] = {}
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

    # WebSockets.

    def publish(self, listing: Listing, payload: bytes) -> bool:
        """Send an event to whoever is subscribed to it; return whether all of them get it."""
        stream = listing.stream
        carriers = [each for each in self.connections if stream in each.streams]
        for connection in carriers:
            connection.publish(stream, payload)
        return bool(carriers) and self.last_loss(stream) < self.loop.time()

    def carries(self, streams: Iterable[str]) -> None:
        """Take note that some connection carries these streams from now on, or no longer."""
        for stream in streams:
            if not any(stream in connection.streams for connection in self.connections):
                self._carried_since.pop(stream, None)
            else:
                self._carried_since.setdefault(stream, self.loop.time())

    def carried_since(self, stream: str) -> float | None:
        """Return since when the exchange has sent that stream without a hole, if it does."""
        return self._carried_since.get(stream)

    def lost(self, streams: Iterable[str]) -> None:
        """Take note that an event of these streams doesn't arrive, or not when it should."""
        self._lost_at.update(dict.fromkeys(streams, self.loop.time()))

    def last_loss(self, stream: str) -> float:
        """Return when that happened last to the stream; minus infinity if it never did."""
        return self._lost_at.get(stream, float("-inf"))

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
        self.carries(connection.streams)
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
