"""Random faults as users write them: which there are, how probable each is, and its argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

SOCKET_FAULTS: Final = ("abort", "close", "freeze", "shutdown")
"""What happens to one of the WebSockets."""

EXCHANGE_FAULTS: Final = ("halt", "delist", "restart")
"""What happens to a symbol, or to all of a market: the exchange's own doing."""

EVENT_FAULTS: Final = (
    *("drop", "duplicate", "swap", "corrupt", "delay"),
    *SOCKET_FAULTS,
    *EXCHANGE_FAULTS,
    "stall",
)
"""What is drawn for each event of a stream."""

REST_FAULTS: Final = ("fail", "truncate", "hang", "slow", "stale", "mistyped", "early")
"""What is drawn for each request."""

CONNECTION_FAULTS: Final = ("refuse",)
"""What is drawn for each new connection."""

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
    """Random faults: the probability of each, and what it needs to know.

    Attributes:
        chances: fault name to probability: per event for `EVENT_FAULTS`, per request for
            `REST_FAULTS`, per new connection for `CONNECTION_FAULTS`.
        arguments: fault name to its argument.
    """

    chances: dict[str, float] = field(default_factory=dict)
    arguments: dict[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> FaultPlan:
        """Return the plan that a text such as `drop:0.01,stall:0.001:5,fail:0.1:500` stands for.

        The grammar is `NAME:PROBABILITY[:ARGUMENT]`, several of them separated by commas.

        - For each event of a stream are drawn `drop`, `duplicate`, `swap` (with the next one),
          `corrupt` (in one of many ways), `delay` (it and what follows it in its stream come that
          many seconds late) and `stall` (all events are lost for that many seconds); for one of
          the WebSockets `abort` (it is reset), `close` (with that close code), `freeze` (it stays
          open, and nothing ever comes again) and `shutdown` (announced, and closed that many
          seconds later); for the event's symbol `halt` (for that many seconds) and `delist`; and
          for its market `restart` (update ids start anew).
        - For each request `fail` (with that HTTP status), `truncate`, `hang` and `slow` (for that
          many seconds), `stale` (the snapshot is that many updates old), `mistyped` and
          `early` (the snapshot of a derivative bears the id of an event that it lacks; the event
          comes at once).
        - For each new connection `refuse` (it, and all others for that many seconds).

        Raises:
            UsageError: the text isn't a plan; the message names the part that is wrong.
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
