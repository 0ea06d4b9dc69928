"""Depth cache managers: each keeps one symbol's book in step with the exchange's.

A manager waits and fetches; what its book is worth is decided by its `Synchronizer`. Three things
make it ask for a snapshot: the book can't go on without one, the refresh is due, or the stream has
been silent for so long that the silence is questioned. A silence that goes on makes it ask, too,
whether the symbol is still traded.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, cast

from depthcli.backoff import JITTER, Backoff
from depthcli.client import NO_SUCH_SYMBOL
from depthcli.errors import (
    ClosedError,
    DepthcliError,
    ExchangeError,
    RateLimitedError,
    UnreachableError,
    printable,
)
from depthcli.markets import COINM, OPTIONS, SPOT, USDM
from depthcli.messages import N, check_number_type
from depthcli.partial import PartialSynchronizer
from depthcli.schedule import (
    DEFAULT_REFRESH,
    FIRST_REFRESH,
    LONGEST_SILENCE,
    LOOK,
    SILENCE,
    Schedule,
)
from depthcli.sockets import BinanceSocketManager
from depthcli.symbols import canonical_symbol
from depthcli.synchronizer import State, Synchronizer, Verdict
from depthcli.turns import Urgency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

    from depthcli.book import DepthCache, Difference
    from depthcli.client import AsyncClient
    from depthcli.markets import Market
    from depthcli.messages import DepthEvent, Snapshot
    from depthcli.sockets import Subscription
    from depthcli.synchronizer import AuditResult, Counters

logger = logging.getLogger(__name__)

T = TypeVar("T")

GRACE: Final = 3.0
"""Seconds that the stream has to come as far as a snapshot that is ahead of it."""

PROBE_LIMIT: Final = 50
"""Levels a side of the snapshots that question a silence: cheap, and enough to see a change."""

TELL: Final = 1.0
"""Seconds between two words on what a book is waiting for."""

LEAST_LEVELS: Final = 10
"""Levels a side that are to be left within the horizon, whatever the user asks for."""

MOST_LOGGED: Final = 10
"""Levels that are logged one by one when an audit finds that they differ."""

NOT_STARTED: Final = "the manager isn't started: use it in 'async with'"

UNANSWERED: Final = 20.0
"""Seconds after which a question counts as unanswered while the exchange wants silence."""

FAILED_PROBES: Final = 2
"""So many questions without an answer, and the silence itself makes the book stale."""


class DepthCacheManager(Generic[N]):
    """Keeps the book of one symbol, and gives it out after each change.

    Use it in `async with`; then `await recv()`, or `async for`, or pass a callback.

    Args:
        client: where the exchange is.
        symbol: in any case; `bnb/btc` and `bnb-btc` are understood.
        loop: taken for the sake of scripts that pass it; the running loop is used.
        refresh_interval: seconds between two refreshes, at which a fresh snapshot is compared with
            the book and replaces it, while the stream goes on; 0 or None: never.
        bm: a socket manager to share; by default one of its own.
        limit: levels a side that are asked for; what the market doesn't offer is rounded up.
        conv_type: `float`, or `Decimal` for exactness.
        ws_interval: update speed of the stream in ms; None or 0: the exchange's plain `@depth`.
        callback: called with the book after each change, and with None when it is lost for good;
            a plain function is called at once, a coroutine function is awaited before the next.
            What it raises is logged and goes no further.
        on_state: called with the new state and its reason after each change of either; what it
            raises is logged, too.
        market: by default the class's own.
        depth: levels a side that are wanted at any time: as the market moves away from where a
            snapshot was taken, fewer are left within the horizon, and a refresh is made early, at
            twice as many or at ten. When none is left the book turns stale until there is one.
        levels: follow the stream of the best 5, 10 or 20 levels instead of the diff events: each
            event replaces the book, which needs no snapshot. Futures and options only.

    Raises:
        UsageError: the symbol can't be one, or the market has no such speed or levels.
        ValueError: `conv_type` isn't float or Decimal.
    """

    default_market: ClassVar[Market] = SPOT

    def __init__(  # noqa: PLR0917, the ecosystem's order
        self,
        client: AsyncClient,
        symbol: str,
        loop: asyncio.AbstractEventLoop | None = None,  # noqa: ARG002
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: BinanceSocketManager | None = None,
        limit: int = 500,
        conv_type: type[N] = cast("Any", float),  # noqa: B008
        ws_interval: int | None = None,
        callback: Callable[[DepthCache[N] | None], Awaitable[None] | None] | None = None,
        on_state: Callable[[State, str], None] | None = None,
        market: Market | None = None,
        depth: int = 0,
        levels: int | None = None,
    ) -> None:
        self.market = market or self.default_market
        self.symbol = canonical_symbol(symbol)
        self.limit = self.market.fit_limit(limit)
        self.last_received: float | None = None
        self.last_audit: float | None = None
        self._client = client
        self._refresh_interval = refresh_interval or None
        # Twice as many, so that the refresh comes in time; what no snapshot gives isn't waited for.
        self._enough = min(max(2 * depth, LEAST_LEVELS), self.limit // 2)
        self._conv_type: type[N] = check_number_type(conv_type)
        self._ws_interval = ws_interval or None
        self._callback: Any = callback
        self._calls_at_once = callback is not None and not inspect.iscoroutinefunction(callback)
        self._on_state = on_state
        self._bm = bm
        self._owns_bm = bm is None
        self._told: tuple[State, str] | None = None
        self._synchronizer: Synchronizer[N]
        if levels is None:
            self._stream = self.market.stream(self.symbol, self._ws_interval)
            self._synchronizer = Synchronizer(
                self.symbol,
                conv_type,
                ids_are_shared=self.market.ids_are_shared,
                on_state=self._state_changed,
            )
        else:
            self._use_levels(levels)
        self._clock: Callable[[], float]  # the loop's, from when it is started
        self._news = asyncio.Event()
        self._needed = asyncio.Event()
        self._one_audit = asyncio.Lock()
        self._schedule: Schedule
        self._looking: asyncio.TimerHandle | None = None
        self._openings = 0
        self._subscription: Subscription[N] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._error: DepthcliError | None = None

    @property
    def cache(self) -> DepthCache[N]:
        """The book; the same object for good. What it is worth, `state` says."""
        return self._synchronizer.cache

    @property
    def state(self) -> State:
        """What the book is worth."""
        return self._synchronizer.state

    @property
    def reason(self) -> str:
        """Why the book isn't live, in a few words; empty if there is nothing to say."""
        return self._synchronizer.reason

    @property
    def counters(self) -> Counters:
        """What happened to the book since the start."""
        return self._synchronizer.counters

    @property
    def buffered(self) -> int:
        """Events that wait for a snapshot."""
        return len(self._synchronizer.pending)

    def get_depth_cache(self) -> DepthCache[N]:
        """Return the book."""
        return self.cache

    def get_symbol(self) -> str:
        """Return the symbol."""
        return self.symbol

    async def __aenter__(self) -> Self:
        if self._subscription is not None or self.state is State.CLOSED:
            raise ClosedError("this manager was started before: make a new one")
        self._clock = asyncio.get_running_loop().time
        if self._bm is None:
            self._bm = BinanceSocketManager(self._client)
        self._subscribe(self._bm)
        self._tasks.append(asyncio.create_task(self._keep(), name=f"keep {self.symbol}"))
        if self._callback is not None and not self._calls_at_once:
            self._tasks.append(asyncio.create_task(self._call(), name=f"call {self.symbol}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop following the symbol; the book stays as it is, and `recv` gives None."""
        self._synchronizer.close("closed")
        if self._looking is not None:
            self._looking.cancel()
        if self._subscription is not None:
            self._subscription.close()
        if self._owns_bm and self._bm is not None:
            await self._bm.close()
        others = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def recv(self) -> DepthCache[N] | None:
        """Wait for the next change, and return the book as it is after just that one.

        The changes are the events of the exchange, each by itself, and the snapshots from which the
        book was built. A reader that falls behind by more than 20,000 events skips some.

        Returns:
            The book, always the same object; None once the stream is lost for good or the manager
            was closed.

        Raises:
            ClosedError: the manager wasn't started.
            ExchangeError: the exchange refuses the symbol or the request for good.
        """
        if self._subscription is None:
            raise ClosedError(NOT_STARTED)
        while not self._synchronizer.advance():
            if self.state is State.CLOSED:
                if self._error is not None:
                    raise self._error
                return None
            self._news.clear()
            await self._news.wait()
        return self.cache

    async def audit(self) -> AuditResult | None:
        """Compare the book with a fresh snapshot now, as a refresh does, but keep the book.

        A book in which something differs turns stale, and is built anew. It costs the request
        weight of a snapshot, and waits for its turn within the budget.

        Returns:
            What was found; None if nothing could be compared: the book isn't live, the exchange
            gave old snapshots only, or the stream didn't come as far as the snapshot.

        Raises:
            ClosedError: the manager wasn't started.
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no answer within the time.
            BadMessageError: the answer isn't a snapshot.
        """
        if self._subscription is None:
            raise ClosedError(NOT_STARTED)
        verdict = await self._audit_patiently(self.limit, Urgency.REFRESH, replace=False)
        return self._synchronizer.last_audit if verdict is Verdict.AUDITED else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DepthCache[N]:
        cache = await self.recv()
        if cache is None:
            raise StopAsyncIteration
        return cache

    # What the stream tells (`StreamListener`).

    def opened(self) -> None:
        """The stream is open."""
        self._openings += 1
        self.last_received = None
        self._synchronizer.opened()
        self._needed.set()

    def receive(self, event: DepthEvent[N]) -> None:
        """An event came."""
        self.last_received = self._clock()
        self._synchronizer.receive(event)
        self._pass_on()
        if self._looking is None and self._enough:
            self._looking = asyncio.get_running_loop().call_later(LOOK, self._look_for_levels)

    def refuse(self) -> None:
        """A frame came that can't be decoded."""
        self._synchronizer.refuse()

    def lost(self, reason: str) -> None:
        """The stream broke off; it will be opened anew."""
        self._synchronizer.lost(reason)

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""
        self._synchronizer.close(reason)
        if self._calls_at_once:
            self._call_at_once(None)

    def _subscribe(self, sockets: BinanceSocketManager) -> None:
        self._subscription = sockets.subscribe(self.market, self._stream, self._conv_type, self)

    def _use_levels(self, levels: int) -> None:
        """Follow the best levels, as the exchange sends them, instead of diff events."""
        self._stream = self.market.partial_stream(self.symbol, levels, self._ws_interval)
        self._synchronizer = PartialSynchronizer(
            self.symbol, self._conv_type, levels, on_state=self._state_changed
        )
        self._refresh_interval = None
        self._enough = 0

    # Giving out.

    def _pass_on(self) -> None:
        if not self._calls_at_once:
            self._news.set()
            return
        while self._synchronizer.advance():
            self._call_at_once(self.cache)

    def _call_at_once(self, cache: DepthCache[N] | None) -> None:
        try:
            self._callback(cache)
        except Exception:
            logger.exception("the callback of %s raised", self.symbol)

    async def _call(self) -> None:
        cache: DepthCache[N] | None = self.cache
        while cache is not None:
            try:
                cache = await self.recv()
            except DepthcliError:
                logger.exception("%s ended", self.symbol)
                cache = None
            try:
                await self._callback(cache)
            except Exception:
                logger.exception("the callback of %s raised", self.symbol)

    def _state_changed(self, state: State, reason: str) -> None:
        self._news.set()
        if (told := (state, self._synchronizer.cause)) != self._told:
            self._told = told
            self._needed.set()
            logger.info("%s: %s %s", self.symbol, state, reason)
        if self._on_state is not None:
            try:
                self._on_state(state, reason)
            except Exception:
                # It is the caller's, and must not end the connection that others share.
                logger.exception("on_state of %s raised", self.symbol)

    # Snapshots.

    async def _keep(self) -> None:
        """Fetch a snapshot whenever there is a reason to."""
        clock = self._clock
        patience = Backoff(first=0.25, step=0.5, most=15)
        # Hundreds of books that are started together aren't refreshed together.
        phase = JITTER.uniform(FIRST_REFRESH, 1)
        schedule = self._schedule = Schedule(self._refresh_interval, clock(), phase)
        while self.state is not State.CLOSED:
            self._needed.clear()
            if self._synchronizer.wants_snapshot:
                if await self._resync(patience):
                    patience.reset()
                    schedule.restart(clock())
            elif self.state is State.LIVE:
                await self._act_when_due(schedule)
            else:
                await self._needed_within(LONGEST_SILENCE if self._synchronizer.halted else None)
                if self._synchronizer.halted:
                    await self._ask_status()

    async def _needed_within(self, seconds: float | None) -> bool:
        """Wait until something is needed, or for so long; return whether it is."""
        try:
            async with asyncio.timeout(seconds):
                await self._needed.wait()
        except TimeoutError:
            return False
        return True

    async def _resync(self, patience: Backoff) -> bool:
        """Ask for a snapshot to build the book from; return whether it is in step now."""
        opening = self._openings
        try:
            snapshot = await self._snapshot_awaited()
        except DepthcliError as error:
            if type(error) is ExchangeError:
                self._refused(error)
                return False
            held_back = error.retry_after or 0.0 if isinstance(error, RateLimitedError) else 0.0
            await self._pause(f"snapshot refused: {error}", max(patience.next(), held_back))
            return False
        if opening != self._openings:
            # Asked for before the stream was opened: events may be missing in between.
            return False
        if self._synchronizer.offer(snapshot, self.limit) is Verdict.ADOPTED:
            self._pass_on()
            return True
        if self._synchronizer.wants_snapshot:
            await asyncio.sleep(patience.next())
        return False

    async def _snapshot_awaited(self) -> Snapshot[N]:
        """Fetch a snapshot, and tell meanwhile what is waited for."""
        asking = self._snapshot(self.limit, Urgency.NEEDED)
        return await self._attended(asking, TELL, self._tell_what_is_awaited)

    def _tell_what_is_awaited(self) -> None:
        silent, turn = self._client.silent_for(self.market), self._client.outlook(self.market)
        if silent > TELL:
            doing = f"the exchange may be asked again in {silent:.0f} s"
        elif turn > TELL:
            doing = f"waiting for request weight, {turn:.0f} s at the most"
        else:
            doing = "waiting for the snapshot"
        self._synchronizer.explain(doing)

    async def _pause(self, why: str, seconds: float) -> None:
        """Wait until the next try, and count down."""
        clock = self._clock
        until = clock() + seconds
        while (left := until - clock()) > 0:
            self._synchronizer.explain(f"{why}; next try in {max(left, 0.1):.1f} s")
            await asyncio.sleep(min(left, TELL))

    async def _act_when_due(self, schedule: Schedule) -> None:
        """Wait until the refresh is due or a silence has to be questioned, and do that."""
        clock = self._clock
        if await self._needed_within(max(0.0, self._due(schedule) - clock())):
            return
        self._hurry_if_short()
        if clock() < self._due(schedule):
            return
        acting = asyncio.create_task(self._act(schedule))
        needed = asyncio.create_task(self._needed.wait())
        try:
            # A book that is no longer live needs a snapshot at once, whatever is under way.
            while not acting.done() and self.state is State.LIVE:
                await asyncio.wait([acting, needed], return_when=asyncio.FIRST_COMPLETED)
                if needed.done() and not acting.done():
                    self._needed.clear()
                    needed = asyncio.create_task(self._needed.wait())
        finally:
            needed.cancel()
            acting.cancel()
            await asyncio.gather(acting, needed, return_exceptions=True)
        if not acting.cancelled() and (error := acting.exception()):
            raise error

    def _due(self, schedule: Schedule) -> float:
        """Return when something is to be done next, if nothing comes until then."""
        last_received = self.last_received or schedule.started
        return min(
            schedule.refresh_at,
            schedule.question_at(last_received),
            schedule.status_at(last_received),
        )

    async def _act(self, schedule: Schedule) -> None:
        """Do what is due."""
        clock = self._clock
        last_received = self.last_received or schedule.started
        if clock() >= schedule.refresh_at:
            answered = await self._audit(self.limit, Urgency.REFRESH)
            schedule.refreshed(clock(), answered=answered)
        elif clock() >= schedule.question_at(last_received):
            limit = self.market.fit_limit(PROBE_LIMIT)
            answered = await self._audit(limit, Urgency.PRECAUTION)
            lively = (
                self._subscription is not None and clock() - self._subscription.last_frame < SILENCE
            )
            schedule.questioned(clock(), answered=answered, lively=lively)
            if schedule.failed >= FAILED_PROBES:
                silent = clock() - last_received
                self._synchronizer.doubt(
                    f"silent for {silent:.0f} s, and no snapshot is had", until_heard=True
                )
        elif clock() >= schedule.status_at(last_received):
            await self._ask_status()
            schedule.status_asked(clock())

    async def _ask_status(self) -> None:
        """Ask whether the symbol is still traded."""
        try:
            asking = self._client.symbol_info(self.market, self.symbol)
            info = await self._unless_silenced(asking)
        except DepthcliError as error:
            logger.info("%s: its status isn't known: %s", self.symbol, error)
            return
        if info is None:
            self._no_longer_listed()
        elif info.trading:
            self._synchronizer.resume()
        else:
            self._synchronizer.halt(f"trading is halted ({printable(info.state)})")

    def _look_for_levels(self) -> None:
        """Some events came: see whether enough levels are left."""
        self._looking = None
        if self.state is State.LIVE and self._hurry_if_short():
            self._needed.set()

    def _hurry_if_short(self) -> bool:
        """Let a refresh be made early where levels run short; return whether they do."""
        for side in (self.cache.bids, self.cache.asks):
            if side.horizon is not None and len(side.top(self._enough)) < self._enough:
                self._schedule.hurry(self._clock())
                return True
        return False

    async def _audit(self, limit: int, urgency: Urgency) -> bool:
        """Compare the book with a fresh snapshot; return whether the exchange gave one.

        A refresh also replaces the book; what only questions a silence doesn't.
        """
        replace = urgency is Urgency.REFRESH
        try:
            verdict = await self._audit_patiently(limit, urgency, replace=replace)
        except DepthcliError as error:
            if isinstance(error, ExchangeError) and error.code in NO_SUCH_SYMBOL:
                self._no_longer_listed()
                return True
            logger.warning("%s: no audit: %s", self.symbol, error)
            return False
        # Events that wait for a slow reader are no sign that the stream is silent.
        moved_on = verdict is Verdict.AHEAD and not self._synchronizer.pending
        if moved_on and self.state is State.LIVE and self._subscription:
            self._subscription.suspect("silent, while the book moved on")
        # Snapshots that stay below the book answer nothing: the ids may have started anew.
        return verdict is not Verdict.TOO_OLD

    async def _audit_patiently(self, limit: int, urgency: Urgency, *, replace: bool) -> Verdict:
        """Make one audit, as soon as no other is under way, and tell what it finds."""
        synchronizer = self._synchronizer
        async with self._one_audit:
            audits = synchronizer.counters.audits
            synchronizer.begin_audit()
            try:
                verdict = await self._until_compared(limit, urgency, replace=replace)
            finally:
                synchronizer.cancel_audit()
                if synchronizer.counters.audits > audits:
                    self._audited(synchronizer.last_differences)
        return verdict

    async def _until_compared(self, limit: int, urgency: Urgency, *, replace: bool) -> Verdict:
        """Ask until a snapshot isn't too old, and wait until the stream has come as far as it."""
        clock = self._clock
        patience = Backoff(first=0.5, step=1.0, most=10)
        synchronizer = self._synchronizer
        audits = synchronizer.counters.audits
        until = clock() + self.market.snapshot_lag + GRACE
        verdict = Verdict.UNWANTED
        while synchronizer.audit_under_way:
            snapshot = await self._unless_silenced(self._snapshot(limit, urgency))
            if not synchronizer.audit_under_way:
                break
            verdict = synchronizer.offer(snapshot, limit, replace=replace)
            if verdict is not Verdict.TOO_OLD or clock() > until:
                break
            await asyncio.sleep(patience.next())
        asked = clock()
        while verdict is Verdict.AHEAD and synchronizer.audit_under_way:
            await asyncio.sleep(GRACE / 10)
            heard = max(asked, self.last_received or asked)
            if clock() - heard > GRACE:
                return verdict
            if clock() - asked > 10 * GRACE:
                return Verdict.UNWANTED
        if synchronizer.counters.audits > audits:
            return Verdict.AUDITED
        return verdict if verdict is not Verdict.AHEAD else Verdict.UNWANTED

    def _audited(self, differences: list[Difference]) -> None:
        """Take note of what an audit found, and give the mended book out."""
        self.last_audit = self._clock()
        for difference in differences[:MOST_LOGGED]:
            logger.error("%s: audit: %s", self.symbol, difference)
        if len(differences) > MOST_LOGGED:
            logger.error("%s: audit: %d levels differ in all", self.symbol, len(differences))
        if differences:
            self._pass_on()

    async def _snapshot(self, limit: int, urgency: Urgency) -> Snapshot[N]:
        return await self._client.snapshot(
            self.market, self.symbol, limit, self._conv_type, urgency
        )

    async def _unless_silenced(self, asking: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer, but not for long while the exchange wants silence.

        Whoever doubts a live book must know soon that the question can't even be asked.
        """

        def give_up_if_silenced() -> None:
            if silent := self._client.silent_for(self.market):
                raise UnreachableError(f"nothing may be asked for {silent:.0f} s")

        return await self._attended(asking, UNANSWERED, give_up_if_silenced)

    @staticmethod
    async def _attended(
        asking: Coroutine[Any, Any, T], every: float, attend: Callable[[], None]
    ) -> T:
        """Wait for an answer, and call a function every so many seconds until it is there."""
        task = asyncio.create_task(asking)
        try:
            while not (await asyncio.wait([task], timeout=every))[0]:
                attend()
            return task.result()
        finally:
            task.cancel()

    # Ending.

    def _no_longer_listed(self) -> None:
        self._subscription_over()
        self.gone("the exchange no longer lists it: delisted or expired")

    def _refused(self, error: ExchangeError) -> None:
        """The exchange gives no snapshot, for good: follow the best levels, if that is possible."""
        unknown = error.code in NO_SUCH_SYMBOL
        if unknown and self.counters.applied:
            self._no_longer_listed()
        elif self.market.partial_levels and self._bm is not None and not unknown:
            levels = self.market.partial_levels[-1]
            logger.warning("%s: %s; following the best %d levels", self.symbol, error, levels)
            self._subscription_over()
            cache = self.cache
            self._use_levels(levels)
            self._synchronizer.cache = cache
            self._subscribe(self._bm)
        else:
            self._error = error
            self._subscription_over()
            self.gone(str(error))

    def _subscription_over(self) -> None:
        if self._subscription is not None:
            self._subscription.close()


class FuturesDepthCacheManager(DepthCacheManager[N]):
    """The same for futures: USD-M, or COIN-M with `coin=True`; a true book from diff events.

    Args and errors are those of `DepthCacheManager`.
    """

    default_market = USDM

    def __init__(self, *arguments: Any, coin: bool = False, **options: Any) -> None:
        if coin:
            options.setdefault("market", COINM)
        super().__init__(*arguments, **options)


class OptionsDepthCacheManager(DepthCacheManager[N]):
    """The same for European (vanilla) options. Args and errors are those of `DepthCacheManager`."""

    default_market = OPTIONS
