"""Streams of one market over one connection at a time, which is kept up.

After a loss the connection is made anew, the first try at once, with all its streams. Before the
exchange ends it, after 24 hours or when it says so, a successor takes over, and the listeners
notice nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol

from depthcli.core.backoff import JITTER, Backoff
from depthcli.core.handover import Handover
from depthcli.core.messages import N
from depthcli.exchange.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from depthcli.core.markets import Market
    from depthcli.core.messages import DepthEvent
    from depthcli.core.rate_limit import RateLimiter

logger = logging.getLogger(__name__)

LIFETIME: Final = 23 * 3600.0
"""Seconds after which a connection is replaced: the exchange ends it after 24 hours."""

SPREAD: Final = 1800.0
"""Seconds by which a lifetime is shortened at random, so that not all are replaced together."""

LOOK: Final = 0.25
"""Seconds between two looks at whether a successor can take over."""

STEADY: Final = 10.0
"""Seconds after which a connection counts as having worked, though nothing came."""


class StreamListener(Protocol[N]):
    """What wants to know of a stream."""

    def opened(self) -> None:
        """The stream is open: what comes from now on comes without holes."""

    def receive(self, event: DepthEvent[N], now: float) -> None:
        """An event came, at that time of the loop's clock."""

    def refuse(self, why: str) -> None:
        """A frame came that can't be read, and what is wrong with it."""

    def lost(self, reason: str) -> None:
        """The stream broke off; it will be opened anew."""

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""


