"""What the exchange lists: symbols, their steps and states, and the request weight.

Each entry of a list stands for itself: one that can't be read is left out, and the others are
there. Fields, statuses and types that aren't known are let be.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal  # noqa: TC003, msgspec looks it up
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from depthcli.core.messages import decoder_of
from depthcli.errors import BadMessageError, printable

MOST_WEIGHT: Final = 10**9
"""A limit of request weight above it is damage."""

STANDING_STILL: Final = frozenset(
    {"HALT", "BREAK", "PRE_TRADING", "POST_TRADING", "END_OF_DAY", "PENDING_TRADING"}
    | {"DELIVERING", "DELIVERED", "SETTLING", "CLOSE"}
)
"""Statuses of a symbol in which its book doesn't move."""


class SymbolFilter(Struct, gc=False, rename="camel"):
    """One of a symbol's filters: the price's and the quantity's steps are what a book needs."""

    filter_type: str = ""
    tick_size: Decimal | None = None
    step_size: Decimal | None = None


class SymbolInfo(Struct, gc=False, rename="camel"):
    """What the exchange says of one symbol.

    Attributes:
        symbol: the name in the exchange's upper case.
        status: such as `TRADING`, `HALT`, `BREAK`; COIN-M calls it `contractStatus`.
        base_asset: what quantities are counted in (COIN-M: in contracts).
        quote_asset: what prices are counted in.
        pair: futures: the pair without the contract, such as `BTCUSD`.
        contract_type: futures: such as `PERPETUAL` or `CURRENT_QUARTER`.
        delivery_date: futures: when the contract ends, ms since the epoch; of a perpetual one the
            year 2100.
        contract_size: COIN-M: what one contract is worth, in the quote asset.
        unit: options: what one contract is for, in the underlying's base asset.
        underlying: options: what the option is on, such as `BTCUSDT`.
        expiry_date: options: when it expires, ms since the epoch.
        side: options: `CALL` or `PUT`.
        strike_price: options: in the quote asset.
    """

    symbol: Annotated[str, Meta(min_length=1)]
    status: str = ""
    contract_status: str = ""
    base_asset: str = ""
    quote_asset: str = ""
    pair: str = ""
    contract_type: str = ""
    contract_size: Decimal | None = None
    unit: Decimal | None = None
    underlying: str = ""
    expiry_date: int | None = None
    delivery_date: int | None = None
    side: str = ""
    strike_price: Decimal | None = None
    filters: list[SymbolFilter] = []

    @property
    def state(self) -> str:
        """What the exchange calls its status, by whichever of its two names for it."""
        return self.status or self.contract_status or "TRADING"

    @property
    def trading(self) -> bool:
        """Whether orders are matched now, and so whether the book moves."""
        return self.state == "TRADING"

    @property
    def halted(self) -> bool:
        """Whether its status is one in which the book is known to stand still.

        In others than these, such as `CANCEL_ONLY` and whatever the exchange adds, it may move.
        """
        return self.state in STANDING_STILL

    @property
    def tick_size(self) -> Decimal | None:
        """The smallest step between two prices, in the quote asset."""
        return self._step("tick_size")

    @property
    def step_size(self) -> Decimal | None:
        """The smallest step between two quantities, in the base asset (COIN-M: contracts)."""
        return self._step("step_size")

    def _step(self, name: str) -> Decimal | None:
        steps = (getattr(entry, name) for entry in self.filters)
        return next((step for step in steps if step is not None and _is_step(step)), None)


class RateLimit(Struct, gc=False, rename="camel"):
    """One of the exchange's limits on requests."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class ExchangeInfo(Struct, gc=False, rename="camel"):
    """The symbols of a market, with their steps, and the market's limits on requests.

    Attributes:
        unreadable: the names of symbols whose entries can't be read, and why; they are left out.
    """

    symbols: list[SymbolInfo] = []
    option_symbols: list[SymbolInfo] = []
    rate_limits: list[RateLimit] = []
    unreadable: dict[str, str] = {}

    @property
    def listed(self) -> list[SymbolInfo]:
        """All symbols, whichever of its two names the market lists them under."""
        return self.symbols or self.option_symbols

    @property
    def weight_per_minute(self) -> int | None:
        """The request weight that one address may use in a minute, or None where it isn't said."""
        for limit in self.rate_limits:
            if (limit.rate_limit_type, limit.interval, limit.interval_num) == (
                "REQUEST_WEIGHT",
                "MINUTE",
                1,
            ) and 0 < limit.limit <= MOST_WEIGHT:
                return limit.limit
        return None


class _RawInfo(Struct, gc=False, rename="camel"):
    """An exchange info whose entries aren't decoded yet."""

    symbols: list[msgspec.Raw] | None = None
    option_symbols: list[msgspec.Raw] | None = None
    rate_limits: list[msgspec.Raw] | None = None


class _Named(Struct, gc=False):
    symbol: str


def _is_step(step: Decimal) -> bool:
    """Return whether a step can be one; zero stands for none, and the rest is damage."""
    exponent = step.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -64 and step.adjusted() <= 64 and step > 0


def decode_exchange_info(raw: bytes | str) -> ExchangeInfo:
    """Return an exchange info in which each entry stands for itself.

    An entry that can't be read is left out and named in `unreadable`.

    Raises:
        BadMessageError: it is no exchange info, or there are entries and none has even a name.
    """
    try:
        info: ExchangeInfo = decoder_of(ExchangeInfo)(raw)
    except BadMessageError as error:
        return _decoded_one_by_one(raw, error)
    info.unreadable = {}  # which the exchange has no word in
    return info


def _decoded_one_by_one(raw: bytes | str, odd: BadMessageError) -> ExchangeInfo:
    """Decode entry after entry: slower, and only needed where one of them is odd."""
    parts: _RawInfo = decoder_of(_RawInfo)(raw)
    info = ExchangeInfo()
    for entry in parts.rate_limits or ():
        with suppress(BadMessageError):
            info.rate_limits.append(decoder_of(RateLimit)(bytes(entry)))
    for entries, listed in (
        (parts.symbols, info.symbols),
        (parts.option_symbols, info.option_symbols),
    ):
        for entry in entries or ():
            try:
                listed.append(decoder_of(SymbolInfo)(bytes(entry)))
            except BadMessageError as error:
                info.unreadable[_name_in(bytes(entry))] = str(error)
    if not info.listed and not any(info.unreadable) and info.unreadable:
        raise odd
    return info


def _name_in(entry: bytes) -> str:
    """Return the symbol that an entry is about; an empty text where it doesn't say."""
    try:
        return printable(decoder_of(_Named)(entry).symbol)
    except BadMessageError:
        return ""
