"""An exchange of our own on loopback: order flow, wire protocol and faults, all seeded."""

from depthcli.simulator.background import BackgroundSimulator
from depthcli.simulator.capture import Capture
from depthcli.simulator.exchange import Exchange
from depthcli.simulator.faults import FaultPlan, Faults
from depthcli.simulator.instruments import default_symbols
from depthcli.simulator.server import Simulator
from depthcli.simulator.service import Limits
from depthcli.simulator.sources import embedded_exchange, source_for

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
