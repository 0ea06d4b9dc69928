"""Instruments: names, tick and step sizes and plausible prices, as data and seeded guesses."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from depthcli.core.markets import Market

SPOT_DECIMALS: Final = 8
OPTION_DECIMALS: Final = 3
PERPETUAL_DELIVERY_MS: Final = 4_133_404_800_000
"""The delivery date that the exchange states for contracts that never expire."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Converts whole steps to decimal strings, with the size of a step and its digits."""

    step: Decimal
    decimals: int
    _step_units: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_step_units", int(self.step * 10**self.decimals))

    def text(self, count: int) -> str:
        """Return a number of steps as the exchange writes it."""
        decimals = self.decimals
        digits = str(count * self._step_units)
        if not decimals:
            return digits
        if len(digits) <= decimals:
            digits = digits.zfill(decimals + 1)
        return f"{digits[:-decimals]}.{digits[-decimals:]}"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol of a market.

    Attributes:
        symbol: in upper case, as the exchange writes it.
        base: the asset of quantities.
        quote: the asset of prices.
        prices: the tick size and the format of prices.
        quantities: the step size and the format of quantities.
        start_ticks: the initial price, in ticks.
        level_lots: the usual quantity of a level, in steps.
        pair: futures: the pair without the contract, such as `BTCUSD`.
        contract: futures: `PERPETUAL` or `CURRENT_QUARTER`.
        expiry_ms: futures and options: when it expires, in ms since the epoch.
        strike: options: in the quote asset.
        side: options: `CALL` or `PUT`.
        thin: whether the book has tens of levels rather than thousands, like those of options.
        famous: whether it is one of the well-known symbols.
    """

    symbol: str
    base: str
    quote: str
    prices: Scale
    quantities: Scale
    start_ticks: int
    level_lots: int
    pair: str = ""
    contract: str = ""
    expiry_ms: int = PERPETUAL_DELIVERY_MS
    strike: Decimal | None = None
    side: str = ""
    thin: bool = False
    famous: bool = False


_KNOWN: Final[dict[str, tuple[str, str, str, str]]] = {
    # symbol: price, tick, step, usual quantity at a level
    "BTCUSDT": ("104250", "0.01", "0.00001", "0.15"),
    "ETHUSDT": ("3590", "0.01", "0.0001", "4"),
    "BNBBTC": ("0.0098", "0.000001", "0.001", "5"),
    "ETHBTC": ("0.0345", "0.00001", "0.0001", "8"),
    "SOLUSDT": ("165", "0.01", "0.001", "60"),
    "BNBUSDT": ("1020", "0.01", "0.001", "5"),
    "XRPUSDT": ("2.31", "0.0001", "0.1", "3000"),
    "ADAUSDT": ("0.58", "0.0001", "0.1", "15000"),
    "DOGEUSDT": ("0.178", "0.00001", "1", "60000"),
    "LTCBTC": ("0.00098", "0.0000001", "0.001", "30"),
    "AVAXUSDT": ("17.2", "0.001", "0.01", "250"),
    "LINKUSDT": ("15.6", "0.001", "0.01", "300"),
    "DOTUSDT": ("2.9", "0.0005", "0.01", "1800"),
    "TRXUSDT": ("0.295", "0.0001", "0.1", "40000"),
    "UNIUSDT": ("7.9", "0.001", "0.01", "500"),
    "ATOMUSDT": ("2.95", "0.0005", "0.01", "900"),
    "XLMUSDT": ("0.281", "0.0001", "1", "12000"),
    "NEARUSDT": ("2.72", "0.0005", "0.1", "1500"),
    "APTUSDT": ("3.15", "0.0005", "0.01", "900"),
    "ARBUSDT": ("0.268", "0.0001", "0.1", "9000"),
    "OPUSDT": ("0.384", "0.0001", "0.01", "7000"),
}
_USDM: Final = {
    "BTCUSDT": ("104250", "0.1", "0.001", "0.6"),
    "ETHUSDT": ("3590", "0.01", "0.001", "12"),
}
_COINM: Final = {
    # The usual quantity is in contracts: of 100 dollars for BTC, of 10 for the others.
    "BTCUSD": ("104250", "0.1", "1", "400"),
    "ETHUSD": ("3590", "0.01", "1", "900"),
    "BNBUSD": ("1020", "0.01", "1", "300"),
    "SOLUSD": ("165", "0.01", "1", "600"),
    "XRPUSD": ("2.31", "0.0001", "1", "700"),
    "ADAUSD": ("0.58", "0.0001", "1", "400"),
    "DOGEUSD": ("0.178", "0.00001", "1", "500"),
    "LTCUSD": ("98.2", "0.01", "1", "200"),
    "LINKUSD": ("15.6", "0.001", "1", "200"),
    "DOTUSD": ("2.9", "0.0005", "1", "200"),
    "AVAXUSD": ("17.2", "0.001", "1", "200"),
    "TRXUSD": ("0.295", "0.0001", "1", "200"),
}
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "USD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL")
_NAME: Final = re.compile(r"[^\W_a-z]{2,40}")
_CONTRACT: Final = re.compile(r"([^\W_a-z]{2,40})_(PERP|\d{6})")
_OPTION: Final = re.compile(r"([A-Z0-9]{2,10})-(\d{6})-(\d{1,9})-([CP])")
_UNDERLYINGS: Final = {"BTC": "104250", "ETH": "3590", "BNB": "1020", "SOL": "165", "XRP": "2.31"}


def default_symbols(market: Market, today: date | None = None) -> list[str]:
    """Return the symbols of a simulated market by default.

    Args:
        market: the market.
        today: options and quarterly futures expire after it; None for the current date.
    """
    return _DEFAULTS[market.name](*_quarter_ends(today or datetime.now(UTC).date()))


def _spot_defaults(near: str, far: str) -> list[str]:
    del near, far  # nothing expires on spot
    return list(_KNOWN)


def _usd_margined_defaults(near: str, far: str) -> list[str]:
    del far
    return [symbol for symbol in _KNOWN if symbol.endswith("USDT")] + [f"BTCUSDT_{near}"]


def _coin_margined_defaults(near: str, far: str) -> list[str]:
    del far
    return [f"{pair}_PERP" for pair in _COINM] + [f"BTCUSD_{near}", f"ETHUSD_{near}"]


def _option_defaults(near: str, far: str) -> list[str]:
    strikes = {"BTC": (90000, 100000, 110000, 120000), "ETH": (3200, 3600, 4000)}
    return [
        f"{base}-{expiry}-{strike}-{side}"
        for base, prices in strikes.items()
        for expiry in (near, far)
        for strike in prices
        for side in "CP"
    ]


def instrument_named(market: Market, typed: str, seed: int = 0) -> Instrument:
    """Return the instrument of that name: a well-known one, or a plausible, seeded guess.

    Raises:
        UsageError: no symbol of that market can have such a name.
    """
    return _NAMED[market.name](typed.strip().upper().replace("/", ""), seed)


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return a symbol's base and quote asset, guessed from the known quote assets."""
    for quote in _QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    return symbol, "USDT"


