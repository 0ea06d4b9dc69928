"""What a run is made of, besides its faults: drawn from the seed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from depthcli.core.markets import COINM, OPTIONS, SPOT, USDM

if TYPE_CHECKING:
    from random import Random

    from depthcli.core.markets import Market

SYMBOLS: Final = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
READERS: Final = ("callback", "callback", "coroutine", "recv", "slow recv")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is made of; all of it is drawn from the seed."""

    market: Market
    symbols: tuple[str, ...]
    readers: tuple[str, ...]
    number: type[Any]
    speed: int | None
    limit: int
    depth: int
    refresh: float | None
    latency: tuple[float, float]
    weight_per_minute: int
    snapshot_age: float
    shared_sockets: bool
    pace: float
    churn: tuple[float, ...]
    lifetime: float | None
    stream_lag: float
    through_httpx: bool
    early: float

    @classmethod
    def draw(cls, random: Random, until: float) -> Settings:
        market = random.choice((SPOT, SPOT, SPOT, USDM, USDM, COINM, OPTIONS))
        if random.random() < 0.2:
            market = dataclasses.replace(market, streams_per_connection=random.randrange(1, 3))
        symbols = SYMBOLS[: random.choice((1, 1, 1, 1, 2, 3))]
        limit = market.fit_limit(random.choice((5, 5, 10, 10, 20, 50)))
        shortest = random.choice((0.001, 0.02, 0.15))
        return cls(
            market=market,
            symbols=symbols,
            readers=tuple(random.choice(READERS) for _ in symbols),
            number=random.choice((float, float, Decimal)),
            speed=random.choice((None, market.fastest, market.fastest)),
            limit=limit,
            depth=random.choice((0, 0, 0, 4)),
            refresh=random.choice((None, 60.0, 300.0, 1800.0)),
            latency=(shortest, shortest * random.choice((1.5, 5.0))),
            weight_per_minute=random.choice((400, market.weight_per_minute)),
            snapshot_age=random.choice((2.0, 12.0, 25.0)) if market is OPTIONS else 0.0,
            shared_sockets=random.random() < 0.8,
            pace=random.choice((1.0, 1.0, 1.0, 1.0, 3.0)),
            churn=tuple(
                sorted(random.uniform(1, until) for _ in range(random.choice((0, 0, 0, 2, 6))))
            ),
            lifetime=random.choice((None, None, None, 700.0)),
            stream_lag=random.choice((0.0, 0.0, 0.4, 1.5)),
            through_httpx=random.random() < 0.1,
            early=0.7 if market.ids_are_shared and random.random() < 0.5 else 0.0,
        )

    def __str__(self) -> str:
        shown = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        shown["market"] = f"{self.market.name}/{self.market.streams_per_connection}"
        shown["number"] = self.number.__name__
        shown["churn"] = tuple(round(at) for at in self.churn)
        return " ".join(f"{name}={value}" for name, value in shown.items())
