"""The wire, typed: what the exchange sends, decoded in one step from bytes to numbers.

The shapes are those of the exchange's public documentation for spot, USD-M, COIN-M and options;
fields that aren't named here are ignored, for the exchange adds some now and then. Prices and
quantities come as decimal strings and are decoded to the number type that a book is kept in:
`float` (checked by the decoder itself) or `Decimal` (exact, with the exchange's own digits; checked
here). A price is finite and above zero, a quantity finite and not negative.
"""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from depthcli.errors import BadMessageError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

N = TypeVar("N", float, Decimal)
"""The number type of a book: float, or Decimal for exactness."""

Identifier = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Since the epoch, up to the end of the year 9999: what lies later is damage."""

LARGEST: Final = 1e300
"""Numbers above it aren't prices or quantities but damage."""

MOST_WEIGHT: Final = 10**9
"""A limit of request weight above it is damage."""

STANDING_STILL: Final = frozenset(
    {"HALT", "BREAK", "PRE_TRADING", "POST_TRADING", "END_OF_DAY", "PENDING_TRADING"}
    | {"DELIVERING", "DELIVERED", "SETTLING", "CLOSE"}
)
"""Statuses of a symbol in which its book doesn't move."""

_plain = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,64})?", re.ASCII).fullmatch
"""Matches what the exchange writes numbers like: no sign, no exponent, nothing but digits."""

_scaled_zero = re.compile(r"0E-[0-9]{1,2}", re.ASCII).fullmatch
"""Matches the zero that Java writes of eight decimals: a quantity that removes a level."""

if TYPE_CHECKING:
    Levels: TypeAlias = list[tuple[N, N]]
else:
    # To the decoder the parameter stands for a whole level, for prices and quantities differ in
    # what they may be.
    Levels = list[N]


class DepthEvent(
    Struct,
    Generic[N],
    tag_field="e",
    tag="depthUpdate",
    gc=False,
    rename={
        "event_time": "E",
        "symbol": "s",
        "first_update_id": "U",
        "last_update_id": "u",
        "previous_update_id": "pu",
        "bids": "b",
        "asks": "a",
    },
):
    """A diff event: the levels of one symbol that changed, with their new absolute quantities.

    Attributes:
        event_time: when the exchange sent it, ms since the epoch.
        symbol: the symbol in the exchange's upper case.
        first_update_id: the first update in the event (`U`).
        last_update_id: the last update in the event (`u`).
        bids: `(price, quantity)` of changed bids; a quantity of zero removes the level.
        asks: the same for asks.
        previous_update_id: the `u` of the event before in this stream; futures and options only.
    """

    event_time: Milliseconds
    symbol: str
    first_update_id: Identifier
    last_update_id: Identifier
    bids: Levels[N]
    asks: Levels[N]
    previous_update_id: Annotated[int, Meta(ge=-1, le=2**63 - 1)] | None = None

    @property
    def follows(self) -> int:
        """The update id that a book must have reached for this event to be the next one.

        Spot numbers the updates of a symbol without holes, so it is `U - 1`. The derivatives'
        ids are shared by all symbols of an engine; there the chain is `pu` alone.
        """
        previous = self.previous_update_id
        return self.first_update_id - 1 if previous is None else previous


class ServerShutdown(Struct, tag_field="e", tag="serverShutdown", gc=False):
    """The server says that it is about to go: a new connection is wanted at once."""


class Failure(Struct, gc=False):
    """The exchange's error body: `{"code":-1121,"msg":"Invalid symbol."}`."""

    code: int | None = None
    msg: str = ""


class Maintenance(Struct, gc=False, rename={"words": "239999"}):
    """What the derivatives announced as an answer during maintenance: `{"239999": "..."}`."""

    words: str


class Frame(Struct, Generic[N], gc=False):
    """One WebSocket message: an event of a combined stream, or the reply to a request."""

    stream: str = ""
    data: DepthEvent[N] | ServerShutdown | None = None
    id: int | str | None = None
    result: Any = None
    error: Failure | None = None
    code: int | None = None
    msg: str = ""

    @property
    def failure(self) -> Failure | None:
        """The error that a reply carries: bare on spot, wrapped in `error` on the derivatives."""
        if self.error is not None:
            return self.error
        return None if self.code is None else Failure(self.code, self.msg)

    @property
    def is_empty(self) -> bool:
        """Whether it is neither an event nor a reply."""
        return self.data is self.id is self.result is self.failure is None


class Snapshot(
    Struct,
    Generic[N],
    gc=False,
    rename={"last_update_id": "lastUpdateId", "event_time": "E", "transaction_time": "T"},
):
    """The best levels of both sides at one update id, best first.

    Attributes:
        last_update_id: the last update that the levels contain.
        bids: `(price, quantity)`, highest price first.
        asks: `(price, quantity)`, lowest price first.
        event_time: when the exchange made it (`E`), ms since the epoch. USD-M and COIN-M say so;
            where neither this nor `transaction_time` is in the answer, `AsyncClient.snapshot`
            fills in the exchange's clock at the time of the answer.
        transaction_time: when the book last changed (`T`), ms since the epoch; futures and options.
    """

    last_update_id: Identifier
    bids: Levels[N]
    asks: Levels[N]
    event_time: Milliseconds | None = None
    transaction_time: Milliseconds | None = None

    @property
    def time(self) -> int | None:
        """The exchange's time of the snapshot, ms since the epoch; None where nothing tells it."""
        return self.transaction_time if self.event_time is None else self.event_time


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


