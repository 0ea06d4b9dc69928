"""`depthcli check`: follows books, and compares them with the exchange's snapshots.

The books are never refreshed meanwhile: what is compared was built from one snapshot and every
event since, unless a gap in the stream made a book be rebuilt.
"""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from depthcli.commands.following import Listener
from depthcli.core.state import ByRank, State
from depthcli.errors import DepthcliError
from depthcli.managers.targets import SHARE

if TYPE_CHECKING:
    from typing import BinaryIO

    from depthcli.commands.following import Following
    from depthcli.core.book import DepthCache
    from depthcli.core.symbols import Target
    from depthcli.managers.group import GroupMember

SETTLE: Final = 3.0
"""Seconds of events before the first audit of a book."""

PAUSE: Final = 5.0
"""Least seconds between two audits of a book."""

MOST_SHOWN: Final = 20
"""Most differing levels listed one by one."""


class DifferenceLine(msgspec.Struct):
    """A level that differs. Quantity zero: the level is absent; rank 1: the best."""

    side: str
    price: str
    book: str
    exchange: str
    rank: int


class AuditLine(msgspec.Struct, omit_defaults=True):
    """One line of `check --json`: an audit, or why there was none.

    Attributes:
        symbol: in the exchange's upper case.
        market: `spot`, `usdm`, `coinm` or `options`.
        last_update_id: the book's, when it was compared.
        received_time: the local clock, ms since the epoch.
        levels: levels compared, both sides together.
        differ: levels that differ; null if there was no audit.
        by_rank: those among the best 20, 100 and 1,000 levels, and deeper.
        differences: the first of them, bids before asks, best first.
        reason: why there was no audit.
    """

    symbol: str
    market: str
    last_update_id: int
    received_time: int
    levels: int
    differ: int | None
    by_rank: ByRank | None
    differences: list[DifferenceLine]
    reason: str = ""


class Summary(msgspec.Struct):
    """The result of all audits; the last line of `check --json`, as `summary`.

    Attributes:
        audits: number of audits.
        levels: levels compared in all audits.
        events: events applied to the books.
        resyncs: times that a book was rebuilt.
        differ: levels that differed in all audits.
        by_rank: those by rank, as in `AuditLine`.
        unchecked: symbols without any audit.
    """

    audits: int = 0
    levels: int = 0
    events: int = 0
    resyncs: int = 0
    differ: int = 0
    by_rank: ByRank = ByRank()
    unchecked: list[str] = msgspec.field(default_factory=list)


