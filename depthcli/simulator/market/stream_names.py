"""Parse the names of streams, such as `bnbbtc@depth5@100ms`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthcli.core.markets import Market

_DEPTH: Final = re.compile(r"depth(5|10|20)?(@\d+ms)?")


@dataclass(frozen=True, slots=True)
class Stream:
    """The content of a stream.

    Attributes:
        symbol: in upper case, as the exchange writes it.
        speed: ms between two events; 0 for the best prices, which are sent when they change.
        levels: how many of the best levels are sent; 0 for the changed levels.
    """

    symbol: str
    speed: int
    levels: int = 0


def parse_stream(market: Market, name: str) -> Stream | None:
    """Parse the name of a stream; None if the market has no such stream.

    Symbols are in lower case in stream names. There are no streams with names in upper case.
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
    """Return the suffixes of the market's diff streams and their speeds in ms."""
    return {suffix: speed for speed, suffix in market.speeds.items() if speed is not None}
