"""Lets the faults of a plan happen to a world."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from websockets.frames import Close

from tests.simulation.network import CONNECT_FAULTS, FRAME_FAULTS, REST_FAULTS
from tests.simulation.plan import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World


class Troubles:
    """Whatever goes wrong in a world comes from here."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._network = world.network
        self._exchange = world.exchange
        self._random = Random(f"{world.seed}:troubles")

    def begin(self, fault: Fault) -> None:
        """Let one of them happen, now."""
        world, network = self._world, self._network
        self._exchange.catch_up()
        world.note(f"FAULT: {fault}")
        world.last_fault = max(world.last_fault, world.loop.time() + fault.seconds)
        if fault.kind in FRAME_FAULTS | CONNECT_FAULTS | REST_FAULTS:
            network.add(fault)
            return
        network.happened[fault.kind] += 1
        getattr(self, "_" + fault.kind.replace("-", "_"))(fault)

    def _abort(self, _: Fault) -> None:
        for connection in [*self._network.connections]:
            connection.end(None)

    def _close(self, fault: Fault) -> None:
        for connection in [*self._network.connections]:
            connection.end(None if fault.value == 1006 else Close(int(fault.value), "going away"))

    def _half_open(self, _: Fault) -> None:
        for connection in self._network.connections:
            connection.go_half_open()

    def _stall(self, fault: Fault) -> None:
        for connection in self._network.connections:
            connection.stalled_until = self._world.loop.time() + fault.seconds

    def _mute(self, fault: Fault) -> None:
        for connection in self._network.connections:
            if connection.streams:
                stream = self._random.choice(sorted(connection.streams))
                connection.muted[stream] = self._world.loop.time() + fault.seconds

    def _slow(self, fault: Fault) -> None:
        for connection in self._network.connections:
            connection.slow_until = self._world.loop.time() + fault.seconds
            connection.slowness = fault.value

    def _shutdown(self, fault: Fault) -> None:
        event = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":%d}}'
        for connection in self._network.connections:
            connection.push(event % self._exchange.now_ms(self._exchange.now()))
            self._world.loop.call_later(fault.seconds, connection.end, Close(1001, "shutdown"))

    def _restart(self, fault: Fault) -> None:
        direction, connections = fault.detail.split()
        listings = [*self._exchange.listings.values()]
        before = [listing.halted for listing in listings]
        down = Fault(fault.at, "status", seconds=fault.seconds, value=503)
        self._network.add(down)
        if connections == "cut":
            self._abort(fault)
            self._network.add(Fault(fault.at, "refuse", seconds=fault.seconds))
        for listing in listings:
            listing.halted = True

        def up() -> None:
            self._exchange.catch_up()
            self._network.lost(listing.stream for listing in listings)
            self._exchange.restart(back=direction == "back")
            self._world.note(f"restarted: ids {[listing.ids.last for listing in listings]}")
            for listing, halted in zip(listings, before, strict=True):
                listing.halted = halted

        self._world.loop.call_later(fault.seconds, up)

    def _halt(self, fault: Fault) -> None:
        listing = self._random.choice([*self._exchange.listings.values()])
        listing.halted = True

        def go_on() -> None:
            self._exchange.catch_up()
            listing.halted = False

        self._world.loop.call_later(fault.seconds, go_on)

    def _delist(self, _: Fault) -> None:
        listing = [*self._exchange.listings.values()][-1]
        listing.delisted = True

    def _clock(self, fault: Fault) -> None:
        self._exchange.clock_error_ms += int(1000 * fault.value)

    def _others(self, fault: Fault) -> None:
        self._network.others = (self._world.loop.time() + fault.seconds, fault.value)

    def _suspend(self, fault: Fault) -> None:
        """Our machine sleeps; what its connections have become shows when it wakes up."""
        clock, fate = fault.detail.split()
        for connection in [*self._network.connections]:
            if fate == "cut":
                connection.end(None)
            elif fate == "half-open":
                connection.go_half_open()
        if clock == "counted":
            self._world.loop.jump(fault.value)
            self._world.slept(fault.value)
        else:
            self._exchange.sleep_through(fault.value)
