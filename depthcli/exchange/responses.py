"""What a request is answered: a body of bounded size, or the error that the answer stands for."""

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
"""Bytes of the longest exchange info that is read, unpacked; the longest known has some 20 MB."""

LARGEST_OTHER: Final = 8 * 2**20
"""Bytes of the longest other answer; a snapshot of 5,000 levels a side has less than 1 MB."""

LONGEST_RETRY_AFTER: Final = 4 * 24 * 3600.0
"""Seconds; the exchange bans for three days at the most, so what is longer is damage."""

LONGEST_BAN: Final = 3 * 24 * 3600.0
"""Seconds; a ban that is said to last longer is damage."""

DOUBT: Final = 1.0
"""Seconds by which we may be wrong about the exchange's clock: `Date` has whole seconds."""

LARGEST_FAILURE: Final = 64 * 2**10
"""Bytes of the longest error body: a code and a sentence."""

GZIP: Final = 31
"""What zlib calls the format of gzip."""

MOST_USED: Final = 10**9
"""Request weight; a header that tells of more is damage."""

_BANNED_UNTIL: Final = re.compile(r"banned until ([0-9]{13})(?![0-9])", re.ASCII | re.IGNORECASE)
"""In the words of a ban: `IP banned until 1659146400000`, ms since the epoch."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read to its end.

    Attributes:
        status: the HTTP status.
        headers: its headers.
        body: its body, unpacked.
        made_at_ms: when the exchange made it, by its own clock, ms since the epoch.
    """

    status: int
    headers: Headers
    body: bytes
    made_at_ms: int = 0

    @property
    def date(self) -> float | None:
        """What its `Date` header says, seconds since the epoch; None where it says nothing."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError, OverflowError, OSError):
            return None

    @property
    def used_weight(self) -> int | None:
        """The request weight that this address used in the last minute, if the exchange says so."""
        text = self.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_USED))):
            return None
        return min(int(text), MOST_USED)

    @property
    def failed(self) -> bool:
        """Whether it says that the exchange failed, be it with a status of success.

        During maintenance code -1016 and `{"239999": "..."}` were announced as answers.
        """
        if self.status != HTTPStatus.OK:
            return True
        if not self.body.startswith((b'{"code"', b'{"239999"')):
            return False
        code, _ = self._told()
        return code in SERVER_FAULT_CODES or self._maintenance() is not None

    def error(self) -> ExchangeError:
        """Return the error that an answer without success stands for.

        A ban ends at the time that its words tell, or when `Retry-After` is over if that is later.
        """
        code, message = self._told()
        maintenance = self._maintenance()
        if maintenance is not None:
            return ServerError(self.status, message=maintenance or "under maintenance")
        retry_after, until = self._silence(message)
        return exchange_error(self.status, code, message, retry_after, until)

    def _told(self) -> tuple[int | None, str]:
        """Return the code and the words of the exchange's error body; nothing if it isn't one."""
        try:
            failure = decode_failure(self.body)
        except BadMessageError:
            return None, ""
        return failure.code, failure.msg

    def _maintenance(self) -> str | None:
        """Return what the exchange says of its maintenance; None: that isn't what it answers."""
        try:
            return decode_maintenance(self.body).words
        except BadMessageError:
            return None

    def _silence(self, message: str) -> tuple[float | None, datetime | None]:
        """Return for how many seconds nothing may be asked, and until when; None: it isn't said."""
        waits: list[tuple[float, float]] = []
        made_at = self.made_at_ms / 1000
        with suppress(KeyError, ValueError):
            wait = float(self.headers["Retry-After"])
            if 0 < wait <= LONGEST_RETRY_AFTER:
                waits.append((wait, made_at + wait))
        if told := _BANNED_UNTIL.search(message):
            # By the exchange's clock, so that it doesn't matter how this machine's is set.
            until = int(told[1]) / 1000
            if 0 < until - made_at <= LONGEST_BAN:
                waits.append((ceil(until - made_at) + DOUBT, until))
        if not waits:
            return None, None
        wait, until = max(waits)
        return wait, datetime.fromtimestamp(until, UTC) if made_at else None


async def read_answer(response: Response) -> Answer:
    """Read an answer to its end, unless it is too long, packed strangely, or sends us elsewhere.

    Of an error the status is what counts: a body that can't be read is left away.

    Raises:
        BadMessageError: the body is longer than `LARGEST_INFO` or `LARGEST_OTHER`.
        UnreachableError: the body is damaged; or a redirect: something else stands in between.
    """
    if response.has_redirect_location:
        target = printable(response.headers["Location"])
        raise UnreachableError(f"{_host(response)} sends requests on to {target}, {NOT_FOLLOWED}")
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
        raise UnreachableError(f"{_host(response)} packs answers as nobody asked for")
    unpack = zlib.decompressobj(wbits=GZIP) if encoding == "gzip" else None
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            # Never more than a byte beyond the bound: a few packed bytes can stand for gigabytes.
            room = most - len(body) + 1
            body += unpack.decompress(chunk, room) if unpack else chunk[:room]
            if len(body) > most:
                raise BadMessageError(
                    f"{_host(response)} answers with more than {most // 2**20} MiB: refused"
                )
    except zlib.error as error:
        raise UnreachableError(f"{_host(response)} sends a damaged body: {error}") from error
    if unpack is not None and not unpack.eof:
        raise UnreachableError(f"{_host(response)} breaks off in the middle of an answer")
    return bytes(body)


def _host(response: Response) -> str:
    return response.url.netloc.decode("ascii", "replace")