class Check(Listener[Decimal]):
    """Audits books repeatedly, and writes a line for each audit.

    Args:
        following: what to follow.
        out: where the lines go.
        as_json: whether the lines are JSON.
        seconds: how long to go on; 0: one audit of each book.
        timeout: seconds to wait for the first audit of a book.
    """

    def __init__(
        self, following: Following, out: BinaryIO, *, as_json: bool, seconds: float, timeout: float
    ) -> None:
        self._following = following
        self._out = out
        self._as_json = as_json
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + seconds
        self._patience = max(self._end, self._clock() + timeout)
        self._live = {target: asyncio.Event() for target in following.targets}
        self._levels = 0
        self._reasons: dict[Target, str] = {}

    def book(self, target: Target, cache: DepthCache[Decimal]) -> None:  # noqa: ARG002
        """Let the audits of a book begin."""
        self._live[target].set()

    def state(self, target: Target, cache: DepthCache[Decimal], state: State, reason: str) -> None:  # noqa: ARG002
        """Let the audits of a closed book end."""
        if state is State.CLOSED:
            self._live[target].set()

    async def audit_all(self, followed: list[GroupMember[Decimal]]) -> None:
        """Audit all books until the time is over, each at least once if possible."""
        async with asyncio.TaskGroup() as group:
            for one in followed:
                group.create_task(self._audit_one(one, self._pause(one, followed)))

    def summary(self, followed: list[GroupMember[Decimal]]) -> Summary:
        """Write and return the summary."""
        counters = [one.manager.counters for one in followed]
        summary = Summary(
            audits=sum(each.audits for each in counters),
            levels=self._levels,
            events=sum(each.applied for each in counters),
            resyncs=sum(each.resyncs for each in counters),
            differ=sum(each.differences_ever for each in counters),
            by_rank=sum((each.by_rank_ever for each in counters), ByRank()),
            unchecked=[self._following.label(target) for target in self._reasons],
        )
        if self._as_json:
            self._write(msgspec.json.encode({"summary": summary}))
        else:
            self._write(_summary_text(summary, len(followed)).encode())
        return summary

    @property
    def unchecked(self) -> str:
        """Why one of the books was not audited; empty if all were."""
        return next(
            (f"{self._following.label(one)}: {why}" for one, why in self._reasons.items()), ""
        )

    def _pause(self, one: GroupMember[Decimal], followed: list[GroupMember[Decimal]]) -> float:
        """Return the seconds between two audits that leave part of the request weight free."""
        market = one.target.market
        weight = sum(
            other.target.market.weight(other.manager.limit)
            for other in followed
            if other.target.market.weight_pool == market.weight_pool
        )
        return max(PAUSE, 60 * weight / (SHARE * market.weight_per_minute))

    async def _audit_one(self, one: GroupMember[Decimal], pause: float) -> None:
        self._reasons[one.target] = "not live in time"
        try:
            async with asyncio.timeout_at(self._patience):
                await self._live[one.target].wait()
        except TimeoutError:
            self._none(one, one.manager.reason or str(one.manager.state))
            return
        await asyncio.sleep(SETTLE)
        while True:
            await self._audit(one)
            now = self._clock()
            until = self._patience if one.target in self._reasons else self._end
            if now >= until or one.manager.state is State.CLOSED:
                return
            await asyncio.sleep(min(pause, until - now))

    async def _audit(self, one: GroupMember[Decimal]) -> None:
        manager = one.manager
        try:
            result = await manager.audit()
        except DepthcliError as error:
            self._none(one, str(error))
            return
        if result is None:
            not_live = "" if manager.state is State.LIVE else manager.reason or str(manager.state)
            self._none(one, not_live or "no snapshot was had that links to the stream")
            return
        self._reasons.pop(one.target, None)
        self._levels += result.levels
        line = _line(one)
        line.last_update_id, line.levels = result.update_id, result.levels
        line.differ, line.by_rank = len(result.differences), result.by_rank
        line.differences = [
            DifferenceLine(
                each.side, f"{each.price:f}", f"{each.ours:f}", f"{each.theirs:f}", each.rank
            )
            for each in result.differences[:MOST_SHOWN]
        ]
        self._tell(one, line)

    def _none(self, one: GroupMember[Decimal], reason: str) -> None:
        if one.target in self._reasons:
            self._reasons[one.target] = reason
        line = _line(one)
        line.reason = reason
        self._tell(one, line)

    def _tell(self, one: GroupMember[Decimal], line: AuditLine) -> None:
        if self._as_json:
            self._write(msgspec.json.encode(line))
        else:
            self._write(_audit_text(self._following.label(one.target), line).encode())

    def _write(self, line: bytes) -> None:
        self._out.write(line + b"\n")
        self._out.flush()


def _line(one: GroupMember[Decimal]) -> AuditLine:
    """Return the line of a book without an audit."""
    return AuditLine(
        symbol=one.target.symbol,
        market=one.target.market.name,
        last_update_id=one.manager.cache.last_update_id,
        received_time=time.time_ns() // 1_000_000,
        levels=0,
        differ=None,
        by_rank=None,
        differences=[],
    )


def _audit_text(label: str, line: AuditLine) -> str:
    if line.differ is None:
        return f"{label}  id {line.last_update_id}  no audit: {line.reason}"
    head = f"{label}  id {line.last_update_id}  {line.levels:,} levels: {line.differ} differ"
    rows = [f"{head}: {line.by_rank}" if line.differ else head]
    rows += [
        f"  {each.side} {each.price}, rank {each.rank}:"
        f" {each.book} in the book, {each.exchange} at the exchange"
        for each in line.differences
    ]
    if line.differ > len(line.differences):
        rows.append(f"  and {line.differ - len(line.differences)} more")
    return "\n".join(rows)


def _summary_text(summary: Summary, count: int) -> str:
    words = [
        f"{summary.audits} audits of {count} {'symbol' if count == 1 else 'symbols'}",
        f"{summary.levels:,} levels compared after {summary.events:,} events",
    ]
    if summary.resyncs:
        words.append(f"rebuilt {summary.resyncs} times")
    if summary.unchecked:
        words.append(f"not checked: {' '.join(summary.unchecked)}")
    text = ", ".join(words) + f": {summary.differ} differ"
    return f"{text}: {summary.by_rank}" if summary.differ else text
