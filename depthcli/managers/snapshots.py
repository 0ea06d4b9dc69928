"""When to request snapshots for a book, and the status of its symbol.

There are three reasons for a snapshot: the book isn't live without one, a refresh is due, or the
stream has been silent for so long that the book must be checked. If the silence goes on, the
symbol's status is requested, too.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from typing import TYPE_CHECKING, Final, Generic, TypeGuard

from depthcli.core.backoff import JITTER, Backoff
from depthcli.core.messages import N
from depthcli.core.refresh_schedule import (
    FIRST_REFRESH,
    LEVELS_CHECK_INTERVAL,
    LONGEST_SILENCE,
    SILENCE,
    Schedule,
)
from depthcli.core.state import State, Verdict
from depthcli.errors import (
    DepthcliError,
    ExchangeError,
    LocationRefusedError,
    RateLimitedError,
    printable,
)
from depthcli.exchange.client import NO_SUCH_SYMBOL
from depthcli.exchange.request_queue import Urgency
from depthcli.managers.snapshot_requests import REPORT_INTERVAL

if TYPE_CHECKING:
    from depthcli.managers.audit import Auditor
    from depthcli.managers.feed import Feed
    from depthcli.managers.snapshot_requests import SnapshotRequester

logger = logging.getLogger(__name__)

PROBE_LIMIT: Final = 50
"""Levels per side of the snapshots that check a silent book: cheap, and enough to see a change."""

LEAST_LEVELS: Final = 50
"""The fewest levels per side to keep within the horizon, whatever the user asks for: an active
market moves past fewer of them before a refresh is complete."""

FIRST_FULL: Final = 10.0
LAST_FULL: Final = 900.0
"""The first and the longest delay, in seconds, before a book of best levels tries a snapshot."""

FAILED_PROBES: Final = 2
"""After so many failed checks in a row, a silent book is stale."""


class SnapshotScheduler(Generic[N]):
    """Requests snapshots for the book of one symbol. Run `keep` in a task while it is followed.

    Args:
        feed: keeps the book.
        requester: sends the requests.
        auditor: compares the live book.
        limit: levels per side of a snapshot.
        refresh_interval: seconds between two refreshes; None: never.
        depth: levels per side to keep available.
    """

    def __init__(
        self,
        feed: Feed[N],
        requester: SnapshotRequester[N],
        auditor: Auditor[N],
        *,
        limit: int,
        refresh_interval: float | None,
        depth: int,
    ) -> None:
        self._feed: Feed[N] = feed
        self._requester: SnapshotRequester[N] = requester
        self._auditor: Auditor[N] = auditor
        self._limit = limit
        self._refresh_interval = refresh_interval
        # Twice as many, so that the refresh is in time; at most half of what a snapshot has.
        self._enough_levels = min(max(2 * depth, LEAST_LEVELS), limit // 2)
        self._needed = asyncio.Event()
        self._action: asyncio.Task[None] | None = None
        self._schedule: Schedule | None = None
        self._check_levels_at = 0.0
        self._try_full_at = math.inf
        self._last_explained = ""
        self._full_backoff = Backoff(first=FIRST_FULL, step=FIRST_FULL, most=LAST_FULL)
        feed.on_need = self._wake
        feed.on_event = self._on_event

    @property
    def _state(self) -> State:
        return self._feed.synchronizer.state

    async def keep(self) -> None:
        """Fetch a snapshot whenever there is a reason to, until the book is closed."""
        feed, clock = self._feed, asyncio.get_running_loop().time
        backoff = Backoff(first=0.25, step=0.5, most=15)
        # Spreads the refreshes of hundreds of books that are started together.
        phase = JITTER.uniform(FIRST_REFRESH, 1)
        interval = None if feed.follows_levels else self._refresh_interval
        schedule = self._schedule = Schedule(interval, clock(), phase)
        while self._state is not State.CLOSED:
            self._needed.clear()
            if feed.synchronizer.wants_snapshot:
                if await self._resync(backoff):
                    backoff.reset()
                    self._last_explained = ""
                    self._full_backoff.reset()
                    schedule.restart(clock())
            elif self._state is State.LIVE:
                await self._act_when_due(schedule)
            else:
                await self._needed_by(self._next_look(clock()))
                quiet_at = feed.last_unreadable + LONGEST_SILENCE
                if feed.synchronizer.unreadable and clock() >= quiet_at:
                    feed.synchronizer.believe()
                elif feed.synchronizer.halted:
                    await self._ask_status()
                elif clock() >= self._try_full_at:
                    await self._try_full()

    def _next_look(self, now: float) -> float:
        """Return when to look again at a book that isn't live but needs no snapshot now."""
        if self._feed.synchronizer.halted:
            return now + LONGEST_SILENCE
        if self._feed.synchronizer.unreadable:
            return min(self._try_full_at, self._feed.last_unreadable + LONGEST_SILENCE)
        return self._try_full_at

    def _wake(self) -> None:
        """Wake up `keep`. If the book is no longer live, cancel what is done for a live one."""
        self._needed.set()
        if self._action is not None and self._state is not State.LIVE:
            self._action.cancel()

    def _on_event(self, now: float) -> None:
        """Check from time to time whether enough levels are left."""
        if now >= self._check_levels_at and self._schedule is not None:
            self._check_levels_at = now + LEVELS_CHECK_INTERVAL
            if self._refresh_early_if_short(self._schedule):
                self._needed.set()

    async def _needed_by(self, moment: float) -> None:
        """Wait until something is needed, or until that moment on the loop's clock."""
        timer = None
        if moment < math.inf:
            timer = asyncio.get_running_loop().call_at(moment, self._needed.set)
        try:
            await self._needed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    # A book that isn't live.

    async def _resync(self, backoff: Backoff) -> bool:
        """Request a snapshot to build the book from; return whether it is in sync now."""
        feed = self._feed
        openings = feed.openings
        try:
            snapshot = await self._requester.needed_snapshot(self._limit, self._tell)
        except DepthcliError as error:
            if self._is_final(error):
                self._refused(error)
                return False
            held_back = error.retry_after or 0.0 if isinstance(error, RateLimitedError) else 0.0
            await self._pause(f"snapshot refused: {error}", max(backoff.next(), held_back))
            return False
        if openings != feed.openings:
            # Requested before the stream was opened again: events may be missing in between.
            return False
        if feed.synchronizer.offer(snapshot, self._limit) is Verdict.ADOPTED:
            feed.pass_on()
            return True
        if feed.synchronizer.wants_snapshot:
            await asyncio.sleep(backoff.next())
        return False

    def _tell(self, doing: str) -> None:
        """Explain what a snapshot is waiting for. Log it only once, not for each passing second."""
        self._feed.synchronizer.explain(doing)
        if (kind := re.sub(r"[0-9.:]+", "", doing)) != self._last_explained:
            self._last_explained = kind
            logger.info("%s: %s", self._feed.symbol, doing)

    async def _pause(self, why: str, seconds: float) -> None:
        """Wait until the next try, and count down."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        logger.warning("%s: %s; next try in %.1f s", self._feed.symbol, why, seconds)
        while (left := until - clock()) > 0:
            self._feed.synchronizer.explain(f"{why}; next try in {max(left, 0.1):.1f} s")
            await asyncio.sleep(min(left, REPORT_INTERVAL))

    def _is_final(self, error: DepthcliError) -> TypeGuard[ExchangeError]:
        """Return whether the exchange itself says that retrying is useless.

        Refusals by a proxy or a CDN aren't about the symbol, so those are retried.
        """
        if isinstance(error, LocationRefusedError):
            return not self._feed.synchronizer.counters.applied
        return type(error) is ExchangeError and error.is_about_request

    def _refused(self, error: ExchangeError) -> None:
        """Handle a final refusal: follow the best levels meanwhile, if the market has them."""
        feed = self._feed
        unknown = error.code in NO_SUCH_SYMBOL
        if unknown and feed.synchronizer.counters.applied:
            self._no_longer_listed()
        elif feed.market.partial_levels and not unknown and error.is_about_request:
            levels = feed.market.partial_levels[-1]
            wait = self._full_backoff.next()
            self._try_full_at = asyncio.get_running_loop().time() + wait
            logger.warning(
                "%s: %s; following the best %d levels, trying a snapshot again in %.0f s",
                feed.symbol, error, levels, wait,
            )  # fmt: skip
            feed.follow_levels(levels)
        else:
            feed.end(str(error), error)

    async def _try_full(self) -> None:
        """Switch from the best levels to the full book, if the exchange sends a snapshot now."""
        feed = self._feed
        try:
            await self._requester.snapshot(self._limit, Urgency.PRECAUTION)
        except DepthcliError as error:
            wait = self._full_backoff.next()
            self._try_full_at = asyncio.get_running_loop().time() + wait
            logger.info("%s: still no snapshot: %s; next try in %.0f s", feed.symbol, error, wait)
            return
        self._try_full_at = math.inf
        logger.info("%s: got a snapshot again: following all levels", feed.symbol)
        feed.follow_changes()

    def _no_longer_listed(self) -> None:
        self._feed.end("the exchange no longer lists it: delisted or expired")

    # A live book.

    async def _act_when_due(self, schedule: Schedule) -> None:
        """Wait until a refresh or a check is due, and perform it."""
        clock = asyncio.get_running_loop().time
        await self._needed_by(self._due(schedule))
        self._refresh_early_if_short(schedule)
        if self._state is State.LIVE and clock() >= self._due(schedule):
            # In a task of its own, which `_wake` cancels when the book is no longer live.
            async with asyncio.TaskGroup() as group:
                self._action = group.create_task(self._act(schedule))

    def _due(self, schedule: Schedule) -> float:
        """Return when the next action is due if no event arrives before."""
        last_received = self._feed.last_received or schedule.started
        return min(
            schedule.refresh_at,
            schedule.silence_check_at(last_received),
            schedule.status_check_at(last_received),
            self._try_full_at,
        )

    async def _act(self, schedule: Schedule) -> None:
        """Do what is due."""
        clock = asyncio.get_running_loop().time
        last_received = self._feed.last_received or schedule.started
        if clock() >= self._try_full_at:
            await self._try_full()
        elif clock() >= schedule.refresh_at:
            answered = await self._audit(self._limit, Urgency.REFRESH)
            schedule.refreshed(clock(), answered=answered)
        elif clock() >= schedule.silence_check_at(last_received):
            limit = self._feed.market.fit_limit(PROBE_LIMIT)
            answered = await self._audit(limit, Urgency.PRECAUTION)
            subscription = self._feed.subscription
            lively = subscription is not None and clock() - subscription.last_frame < SILENCE
            schedule.silence_checked(clock(), answered=answered, lively=lively)
            if schedule.failed >= FAILED_PROBES:
                silent = clock() - last_received
                self._feed.synchronizer.doubt(
                    f"silent for {silent:.0f} s, and no snapshot available", until_heard=True
                )
        elif clock() >= schedule.status_check_at(last_received):
            await self._ask_status()
            schedule.status_checked(clock())

    async def _ask_status(self) -> None:
        """Request the symbol's status, and halt, resume or end the book accordingly."""
        synchronizer = self._feed.synchronizer
        try:
            info = await self._requester.info()
        except DepthcliError as error:
            logger.info("%s: its status is unknown: %s", self._feed.symbol, error)
            return
        if info is None:
            self._no_longer_listed()
        elif info.halted:
            synchronizer.halt(f"trading is halted ({printable(info.state)})")
        else:
            synchronizer.resume()

    def _refresh_early_if_short(self, schedule: Schedule) -> bool:
        """Schedule an early refresh if a live book runs short of levels; return whether it does."""
        if self._state is not State.LIVE or self._feed.follows_levels:
            return False
        cache = self._feed.synchronizer.cache
        for side in (cache.bids, cache.asks):
            if side.horizon is not None and not side.reaches(self._enough_levels):
                schedule.refresh_early(asyncio.get_running_loop().time())
                return True
        return False

    async def _audit(self, limit: int, urgency: Urgency) -> bool:
        """Compare the book with a fresh snapshot; return whether the exchange sent a usable one.

        A refresh also replaces the book; a check of a silent book doesn't.
        """
        feed = self._feed
        replace = urgency is Urgency.REFRESH
        try:
            verdict = await self._auditor.audit(limit, urgency, replace=replace)
        except DepthcliError as error:
            if isinstance(error, ExchangeError) and error.code in NO_SUCH_SYMBOL:
                self._no_longer_listed()
                return True
            logger.warning("%s: no audit: %s", feed.symbol, error)
            return False
        # If events wait for a slow reader, the stream isn't silent.
        moved_on = verdict is Verdict.AHEAD and not feed.synchronizer.pending
        if moved_on and self._state is State.LIVE and feed.subscription:
            feed.subscription.suspect("silent, while the book moved on")
        # Snapshots older than the book prove nothing: the ids may have restarted.
        return verdict is not Verdict.TOO_OLD
