"""The wire, typed: what the exchange sends, decoded in one step from bytes to numbers.

The shapes are those of the exchange's public documentation for spot, USD-M, COIN-M and options;
fields that aren't named here are ignored, for the exchange adds some now and then. Prices and
quantities come as decimal strings and are decoded to the number type that a book is kept in:
`float` (checked by the decoder itself) or `Decimal` (exact, with the exchange's own digits; checked
here). A price is finite and above zero, a quantity finite and not negative.
"""

from __future__ import annotations

import re
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
    decode = decoder_of(kind[_LEVELS[conv_type]])
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
def decoder_of(kind: Any) -> Callable[[bytes | str], Any]:
    """Return the function that decodes a kind of message, raising BadMessageError for others."""
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


decode_failure: Final[Callable[[bytes | str], Failure]] = decoder_of(Failure)
decode_maintenance: Final[Callable[[bytes | str], Maintenance]] = decoder_of(Maintenance)
decode_server_time: Final[Callable[[bytes | str], ServerTime]] = decoder_of(ServerTime)
