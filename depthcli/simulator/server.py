"""The simulator: sources served over real HTTP and WebSocket on one loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError
from depthcli.simulator.faults.faults import Faults
from depthcli.simulator.market.exchange import Exchange
from depthcli.simulator.wire.connection import Connection
from depthcli.simulator.wire.hub import Hub
from depthcli.simulator.wire.rest import RestInterface
from depthcli.simulator.wire.service import Limits, Service

if TYPE_CHECKING:
    from collections import Counter, deque
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthcli.simulator.faults.faults import ExchangeOrder
    from depthcli.simulator.faults.plan import FaultPlan
    from depthcli.simulator.market.source import Source

TICK: Final = 0.02
"""Seconds between two looks at the sources."""

SLICE_MS: Final = 2000 * TICK
"""Who is behind makes up for so much time at once, and answers requests in between."""

LONGEST_BEHIND_MS: Final = 3000.0
"""Who is further behind, as after a sleep, leaves it to the sources what to make up for."""


def steady_clock() -> Callable[[], float]:
    """Return a clock of seconds since the epoch that never jumps."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


class Simulator:
    """Serves one or several markets on one port, REST and WebSocket alike.

        async with Simulator(source_for("spot")) as simulator:
            ...  # REST at simulator.rest_url, WebSocket at simulator.ws_url

    Args:
        sources: at most one for each market. Requests are told apart by their paths, streams by
            the address of the WebSocket and by their symbols.
        host: the address to listen on.
        port: the port to listen on; zero for any that is free.
        faults: random faults.
        seed: of the random faults.
        clock: seconds since the epoch.
        limits: what a connection is held to.

    Attributes:
        sources: the sources, by the names of their markets.
        faults: orders faults, and tells how many have happened.

    Raises:
        UsageError: there's no source, or two are for the same market.
    """

    def __init__(
        self,
        *sources: Source,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: FaultPlan | None = None,
        seed: int = 0,
        clock: Callable[[], float] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.sources = {source.market.name: source for source in sources}
        if not sources or len(self.sources) < len(sources):
            raise UsageError("a simulator needs one source for each market that it serves")
        self.faults = Faults(faults, seed)
        self._host = host
        self._port = port
        self._service = Service(
            sources=sources,
            rest=RestInterface(sources),
            hub=Hub(sources, self.faults),
            faults=self.faults,
            limits=limits or Limits(),
            clock=clock or steady_clock(),
        )

    @property
    def rest_url(self) -> str:
        """Where REST requests go: scheme, host and port."""
        return f"http://{self._host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Where WebSockets connect to: scheme, host and port."""
        return f"ws://{self._host}:{self._port}"

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of all sources that have a book."""
        return tuple(symbol for source in self.sources.values() for symbol in source.symbols)

    @property
    def requests(self) -> deque[str]:
        """The latest REST requests, such as `GET /api/v3/ping`."""
        return self._service.requests

    @property
    def statuses(self) -> Counter[int]:
        """How often each HTTP status was answered; what a fault answered isn't counted."""
        return self._service.rest.statuses

    @property
    def most_weight(self) -> int:
        """The most request weight that was used of a market in any minute."""
        return self._service.rest.most_weight

    @property
    def connections(self) -> int:
        """How many WebSockets are open."""
        return len(self._service.websockets)

    @property
    def subscriptions(self) -> list[str]:
        """The streams that open WebSockets are subscribed to, each as often as it is."""
        sessions = [connection.session for connection in self._service.websockets]
        return sorted(name for session in sessions if session for name in session.streams)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._looked_ms = self._service.clock() * 1000
        self._look()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self._service), self._host, self._port
            )
        except OSError as error:
            raise UsageError(f"can't listen on {self._host}:{self._port}: {error}") from error
        self._port = self._server.sockets[0].getsockname()[1]
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for transport in list(self._service.transports):
            transport.abort()
        # an aborted transport tells its protocol, and closes its socket, one turn of the loop later
        await asyncio.sleep(0)
        await self._server.wait_closed()
        self._ticking.cancel()
        # a tick that failed is the simulator's own fault, and must not stay unseen
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticking

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._look():
                # from one due time to the next, not from now: else every delay would add up
                due = max(due + TICK, loop.time() - TICK)
            await asyncio.sleep(due - loop.time())

    def _look(self) -> bool:
        """Let time pass in the sources; return whether it is as late there as it is here."""
        service = self._service
        clock_ms = now_ms = service.clock() * 1000
        if now_ms - self._looked_ms < LONGEST_BEHIND_MS:
            now_ms = min(now_ms, self._looked_ms + SLICE_MS)
        self._looked_ms = now_ms
        for market, source in self.sources.items():
            for event in source.advance(now_ms):
                service.hub.publish(market, event)
        service.hub.publish_late()
        service.hub.send_published()
        for order in self.faults.connection_orders():
            for connection in order.chosen(list(service.websockets)):
                connection.suffer(order)
        for happening in self.faults.exchange_orders():
            self._happen(happening)
        return now_ms >= clock_ms

    def _happen(self, order: ExchangeOrder) -> None:
        source = self.sources[order.market]
        if not isinstance(source, Exchange) or order.symbol not in source.symbols:
            return
        if order.kind == "halt":
            source.halt(order.symbol, order.seconds)
        elif order.kind == "delist":
            source.delist(order.symbol)
        else:
            source.restart_ids()
