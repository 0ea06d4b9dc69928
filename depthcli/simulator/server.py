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
"""Seconds between two updates of the sources."""

SLICE_MS: Final = 2000 * TICK
"""A simulator that is behind catches up by at most so much per tick, to answer requests between."""

LONGEST_BEHIND_MS: Final = 3000.0
"""If it is further behind, as after the machine slept, the sources decide what to catch up on."""


def steady_clock() -> Callable[[], float]:
    """Return a clock, in seconds since the epoch, that never jumps."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


class Simulator:
    """Serves one or more markets on one port, REST and WebSocket alike.

        async with Simulator(source_for("spot")) as simulator:
            ...  # REST at simulator.rest_url, WebSocket at simulator.ws_url

    Args:
        sources: at most one per market. Requests are distinguished by their paths, streams by the
            path of the WebSocket and by their symbols.
        host: the address to listen on.
        port: the port to listen on; 0 for any free one.
        faults: random faults.
        seed: of the random faults.
        clock: returns seconds since the epoch.
        limits: the limits of each connection.

    Attributes:
        sources: the sources, by the names of their markets.
        faults: injects faults and counts them.

    Raises:
        UsageError: there is no source, or two are for the same market.
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
        """How often each HTTP status was sent, not counting those sent by faults."""
        return self._service.rest.statuses

    @property
    def most_weight(self) -> int:
        """The most request weight used in any minute."""
        return self._service.rest.most_weight

    @property
    def connections(self) -> int:
        """How many WebSockets are open."""
        return len(self._service.websockets)

    @property
    def subscriptions(self) -> list[str]:
        """The streams to which open WebSockets are subscribed, with repetitions, sorted."""
        sessions = [connection.session for connection in self._service.websockets]
        return sorted(name for session in sessions if session for name in session.streams)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._updated_ms = self._service.clock() * 1000
        self._update()
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
        # An aborted transport notifies its protocol and closes its socket in the loop's next cycle.
        await asyncio.sleep(0)
        await self._server.wait_closed()
        self._ticking.cancel()
        # Any other exception is a bug in the simulator and must be raised.
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticking

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._update():
                # From one due time to the next, not from now, or delays would add up.
                due = max(due + TICK, loop.time() - TICK)
            await asyncio.sleep(due - loop.time())

    def _update(self) -> bool:
        """Advance the sources, and send their events; return whether they have caught up."""
        service = self._service
        clock_ms = now_ms = service.clock() * 1000
        if now_ms - self._updated_ms < LONGEST_BEHIND_MS:
            now_ms = min(now_ms, self._updated_ms + SLICE_MS)
        self._updated_ms = now_ms
        for market, source in self.sources.items():
            for event in source.advance(now_ms):
                service.hub.publish(market, event)
        service.hub.publish_late()
        service.hub.send_published()
        for order in self.faults.connection_orders():
            for connection in order.chosen(list(service.websockets)):
                connection.apply_fault(order)
        for exchange_order in self.faults.exchange_orders():
            self._carry_out(exchange_order)
        return now_ms >= clock_ms

    def _carry_out(self, order: ExchangeOrder) -> None:
        source = self.sources[order.market]
        if not isinstance(source, Exchange) or order.symbol not in source.symbols:
            return
        if order.kind == "halt":
            source.halt(order.symbol, order.seconds)
        elif order.kind == "delist":
            source.delist(order.symbol)
        else:
            source.restart_ids()
