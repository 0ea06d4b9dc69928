"""Streams of one market over a connection that is kept open.

When the connection is lost, it is opened again with all its streams, the first time without delay.
Before the exchange closes it, after 24 hours or when announced, a successor takes over without the
listeners noticing.
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
"""Seconds after which a connection is replaced: the exchange closes it after 24 hours."""

SPREAD: Final = 1800.0
"""The most seconds by which a lifetime is shortened at random, so that connections aren't all
replaced at once."""

CHECK_INTERVAL: Final = 0.25
"""Seconds between two checks whether a successor can take over."""

STEADY: Final = 10.0
"""Seconds after which a connection counts as having worked, even if nothing arrived."""


class StreamListener(Protocol[N]):
    """Receives the events of a stream, and is notified of what happens to it."""

    def opened(self) -> None:
        """The stream is open: from now on no event is missed."""

    def receive(self, event: DepthEvent[N], now: float) -> None:
        """An event arrived at that time, on the loop's clock."""

    def refuse(self, why: str) -> None:
        """An unreadable frame arrived; `why` says what is wrong with it."""

    def lost(self, reason: str) -> None:
        """The stream broke off; it will be opened again."""

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""


class StreamPool(Generic[N]):
    """Streams of one market over one connection at a time, as long as there are listeners.

    Args:
        market: the market of the streams.
        origin: `scheme://host` of its streams.
        conv_type: the number type of the events.
        max_reconnects: failed attempts in a row before the streams are lost for good; None: no
            limit.
        connector: opens a WebSocket like `websockets.asyncio.client.connect`.
        connection_limiter: limits the connection attempts.
    """

    def __init__(  # noqa: PLR0917, what it carries, then how it connects
        self,
        market: Market,
        origin: str,
        conv_type: type[N],
        max_reconnects: int | None,
        connector: Callable[..., Any],
        connection_limiter: RateLimiter,
    ) -> None:
        self._market = market
        self._origin = origin
        self._conv_type: type[N] = conv_type
        self._max_reconnects = max_reconnects
        self._connector = connector
        self._connection_limiter = connection_limiter
        # Tuples, replaced on changes: a listener may remove itself or others during a call.
        self._listeners: dict[str, tuple[StreamListener[N], ...]] = {}
        self._started = asyncio.get_running_loop().time()
        self._current: Connection[N] | None = None
        self._successor: Connection[N] | None = None
        self._handover: Handover[N] | None = None
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def last_frame(self) -> float:
        """When the last frame of any stream arrived, on the loop's clock."""
        return self._started if self._current is None else self._current.last_frame

    def takes(self, market: Market, conv_type: type[Any], stream: str) -> bool:
        """Return whether the stream fits this pool and there is room for it."""
        if self._task is None or self._task.done() or self._task.cancelling():
            return False
        return (market.name, conv_type) == (self._market.name, self._conv_type) and (
            stream in self._listeners or len(self._listeners) < market.streams_per_connection
        )

    def start(self, on_end: Callable[[StreamPool[N]], None]) -> None:
        """Connect in a new task; `on_end` is called when the pool ends for good."""
        self._task = asyncio.create_task(self._run(), name=f"streams {self._market.name}")
        self._task.add_done_callback(lambda _: on_end(self))

    async def close(self) -> None:
        """Close the connection for good."""
        self._end()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _end(self) -> None:
        # Only once: a second cancellation would interrupt the closing handshake.
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    def add(self, stream: str, listener: StreamListener[N]) -> None:
        """Add a listener to a stream, and subscribe to the stream if it is the first."""
        known = self._listening([stream])
        known.append(listener)
        self._listeners[stream] = tuple(known)
        if self._current is not None and stream in self._current.carried:
            listener.opened()
        self._wants_changed()

    def remove(self, stream: str, listener: StreamListener[N]) -> None:
        """Remove a listener from a stream, and unsubscribe from the stream if it was the last."""
        others = [known for known in self._listeners.get(stream, ()) if known is not listener]
        if others:
            self._listeners[stream] = tuple(others)
        else:
            self._listeners.pop(stream, None)
        if not self._listeners:
            self._end()
        self._wants_changed()

    def drop(self, reason: str) -> None:
        """Abort the current connection without a closing handshake; a new one is opened."""
        if self._current is not None:
            self._current.drop(reason)

    # Called by its connections (`Owner`).

    @property
    def wanted(self) -> Collection[str]:
        """The streams with listeners, in the order in which they were added."""
        return self._listeners

    def confirmed(self, connection: Connection[N], streams: list[str]) -> None:
        """A connection is now subscribed to these streams."""
        if connection is self._current:
            for listener in self._listening(streams):
                listener.opened()
        elif self._handover is not None:
            self._handover.opened(streams, asyncio.get_running_loop().time())

    def refused(self, streams: list[str], reason: str) -> None:
        """The exchange refused these streams; they aren't requested again."""
        listeners = self._listening(streams)
        for stream in streams:
            self._listeners.pop(stream, None)
        for listener in listeners:
            listener.gone(f"the exchange refused the stream: {reason}")

    def unreadable(self, connection: Connection[N], streams: Iterable[str], why: str) -> None:
        """An unreadable frame of one of these streams arrived; `why` says what is wrong with it.

        One from a successor is ignored: the predecessor may still deliver the event, and if it
        doesn't, the gap is noticed.
        """
        if connection is self._current:
            for listener in self._listening(streams):
                listener.refuse(why)

    def leaving(self, connection: Connection[N]) -> None:
        """The exchange announced that it will close a connection: it needs a successor."""
        if connection is self._current:
            logger.info("%s: the exchange's server is shutting down", self._market.name)
            self._leaving.set()

    # Reconnection and succession.

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        opened_once = False
        while True:
            started = clock()
            current = await self._connect(self._deliver)
            self._current = current
            succession = asyncio.create_task(self._replace_in_time(), name="succession")
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

    async def _connect(self, deliver: Callable[[str, DepthEvent[N], float], None]) -> Connection[N]:
        """Start a connection as soon as the limiter allows another attempt."""
        clock = asyncio.get_running_loop().time
        while delay := self._connection_limiter.delay(clock()):  # noqa: ASYNC110, it waits for a time
            await asyncio.sleep(delay)
        self._connection_limiter.note(clock())
        connection = Connection(
            self._market, self._origin, self._conv_type, self._connector, self, deliver
        )
        connection.start()
        return connection

    async def _until_lost(self) -> str:
        """Wait until a connection ends without a successor; return why it ended."""
        while True:
            current = self._current
            if current is None or current.task is None:
                return "not connected"
            await asyncio.wait([current.task])
            if self._current is current and not self._take_over():
                return current.task.result()

    async def _replace_in_time(self) -> None:
        """Replace each connection before the exchange closes it."""
        backoff = Backoff(first=1, step=2, most=60)
        while True:
            await self._until_replacement_due()
            if await self._replace():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next())
                self._leaving.set()

    async def _until_replacement_due(self) -> None:
        """Wait until the connection is old, or the exchange announces its end."""
        clock = asyncio.get_running_loop().time
        lifetime = LIFETIME - JITTER.uniform(0, min(SPREAD, LIFETIME / 10))
        while True:
            current = self._current
            opened_at = (
                clock() if current is None or current.opened_at is None else current.opened_at
            )
            try:
                async with asyncio.timeout(opened_at + lifetime - clock()):
                    await self._leaving.wait()
            except TimeoutError:
                if current is not self._current:
                    continue
            self._leaving.clear()
            return

    async def _replace(self) -> bool:
        """Open a successor and hand over to it; return whether that succeeded."""
        clock = asyncio.get_running_loop().time
        successor = await self._connect(self._from_successor)
        old = self._current
        if old is None or successor.task is None:
            return False
        self._successor = successor
        handover = self._handover = Handover(clock())
        old.deliver = self._from_predecessor
        logger.info("%s: opening a new connection to take over", self._market.name)
        while self._successor is successor and not successor.task.done():
            await asyncio.wait([successor.task], timeout=CHECK_INTERVAL)
            if self._successor is successor and handover.complete(self._listeners, clock()):
                self._swap(successor, handover)
                await old.close()
        if self._successor is not successor:
            return True
        logger.info("%s: the new connection failed: %s", self._market.name, successor.task.result())
        self._successor = self._handover = None
        old.deliver = self._deliver
        return False

    def _take_over(self) -> bool:
        """Switch to the successor at once if there is an open one; return whether there was."""
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

    # Delivery to listeners.

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
