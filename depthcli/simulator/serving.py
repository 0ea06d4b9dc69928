"""`depthcli simulate`: run a simulator until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Final

from depthcli.core.markets import MARKETS, SPOT, market_named
from depthcli.core.symbols import canonical_symbol, split_market
from depthcli.errors import UsageError
from depthcli.simulator.capture.capture import Capture
from depthcli.simulator.faults.plan import EXCHANGE_FAULTS, FaultPlan
from depthcli.simulator.server import Simulator
from depthcli.simulator.sources import source_for
from depthcli.simulator.wire.service import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from depthcli.core.markets import Market
    from depthcli.simulator.market.source import Source

ALL: Final = "all"
"""Stands for all markets."""


async def serve(
    typed: Sequence[str],
    *,
    port: int,
    market_names: Sequence[str],
    seed: int,
    capture: Path | None,
    speed: float,
    faults: str | None,
    lifetime: float,
    snapshot_age: float | None,
) -> None:
    """Serve until SIGINT or SIGTERM; once ready, print the addresses as one line of JSON.

    Args:
        typed: symbols as typed, with or without a market and a colon before them.
        port: the port to listen on; 0 for any free one.
        market_names: the markets to serve, possibly comma-separated, or `all`; none: those of the
            symbols or the capture, or spot.
        seed: of the order flow and of the random faults.
        capture: a recording to serve instead of simulated order flow.
        speed: a factor of the recorded speed.
        faults: a plan for `FaultPlan.parse`, or None.
        lifetime: seconds after which every WebSocket is closed.
        snapshot_age: seconds for which markets that cache snapshots do so; None for the default.

    Raises:
        UsageError: a market, a symbol, the recording, the plan or the port can't be used.
    """
    plan = FaultPlan.parse(faults) if faults else None
    sources: list[Source]
    if capture is not None:
        sources = [_recorded(capture, speed, typed, market_names, plan)]
    else:
        if speed != 1:
            raise UsageError("--speed is for a recording: give one with --capture")
        age_ms = None if snapshot_age is None else snapshot_age * 1000
        sources = [
            source_for(
                market, symbols, seed, snapshot_age_ms=age_ms if market.snapshot_lag else None
            )
            for market, symbols in wanted_markets(typed, market_names).items()
        ]
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    limits = Limits(lifetime=lifetime)
    async with Simulator(*sources, port=port, faults=plan, seed=seed, limits=limits) as simulator:
        where = {
            "rest_url": simulator.rest_url,
            "ws_url": simulator.ws_url,
            "symbols": [
                symbol if len(sources) == 1 else f"{source.market.name}:{symbol}"
                for source in sources
                for symbol in source.symbols
            ],
        }
        print(json.dumps(where, ensure_ascii=False), flush=True)
        await stop.wait()


def wanted_markets(typed: Iterable[str], market_names: Iterable[str]) -> dict[Market, list[str]]:
    """Return the markets to serve, in order, with their symbols; no symbols: the default ones.

    Args:
        typed: symbols; one without a market belongs to the first named market, or to spot.
        market_names: names of markets, possibly comma-separated, or `all`.

    Raises:
        UsageError: there is no such market, or a symbol can't be one.
    """
    names = [name.strip() for several in market_names for name in several.split(",")]
    if ALL in names:
        names = list(MARKETS)
    wanted: dict[Market, list[str]] = {market_named(name): [] for name in names}
    first = next(iter(wanted), SPOT)
    for one in typed:
        name, symbol = split_market(one)
        market = first if name is None else market_named(name)
        wanted.setdefault(market, []).append(canonical_symbol(symbol))
    return wanted or {first: []}


def _recorded(
    path: Path,
    speed: float,
    typed: Sequence[str],
    market_names: Sequence[str],
    plan: FaultPlan | None,
) -> Capture:
    if typed:
        raise UsageError("a capture serves the symbols that are in it: name none")
    impossible = [name for name in (*EXCHANGE_FAULTS, "early") if plan and name in plan.chances]
    if impossible:
        raise UsageError(f"fault plan: {impossible[0]} isn't possible with a recording")
    capture = Capture(path, speed)
    if market_names and list(wanted_markets((), market_names)) != [capture.market]:
        raise UsageError(
            f"{path} was recorded on {capture.market.name}, not {', '.join(market_names)}"
        )
    return capture
