"""`depthcli dump`: one line per book."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from depthcli.commands.following import Following, Listener
from depthcli.commands.output import EVERY_BYTES, NEWEST_BYTES, Backlog, LineWriter
from depthcli.core.state import State
from depthcli.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from depthcli.core.book import DepthCache
    from depthcli.core.symbols import Target

TEXT_DEPTH: Final = 10
"""Default levels per side of a table."""


class BookLine(msgspec.Struct, omit_defaults=True):
    """One line of `dump --json`: a book, or the reason why there is none.

    Attributes:
        symbol: in the exchange's upper case.
        market: `spot`, `usdm`, `coinm` or `options`.
        state: `live`, `stale` or `closed`.
        last_update_id: the exchange's id of the last update in the book.
        update_time: the exchange's time of the newest event in the book, or of its snapshot, ms
            since the epoch; null only where a book was closed before it had a content.
        received_time: the local clock, ms since the epoch.
        bids: `[price, quantity]` as decimal strings, best first; empty unless live.
        asks: the same.
        reason: why the book isn't live.
    """

    symbol: str
    market: str
    state: str
    last_update_id: int
    update_time: int | None
    received_time: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    reason: str = ""


class Dump(Listener[Decimal]):
    """Writes a line for each change of a book.

    Args:
        following: what to follow.
        out: where the lines go.
        encode: makes a line of a book.
        follow_on: whether to go on after the first book of each symbol.
        count: most lines to write; None: no limit.
        every: what becomes of changes that a slow reader has no room for: True: all are kept, up
            to `EVERY_BYTES`; False: it gets the newest book of each symbol.

    Attributes:
        finished: done when `writer` has every line, or can write no more.
        writer: writes the lines.
        waiting: targets that haven't been live yet.
    """

    def __init__(
        self,
        following: Following,
        out: BinaryIO,
        encode: Callable[[BookLine], bytes],
        *,
        follow_on: bool,
        count: int | None,
        every: bool = False,
    ) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting: set[Target] = set(following.targets)
        self._following = following
        # Without --follow there is one line per symbol, and none replaces another.
        limit = None if not follow_on else EVERY_BYTES if every else NEWEST_BYTES
        self.writer: LineWriter[Target] = LineWriter(
            out,
            Backlog(limit, every=every),
            count=count,
            failed=self.finish,
            counted=self.finish,
        )
        self._encode = encode
        self._follow_on = follow_on
        self._states: dict[Target, State] = {}
        self._closed: dict[Target, str] = {}

    def book(self, target: Target, cache: DepthCache[Decimal]) -> None:
        """Write a live book."""
        first = target in self.waiting
        self.waiting.discard(target)
        if self.finished.done() or not (first or self._follow_on):
            return
        self.writer.add(target, lambda: self._render(target, cache))
        self._end_if_done()

    def state(self, target: Target, cache: DepthCache[Decimal], state: State, reason: str) -> None:
        """Write that a book is no longer live."""
        before = self._states.get(target)
        self._states[target] = state
        if self.finished.done():
            return  # managers that are closed in the end have nothing to tell
        if self._follow_on and state is not before and state in {State.STALE, State.CLOSED}:
            line = self._encode(_line(target, cache, state, reason))
            self.writer.add(target, lambda: line, lasting=True)
        if state is State.CLOSED:
            self._closed[target] = reason
            self._end_if_done()

    def _end_if_done(self) -> None:
        """Finish if every line is written, or if the books still missing are closed for good."""
        awaited = self._following.targets if self._follow_on else self.waiting
        if not awaited:
            self.finish()
        elif len(self._closed) >= len(awaited) and self._closed.keys() >= set(awaited):
            last = next(one for one in reversed(self._closed) if one in awaited)
            name = self._following.label(last)
            self.finish(UnreachableError(f"{name}: {self._closed[last]}"))

    def finish(self, error: BaseException | None = None) -> None:
        """Finish, without or with an error."""
        if self.finished.done():
            return
        if error is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(error)

    def _render(self, target: Target, cache: DepthCache[Decimal]) -> bytes:
        """Return the line of a live book as it is now."""
        depth = self._following.depth
        bids, asks = (
            (cache.bids.levels(), cache.asks.levels()) if depth is None else cache.top(depth)
        )
        line = _line(target, cache, State.LIVE)
        line.bids, line.asks = _digits(bids), _digits(asks)
        return self._encode(line)


def _line(target: Target, cache: DepthCache[Decimal], state: State, reason: str = "") -> BookLine:
    """Return the line of a book without its levels."""
    return BookLine(
        symbol=target.symbol,
        market=target.market.name,
        state=state.value,
        last_update_id=cache.last_update_id,
        update_time=cache.update_time,
        received_time=time.time_ns() // 1_000_000,
        bids=[],
        asks=[],
        reason=reason,
    )


def _digits(levels: list[tuple[Decimal, Decimal]]) -> list[tuple[str, str]]:
    return [(f"{price:f}", f"{quantity:f}") for price, quantity in levels]


def json_line(line: BookLine) -> bytes:
    """Return a line as a JSON object."""
    return msgspec.json.encode(line) + b"\n"


def text_table(line: BookLine) -> bytes:
    """Return a line as a table."""
    time = (
        datetime.fromtimestamp(line.update_time / 1000, UTC).strftime("%H:%M:%S.%f")[:-3] + " UTC"
        if line.update_time is not None
        else "no book yet"
    )
    head = f"{line.symbol}  {line.market}  {line.state}  {time}  id {line.last_update_id}"
    rows = [head + (f"  {line.reason}" if line.reason else "")]
    columns = [
        [level[place] for level in side] for side in (line.bids, line.asks) for place in (1, 0)
    ]
    widths = [max(map(len, column), default=0) for column in columns]
    quantity, price, ask_quantity, ask_price = widths
    for row in range(max(len(line.bids), len(line.asks))):
        bid = line.bids[row] if row < len(line.bids) else ("", "")
        ask = line.asks[row] if row < len(line.asks) else ("", "")
        rows.append(
            f"  {bid[1]:>{quantity}}  {bid[0]:>{price}}  {ask[0]:>{ask_price}}"
            f"  {ask[1]:>{ask_quantity}}"
        )
    return "\n".join([*rows, "", ""]).encode()


def watch_reader(out: BinaryIO, lines: Dump) -> None:
    """Finish when the reader of a pipe goes away, even while nothing is written."""
    try:
        descriptor = out.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return
    if is_pipe and sys.platform != "win32":
        # The writing end of a pipe becomes readable only when its reader is gone.
        asyncio.get_running_loop().add_reader(
            descriptor, lines.finish, BrokenPipeError("the reader went away")
        )
