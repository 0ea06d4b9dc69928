"""The names of streams: what `bnbbtc@depth5@100ms` asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthcli.core.markets import Market

_DEPTH: Final = re.compile(r"depth(5|10|20)?(@\d+ms)?")


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream carries.

    Attributes:
        symbol: in the exchange's upper case.
        speed: ms between two events; zero for the best prices as they change.
        levels: zero for the levels that changed, else how many of the best are sent.
    """

    symbol: str
    speed: int
    levels: int = 0


def parse_stream(market: Market, name: str) -> Stream | None:
    """Return what a stream of that name carries in that market; None if it has no such stream.

    Symbols are lower case in stream names; a name in upper case is a stream without events.
    """
    symbol, _, kind = name.partition("@")
    if not symbol or symbol != symbol.lower():
        return None
    if kind == "bookTicker":
        return Stream(symbol.upper(), 0)
    match = _DEPTH.fullmatch(kind)
    if not match:
        return None
    levels, suffix = match.groups()
    speed = suffix_speeds(market).get(f"@depth{suffix or ''}")
    return Stream(symbol.upper(), speed, int(levels or 0)) if speed else None


def suffix_speeds(market: Market) -> dict[str, int]:
    """Return the market's diff stream suffixes and their speeds in ms."""
    return {suffix: speed for speed, suffix in market.speeds.items() if speed is not None}
