"""What the simulator's tests share: naive books, small exchanges, clients on loopback."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from depthcli.simulator import Exchange
from depthcli.simulator.market.flow import Tempo
from depthcli.simulator.market.instruments import instrument_named

if TYPE_CHECKING:
    from depthcli.core.markets import Market

LIVELY = Tempo(actions_per_second=300, levels=300, reach=1500)
START_MS = 1_700_000_000_000.0


def small_exchange(market: Market, *symbols: str, seed: int = 1, **options: Any) -> Exchange:
    """Return a lively exchange with small books that keeps its history."""
    instruments = [instrument_named(market, symbol, seed) for symbol in symbols]
    tempos = {instrument.symbol: LIVELY for instrument in instruments}
    settings: dict[str, Any] = {"seed": seed, "tempos": tempos, "keep_history": True}
    return Exchange(market, instruments, **(settings | options))


class NaiveBook:
    """The simplest book there is, kept by hand from a snapshot and events."""

    def __init__(self, snapshot: bytes) -> None:
        document = json.loads(snapshot)
        self.last_update_id: int = document["lastUpdateId"]
        self.sides: tuple[dict[str, str], dict[str, str]] = (
            dict(document["bids"]),
            dict(document["asks"]),
        )

    def apply(self, event: dict[str, Any]) -> None:
        for side, levels in zip(self.sides, (event["b"], event["a"]), strict=True):
            for price, quantity in levels:
                if Decimal(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self.last_update_id = event["u"]

    def levels(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        bids, asks = (list(side.items()) for side in self.sides)
        bids.sort(key=lambda level: Decimal(level[0]), reverse=True)
        asks.sort(key=lambda level: Decimal(level[0]))
        return bids, asks


@pytest.fixture
def captures() -> Path:
    """The folder of real recordings, which isn't part of the project."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "captures"
    if not folder.is_dir():
        pytest.skip(f"no recorded market data at {folder}")
    return folder
