"""`depthcli simulate`: run a simulator until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

from depthcli.errors import UsageError
from depthcli.simulator.capture import Capture
from depthcli.simulator.faults import FaultPlan
from depthcli.simulator.server import Simulator
from depthcli.simulator.sources import source_for
from depthcli.symbols import canonical_symbol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from depthcli.simulator.source import Source


async def serve(
    typed: Sequence[str],
    *,
    port: int,
    market_name: str | None,
    seed: int,
    capture: Path | None,
    speed: float,
    faults: str | None,
) -> None:
    """Serve until SIGINT or SIGTERM; print where, as one line of JSON, once that works.

    Args:
        typed: symbols as typed; none: some twenty well-known ones.
        port: the port to listen on; 0: any that is free.
        market_name: None: spot, or the capture's.
        seed: of the order flow and of the random faults.
        capture: a recording to serve instead of simulated order flow.
        speed: so many times the recorded pace.
        faults: a plan for `FaultPlan.parse`, or None.

    Raises:
        UsageError: a symbol, the recording, the plan or the port can't be used.
    """
    plan = FaultPlan.parse(faults) if faults else None
    source: Source
    if capture is not None:
        if typed:
            raise UsageError("a capture serves the symbols that are in it: name none")
        source = Capture(capture, speed)
        if market_name not in {None, source.market.name}:
            raise UsageError(f"{capture} was recorded on {source.market.name}, not {market_name}")
    else:
        if speed != 1:
            raise UsageError("--speed is for a recording: give one with --capture")
        symbols = [canonical_symbol(symbol) for symbol in typed]
        source = source_for(market_name or "spot", symbols, seed)
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    async with Simulator(source, port=port, faults=plan, seed=seed) as simulator:
        where = {
            "rest_url": simulator.rest_url,
            "ws_url": simulator.ws_url,
            "symbols": simulator.symbols,
        }
        print(json.dumps(where, ensure_ascii=False), flush=True)
        await stop.wait()