def _spot(symbol: str, seed: int) -> Instrument:
    if not _NAME.fullmatch(symbol):
        raise _no_symbol(symbol, "spot", "BNBBTC")
    numbers = _KNOWN.get(symbol) or _guess(symbol, seed)
    return _priced(symbol, split_symbol(symbol), numbers, decimals=SPOT_DECIMALS)


def _usd_margined(symbol: str, seed: int) -> Instrument:
    match = _CONTRACT.fullmatch(symbol)
    if not match and not _NAME.fullmatch(symbol):
        raise _no_symbol(symbol, "usdm", "BTCUSDT")
    pair, contract = match.groups() if match else (symbol, "PERP")
    numbers = _USDM.get(pair) or _KNOWN.get(pair) or _guess(pair, seed)
    return _priced(symbol, split_symbol(pair), numbers, pair=pair, contract=contract)


def _coin_margined(symbol: str, seed: int) -> Instrument:
    match = _CONTRACT.fullmatch(symbol)
    if not match:
        raise _no_symbol(symbol, "coinm", "BTCUSD_PERP")
    pair, contract = match.groups()
    price, tick, _, _ = _guess(pair, seed)
    numbers = _COINM.get(pair) or (price, tick, "1", "300")
    return _priced(symbol, split_symbol(pair), numbers, pair=pair, contract=contract)


def _no_symbol(symbol: str, market: str, example: str) -> UsageError:
    return UsageError(
        f"{printable(symbol)!r} can't be a symbol of market {market}: they look like {example}"
    )


