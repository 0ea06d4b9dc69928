"""Faults on demand: what goes wrong next, scripted by a test or drawn at random from a plan.

Nothing here does any I/O: the server asks what shall happen to an event, an answer or a connection.
The methods that order faults may be called from any thread.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError
from depthcli.simulator.corruption import CORRUPTIONS, Delivery, corrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EVENT_FAULTS: Final = ("drop", "duplicate", "swap", "corrupt", "stall", "abort", "close")
REST_FAULTS: Final = ("fail", "truncate", "hang", "slow", "stale", "mistyped")
_ARGUMENTS: Final = {
    "stall": 3.0,
    "close": 1001.0,
    "fail": 503.0,
    "hang": 15.0,
    "slow": 1.0,
    "stale": 200.0,
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Random faults: the probability of each, and what it needs to know.

    Attributes:
        chances: fault name to probability: per stream event for `drop`, `duplicate`, `swap`,
            `corrupt`, `stall`, `abort` and `close`; per request for the others.
        arguments: fault name to its argument.
    """

    chances: dict[str, float] = field(default_factory=dict)
    arguments: dict[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> FaultPlan:
        """Return the plan that a text such as `drop:0.01,stall:0.001:5,fail:0.1:500` stands for.

        The grammar is `NAME:PROBABILITY[:ARGUMENT]`, several of them separated by commas. To
        stream events happen `drop`, `duplicate`, `swap` (with the next one), `corrupt` (in one of
        many ways), `stall` (argument: seconds), `abort` (all connections are reset) and `close`
        (argument: the close code). To requests happen `fail` (argument: the HTTP status),
        `truncate`, `hang` and `slow` (argument: seconds), `stale` (argument: how many updates
        old the snapshot is) and `mistyped`.

        Raises:
            UsageError: the text isn't a plan; the message names the part that is wrong.
        """
        plan = cls()
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, rest = part.partition(":")
            if name not in EVENT_FAULTS + REST_FAULTS:
                known = ", ".join(EVENT_FAULTS + REST_FAULTS)
                raise UsageError(f"fault plan: no fault {name!r} in {part!r}: choose from {known}")
            chance, _, argument = rest.partition(":")
            plan.chances[name] = _number(chance, part, "probability", 1.0)
            if argument and name not in _ARGUMENTS:
                raise UsageError(f"fault plan: {name} takes no argument, in {part!r}")
            if argument:
                plan.arguments[name] = _number(argument, part, "argument", 1e6)
        return plan

    def argument(self, name: str) -> float:
        """Return a fault's argument, or what it is if the plan doesn't say."""
        return self.arguments.get(name, _ARGUMENTS.get(name, 0.0))

    def draw(self, names: Iterable[str], random: Random) -> str | None:
        """Return which of those faults happens now, if any."""
        return next(
            (
                name
                for name in names
                if name in self.chances and random.random() < self.chances[name]
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class RestFault:
    """What shall happen to one request.

    Attributes:
        kind: one of `REST_FAULTS`.
        status: `fail`: the HTTP status.
        code: `fail`: the exchange's error code.
        message: `fail`: the exchange's words.
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
    """What shall happen to all open WebSockets: `abort`, `close` with a code, or `shutdown`."""

    kind: str
    code: int = 1001


@dataclass(slots=True)
class _Scripted:
    kind: str
    target: str
    remaining: int
    corruption: str = ""
    rest: RestFault | None = None


class Faults:
    """The faults of one simulator.

    A target is a stream (`bnbbtc@depth@100ms`), a symbol in any case, or `*` for all. A path is
    what a request's path ends with, such as `depth`, or `*`.

    Args:
        plan: random faults that happen besides those that are ordered.
        seed: of the random ones.
        clock: seconds, from any beginning.

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
        self._held: dict[str, Delivery] = {}
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
        """Send the next event only after the one that follows it in its stream."""
        self._events.append(_Scripted("swap", target, count))

    def corrupt_next(self, kind: str, target: str = "*", count: int = 1) -> None:
        """Damage the next events; the kinds are those of `CORRUPTIONS`.

        Raises:
            UsageError: there's no such kind.
        """
        if kind not in CORRUPTIONS:
            raise UsageError(f"no corruption {kind!r}: choose one of {', '.join(CORRUPTIONS)}")
        self._events.append(_Scripted("corrupt", target, count, kind))

    def abort_connections(self) -> None:
        """Reset all WebSocket connections, without a word."""
        self._orders.append(ConnectionOrder("abort"))

    def close_connections(self, code: int = 1001) -> None:
        """Close all WebSocket connections properly, with that close code."""
        self._orders.append(ConnectionOrder("close", code))

    def announce_shutdown(self) -> None:
        """Tell all WebSocket connections that the server is about to go."""
        self._orders.append(ConnectionOrder("shutdown"))

    def stall(self, seconds: float) -> None:
        """Lose all events for so long; connections stay open and pings are answered."""
        self._stalled_until = self._clock() + seconds

    def refuse_connections(self, seconds: float = 0.0, count: int = 0) -> None:
        """Reset new connections at once: for so long, or so many of them."""
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
        """Break off in the middle of the next answers."""
        self._requests.append(_Scripted("truncate", path, count, rest=RestFault("truncate")))

    def hang_next(self, seconds: float, path: str = "*", count: int = 1) -> None:
        """Say nothing to the next requests, and close the connection after so long."""
        fault = RestFault("hang", seconds=seconds)
        self._requests.append(_Scripted("hang", path, count, rest=fault))

    def slow_next(self, seconds: float, path: str = "*", count: int = 1) -> None:
        """Answer the next requests properly, as of their arrival, but only after so long."""
        fault = RestFault("slow", seconds=seconds)
        self._requests.append(_Scripted("slow", path, count, rest=fault))

    def stale_next_snapshot(self, age: int = 200, count: int = 1) -> None:
        """Answer the next snapshot requests with the book of so many updates ago."""
        fault = RestFault("stale", age=age)
        self._requests.append(_Scripted("stale", "depth", count, rest=fault))

    def mistyped_next(self, path: str = "*", count: int = 1) -> None:
        """Answer the next requests with JSON whose values have the wrong types."""
        self._requests.append(_Scripted("mistyped", path, count, rest=RestFault("mistyped")))

    def deliveries(self, stream: str, payload: bytes) -> list[Delivery]:
        """Return what is sent instead of an event, in order; usually just the event."""
        delivery = Delivery(payload)
        if self._clock() < self._stalled_until:
            self.log["stall"] += 1
            return []
        if not (self._events or self._held or self._plan.chances):
            return [delivery]
        held = self._held.pop(stream, None)
        kind, corruption = self._event_fault(stream, may_swap=held is None)
        if kind:
            self.log[kind] += 1
        if kind == "swap":
            self._held[stream] = delivery
            return []
        if kind == "corrupt":
            delivery = corrupted(payload, corruption, self._random)
        copies = {"drop": 0, "duplicate": 2}.get(kind or "", 1)
        return [delivery] * copies + ([held] if held else [])

    def rest_fault(self, path: str) -> RestFault | None:
        """Return what shall happen to a request for that path, if anything."""
        scripted = _take(self._requests, lambda target: target == "*" or path.endswith(target))
        fault = scripted.rest if scripted else self._drawn_rest_fault(path)
        if fault:
            self.log[fault.kind] += 1
        return fault

    def connection_orders(self) -> list[ConnectionOrder]:
        """Return what shall happen to the open WebSockets now."""
        orders = []
        while self._orders:
            orders.append(self._orders.popleft())
            self.log[orders[-1].kind] += 1
        return orders

    def refuses(self) -> bool:
        """Return whether a new connection is to be reset."""
        counted = self._refused_count > 0
        refused = counted or self._clock() < self._refused_until
        self._refused_count -= counted
        if refused:
            self.log["refuse"] += 1
        return refused

    def _event_fault(self, stream: str, *, may_swap: bool) -> tuple[str | None, str]:
        symbol = stream.partition("@")[0]
        wanted = {"*", stream, symbol}
        if scripted := _take(
            self._events, lambda target: target in wanted or target.lower() == symbol
        ):
            return scripted.kind, scripted.corruption
        kind = self._plan.draw(EVENT_FAULTS, self._random)
        if kind == "swap" and not may_swap:
            return None, ""
        if kind == "stall":
            self.stall(self._plan.argument("stall"))
            return "drop", ""
        if kind in {"abort", "close"}:
            self._orders.append(ConnectionOrder(kind, int(self._plan.argument("close"))))
            return None, ""
        return kind, self._random.choice(CORRUPTIONS)

    def _drawn_rest_fault(self, path: str) -> RestFault | None:
        kind = self._plan.draw(REST_FAULTS, self._random)
        if not kind or (kind == "stale" and not path.endswith("depth")):
            return None
        argument = self._plan.argument(kind)
        return RestFault(kind, status=int(argument), seconds=argument, age=int(argument))


def _take(scripts: list[_Scripted], matches: Callable[[str], bool]) -> _Scripted | None:
    """Use up one of the first script that matches."""
    for script in scripts:
        if matches(script.target):
            script.remaining -= 1
            if script.remaining < 1:
                scripts.remove(script)
            return script
    return None


def _number(text: str, part: str, what: str, largest: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= largest:
        raise UsageError(
            f"fault plan: the {what} in {part!r} must be a number from 0 to {largest:g}"
        )
    return number
