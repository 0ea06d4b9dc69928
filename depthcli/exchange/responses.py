"""Responses: read a body of bounded size, or turn a failure into its exception."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Final

from depthcli.core.messages import decode_failure, decode_maintenance
from depthcli.errors import (
    SERVER_FAULT_CODES,
    BadMessageError,
    ExchangeError,
    ServerError,
    UnreachableError,
    exchange_error,
    printable,
)
from depthcli.exchange.network import NOT_FOLLOWED

if TYPE_CHECKING:
    from httpx import Headers, Response

LARGEST_INFO: Final = 64 * 2**20
"""The largest exchange info that is read, in bytes, decompressed; the largest known has 20 MB."""

LARGEST_OTHER: Final = 8 * 2**20
"""The largest other body, in bytes; a snapshot of 5,000 levels per side has less than 1 MB."""

LONGEST_RETRY_AFTER: Final = 4 * 24 * 3600.0
"""The longest plausible `Retry-After`, in seconds; the exchange bans for three days at most."""

LONGEST_BAN: Final = 3 * 24 * 3600.0
"""The longest plausible ban, in seconds."""

DOUBT: Final = 1.0
"""The uncertainty of the exchange's clock, in seconds: `Date` has whole seconds."""

LARGEST_FAILURE: Final = 64 * 2**10
"""The largest error body, in bytes: a code and a sentence."""

GZIP: Final = 31
"""zlib's `wbits` for gzip."""

MOST_USED: Final = 10**9
"""The largest plausible used weight in a header."""

_BANNED_UNTIL: Final = re.compile(r"banned until ([0-9]{13})(?![0-9])", re.ASCII | re.IGNORECASE)
"""Matches the message of a ban: `IP banned until 1659146400000`, in ms since the epoch."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that was read to the end.

    Attributes:
        status: the HTTP status.
        headers: its headers.
        body: its body, decompressed.
        made_at_ms: when the exchange made it, by the exchange's clock, in ms since the epoch.
    """

    status: int
    headers: Headers
    body: bytes
    made_at_ms: int = 0

    @property
    def date(self) -> float | None:
        """Its `Date` header, in seconds since the epoch; None without a valid one."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError, OverflowError, OSError):
            return None

    @property
    def used_weight(self) -> int | None:
        """The weight used by this address in the last minute; None if the exchange doesn't say."""
        text = self.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_USED))):
            return None
        return min(int(text), MOST_USED)

    @property
    def failed(self) -> bool:
        """Whether it reports a failure of the exchange, even with a status of success.

        For maintenance, the exchange has announced code -1016 and `{"239999": "..."}` as responses.
        """
        if self.status != HTTPStatus.OK:
            return True
        if not self.body.startswith((b'{"code"', b'{"239999"')):
            return False
        code, _ = self._failure()
        return code in SERVER_FAULT_CODES or self._maintenance() is not None

    def error(self) -> ExchangeError:
        """Return the exception for a failed response.

        A ban ends at the time in its message or after `Retry-After`, whichever is later.
        """
        code, message = self._failure()
        maintenance = self._maintenance()
        if maintenance is not None:
            return ServerError(self.status, message=maintenance or "under maintenance")
        retry_after, until = self._retry_after(message)
        return exchange_error(self.status, code, message, retry_after, until)

    def _failure(self) -> tuple[int | None, str]:
        """Return the code and message of the exchange's error body; None and "" if it isn't one."""
        try:
            failure = decode_failure(self.body)
        except BadMessageError:
            return None, ""
        return failure.code, failure.msg

    def _maintenance(self) -> str | None:
        """Return the text of a maintenance notice; None if the body isn't one."""
        try:
            return decode_maintenance(self.body).words
        except BadMessageError:
            return None

    def _retry_after(self, message: str) -> tuple[float | None, datetime | None]:
        """Return for how many seconds nothing may be sent, and until when; None if unknown."""
        waits: list[tuple[float, float]] = []
        made_at = self.made_at_ms / 1000
        with suppress(KeyError, ValueError):
            wait = float(self.headers["Retry-After"])
            if 0 < wait <= LONGEST_RETRY_AFTER:
                waits.append((wait, made_at + wait))
        if found := _BANNED_UNTIL.search(message):
            # By the exchange's clock: this machine's may be wrong.
            until = int(found[1]) / 1000
            if 0 < until - made_at <= LONGEST_BAN:
                waits.append((ceil(until - made_at) + DOUBT, until))
        if not waits:
            return None, None
        wait, until = max(waits)
        return wait, datetime.fromtimestamp(until, UTC) if made_at else None


async def read_answer(response: Response) -> Answer:
    """Read a response to the end.

    For an error status, an unreadable body is replaced by an empty one: the status is what matters.

    Raises:
        BadMessageError: the body is longer than `LARGEST_INFO` or `LARGEST_OTHER`.
        UnreachableError: the body is damaged or has an unsupported encoding, or the response is a
            redirect, which doesn't come from the exchange.
    """
    if response.has_redirect_location:
        target = printable(response.headers["Location"])
        raise UnreachableError(f"{_host(response)} redirects to {target}, {NOT_FOLLOWED}")
    most = LARGEST_INFO if response.url.path.endswith("/exchangeInfo") else LARGEST_OTHER
    failed = response.status_code != HTTPStatus.OK
    try:
        body = await _body(response, LARGEST_FAILURE if failed else most)
    except (BadMessageError, UnreachableError):
        if not failed:
            raise
        body = b""
    return Answer(response.status_code, response.headers, body)


async def _body(response: Response, most: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise UnreachableError(
            f"{_host(response)} uses an unsupported content encoding: {printable(encoding)}"
        )
    unpack = zlib.decompressobj(wbits=GZIP) if encoding == "gzip" else None
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            # At most a byte beyond the limit: a few compressed bytes can expand to gigabytes.
            room = most - len(body) + 1
            body += unpack.decompress(chunk, room) if unpack else chunk[:room]
            if len(body) > most:
                raise BadMessageError(
                    f"{_host(response)} sends more than {most // 2**20} MiB: refused"
                )
    except zlib.error as error:
        raise UnreachableError(f"{_host(response)} sends a damaged body: {error}") from error
    if unpack is not None and not unpack.eof:
        raise UnreachableError(f"{_host(response)} breaks off in the middle of a response")
    return bytes(body)


def _host(response: Response) -> str:
    return response.url.netloc.decode("ascii", "replace")
