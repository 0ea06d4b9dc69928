"""One seeded run: the real client, a virtual exchange and network, a plan of faults, an oracle."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import hashlib
import logging
import re
from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any, Final

from depthcli.core import backoff
from depthcli.core.state import State
from depthcli.exchange import stream_pool
from depthcli.exchange.client import AsyncClient
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.depth_cache import DepthCacheManager
from tests.simulation.exchange import Exchange
from tests.simulation.loop import DeadlockError, VirtualLoop
from tests.simulation.network import VirtualNetwork
from tests.simulation.oracle import BACK, Judge
from tests.simulation.outcome import Outcome
from tests.simulation.plan import draw_plan
from tests.simulation.settings import Settings
from tests.simulation.transport import VirtualHttp, VirtualTransport
from tests.simulation.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tests.simulation.plan import Fault

REST_URL: Final = "http://exchange.invalid"
WS_URL: Final = "ws://exchange.invalid"

CALM: Final = BACK + 120.0
"""Seconds at the end of a run in which nothing goes wrong."""

LOOKS: Final = 10.0
"""Seconds between two looks at everything."""

BEFORE: Final = 20.0
"""Seconds before a fault from which on the market is lively."""

AFTERWARDS: Final = 60.0
"""Seconds after a fault for which it is."""

TRACE_LINES: Final = 60


class World:
    """One run.

    Args:
        seed: everything follows from it.
        hours: how much time passes.
        kinds: the kinds of faults that happen; by default a few or all.
        plan: faults instead of those that are drawn.
    """

    def __init__(
        self,
        seed: int,
        hours: float = 1.0,
        kinds: Sequence[str] = (),
        plan: list[Fault] | None = None,
    ) -> None:
        self.seed = seed
        self.seconds = 3600 * hours
        until = self.seconds - CALM
        self.settings = Settings.draw(Random(f"{seed}:settings"), until)
        self.kinds = kinds
        self.plan = draw_plan(Random(f"{seed}:plan"), until, kinds) if plan is None else plan
        self.random = Random(f"{seed}:world")
        self.loop = VirtualLoop()
        self.trace: deque[tuple[float, str]] = deque(maxlen=5000)
        self.outcome = Outcome(seed, hours)
        self.judges: list[Judge] = []
        self.last_fault = 0.0
        self.plan_ends = max((fault.ends for fault in self.plan), default=0.0)
        self._finished = self.loop.create_future()
        self._snapshots_are_fresh = not self.settings.snapshot_age and not any(
            fault.kind == "rest-stale" for fault in self.plan
        )
        self._digest = hashlib.blake2b(digest_size=8)
        settings = self.settings
        market = settings.market
        symbols = [(symbol, market.stream(symbol, settings.speed)) for symbol in settings.symbols]
        window = (settings.speed or max(speed for speed in market.speeds if speed)) / 1000
        self.exchange = Exchange(
            market,
            symbols,
            window,
            Random(f"{seed}:exchange"),
            self.loop,
            snapshot_age=settings.snapshot_age,
            early=settings.early,
            pace=settings.pace,
            lively=_around(self.plan),
        )
        self.network = VirtualNetwork(
            self.loop,
            self.exchange,
            Random(f"{seed}:network"),
            settings.latency,
            settings.weight_per_minute,
            settings.lifetime or 24 * 3600.0,
            settings.stream_lag,
            self.fail,
            self.note,
        )

    def run(self) -> Outcome:
        """Let it happen, and return what it gave."""
        loop = self.loop
        backoff.JITTER.seed(self.seed)
        loop.set_exception_handler(self._unhandled)
        troubles = Troubles(self)
        for fault in self.plan:
            loop.call_at(fault.at, troubles.begin, fault)
        self._end = loop.call_at(self.seconds, self._finish)
        loop.call_later(LOOKS, self._look)
        with _silence(), _no_collector(), _lifetime(self.settings.lifetime):
            try:
                loop.run_until_complete(self._live())
                # A dead connection is given up by the pings at last, whoever has left it.
                loop.run_until_complete(asyncio.sleep(60))
                left = asyncio.all_tasks(loop)
                if left:
                    self.fail(f"tasks are left over: {sorted(task.get_name() for task in left)}")
                if self.network.connections:
                    self.fail("connections are left open")
            except DeadlockError as error:
                self.fail(str(error))
            finally:
                loop.close()
        outcome = self.outcome
        outcome.digest = self._digest.hexdigest()
        outcome.events = self.exchange.event_count
        outcome.faults = self.network.happened
        outcome.requests = self.network.requests
        outcome.connections = self.network.opened
        for judge in self.judges:
            outcome.given += judge.given_count
            for name in ("longest_behind", "longest_short", "longest_mended"):
                setattr(outcome, name, max(getattr(outcome, name), getattr(judge, name)))
            counters = dataclasses.asdict(judge.manager.counters)
            outcome.counters.update(
                {name: count or 0 for name, count in counters.items() if name[:7] != "by_rank"}
            )
        return outcome

    def slept(self, seconds: float) -> None:
        """Our machine has slept so long, and its clock with it: the run takes so much longer."""
        self.seconds += seconds
        self._end.cancel()
        self._end = self.loop.call_at(self.seconds, self._finish)
        self.last_fault = max(self.last_fault, self.loop.time())
        self.exchange.enliven(AFTERWARDS)
        for judge in self.judges:
            judge.awake_since = self.loop.time()

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        now = self.loop.now
        self._digest.update(f"{now:.6f} {text}\n".encode())
        self.trace.append((now, text))

    def fail(self, text: str) -> None:
        """Take note of what is wrong; the first thing ends the run."""
        if self.outcome.failure:
            return
        self.note(f"FAILED: {text}")
        self.outcome.failure = text
        self.outcome.report = self._report(text)
        self._finish()

    def _report(self, text: str) -> str:
        lines = [f"seed {self.seed} failed at {self.loop.now:.3f} s: {text}"]
        lines += [f"settings: {self.settings}", "fault plan:"]
        lines += [f"  {fault}" for fault in self.plan] or ["  none"]
        lines += ["the end of the trace:"]
        lines += [f"  {at:10.3f}  {line}" for at, line in [*self.trace][-TRACE_LINES:]]
        hours = self.outcome.hours
        extra = "" if hours == 1 else f" --hours {hours:g}"
        extra += f" --kinds {','.join(self.kinds)}" if self.kinds else ""
        lines += [f"again: python -m tests.simulation --seed {self.seed}{extra}"]
        return "\n".join(lines)

    # What the client does.

    async def _live(self) -> None:
        settings = self.settings
        async with contextlib.AsyncExitStack() as stack:
            client = AsyncClient(
                rest_url=REST_URL, ws_url=WS_URL, transport=VirtualTransport(self.network)
            )
            await stack.enter_async_context(client)
            if not settings.through_httpx:
                client._rest.http = VirtualHttp(self.network)
            await client.exchange_info(settings.market)
            shared = self._sockets(client)
            stack.push_async_callback(shared.close)
            for symbol, reader in zip(settings.symbols, settings.readers, strict=True):
                bm = shared
                if not settings.shared_sockets:
                    bm = self._sockets(client)
                    stack.push_async_callback(bm.close)
                churn = settings.churn if symbol == settings.symbols[-1] else ()
                await stack.enter_async_context(self._followed(client, bm, symbol, reader, churn))
            await self._finished
            if not self.outcome.failure:
                self._look_at_the_end()

    def _sockets(self, client: AsyncClient) -> BinanceSocketManager:
        return BinanceSocketManager(client, max_reconnects=None, connector=self.network.connect)

    @contextlib.asynccontextmanager
    async def _followed(
        self,
        client: AsyncClient,
        bm: BinanceSocketManager,
        symbol: str,
        reader: str,
        churn: tuple[float, ...],
    ) -> AsyncIterator[None]:
        """Follow a symbol; at the times of `churn` the manager is closed and a new one made."""

        async def follow() -> None:
            for until in (*churn, self.seconds + 1):
                await self._follow(client, bm, symbol, reader, until)

        task = asyncio.create_task(follow(), name=f"follow {symbol}")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(
        self,
        client: AsyncClient,
        bm: BinanceSocketManager,
        symbol: str,
        reader: str,
        until: float,
    ) -> None:
        settings = self.settings
        callback: Any = None
        judge: Judge

        def given(cache: Any) -> None:
            if cache is not None:
                self._judge(judge, judge.given(cache))

        def turned(state: State, reason: str) -> None:
            changed = judge.turned(state, self.loop.time(), self._undisturbed(judge))
            if changed and state is State.LIVE:
                self._judge(judge, judge.went_back() or judge.vouched())
                if self._snapshots_are_fresh:
                    carried_since = self.network.carried_since(judge.listing.stream)
                    self._judge(judge, judge.unlinked(carried_since))
            elif changed and state is State.STALE:
                if reason.startswith("ids went back") and not self._may_go_back():
                    self.fail(f"{symbol}: {reason}, though the exchange never began anew")
                self.outcome.causes[_kind_of(reason)] += 1
                self._judge(judge, judge.without_cause(self._undisturbed(judge)))
                if self._snapshots_are_fresh:
                    last_loss = self.network.last_loss(judge.listing.stream)
                    self._judge(judge, judge.gapless(self.loop.time() - last_loss))
            if changed or reason == manager._synchronizer.cause:
                self.note(f"{symbol}: {state} {reason}")

        async def given_slowly(cache: Any) -> None:
            given(cache)
            await asyncio.sleep(self.random.uniform(0, 0.02))

        if reader == "callback":
            callback = given
        elif reader == "coroutine":
            callback = given_slowly
        manager: DepthCacheManager[Any] = DepthCacheManager(
            client,
            symbol,
            refresh_interval=settings.refresh,
            bm=bm,
            limit=settings.limit,
            conv_type=settings.number,
            ws_interval=settings.speed,
            callback=callback,
            on_state=turned,
            market=settings.market,
            depth=settings.depth,
        )
        listing = self.exchange.listings[symbol]
        judge = Judge(
            listing,
            manager,
            settings.number,
            self.loop.time(),
            enough=min(max(2 * settings.depth, 50), manager.limit // 2),
            snapshot_age=settings.snapshot_age,
        )
        self.judges.append(judge)
        async with manager:
            if callback is None:
                reading = asyncio.create_task(
                    self._read(manager, given, slow=reader == "slow recv"), name=f"read {symbol}"
                )
            try:
                await asyncio.sleep(until - self.loop.time())
            finally:
                if callback is None:
                    await manager.close()
                    await reading
        self.note(f"{symbol}: its manager is closed")

    async def _read(self, manager: DepthCacheManager[Any], given: Any, *, slow: bool) -> None:
        with contextlib.suppress(Exception) if self._may_end() else contextlib.nullcontext():
            async for cache in manager:
                given(cache)
                if slow:
                    await asyncio.sleep(self.random.uniform(0, 0.2))

    def _may_go_back(self) -> bool:
        # Events that come seconds late look like those of an exchange that began anew.
        kinds = ("restart", "clock", "delay", "slow")
        return any(self.network.happened[kind] for kind in kinds)

    def _may_end(self) -> bool:
        return any(fault.kind == "delist" for fault in self.plan)

    # What is looked at.

    def _judge(self, judge: Judge, wrong: str) -> None:
        if wrong:
            self.fail(f"{judge.listing.symbol}: {wrong}")

    def _look(self) -> None:
        now = self.loop.time()
        self.exchange.catch_up()
        for judge in self.judges:
            if judge.manager.reason != "closed":
                since = self._undisturbed(judge)
                self._judge(judge, judge.look(now, since))
                listing = judge.listing
                idle = listing.delisted or listing.halted or judge.is_left_behind
                if now > self.plan_ends and judge.manager.state is not State.LIVE and not idle:
                    self.outcome.slowest_back = max(self.outcome.slowest_back, since)
        self.loop.call_later(LOOKS, self._look)

    def _undisturbed(self, judge: Judge) -> float:
        return self.loop.time() - max(self.last_fault, judge.began)

    def _look_at_the_end(self) -> None:
        if self.plan:
            return
        for judge in self.judges:
            counters = judge.manager.counters
            cached = self.settings.snapshot_age > 0
            if (
                counters.gaps or counters.refused or counters.resyncs > judge.left_behind
            ) and not cached:
                self.fail(f"nothing went wrong, and yet: {counters}")

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.fail(f"unhandled: {context.get('message')}: {context.get('exception')!r}")

    def _finish(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)


def _kind_of(reason: str) -> str:
    """Return what kind of reason it is, without the numbers and what is done about it."""
    return re.split(r" ?[:;,(]| for \d| to \d", reason)[0]


def _around(plan: list[Fault]) -> list[tuple[float, float]]:
    """Return from when to when a market is to be lively: around the beginnings and the ends."""
    moments = sorted(moment for fault in plan for moment in (fault.at, fault.ends))
    spans: list[tuple[float, float]] = []
    for moment in moments:
        begin, end = moment - BEFORE, moment + AFTERWARDS
        if spans and begin <= spans[-1][1]:
            begin, _ = spans.pop()
        spans.append((begin, end))
    return spans


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let nothing be logged: what a run does is in its trace."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """Leave garbage lying: a run is over soon, and the next one finds it collected."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _lifetime(seconds: float | None) -> Iterator[None]:
    """Let connections be replaced in good time before they are so old; None: as always."""
    before = stream_pool.LIFETIME
    if seconds is not None:
        stream_pool.LIFETIME = 0.9 * seconds  # type: ignore[misc]
    try:
        yield
    finally:
        stream_pool.LIFETIME = before  # type: ignore[misc]
