"""Read a capture: a file with raw responses and frames of a real exchange."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from depthcli.core.markets import market_named
from depthcli.core.messages import Identifier, Milliseconds  # noqa: TC001, the decoder needs them
from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from depthcli.core.markets import Market

GZIP_MAGIC: Final = b"\x1f\x8b"

LONGEST_LINE: Final = 64 * 2**20
"""The longest line that is read, in bytes: a full exchange info has some 20 MB."""

LARGEST: Final = 2**30
"""The largest capture that is read, in bytes, decompressed: all of it is kept in memory."""

MOST_LINES: Final = 10_000_000
"""The most lines of a capture."""

DecimalText = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,40}(\.[0-9]{1,40})?$")]

Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

Level = tuple[DecimalText, DecimalText]

T = TypeVar("T", bound=msgspec.Struct)


class RecordedDepth(msgspec.Struct, gc=False):
    """A recorded snapshot or depth event, with its decimals verbatim.

    The fields have the exchange's names; which are present depends on the market and the message.
    """

    lastUpdateId: Identifier = 0  # noqa: N815 -- the exchange's name
    E: Milliseconds = 0
    T: Milliseconds = 0
    s: str = ""
    ps: str = ""
    U: Identifier = 0
    u: Identifier = 0
    pu: int | None = None
    bids: list[Level] = []
    asks: list[Level] = []
    b: list[Level] = []
    a: list[Level] = []


class RecordedInfo(msgspec.Struct, gc=False):
    """A recorded exchange info, with the entries of its symbols verbatim."""

    symbols: list[msgspec.Raw] = []
    optionSymbols: list[msgspec.Raw] = []  # noqa: N815 -- the exchange's name


class _Named(msgspec.Struct, gc=False):
    symbol: str


class _Line(msgspec.Struct, gc=False):
    t: Nanoseconds
    market: str
    kind: Literal["rest", "ws"]
    source: str
    data: msgspec.Raw


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame of a stream.

    Attributes:
        at_ms: when it was received, in ms since the first one.
        stream: the stream's name.
        payload: its bytes, verbatim.
        depth: the payload decoded, if it is a depth event.
    """

    at_ms: float
    stream: str
    payload: bytes
    depth: RecordedDepth | None


@dataclass(slots=True)
class Recording:
    """The content of a capture file.

    Attributes:
        market: where it was recorded.
        info: the exchange info, verbatim.
        snapshots: symbol to its first recorded snapshot.
        frames: what the streams sent, in order.
    """

    market: Market
    info: bytes = b""
    snapshots: dict[str, RecordedDepth] = field(default_factory=dict)
    frames: list[RecordedFrame] = field(default_factory=list)


def read_recording(path: Path) -> Recording:
    """Return the content of a capture file: JSON lines, possibly gzipped.

    Raises:
        UsageError: the file can't be read or isn't a capture; the message says why, and in which
            line.
    """
    recording: Recording | None = None
    began = 0
    for number, text in _lines(path):
        line = _decoded(path, number, text, _Line)
        if recording is None:
            recording = Recording(_market(path, number, line.market))
        if line.market != recording.market.name:
            raise _broken(path, number, f"market {line.market!r} after {recording.market.name!r}")
        if line.kind == "rest":
            _keep_answer(path, number, line, recording)
        else:
            began = began or line.t
            at_ms = (line.t - began) / 1e6
            depth = None
            if line.source.partition("@")[2].split("@")[0] == "depth":
                depth = _decoded(path, number, bytes(line.data), RecordedDepth)
            frame = RecordedFrame(at_ms, line.source, bytes(line.data), depth)
            recording.frames.append(frame)
    if recording is None or not recording.info or not recording.snapshots:
        raise UsageError(
            f"{printable(str(path))} can't be served: "
            "a capture needs the exchange info and a depth snapshot"
        )
    return recording


def _market(path: Path, number: int, name: str) -> Market:
    try:
        return market_named(name)
    except UsageError as error:
        raise _broken(path, number, str(error)) from error


def _keep_answer(path: Path, number: int, line: _Line, recording: Recording) -> None:
    try:
        address = urlsplit(line.source)
        names = parse_qs(address.query).get("symbol", [""])
    except ValueError as error:
        raise _broken(path, number, f"{error}: {line.source}") from error
    if address.path.endswith("/exchangeInfo"):
        info = _decoded(path, number, bytes(line.data), RecordedInfo)
        for entry in info.symbols or info.optionSymbols:
            _check_name(path, number, _decoded(path, number, bytes(entry), _Named).symbol)
        recording.info = recording.info or bytes(line.data)
    elif address.path.endswith("/depth"):
        if not names[0]:
            raise _broken(path, number, "a snapshot whose request names no symbol")
        _check_name(path, number, names[0])
        snapshot = _decoded(path, number, bytes(line.data), RecordedDepth)
        recording.snapshots.setdefault(names[0], snapshot)


def _check_name(path: Path, number: int, symbol: str) -> None:
    if printable(symbol) != symbol:
        raise _broken(path, number, f"not the name of a symbol: {symbol}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = size = 0
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as file:
            while text := file.readline(LONGEST_LINE + 1):
                number += 1
                size += len(text)
                if len(text) > LONGEST_LINE:
                    raise _broken(path, number, f"it is longer than {LONGEST_LINE // 2**20} MiB")
                if size > LARGEST or number > MOST_LINES:
                    most = f"{LARGEST // 2**20} MiB or {MOST_LINES:,} lines"
                    raise _broken(path, number, f"a capture has at most {most}")
                if text.strip():
                    yield number, text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(
            f"{shown} is damaged: its compressed data ends or breaks after line {number} ({error})"
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"can't read the capture {shown}: {why}") from error


def _decoded(path: Path, number: int, text: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _broken(path, number, f"{error}: {text[:60].decode('utf-8', 'replace')}") from error


def _broken(path: Path, number: int, what: str) -> UsageError:
    shown = printable(str(path))
    return UsageError(f"{shown}, line {number}: not a capture: {printable(what)}")
