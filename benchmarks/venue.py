"""An exchange in a process of its own: `python -m benchmarks.venue SYMBOLS EVENTS_A_SECOND`.

Its symbols are as lively as those of `depthcli simulate`, most of them by the same factor more or
less, so that all together have about so many events a second. The first line of standard output
tells where it is, the last one how late it sent its events itself.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import replace
from itertools import islice, product
from math import exp
from string import ascii_uppercase
from time import time
from typing import TYPE_CHECKING, Any

from depthcli.core.markets import SPOT
from depthcli.simulator.market.exchange import Exchange
from depthcli.simulator.market.flow import tempo_of
from depthcli.simulator.market.instruments import instrument_named
from depthcli.simulator.server import Simulator

if TYPE_CHECKING:
    from depthcli.simulator.market.flow import Tempo
    from depthcli.simulator.market.instruments import Instrument
    from depthcli.simulator.market.source import StreamEvent

SEED = 1
WINDOW = 0.1
"""Seconds that an event of the fastest stream covers."""

ENOUGH = 25.0
"""Actions a second with which most windows have an event: nobody is made livelier than that."""

WEIGHT_PER_MINUTE = 150_000
"""Twice what 1,500 snapshots of 1,000 levels take: with the real exchange's 6,000 the books would
be complete after thirteen minutes only."""

EVERY = 20
"""Of so many events the lateness of one is noted."""

_BEFORE_TIME = len('{"e":"depthUpdate","E":')
_TIME = slice(_BEFORE_TIME, _BEFORE_TIME + 13)


def symbols_of(count: int) -> list[str]:
    """Return so many symbols."""
    names = map("".join, product(ascii_uppercase, repeat=3))
    return [f"{name}BTC" for name in islice(names, count)]


def tempos_of(instruments: list[Instrument], events_a_second: float) -> dict[str, Tempo]:
    """Return tempos with which there are about so many events a second, or as many as possible."""
    usual = {instrument.symbol: tempo_of(instrument, SEED) for instrument in instruments}

    def actions_at(factor: float) -> dict[str, float]:
        own = {symbol: tempo.actions_per_second for symbol, tempo in usual.items()}
        return {symbol: min(factor * rate, max(rate, ENOUGH)) for symbol, rate in own.items()}

    low, high = 0.0, 1_000.0
    for _ in range(50):
        factor = (low + high) / 2
        events = sum((1 - exp(-WINDOW * rate)) / WINDOW for rate in actions_at(factor).values())
        low, high = (factor, high) if events < events_a_second else (low, factor)
    return {
        symbol: replace(usual[symbol], actions_per_second=rate)
        for symbol, rate in actions_at(high).items()
    }


class _NotingExchange(Exchange):
    """Notes the times of some of its events."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.noted: list[int] = []
        self._left_over = 0

    def advance(self, now_ms: float) -> list[StreamEvent]:
        events = super().advance(now_ms)
        first = -self._left_over % EVERY
        self.noted += [int(event.payload[_TIME]) for event in events[first::EVERY]]
        self._left_over = (self._left_over + len(events)) % EVERY
        return events


class _NotingSimulator(Simulator):
    """Knows how late it sends events.

    Attributes:
        lateness: when events were sent, and how many ms after their time.
    """

    def __init__(self, exchange: _NotingExchange) -> None:
        super().__init__(exchange)
        self._exchange = exchange
        self.lateness: list[tuple[float, float]] = []

    def _update(self) -> bool:
        in_time = super()._update()
        now = time()
        noted, self._exchange.noted = self._exchange.noted, []
        self.lateness += [(now, now * 1_000 - event_time) for event_time in noted]
        return in_time


async def serve(count: int, events_a_second: float) -> None:
    """Serve until SIGTERM."""
    instruments = [instrument_named(SPOT, symbol, SEED) for symbol in symbols_of(count)]
    exchange = _NotingExchange(
        SPOT,
        instruments,
        seed=SEED,
        tempos=tempos_of(instruments, events_a_second),
        weight_per_minute=WEIGHT_PER_MINUTE,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with _NotingSimulator(exchange) as simulator:
        print(json.dumps({"rest_url": simulator.rest_url, "ws_url": simulator.ws_url}), flush=True)
        await stop.wait()
    print(json.dumps(simulator.lateness), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
