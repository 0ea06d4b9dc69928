"""Distributes events from the sources to the subscribed WebSockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from websockets.frames import Frame, Opcode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.simulator.faults.corruption import Delivery
    from depthcli.simulator.faults.faults import Faults
    from depthcli.simulator.market.source import Source, StreamEvent


class Subscription(NamedTuple):
    """A stream of one of the markets."""

    market: str
    stream: str


class Subscriber(Protocol):
    """The part of a WebSocket's interface that the hub needs."""

    @property
    def combined(self) -> bool:
        """Whether events are wrapped with their stream's name."""

    def enqueue(self, frame: bytes, *, cut: bool) -> None:
        """Queue a WebSocket frame; `cut`: the connection breaks off in the middle of it."""

    def send_enqueued(self) -> None:
        """Send the queued frames."""


class Hub:
    """Keeps the subscribers of each stream, and sends them its events.

    Each event is encoded once, however many subscribers there are.
    """

    def __init__(self, sources: Iterable[Source], faults: Faults) -> None:
        self._sources = {source.market.name: source for source in sources}
        self._faults = faults
        self._subscribers: dict[Subscription, dict[Subscriber, None]] = {}
        self._waiting: dict[Subscriber, None] = {}

    def subscribe(self, subscriber: Subscriber, prefix: str, stream: str) -> Subscription | None:
        """Subscribe to a stream of the market that has it, first among those of the prefix.

        Returns:
            None if no market has such a stream. As on the real exchange, that isn't an error.
        """
        sources = sorted(
            self._sources.values(), key=lambda source: source.market.websocket_prefix != prefix
        )
        for source in sources:
            subscription = Subscription(source.market.name, stream)
            if subscription in self._subscribers or source.watch(stream):
                self._subscribers.setdefault(subscription, {})[subscriber] = None
                return subscription
        return None

    def unsubscribe(self, subscriber: Subscriber, subscription: Subscription) -> None:
        """End a subscription."""
        subscribers = self._subscribers.get(subscription, {})
        subscribers.pop(subscriber, None)
        if not subscribers and self._subscribers.pop(subscription, None) is not None:
            self._sources[subscription.market].unwatch(subscription.stream)

    def publish(self, market: str, event: StreamEvent) -> None:
        """Queue an event for all subscribers, after applying faults."""
        if (market, event.stream) in self._subscribers:
            stream, payload, owed = event
            for delivery in self._faults.deliveries(stream, payload, market, owed=owed):
                self._queue(market, stream, delivery)

    def publish_late(self) -> None:
        """Queue the delayed events that are due now."""
        for market, stream, delivery in self._faults.late_deliveries():
            self._queue(market, stream, delivery)

    def send_published(self) -> None:
        """Send all queued events, with a single write per connection."""
        waiting, self._waiting = self._waiting, {}
        for subscriber in waiting:
            subscriber.send_enqueued()

    def _queue(self, market: str, stream: str, delivery: Delivery) -> None:
        subscribers = self._subscribers.get(Subscription(market, stream), {})
        frames: dict[bool, bytes] = {}
        for subscriber in subscribers:
            combined = subscriber.combined
            if combined not in frames:
                frames[combined] = _frame(stream if combined else "", delivery)
            subscriber.enqueue(frames[combined], cut=delivery.cut)
        self._waiting |= subscribers


def wrapped(stream: str, payload: bytes) -> bytes:
    """Return an event as a combined stream sends it."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), payload)


def _frame(stream: str, delivery: Delivery) -> bytes:
    payload = delivery.payload
    if stream and not delivery.whole:
        payload = wrapped(stream, payload)
    opcode = Opcode.BINARY if delivery.binary else Opcode.TEXT
    return Frame(opcode, payload).serialize(mask=False)