def _priced(
    symbol: str,
    assets: tuple[str, str],
    numbers: tuple[str, str, str, str],
    *,
    decimals: int | None = None,
    pair: str = "",
    contract: str = "",
) -> Instrument:
    price, tick, step, usual = map(Decimal, numbers)
    perpetual = contract in {"", "PERP"}
    return Instrument(
        symbol=symbol,
        base=assets[0],
        quote=assets[1],
        prices=Scale(tick, _digits(tick) if decimals is None else decimals),
        quantities=Scale(step, _digits(step) if decimals is None else decimals),
        start_ticks=int(price / tick),
        level_lots=max(1, int(usual / step)),
        pair=pair,
        contract=contract and ("PERPETUAL" if perpetual else "CURRENT_QUARTER"),
        expiry_ms=PERPETUAL_DELIVERY_MS if perpetual else _expiry(symbol, contract),
        famous=(pair or symbol) in {*_KNOWN, *_COINM},
    )


def _option(symbol: str, seed: int) -> Instrument:
    del seed  # an option's price follows from its strike
    match = _OPTION.fullmatch(symbol)
    if not match:
        raise _no_symbol(symbol, "options", "BTC-261225-110000-C")
    base, expiry, strike, side = match.groups()
    tick = Decimal(1) if base == "BTC" else Decimal("0.1")
    spot = float(_UNDERLYINGS.get(base) or strike)
    price = max(_option_price(spot, float(strike), side), 40 * float(tick))
    return Instrument(
        symbol=symbol,
        base=base,
        quote="USDT",
        prices=Scale(tick, OPTION_DECIMALS),
        quantities=Scale(Decimal("0.01"), OPTION_DECIMALS),
        start_ticks=int(price / float(tick)),
        level_lots=250,
        pair=f"{base}USDT",
        expiry_ms=_expiry(symbol, expiry),
        strike=Decimal(strike),
        side="CALL" if side == "C" else "PUT",
        thin=True,
    )


def _option_price(spot: float, strike: float, side: str) -> float:
    """Return a plausible price of an option: its intrinsic value plus some time value."""
    intrinsic = max(0.0, spot - strike if side == "C" else strike - spot)
    distance = math.log(strike / spot) / 0.25
    return intrinsic + 0.08 * spot * math.exp(-distance * distance)


def _guess(symbol: str, seed: int) -> tuple[str, str, str, str]:
    """Return price, tick, step and usual quantity; a level's value is some thousands."""
    random = Random(f"{seed}:{symbol}:price")
    price = 10 ** random.uniform(-2, 2.5)
    tick = Decimal(10) ** (math.floor(math.log10(price)) - 4)
    usual = random.uniform(1000, 9000) / price
    step = min(Decimal(1), Decimal(10) ** (math.floor(math.log10(usual)) - 3))
    return f"{price:.8f}", f"{tick:f}", f"{step:f}", f"{usual:.8f}"


def _digits(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _expiry(symbol: str, code: str) -> int:
    try:
        moment = datetime.strptime(code, "%y%m%d").replace(hour=8, tzinfo=UTC)
    except ValueError:
        raise UsageError(f"{symbol!r} has no valid date: {code} should be YYMMDD") from None
    return int(moment.timestamp() * 1000)


def _quarter_ends(today: date) -> tuple[str, str]:
    """Return the last Fridays of the next two quarters to end, as `YYMMDD`."""
    ends: list[str] = []
    first_of_month = today.replace(day=1)
    while len(ends) < 2:
        first_of_next = (first_of_month + timedelta(days=32)).replace(day=1)
        last_day = first_of_next - timedelta(days=1)
        friday = last_day - timedelta(days=(last_day.weekday() - 4) % 7)
        if friday.month % 3 == 0 and friday > today:
            ends.append(f"{friday:%y%m%d}")
        first_of_month = first_of_next
    return ends[0], ends[1]


_DEFAULTS: Final = {
    "spot": _spot_defaults,
    "usdm": _usd_margined_defaults,
    "coinm": _coin_margined_defaults,
    "options": _option_defaults,
}
_NAMED: Final = {
    "spot": _spot,
    "usdm": _usd_margined,
    "coinm": _coin_margined,
    "options": _option,
}
