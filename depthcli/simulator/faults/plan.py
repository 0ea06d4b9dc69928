"""Plans of random faults: the known faults, and the probability and argument of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

SOCKET_FAULTS: Final = ("abort", "close", "freeze", "shutdown")
"""Faults of one of the WebSockets."""

EXCHANGE_FAULTS: Final = ("halt", "delist", "restart")
"""Events on the exchange that affect a symbol or a whole market."""

EVENT_FAULTS: Final = (
    *("drop", "duplicate", "swap", "corrupt", "delay"),
    *SOCKET_FAULTS,
    *EXCHANGE_FAULTS,
    "stall",
)
"""Faults drawn for each event of a stream."""

REST_FAULTS: Final = ("fail", "truncate", "hang", "slow", "stale", "mistyped", "early")
"""Faults drawn for each request."""

CONNECTION_FAULTS: Final = ("refuse",)
"""Faults drawn for each new connection."""

FAULTS: Final = EVENT_FAULTS + REST_FAULTS + CONNECTION_FAULTS

_ARGUMENTS: Final = {
    "delay": 1.0,
    "stall": 3.0,
    "close": 1001.0,
    "shutdown": 10.0,
    "halt": 30.0,
    "fail": 503.0,
    "hang": 15.0,
    "slow": 1.0,
    "stale": 200.0,
    "refuse": 0.0,
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Random faults: the probability and the argument of each.

    Attributes:
        chances: fault name to probability: per event for `EVENT_FAULTS`, per request for
            `REST_FAULTS`, per new connection for `CONNECTION_FAULTS`.
        arguments: fault name to its argument.
    """

    chances: dict[str, float] = field(default_factory=dict)
    arguments: dict[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> FaultPlan:
        """Parse a plan such as `drop:0.01,stall:0.001:5,fail:0.1:500`.

        The grammar is `NAME:PROBABILITY[:ARGUMENT]`, with commas between faults.

        - Drawn for each event of a stream: `drop`, `duplicate`, `swap` (with the next one),
          `corrupt` (in one of many ways), `delay` (this and later events of its stream are sent
          that many seconds late) and `stall` (all events are lost for that many seconds); for one
          of the WebSockets `abort` (it is reset), `close` (with that close code), `freeze` (it
          stays open, but nothing is sent any more) and `shutdown` (announced, and closed that many
          seconds later); for the event's symbol `halt` (for that many seconds) and `delist`; and
          for its market `restart` (update ids restart).
        - Drawn for each request: `fail` (with that HTTP status), `truncate`, `hang` and `slow` (for
          that many seconds), `stale` (the snapshot is that many updates old), `mistyped` and
          `early` (a derivatives' snapshot has the id of an event that it lacks; the event is sent
          at once).
        - Drawn for each new connection: `refuse` (it, and all others for that many seconds).

        Raises:
            UsageError: the text isn't a plan; the message names the wrong part.
        """
        plan = cls()
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, rest = part.partition(":")
            if name not in FAULTS:
                known = ", ".join(FAULTS)
                raise UsageError(f"fault plan: no fault {name!r} in {part!r}: choose from {known}")
            chance, _, argument = rest.partition(":")
            plan.chances[name] = _number(chance, part, "probability", 1.0)
            if argument and name not in _ARGUMENTS:
                raise UsageError(f"fault plan: {name} takes no argument, in {part!r}")
            if argument:
                plan.arguments[name] = _number(argument, part, "argument", 1e6)
        return plan

    def argument(self, name: str) -> float:
        """Return a fault's argument, or its default."""
        return self.arguments.get(name, _ARGUMENTS.get(name, 0.0))

    def draw(self, names: Iterable[str], random: Random) -> str | None:
        """Draw which of those faults happens now, if any."""
        return next(
            (
                name
                for name in names
                if name in self.chances and random.random() < self.chances[name]
            ),
            None,
        )


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
