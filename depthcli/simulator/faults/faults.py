"""Fault injection: faults scripted by a test or drawn at random from a plan.

Nothing here does any I/O: the server calls it to learn what to do with an event, a request or a
connection. The methods that script faults may be called from any thread.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

from depthcli.core.markets import MARKETS
from depthcli.errors import UsageError
from depthcli.simulator.faults.corruption import CORRUPTIONS, Delivery, corrupted
from depthcli.simulator.faults.plan import (
    CONNECTION_FAULTS,
    EVENT_FAULTS,
    EXCHANGE_FAULTS,
    REST_FAULTS,
    SOCKET_FAULTS,
    FaultPlan,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

EARLY_PATHS: Final = frozenset(
    market.depth_path() for market in MARKETS.values() if market.event_at_snapshot_id_applies
)
"""The paths of snapshots that may lack the event whose last id equals theirs."""


@dataclass(frozen=True, slots=True)
class RestFault:
    """A fault of one request.

    Attributes:
        kind: one of `REST_FAULTS`.
        status: `fail`: the HTTP status.
        code: `fail`: the exchange's error code.
        message: `fail`: the exchange's error message.
        retry_after: `fail`: seconds, sent as a header.
        seconds: `hang`, `slow`: for how long.
        age: `stale`: by how many updates the snapshot is behind.
    """

    kind: str
    status: int = 503
    code: int | None = None
    message: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
    age: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionOrder:
    """A fault of open WebSockets.

    Attributes:
        kind: one of `SOCKET_FAULTS`.
        count: how many of them it affects; None: all.
        pick: where among them to begin, from 0 to 1, in the order of their opening.
        code: `close`: the close code.
        seconds: `shutdown`: from the announcement to the close; None: only announce it.
    """

    kind: str
    count: int | None = None
    pick: float = 0.0
    code: int = 1001
    seconds: float | None = None

    def chosen(self, connections: Sequence[T]) -> Sequence[T]:
        """Return the affected ones among the connections."""
        if self.count is None:
            return connections
        first = int(self.pick * len(connections))
        return [*connections[first:], *connections[:first]][: self.count]


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """An event on the exchange.

    Attributes:
        kind: one of `EXCHANGE_FAULTS`.
        market: the market's name.
        symbol: the affected symbol; a `restart` affects all of the market.
        seconds: `halt`: for how long.
    """

    kind: str
    market: str
    symbol: str
    seconds: float


@dataclass(slots=True)
class _Scripted:
    kind: str
    target: str
    remaining: int
    corruption: str = ""
    rest: RestFault | None = None
    seconds: float = 0.0


class Faults:
    """The faults of one simulator.

    A target is a stream (`bnbbtc@depth@100ms`), a symbol in upper or lower case, or `*` for all. A
    path is the end of a request's path, such as `depth`, or `*`.

    Args:
        plan: random faults, in addition to scripted ones.
        seed: of the random faults.
        clock: returns seconds since any fixed moment.

    Attributes:
        log: how often each fault has happened.
    """

    def __init__(
        self,
        plan: FaultPlan | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.log: Counter[str] = Counter()
        self._plan = plan or FaultPlan()
        self._random = Random(f"{seed}:faults")
        self._clock = clock
        self._events: list[_Scripted] = []
        self._requests: list[_Scripted] = []
        self._orders: deque[ConnectionOrder] = deque()
        self._exchange_orders: deque[ExchangeOrder] = deque()
        self._held: dict[tuple[str, str], Delivery] = {}
        self._late: dict[tuple[str, str], deque[tuple[float, Delivery]]] = {}
        self._stalled_until = 0.0
        self._refused_until = 0.0
        self._refused_count = 0

    def drop_next_events(self, target: str = "*", count: int = 1) -> None:
        """Lose the next events."""
        self._events.append(_Scripted("drop", target, count))

    def duplicate_next(self, target: str = "*", count: int = 1) -> None:
        """Send each of the next events twice."""
        self._events.append(_Scripted("duplicate", target, count))

    def swap_next(self, target: str = "*", count: int = 1) -> None:
        """Swap the next event with the one after it in its stream."""
        self._events.append(_Scripted("swap", target, count))

    def corrupt_next(self, kind: str, target: str = "*", count: int = 1) -> None:
        """Damage the next events in one of the `CORRUPTIONS`.

        Raises:
            UsageError: there is no such kind.
        """
        if kind not in CORRUPTIONS:
            raise UsageError(f"no corruption {kind!r}: choose one of {', '.join(CORRUPTIONS)}")
        self._events.append(_Scripted("corrupt", target, count, kind))

    def delay_next(self, seconds: float, target: str = "*", count: int = 1) -> None:
        """Send the next events, and those behind them in their streams, that many seconds later."""
        self._events.append(_Scripted("delay", target, count, seconds=seconds))

    def abort_connections(self, count: int | None = None) -> None:
        """Reset the WebSockets that were opened first, or all, without a closing handshake."""
        self._orders.append(ConnectionOrder("abort", count))

    def close_connections(self, code: int = 1001, count: int | None = None) -> None:
        """Close the WebSockets that were opened first, or all, with that close code."""
        self._orders.append(ConnectionOrder("close", count, code=code))

    def freeze_connections(self, count: int | None = None) -> None:
        """Keep the WebSockets that were opened first, or all, open, but send nothing any more."""
        self._orders.append(ConnectionOrder("freeze", count))

    def announce_shutdown(self, seconds: float | None = None, count: int | None = None) -> None:
        """Announce a server shutdown to the WebSockets that were opened first, or to all.

        Args:
            seconds: the time until they are closed; None: they stay open.
            count: how many of them; None: all.
        """
        self._orders.append(ConnectionOrder("shutdown", count, seconds=seconds))

    def stall(self, seconds: float) -> None:
        """Lose all events for that many seconds; connections stay open and pings are answered."""
        self._stalled_until = self._clock() + seconds

    def refuse_connections(self, seconds: float = 0.0, count: int = 0) -> None:
        """Reset new connections at once, for that many seconds or that many of them."""
        self._refused_until = self._clock() + seconds
        self._refused_count = count

    def fail_next(
        self,
        path: str = "*",
        status: int = 503,
        count: int = 1,
        *,
        retry_after: float | None = None,
        code: int | None = None,
        message: str = "",
    ) -> None:
        """Answer the next requests with an error."""
        fault = RestFault("fail", status, code, message, retry_after)
        self._requests.append(_Scripted("fail", path, count, rest=fault))

    def truncate_next_body(self, path: str = "*", count: int = 1) -> None:
        """Cut off the next responses in the middle."""
        self._requests.append(_Scripted("truncate", path, count, rest=RestFault("truncate")))

    def hang_next(self, seconds: float, path: str = "*", count: int = 1) -> None:
        """Don't answer the next requests, and close their connections after that many seconds."""
        fault = RestFault("hang", seconds=seconds)
        self._requests.append(_Scripted("hang", path, count, rest=fault))

    def slow_next(self, seconds: float, path: str = "*", count: int = 1) -> None:
        """Delay the responses to the next requests; their content is that of the request's time."""
        fault = RestFault("slow", seconds=seconds)
        self._requests.append(_Scripted("slow", path, count, rest=fault))

    def stale_next_snapshot(self, age: int = 200, count: int = 1) -> None:
        """Answer the next snapshot requests with the book of that many updates ago."""
        fault = RestFault("stale", age=age)
        self._requests.append(_Scripted("stale", "depth", count, rest=fault))

    def early_next_snapshot(self, count: int = 1) -> None:
        """Answer the next snapshot requests for derivatives with the id of an event that they lack.

        The event is sent at once, and faults don't affect it.
        """
        self._requests.append(_Scripted("early", "depth", count, rest=RestFault("early")))

    def mistyped_next(self, path: str = "*", count: int = 1) -> None:
        """Answer the next requests with JSON whose values have the wrong types."""
        self._requests.append(_Scripted("mistyped", path, count, rest=RestFault("mistyped")))

    def deliveries(
        self, stream: str, payload: bytes, market: str = "", *, owed: bool = False
    ) -> list[Delivery]:
        """Return what to send now instead of an event, in order; usually just the event.

        Args:
            stream: the event's stream.
            payload: the event.
            market: the market's name.
            owed: whether to send it regardless of faults (`StreamEvent.owed`).
        """
        delivery = Delivery(payload)
        if not owed and self._clock() < self._stalled_until:
            self.log["stall"] += 1
            return []
        if not (self._events or self._held or self._late or self._plan.chances):
            return [delivery]
        key = market, stream
        held = self._held.pop(key, None)
        fault = None if owed else self._event_fault(stream, market, may_swap=held is None)
        kind = fault.kind if fault else ""
        if fault:
            self.log[kind] += 1
        if kind == "swap":
            self._held[key] = delivery
            return []
        if fault and kind == "corrupt":
            delivery = corrupted(payload, fault.corruption, self._random)
        copies = {"drop": 0, "duplicate": 2}.get(kind, 1)
        sent = [delivery] * copies + ([held] if held else [])
        if fault and kind == "delay":
            self._late.setdefault(key, deque())
        elif key not in self._late:
            return sent
        late = self._late[key]
        earliest = late[-1][0] if late else 0.0
        due = max(earliest, self._clock() + fault.seconds if fault else 0.0)
        late.extend((due, delivery) for delivery in sent)
        return []

    def late_deliveries(self) -> list[tuple[str, str, Delivery]]:
        """Return the delayed events to send now, with their markets and streams."""
        now = self._clock()
        due: list[tuple[str, str, Delivery]] = []
        for (market, stream), late in list(self._late.items()):
            while late and late[0][0] <= now:
                due.append((market, stream, late.popleft()[1]))
            if not late:
                del self._late[market, stream]
        return due

    def rest_fault(self, path: str) -> RestFault | None:
        """Return the fault of a request for that path, if any."""
        scripted = _use_up(self._requests, lambda target: target == "*" or path.endswith(target))
        fault = scripted.rest if scripted else self._drawn_rest_fault(path)
        if fault:
            self.log[fault.kind] += 1
        return fault

    def connection_orders(self) -> list[ConnectionOrder]:
        """Return the faults of open WebSockets that are due."""
        orders = []
        while self._orders:
            orders.append(self._orders.popleft())
            self.log[orders[-1].kind] += 1
        return orders

    def exchange_orders(self) -> list[ExchangeOrder]:
        """Return the events on the exchange that are due."""
        orders = list(self._exchange_orders)
        self._exchange_orders.clear()
        return orders

    def refuses(self) -> bool:
        """Return whether to reset a new connection."""
        counted = self._refused_count > 0
        refused = counted or self._clock() < self._refused_until
        self._refused_count -= counted
        if not refused and self._plan.draw(CONNECTION_FAULTS, self._random):
            self._refused_until = self._clock() + self._plan.argument("refuse")
            refused = True
        if refused:
            self.log["refuse"] += 1
        return refused

    def _event_fault(self, stream: str, market: str, *, may_swap: bool) -> _Scripted | None:
        symbol = stream.partition("@")[0]
        wanted = {"*", stream, symbol}
        if scripted := _use_up(
            self._events, lambda target: target in wanted or target.lower() == symbol
        ):
            return scripted
        kind = self._plan.draw(EVENT_FAULTS, self._random)
        if kind is None or (kind == "swap" and not may_swap):
            return None
        argument = self._plan.argument(kind)
        if kind == "stall":
            self.stall(argument)
            kind = "drop"
        elif kind in SOCKET_FAULTS:
            pick = self._random.random()
            order = ConnectionOrder(kind, 1, pick, code=int(argument), seconds=argument)
            self._orders.append(order)
            return None
        elif kind in EXCHANGE_FAULTS:
            self.log[kind] += 1
            self._exchange_orders.append(ExchangeOrder(kind, market, symbol.upper(), argument))
            return None
        corruption = self._random.choice(CORRUPTIONS)
        return _Scripted(kind, stream, 0, corruption, seconds=argument)

    def _drawn_rest_fault(self, path: str) -> RestFault | None:
        kind = self._plan.draw(REST_FAULTS, self._random)
        if not kind or (kind == "stale" and not path.endswith("depth")):
            return None
        if kind == "early" and path not in EARLY_PATHS:
            return None
        argument = self._plan.argument(kind)
        return RestFault(kind, status=int(argument), seconds=argument, age=int(argument))


def _use_up(scripts: list[_Scripted], matches: Callable[[str], bool]) -> _Scripted | None:
    """Use up one occurrence of the first matching script, and return it."""
    for script in scripts:
        if matches(script.target):
            script.remaining -= 1
            if script.remaining < 1:
                scripts.remove(script)
            return script
    return None