class StreamPool(Generic[N]):
    """Streams of one market over one connection at a time, as long as somebody listens."""

    def __init__(  # noqa: PLR0917, what it is, and then how it connects
        self,
        market: Market,
        origin: str,
        conv_type: type[N],
        max_reconnects: int | None,
        connector: Callable[..., Any],
        pace: RateLimiter,
    ) -> None:
        self._market = market
        self._origin = origin
        self._conv_type: type[N] = conv_type
        self._max_reconnects = max_reconnects
        self._connector = connector
        self._pace = pace
        # Never changed in place: a listener may close itself, or another, while it takes an event.
        self._listeners: dict[str, tuple[StreamListener[N], ...]] = {}
        self._started = asyncio.get_running_loop().time()
        self._current: Connection[N] | None = None
        self._successor: Connection[N] | None = None
        self._handover: Handover[N] | None = None
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def last_frame(self) -> float:
        """When anything came last, for whatever stream, on the loop's clock."""
        return self._started if self._current is None else self._current.last_frame

    def takes(self, market: Market, conv_type: type[Any], stream: str) -> bool:
        """Return whether the stream belongs here and there is room for it."""
        if self._task is None or self._task.done() or self._task.cancelling():
            return False
        return (market.name, conv_type) == (self._market.name, self._conv_type) and (
            stream in self._listeners or len(self._listeners) < market.streams_per_connection
        )

    def start(self, on_end: Callable[[StreamPool[N]], None]) -> None:
        """Connect, in a task of its own; `on_end` is called when that ends for good."""
        self._task = asyncio.create_task(self._run(), name=f"streams {self._market.name}")
        self._task.add_done_callback(lambda _: on_end(self))

    async def close(self) -> None:
        """Close the connection for good."""
        self._end()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _end(self) -> None:
        # Once: a second time would break into the goodbye that the first began.
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    def add(self, stream: str, listener: StreamListener[N]) -> None:
        """Let a listener hear a stream."""
        known = self._listening([stream])
        known.append(listener)
        self._listeners[stream] = tuple(known)
        if self._current is not None and stream in self._current.carried:
            listener.opened()
        self._wants_changed()

    def remove(self, stream: str, listener: StreamListener[N]) -> None:
        """Let a listener no longer hear a stream."""
        others = [known for known in self._listeners.get(stream, ()) if known is not listener]
        if others:
            self._listeners[stream] = tuple(others)
        else:
            self._listeners.pop(stream, None)
        if not self._listeners:
            self._end()
        self._wants_changed()

    def drop(self, reason: str) -> None:
        """Cut the connection that there is, without a goodbye; a new one is made."""
        if self._current is not None:
            self._current.drop(reason)

    # What its connections tell (`Owner`).

    @property
    def wanted(self) -> Collection[str]:
        """The streams that somebody listens to, in the order in which they were asked for."""
        return self._listeners

    def confirmed(self, connection: Connection[N], streams: list[str]) -> None:
        """A connection carries these streams from now on."""
        if connection is self._current:
            for listener in self._listening(streams):
                listener.opened()
        elif self._handover is not None:
            self._handover.opened(streams, asyncio.get_running_loop().time())

    def refused(self, streams: list[str], reason: str) -> None:
        """The exchange refuses these streams: they aren't asked for again."""
        listeners = self._listening(streams)
        for stream in streams:
            self._listeners.pop(stream, None)
        for listener in listeners:
            listener.gone(f"the exchange refused the stream: {reason}")

    def unreadable(self, connection: Connection[N], streams: Iterable[str], why: str) -> None:
        """A frame of one of these streams came that can't be read, and what is wrong with it.

        What a successor can't read, its predecessor may still bring; if not, that leaves a gap.
        """
        if connection is self._current:
            for listener in self._listening(streams):
                listener.refuse(why)

    def leaving(self, connection: Connection[N]) -> None:
        """The exchange will soon end a connection: it needs a successor."""
        if connection is self._current:
            logger.info("%s: the exchange's server is shutting down", self._market.name)
            self._leaving.set()

    # Keeping a connection up.

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        opened_once = False
        while True:
            started = clock()
            current = await self._begin(self._deliver)
            self._current = current
            succession = asyncio.create_task(self._succession(), name="succession")
            try:
                reason = await self._until_lost()
            finally:
                succession.cancel()
                await asyncio.gather(succession, return_exceptions=True)
                worked = self._current.worked
                refused_here = self._current.location_refused and not opened_once
                opened_once = opened_once or self._current.opened_at is not None
                for connection in (self._current, self._successor):
                    if connection is not None:
                        await connection.close()
                self._current = self._successor = self._handover = None
            if worked or clock() - started > STEADY:
                backoff.reset()
            tried_enough = (
                self._max_reconnects is not None and backoff.tries >= self._max_reconnects
            )
            if refused_here or tried_enough:
                logger.warning("%s: lost for good: %s", self._market.name, reason)
                for listener in self._listening(self._listeners):
                    listener.gone(f"socket lost for good: {reason}")
                return
            delay = backoff.next()
            logger.info("%s: %s; connecting again in %.1f s", self._market.name, reason, delay)
            when = f", next try in {delay:.1f} s" if delay else ""
            for listener in self._listening(self._listeners):
                listener.lost(f"socket lost: {reason}{when}")
            await asyncio.sleep(delay)

    async def _begin(self, deliver: Callable[[str, DepthEvent[N], float], None]) -> Connection[N]:
        """Start a connection, as soon as one more may be tried."""
        clock = asyncio.get_running_loop().time
        while delay := self._pace.delay(clock()):  # noqa: ASYNC110, time is what it waits for
            await asyncio.sleep(delay)
        self._pace.note(clock())
        connection = Connection(
            self._market, self._origin, self._conv_type, self._connector, self, deliver
        )
        connection.start()
        return connection

    async def _until_lost(self) -> str:
        """Wait until a connection ends that no successor replaces; return why it ended."""
        while True:
            current = self._current
            if current is None or current.task is None:
                return "not connected"
            await asyncio.wait([current.task])
            if self._current is current and not self._take_over():
                return current.task.result()

    async def _succession(self) -> None:
        """Replace the connection in good time, again and again."""
        patience = Backoff(first=1, step=2, most=60)
        while True:
            await self._until_due()
            if await self._replace():
                patience.reset()
            else:
                await asyncio.sleep(patience.next())
                self._leaving.set()

    async def _until_due(self) -> None:
        """Wait until the connection is old, or the exchange says that it will go."""
        clock = asyncio.get_running_loop().time
        lifetime = LIFETIME - JITTER.uniform(0, min(SPREAD, LIFETIME / 10))
        while True:
            current = self._current
            born = clock() if current is None or current.opened_at is None else current.opened_at
            try:
                async with asyncio.timeout(born + lifetime - clock()):
                    await self._leaving.wait()
            except TimeoutError:
                if current is not self._current:
                    continue
            self._leaving.clear()
            return

    async def _replace(self) -> bool:
        """Let a successor take over; return whether it did."""
        clock = asyncio.get_running_loop().time
        successor = await self._begin(self._from_successor)
        old = self._current
        if old is None or successor.task is None:
            return False
        self._successor = successor
        handover = self._handover = Handover(clock())
        old.deliver = self._from_predecessor
        logger.info("%s: a new connection is made to take over", self._market.name)
        while self._successor is successor and not successor.task.done():
            await asyncio.wait([successor.task], timeout=LOOK)
            if self._successor is successor and handover.complete(self._listeners, clock()):
                self._swap(successor, handover)
                await old.close()
        if self._successor is not successor:
            return True
        logger.info("%s: it failed: %s", self._market.name, successor.task.result())
        self._successor = self._handover = None
        old.deliver = self._deliver
        return False

    def _take_over(self) -> bool:
        """Let the successor take over at once, if there is one that is open."""
        successor, handover = self._successor, self._handover
        if successor is None or handover is None or successor.opened_at is None:
            return False
        if successor.task is None or successor.task.done():
            return False
        self._swap(successor, handover)
        return True

    def _swap(self, successor: Connection[N], handover: Handover[N]) -> None:
        now = asyncio.get_running_loop().time()
        carried = set() if self._current is None else self._current.carried
        self._current, self._successor, self._handover = successor, None, None
        successor.deliver = self._deliver
        for stream in list(self._listeners):
            kept = handover.finish(stream)
            if kept is None and stream in carried:
                for listener in self._listening([stream]):
                    listener.lost("socket lost before its successor carried the stream")
            if kept is not None and stream not in carried:
                for listener in self._listening([stream]):
                    listener.opened()
            for event in kept or ():
                self._deliver(stream, event, now)
        logger.info("%s: the new connection took over", self._market.name)

    # Giving out.

    def _deliver(self, stream: str, event: DepthEvent[N], now: float) -> None:
        for listener in self._listeners.get(stream, ()):
            listener.receive(event, now)

    def _from_predecessor(self, stream: str, event: DepthEvent[N], now: float) -> None:
        if self._handover is not None:
            for known in self._handover.from_predecessor(stream, event):
                self._deliver(stream, known, now)

    def _from_successor(self, stream: str, event: DepthEvent[N], now: float) -> None:
        if self._handover is not None:
            for known in self._handover.from_successor(stream, event):
                self._deliver(stream, known, now)

    def _wants_changed(self) -> None:
        for connection in (self._current, self._successor):
            if connection is not None:
                connection.wants_changed()

    def _listening(self, streams: Iterable[str]) -> list[StreamListener[N]]:
        return [listener for stream in streams for listener in self._listeners.get(stream, ())]
