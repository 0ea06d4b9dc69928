"""What is measured on: a snapshot and the frames that follow it, made by a seed or recorded."""

from __future__ import annotations

import gzip
import json
import random
from bisect import insort
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CAPTURES = Path(__file__).parents[2] / "shared" / "captures"
TICKS_A_UNIT = 10_000


@dataclass(frozen=True)
class Feed:
    """One symbol's data, as they come over the wire.

    Attributes:
        name: for the tables.
        symbol: in upper case.
        snapshot: the body of the REST answer.
        frames: combined-stream frames; the first links to the snapshot.
    """

    name: str
    symbol: str
    snapshot: bytes
    frames: list[bytes]


def feeds() -> list[Feed]:
    """Return the feeds that there are: the recorded one only where the recording is."""
    made = synthetic()
    recording = recorded()
    return [made] if recording is None else [recording, made]


@cache
def recorded(symbol: str = "SUSHIUSDT", market: str = "usdm") -> Feed | None:
    """Return one symbol of a recording, or None where it is absent."""
    path = CAPTURES / f"{market}.jsonl.gz"
    if not path.exists():
        return None
    snapshot, last_update_id, frames = b"", 0, []
    with gzip.open(path) as lines:
        for line in lines:
            entry = json.loads(line)
            source, data = entry["source"], entry["data"]
            if entry["kind"] == "rest" and "/depth?" in source and f"symbol={symbol}" in source:
                snapshot, last_update_id = _compact(data), data["lastUpdateId"]
            elif (
                "@depth" in source
                and data["s"] == symbol
                and snapshot
                and data["u"] >= last_update_id
            ):
                frames.append(_compact({"stream": source, "data": data}))
    return Feed(f"recorded {symbol}", symbol, snapshot, frames)


@cache
def synthetic(levels: int = 5_000, events: int = 1_000, changes: int = 27, seed: int = 1) -> Feed:
    """Return a seeded book of so many levels a side, and events of so many levels.

    Changes thin out away from the touch; one in 16 removes its level, one in 16 names a price that
    is likely new.
    """
    rng = random.Random(seed)
    middle = 100 * levels
    sides = {"b": [], "a": []}
    for name, sign in (("b", -1), ("a", 1)):
        tick = middle
        for _ in range(levels):
            tick += sign * rng.choice((1, 1, 2, 3))
            insort(sides[name], tick)

    def quantity() -> str:
        return f"{rng.randint(1, 10**11) / 1e6:.8f}"

    snapshot = {
        "lastUpdateId": 1_000,
        "bids": [[_price(tick), quantity()] for tick in reversed(sides["b"])],
        "asks": [[_price(tick), quantity()] for tick in sides["a"]],
    }
    frames = []
    for number in range(events):
        changed: dict[str, dict[int, str]] = {"b": {}, "a": {}}
        while len(changed["b"]) + len(changed["a"]) < changes:
            name = rng.choice("ba")
            ticks = sides[name]
            place = min(int(rng.expovariate(1 / 20)), len(ticks) - 1)
            place = -1 - place if name == "b" else place
            tick = ticks[place]
            chance = rng.random()
            if chance < 1 / 16 and tick not in changed[name]:
                changed[name][tick] = "0.00000000"
                del ticks[place]
                continue
            if chance < 1 / 8:
                tick += rng.choice((-1, 1))
                if (tick >= sides["a"][0]) if name == "b" else (tick <= sides["b"][-1]):
                    continue
                if tick not in ticks[-60:] + ticks[:60]:
                    insort(ticks, tick)
            changed[name][tick] = quantity()
        first = 1_001 + changes * number
        data = {
            "e": "depthUpdate",
            "E": 1_700_000_000_000 + 100 * number,
            "s": "BNBBTC",
            "U": first,
            "u": first + changes - 1,
            "b": [[_price(tick), amount] for tick, amount in changed["b"].items()],
            "a": [[_price(tick), amount] for tick, amount in changed["a"].items()],
        }
        frames.append(_compact({"stream": "bnbbtc@depth@100ms", "data": data}))
    return Feed(f"synthetic {levels:,} levels", "BNBBTC", _compact(snapshot), frames)


def _price(tick: int) -> str:
    return f"{tick / TICKS_A_UNIT:.8f}"


def _compact(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