class ServerTime(Struct, gc=False, rename="camel"):
    """The exchange's clock, ms since the epoch."""

    server_time: Milliseconds


_LEVELS: Final[dict[type, Any]] = {
    float: tuple[
        Annotated[float, Meta(gt=0, le=LARGEST)], Annotated[float, Meta(ge=0, le=LARGEST)]
    ],
    Decimal: tuple[str, str],
}


def check_number_type(conv_type: type[N]) -> type[N]:
    """Return `conv_type`; raise ValueError if a book can't be kept in it."""
    if conv_type not in _LEVELS:
        raise ValueError(
            f"conv_type must be float or Decimal, not {conv_type!r}: a book is kept in"
            " numbers; convert what get_bids() and get_asks() return"
        )
    return conv_type


def frame_decoder(conv_type: type[N]) -> Callable[[bytes | str], Frame[N]]:
    """Return the function that decodes WebSocket messages with numbers of that type.

    The function raises BadMessageError for whatever isn't a frame of the protocol.
    """
    return _book_decoder(Frame, conv_type, book_in=attrgetter("data"))


def event_decoder(conv_type: type[N]) -> Callable[[bytes | str], DepthEvent[N]]:
    """Return the function that decodes the bare events of raw streams and of recordings.

    The function raises BadMessageError for anything else.
    """
    return _book_decoder(DepthEvent, conv_type)


def snapshot_decoder(conv_type: type[N]) -> Callable[[bytes | str], Snapshot[N]]:
    """Return the function that decodes snapshots, raising BadMessageError for anything else."""
    return _book_decoder(Snapshot, conv_type)


def _book_decoder(
    kind: Any, conv_type: type, book_in: Callable[[Any], Any] = lambda message: message
) -> Callable[[bytes | str], Any]:
    """Return the decoder of a message with levels in it; texts are made Decimals after a check."""
    decode = _decoder(kind[_LEVELS[conv_type]])
    if conv_type is not Decimal:
        return decode

    def decode_and_convert(raw: bytes | str) -> Any:
        message = decode(raw)
        book = book_in(message)
        if isinstance(book, DepthEvent | Snapshot):
            book.bids = _decimals(book.bids)
            book.asks = _decimals(book.asks)
        return message

    return decode_and_convert


@cache
def _decoder(kind: Any) -> Callable[[bytes | str], Any]:
    decode = msgspec.json.Decoder(kind, strict=False).decode

    def decode_or_refuse(raw: bytes | str) -> Any:
        try:
            return decode(raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            what = _in_plain_words(str(error))
            raise BadMessageError(printable(f"{what}: {beginning_of(raw)}"), what) from error

    return decode_or_refuse


def _in_plain_words(error: str) -> str:
    """Return what the decoder says, for people who don't know it."""
    if error.startswith("Expected `int` <= 253402300799999 - "):
        return f"a time that isn't in ms{error[error.index(' - ') :].replace('`', '')}"
    return printable(error.replace("`", ""))


def beginning_of(raw: bytes | bytearray | memoryview | str) -> str:
    """Return how a message begins, to be shown after `printable`."""
    start = raw[:80]
    return start if isinstance(start, str) else bytes(start).decode("utf-8", "replace")


def _decimals(levels: list[tuple[Any, Any]]) -> list[tuple[Decimal, Decimal]]:
    """Return levels of texts as Decimals; BadMessageError unless they are plain numbers."""
    for price, quantity in levels:
        if not (_plain(price) and (_plain(quantity) or _scaled_zero(quantity))):
            raise BadMessageError(f"no price or quantity: {printable(f'{price}, {quantity}', 99)}")
    numbers = [(Decimal(price), Decimal(quantity)) for price, quantity in levels]
    if not all(price for price, _ in numbers):
        raise BadMessageError("a price of zero")
    return numbers


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
        info: ExchangeInfo = _decoder(ExchangeInfo)(raw)
    except BadMessageError as error:
        return _decoded_one_by_one(raw, error)
    info.unreadable = {}  # which the exchange has no word in
    return info


def _decoded_one_by_one(raw: bytes | str, odd: BadMessageError) -> ExchangeInfo:
    """Decode entry after entry: slower, and only needed where one of them is odd."""
    parts: _RawInfo = _decoder(_RawInfo)(raw)
    info = ExchangeInfo()
    for entry in parts.rate_limits or ():
        with suppress(BadMessageError):
            info.rate_limits.append(_decoder(RateLimit)(bytes(entry)))
    for entries, listed in (
        (parts.symbols, info.symbols),
        (parts.option_symbols, info.option_symbols),
    ):
        for entry in entries or ():
            try:
                listed.append(_decoder(SymbolInfo)(bytes(entry)))
            except BadMessageError as error:
                info.unreadable[_name_in(bytes(entry))] = str(error)
    if not info.listed and not any(info.unreadable) and info.unreadable:
        raise odd
    return info


def _name_in(entry: bytes) -> str:
    """Return the symbol that an entry is about; an empty text where it doesn't say."""
    try:
        return printable(_decoder(_Named)(entry).symbol)
    except BadMessageError:
        return ""


decode_failure: Final[Callable[[bytes | str], Failure]] = _decoder(Failure)
decode_maintenance: Final[Callable[[bytes | str], Maintenance]] = _decoder(Maintenance)
decode_server_time: Final[Callable[[bytes | str], ServerTime]] = _decoder(ServerTime)
