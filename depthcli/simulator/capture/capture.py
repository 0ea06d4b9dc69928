"""A recorded exchange, played back with the same interface as the simulated one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from depthcli.errors import UsageError
from depthcli.simulator.capture.recorded import RecordedInfo, read_recording
from depthcli.simulator.market.history import UndoLog
from depthcli.simulator.market.source import StreamEvent
from depthcli.simulator.market.stream_names import Stream, parse_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from depthcli.core.markets import Market
    from depthcli.simulator.capture.recorded import Level, RecordedDepth

Book = dict[Decimal, "Level"]

_compact: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class _RecordedBook:
    """A recorded snapshot, kept current by the events played so far."""

    def __init__(self, snapshot: RecordedDepth) -> None:
        self._head = snapshot
        self._sides: tuple[Book, Book] = ({}, {})
        self._last_update_id = snapshot.lastUpdateId
        self._undo: UndoLog[Decimal, Level] = UndoLog()
        for book, levels in zip(self._sides, (snapshot.bids, snapshot.asks), strict=True):
            book.update((Decimal(price), (price, quantity)) for price, quantity in levels)

    def apply(self, event: RecordedDepth) -> None:
        """Apply an event, unless the snapshot already contains it.

        A derivatives' snapshot may lack the event whose last id equals its own, which is applied.
        """
        if event.u < self._last_update_id or (event.u == self._last_update_id and event.pu is None):
            return
        self._last_update_id = event.u
        for side, levels in enumerate((event.b, event.a)):
            book = self._sides[side]
            for price, quantity in levels:
                key = Decimal(price)
                self._undo.note(event.u, side, key, book.get(key))
                if Decimal(quantity):
                    book[key] = (price, quantity)
                else:
                    book.pop(key, None)

    def snapshot(self, limit: int, age: int) -> bytes:
        """Return the response to a snapshot request, with the book of `age` updates ago."""
        last_update_id, (bids, asks) = self._last_update_id, self._sides
        if age:
            last_update_id, (bids, asks) = self._undo.back(self._sides, last_update_id, age)
        head = self._head
        times = {"E": head.E, "T": head.T}
        answer = {
            "lastUpdateId": last_update_id,
            **{name: value for name, value in times.items() if value},
            "bids": [bids[price] for price in sorted(bids, reverse=True)[:limit]],
            "asks": [asks[price] for price in sorted(asks)[:limit]],
        }
        return _compact(answer).encode()


class _Aggregate:
    """A slower diff stream, made from a recorded one by merging its events."""

    def __init__(self, stream: str, speed: int) -> None:
        self._stream = stream
        self._speed = speed
        self._due_ms = 0.0
        self._sides: tuple[dict[Decimal, Level], dict[Decimal, Level]] = ({}, {})
        self._first: RecordedDepth | None = None
        self._last: RecordedDepth | None = None
        self._previous_id: int | None = None

    def note(self, event: RecordedDepth, at_ms: float) -> None:
        """Add an event that was played."""
        if self._first is None:
            self._first = event
            self._due_ms = at_ms - at_ms % self._speed + self._speed
        self._last = event
        for side, levels in zip(self._sides, (event.b, event.a), strict=True):
            side.update((Decimal(price), (price, quantity)) for price, quantity in levels)

    def due(self, position_ms: float) -> StreamEvent | None:
        """Return the event of the window if it has ended and anything changed in it."""
        first, last = self._first, self._last
        if first is None or last is None or position_ms < self._due_ms:
            return None
        previous_id = first.pu if self._previous_id is None else self._previous_id
        self._previous_id = None if last.pu is None else last.u
        event = {
            "e": "depthUpdate",
            "E": last.E,
            **({"T": last.T} if last.T else {}),
            "s": last.s,
            **({"ps": last.ps} if last.ps else {}),
            "U": first.U,
            "u": last.u,
            **({"pu": previous_id} if last.pu is not None else {}),
            "b": list(self._sides[0].values()),
            "a": list(self._sides[1].values()),
        }
        self._sides = ({}, {})
        self._first = None
        return StreamEvent(self._stream, _compact(event).encode())


class Capture:
    """A recorded exchange of one market. Playback starts with the first subscription.

    Frames are sent verbatim, on their recorded streams and with their recorded timing. At the end
    the streams fall silent, and the last books stay. Snapshots are the recorded ones, updated by
    the depth events played so far, so that clients that connect late can still link them. Diff
    streams slower than the recorded one are made by merging its events.

    Args:
        path: a file of JSON lines, possibly gzipped.
        speed: a factor of the recorded speed.

    Raises:
        UsageError: the file can't be read or isn't a capture, or the speed isn't positive.
    """

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        if not speed > 0:
            raise UsageError(f"a capture can't be played {speed:g} times as fast: try 1 or more")
        recording = read_recording(path)
        self.market: Market = recording.market
        self._info = recording.info
        self._speed = speed
        self._frames = recording.frames
        self._recorded = {frame.stream for frame in self._frames}
        self._books = {
            symbol: _RecordedBook(snapshot) for symbol, snapshot in recording.snapshots.items()
        }
        self._diffs = _diff_streams(self.market, self._recorded)
        self._listed = _listed(recording.info)
        self._watched: set[str] = set()
        self._aggregates: dict[str, _Aggregate] = {}
        self._position = 0
        self._started_ms: float | None = None
        self._now_ms = 0.0

    @property
    def weight_per_minute(self) -> int:
        """The request weight that one address may use per minute, by the market's current limit."""
        return self.market.weight_per_minute

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols with a recorded snapshot."""
        return tuple(self._books)

    @property
    def finished(self) -> bool:
        """Whether everything has been played."""
        return self._position == len(self._frames)

    def watch(self, stream: str) -> bool:
        """Return the events of that stream from now on; the first call starts the playback.

        Returns:
            Whether there is such a stream.
        """
        parsed = parse_stream(self.market, stream)
        if stream not in self._recorded:
            if not parsed or not self._makes(parsed):
                return False
            self._aggregates[stream] = _Aggregate(stream, parsed.speed)
        self._watched.add(stream)
        if self._started_ms is None:
            self._started_ms = self._now_ms
        return True

    def unwatch(self, stream: str) -> None:
        """Return no more events of that stream."""
        self._watched.discard(stream)
        self._aggregates.pop(stream, None)

    def advance(self, now_ms: float) -> list[StreamEvent]:
        """Play until `now_ms`, in ms since the epoch; return the watched events that are due."""
        self._now_ms = max(self._now_ms, now_ms)
        if self._started_ms is None:
            return []
        position_ms = (self._now_ms - self._started_ms) * self._speed
        events: list[StreamEvent] = []
        while not self.finished and self._frames[self._position].at_ms <= position_ms:
            frame = self._frames[self._position]
            self._position += 1
            self._close_windows(frame.at_ms, events)
            if frame.depth:
                self._play_depth(frame.stream, frame.depth, frame.at_ms)
            if frame.stream in self._watched:
                events.append(StreamEvent(frame.stream, frame.payload))
        self._close_windows(position_ms, events)
        return events

    def snapshot(self, symbol: str, limit: int, age: int = 0) -> bytes:
        """Return the response to a snapshot request, with the book of `age` updates ago.

        Raises:
            KeyError: no snapshot of the symbol was recorded.
        """
        return self._books[symbol].snapshot(limit, age)

    def exchange_info(self, symbols: Sequence[str] | None = None) -> bytes:
        """Return the recorded exchange info, with all symbols or only the named ones.

        Raises:
            KeyError: one of them isn't listed.
        """
        if symbols is None:
            return self._info
        named = [msgspec.Raw(self._listed[symbol]) for symbol in symbols]
        document = msgspec.json.decode(self._info, type=dict[str, msgspec.Raw])
        listing = "symbols" if "symbols" in document else "optionSymbols"
        return msgspec.json.encode(document | {listing: msgspec.Raw(msgspec.json.encode(named))})

    def _makes(self, stream: Stream) -> bool:
        return not stream.levels and stream.speed > 0 and stream.symbol in self._diffs

    def _play_depth(self, stream: str, event: RecordedDepth, at_ms: float) -> None:
        symbol = stream.partition("@")[0].upper()
        if symbol in self._books:
            self._books[symbol].apply(event)
        for name, aggregate in self._aggregates.items():
            if name.partition("@")[0].upper() == symbol and stream == self._diffs[symbol]:
                aggregate.note(event, at_ms)

    def _close_windows(self, position_ms: float, events: list[StreamEvent]) -> None:
        for aggregate in self._aggregates.values():
            event = aggregate.due(position_ms)
            if event:
                events.append(event)


def _diff_streams(market: Market, names: Iterable[str]) -> dict[str, str]:
    """Return the diff stream of each symbol, the fastest if there are several."""
    diffs: dict[str, tuple[int, str]] = {}
    for name in names:
        stream = parse_stream(market, name)
        if stream and stream.speed and not stream.levels:
            known = diffs.get(stream.symbol, (stream.speed, name))
            diffs[stream.symbol] = min(known, (stream.speed, name))
    return {symbol: name for symbol, (_, name) in diffs.items()}


def _listed(info: bytes) -> dict[str, bytes]:
    """Return the verbatim entry of each symbol in an exchange info."""
    document = msgspec.json.decode(info, type=RecordedInfo)
    entries = document.symbols or document.optionSymbols
    return {json.loads(bytes(entry))["symbol"]: bytes(entry) for entry in entries}
