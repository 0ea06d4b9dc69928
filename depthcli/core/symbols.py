"""Symbols as people type them: parse, normalize, suggest."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.core.markets import Market, market_named
from depthcli.errors import UnknownSymbolError, UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.exchange_info import SymbolInfo

MANAGERS: Final = {
    "spot": "DepthCacheManager(client, {!r})",
    "usdm": "FuturesDepthCacheManager(client, {!r})",
    "coinm": "FuturesDepthCacheManager(client, {!r}, coin=True)",
    "options": "OptionsDepthCacheManager(client, {!r})",
}
"""The code that follows a symbol of each market, for error messages."""

_UNIFIED = re.compile(
    r"\s*(?:(?P<market>[^:/]*):)?(?P<base>[^\s:/-]+)/(?P<quote>[^\s:/-]+):(?P<settle>[^\s:/-]+)"
    r"(?:-(?P<expiry>\d{6})(?:-(?P<strike>[\d.]+)-(?P<side>[CP]))?)?\s*",
    re.IGNORECASE,
)
"""A contract in ccxt's notation: base/quote:settle-expiry-strike-side."""


def _from_unified(unified: re.Match[str]) -> tuple[str, str]:
    """Return the market and the symbol of a contract in ccxt's notation."""
    base, quote, settle = (unified[part].upper() for part in ("base", "quote", "settle"))
    expiry = unified["expiry"]
    if unified["strike"]:
        return "options", f"{base}-{expiry}-{unified['strike']}-{unified['side'].upper()}"
    if settle == quote:
        return "usdm", f"{base}{quote}" + (f"_{expiry}" if expiry else "")
    return "coinm", f"{base}{quote}_{expiry or 'PERP'}"


def split_market(typed: str) -> tuple[str | None, str]:
    """Split a typed symbol into its market, or None, and the symbol.

    `usdm:BTCUSDT` is `("usdm", "BTCUSDT")`, `bnb/btc` is `(None, "bnb/btc")`. Neither part is
    checked. Contracts may be given in ccxt's notation, with the asset they settle in:
    `BTC/USDT:USDT` is `("usdm", "BTCUSDT")`, `BTC/USD:BTC` is `("coinm", "BTCUSD_PERP")`, and
    `BTC/USDT:USDT-261225-110000-C` is `("options", "BTC-261225-110000-C")`.

    Raises:
        UsageError: the prefix names one market, the contract belongs to another.
    """
    unified = _UNIFIED.fullmatch(typed)
    if unified:
        market, symbol = _from_unified(unified)
        if unified["market"] is not None and unified["market"].strip().lower() != market:
            raise UsageError(
                f"{printable(typed)!r} names two markets: {printable(unified['market'])}, and by"
                f" its ending {market}; write {market}:{symbol}"
            )
        return market, symbol
    head, colon, tail = typed.partition(":")
    return (head.strip(), tail) if colon else (None, typed)


def names_market_by_ending(typed: str) -> bool:
    """Return whether a symbol names its market only by a ccxt ending, not by a prefix."""
    unified = _UNIFIED.fullmatch(typed)
    return unified is not None and unified["market"] is None


def two_markets(typed: str, said: str) -> UsageError:
    """Return the error for a contract whose ending contradicts the market given separately."""
    market, symbol = split_market(typed)
    return UsageError(
        f"{printable(typed)!r} is of market {market}, but --market says {said}: leave out --market,"
        f" or write {market}:{symbol}"
    )


def canonical_symbol(typed: str) -> str:
    """Return a symbol as the exchange writes it.

    `bnb/btc`, `bnb-btc` and `BnbBtc` become `BNBBTC`. Names in which a dash or an underscore has a
    meaning keep it: `BTC-261225-110000-C`, `BTCUSD_PERP`.

    Raises:
        UsageError: it can't be a symbol.
    """
    symbol = typed.strip().upper().replace("/", "")
    head, dash, tail = symbol.partition("-")
    if dash and "-" not in tail:
        symbol = head + tail
    if not symbol or not all(character.isalnum() or character in "-_." for character in symbol):
        raise UsageError(f"{printable(typed)!r} can't be a symbol: give one such as BNBBTC")
    return symbol


def symbol_of(typed: str, market: str) -> str:
    """Return a symbol of one market as the exchange writes it, from any of its notations.

    `BTC/USDT:USDT` and `usdm:BTCUSDT` are accepted if the market is `usdm`.

    Raises:
        UsageError: it belongs to another market, or can't be a symbol.
    """
    named, symbol = split_market(typed)
    if named is not None and named.lower() != market:
        known = MANAGERS.get(named.lower())
        if known is None:
            raise UsageError(f"{printable(typed)!r} can't be a symbol: give one such as BNBBTC")
        raise UsageError(
            f"{printable(typed)!r} is of market {named.lower()}, but this manager is for {market}:"
            f" write {known.format(canonical_symbol(symbol))}"
        )
    return canonical_symbol(symbol)


def select_symbols(
    wanted: Iterable[str], listed: Iterable[SymbolInfo], market: str
) -> list[SymbolInfo]:
    """Return the exchange's entry for each wanted symbol, in order.

    Raises:
        UnknownSymbolError: one isn't listed; the error carries similar names, nearest first.
    """
    known = {info.symbol: info for info in listed}
    for symbol in wanted:
        if symbol not in known:
            raise UnknownSymbolError(symbol, market, nearest_symbols(symbol, known))
    return [known[symbol] for symbol in wanted]


def nearest_symbols(symbol: str, known: Iterable[str], count: int = 5) -> list[str]:
    """Return up to `count` known symbols similar to the given one, nearest first."""
    known = list(known)
    beginnings = sorted((name for name in known if name.startswith(symbol)), key=len)
    alike = get_close_matches(symbol, known, n=count, cutoff=0.6)
    return list(dict.fromkeys([*alike, *beginnings]))[:count]


class Target(NamedTuple):
    """A symbol and its market. As text: `usdm:BTCUSDT`."""

    market: Market
    symbol: str

    def __str__(self) -> str:
        return f"{self.market.name}:{self.symbol}"


def targets_of(
    typed: Iterable[str], default: Market, *, market_was_said: bool = False
) -> tuple[Target, ...]:
    """Return the targets that the user typed, each once, in order.

    Args:
        typed: symbols as people type them, with or without a market and a colon before them.
        default: the market of those without.
        market_was_said: whether the user chose that market explicitly, so that a contract whose
            ending names another market contradicts it.

    Raises:
        UsageError: a market is unknown, a symbol can't be one, or two markets are named for it.
    """
    targets = []
    for one in typed:
        name, symbol = split_market(one)
        market = default if name is None else market_named(name)
        if market_was_said and market is not default and names_market_by_ending(one):
            raise two_markets(one, default.name)
        targets.append(Target(market, canonical_symbol(symbol)))
    return tuple(dict.fromkeys(targets))
