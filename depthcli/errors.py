"""All exceptions that depthcli raises on purpose.

    DepthcliError
    ├── UsageError                  the caller asked for something that can't be done
    │   └── UnknownSymbolError      the exchange has no such symbol; suggests similar names
    ├── ExchangeError               the exchange answered with an error
    │   ├── RateLimitedError        HTTP 429, or -1003: wait `retry_after` seconds
    │   │   └── BannedError         HTTP 418: banned for continuing after a 429
    │   ├── ForbiddenError          HTTP 403: a firewall rule
    │   ├── LocationRefusedError    HTTP 451: the exchange refuses this location
    │   └── ServerError             HTTP 5xx, -1000, -1001, -1007: the exchange's fault
    ├── UnreachableError            no response: refused, reset, timed out
    ├── BadMessageError             a response or a frame that violates the protocol
    └── ClosedError                 the manager was stopped or closed; start a new one

Each message says what happened and, if there is something to do, what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from datetime import datetime


class DepthcliError(Exception):
    """The base class of all exceptions that depthcli raises on purpose."""


STATUS_HINTS: Final = {
    403: "refused by the exchange's firewall, or by one on the way",
    407: "a proxy on the way wants a user and a password",
    451: (
        "the exchange refuses this location: --tld us is binance.us, --tld vision its hosts for"
        " market data only"
    ),
}
"""What a status means and what to do about it, if the number alone doesn't tell."""


class UsageError(DepthcliError):
    """The caller asked for something that can't be done as asked."""


class UnknownSymbolError(UsageError):
    """The exchange has no such symbol.

    Attributes:
        symbol: the symbol as requested.
        near: similar symbols that exist, nearest first.
    """

    def __init__(self, symbol: str, market: str, near: list[str] | None = None) -> None:
        self.symbol = symbol
        self.near = near or []
        hint = f"did you mean {printable(', '.join(self.near))}?" if near else "check the spelling"
        super().__init__(f"no symbol {printable(symbol)!r} in market {market}: {hint}")


class ExchangeError(DepthcliError):
    """The exchange answered with an error.

    Attributes:
        status: the HTTP status.
        code: the exchange's error code, such as -1121; None if the body has none.
        message: the exchange's error message, made safe to print.
        retry_after: seconds until requests are allowed again, or None.
        until: the same moment by the exchange's clock, in UTC; None if unknown.
    """

    def __init__(
        self,
        status: int,
        code: int | None = None,
        message: str = "",
        retry_after: float | None = None,
        until: datetime | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = printable(message)
        self.retry_after = retry_after
        self.until = until
        words = [f"HTTP {status}"]
        if status in STATUS_HINTS:
            words = [f"{STATUS_HINTS[status]} (HTTP {status})"]
        if code is not None:
            words.append(f"code {code}")
        if self.message:
            words.append(self.message)
        if isinstance(self, BannedError) and until is not None:
            words[0] = f"banned until {clock_time(until, retry_after)} ({words[0]})"
        elif retry_after is not None:
            when = f", at {clock_time(until, retry_after)}" if until is not None else ""
            words.append(f"ask again in {retry_after:g} s{when}")
        super().__init__(", ".join(words))

    @property
    def is_about_request(self) -> bool:
        """Whether the exchange itself says that the request is wrong, so that retrying is useless.

        The exchange's codes are negative, as in `{"code":-1121,...}`; a response of a proxy or a
        CDN has none. Codes from -1000 to -1099 are about its servers and the network (the
        exchange's "Error Codes"), and temporary.
        """
        return self.code is not None and self.code <= -1100

    @property
    def status_code(self) -> int:
        """The HTTP status, under python-binance's name."""
        return self.status


class RateLimitedError(ExchangeError):
    """Too many requests (HTTP 429): nothing is sent until `retry_after` is over."""

    usual_wait: ClassVar[float] = 10.0
    """Seconds to wait if the exchange doesn't say how long."""


class BannedError(RateLimitedError):
    """Banned for continuing after a 429 (HTTP 418): nothing is sent until `retry_after` is over."""

    usual_wait = 120.0


class ForbiddenError(ExchangeError):
    """Refused by the exchange's firewall (HTTP 403)."""


class LocationRefusedError(ExchangeError):
    """The exchange doesn't serve this location (HTTP 451)."""


class ServerError(ExchangeError):
    """The exchange's own fault (HTTP 5xx and the codes that mean the same): try again later."""


class UnreachableError(DepthcliError):
    """The exchange can't be reached: refused, reset or timed out."""


class BadMessageError(DepthcliError):
    """A response or a frame that violates the protocol.

    Attributes:
        what: what is wrong with it; the message may also quote its beginning.
    """

    def __init__(self, message: str, what: str = "") -> None:
        self.what = what or message
        super().__init__(message)


class ClosedError(DepthcliError):
    """The manager was stopped or closed, and can't be used again."""


SERVER_FAULT_CODES = frozenset({-1000, -1001, -1006, -1007, -1016})
"""Codes for failures of the exchange, whatever the HTTP status."""

RATE_CODES = frozenset({-1003, -1015})
"""Codes for too many requests, whatever the HTTP status."""


def exchange_error(
    status: int,
    code: int | None = None,
    message: str = "",
    retry_after: float | None = None,
    until: datetime | None = None,
) -> ExchangeError:
    """Return an exception of the class for an HTTP status and an error code."""
    kind: type[ExchangeError] = ExchangeError
    if status == 418 or (code in RATE_CODES and "banned until" in message.lower()):
        kind = BannedError
    elif status == 429 or code in RATE_CODES:
        kind = RateLimitedError
    elif status == 403:
        kind = ForbiddenError
    elif status == 451:
        kind = LocationRefusedError
    elif status >= 500 or status == 408 or code in SERVER_FAULT_CODES:
        kind = ServerError
    if retry_after is None and issubclass(kind, RateLimitedError):
        retry_after = kind.usual_wait
    return kind(status, code, message, retry_after, until)


def clock_time(moment: datetime, seconds: float | None = None) -> str:
    """Return a time of day in UTC, with its date if it is a day or more away.

    Args:
        moment: in UTC.
        seconds: how far away it is.
    """
    far = seconds is not None and seconds >= 24 * 3600
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if far else f"{moment:%H:%M:%S} UTC"


def printable(text: str, limit: int = 200) -> str:
    """Return text without control characters, which a terminal might obey, cut to `limit`."""
    # Cut first: hostile text may be very long.
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in shown
    )
