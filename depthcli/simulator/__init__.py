"""A simulated exchange on loopback: order flow, wire protocol and faults, all seeded."""

from depthcli.simulator.background import BackgroundSimulator
from depthcli.simulator.capture.capture import Capture
from depthcli.simulator.faults.faults import Faults
from depthcli.simulator.faults.plan import FaultPlan
from depthcli.simulator.market.exchange import Exchange
from depthcli.simulator.market.instruments import default_symbols
from depthcli.simulator.server import Simulator
from depthcli.simulator.sources import embedded_exchange, source_for
from depthcli.simulator.wire.service import Limits

__all__ = [
    "BackgroundSimulator",
    "Capture",
    "Exchange",
    "FaultPlan",
    "Faults",
    "Limits",
    "Simulator",
    "default_symbols",
    "embedded_exchange",
    "source_for",
]
