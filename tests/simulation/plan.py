"""What goes wrong in a run, and when: a list of faults drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthcli.simulator.faults.corruption import CORRUPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

FIRST: Final = 5.0
"""Seconds after the start before which nothing goes wrong."""

STALE_APART: Final = 300.0
"""Seconds between two times of old snapshots: no cache of the exchange lags for half a minute."""

TELLING: Final = frozenset({418, 429, 451})
"""Statuses by which the exchange asks for silence, or refuses this location for good."""

REFUSING: Final = (403, 408, 418, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at: when, seconds from the start, on the loop's clock.
        kind: one of `KINDS`.
        seconds: for how long at the most.
        count: to how many frames or requests at the most; 0: to all.
        detail: of which sort, where there are several.
        value: how much of it, where that can be said.
    """

    at: float
    kind: str
    seconds: float = 0.0
    count: int = 0
    detail: str = ""
    value: float = 0.0

    @property
    def ends(self) -> float:
        """When it is over at the latest."""
        return self.at + self.seconds

    def __str__(self) -> str:
        minutes, seconds = divmod(self.at, 60)
        words = [f"{minutes:3.0f}:{seconds:06.3f}  {self.kind}"]
        words += [self.detail] if self.detail else []
        words += [f"{self.value:g}"] if self.value else []
        words += [f"x{self.count}"] if self.count else []
        words += [f"for {self.seconds:.1f} s"] if self.seconds else []
        return " ".join(words)


def _frames(kind: str) -> Callable[[Random, float], Fault]:
    def draw(random: Random, at: float) -> Fault:
        return Fault(at, kind, seconds=60, count=random.choice((1, 1, 1, 2, 3, 10)))

    return draw


def _delay(random: Random, at: float) -> Fault:
    value = round(random.choice((0.2, 1.0, 4.0, 12.0)) * random.uniform(0.5, 1.5), 3)
    return Fault(at, "delay", seconds=60, count=random.choice((1, 1, 3)), value=value)


def _corrupt(random: Random, at: float) -> Fault:
    count = random.choice((1, 1, 2, 5))
    return Fault(at, "corrupt", seconds=60, count=count, detail=random.choice(CORRUPTIONS))


def _close(random: Random, at: float) -> Fault:
    return Fault(at, "close", value=random.choice((1000, 1001, 1006, 1008, 1011, 1012)))


def _lasting(
    kind: str, *lengths: float, value: tuple[float, float] | None = None
) -> Callable[[Random, float], Fault]:
    def draw(random: Random, at: float) -> Fault:
        seconds = random.choice(lengths) * random.uniform(0.3, 1.0)
        amount = round(random.uniform(*value), 3) if value else 0.0
        return Fault(at, kind, seconds=round(seconds, 3), value=amount)

    return draw


def _handshake(random: Random, at: float) -> Fault:
    seconds = round(random.uniform(1, 60), 3)
    return Fault(at, "handshake", seconds=seconds, value=random.choice((403, 418, 429, 500, 503)))


def _rest(kind: str, *details: str) -> Callable[[Random, float], Fault]:
    def draw(random: Random, at: float) -> Fault:
        count = random.choice((1, 1, 2, 3, 0))
        # A cache of the exchange that lags for longer isn't known.
        longest = 25.0 if kind == "rest-stale" else 180.0
        seconds = 120.0 if count else round(longest * random.choice((0.1, 0.3, 1.0)), 3)
        detail = random.choice(details) if details else ""
        return Fault(at, kind, seconds=seconds, count=count, detail=detail)

    return draw


def _status(random: Random, at: float) -> Fault:
    if random.random() < 0.5:
        # A proxy or a CDN answers; none of what it says is about the symbol.
        status = random.choice([each for each in range(400, 600) if each not in TELLING])
        detail = random.choice(("html", "json", "empty"))
        count = random.choice((1, 1, 1, 2, 5))
        return Fault(at, "status", seconds=60.0, count=count, detail=detail, value=status)
    status = random.choice(REFUSING)
    detail = random.choice(("", "", "garbage", "0", "-5", "soon", "1e99"))
    seconds = 60.0
    if status in {418, 429} and random.random() < 0.7:
        longest = 400 if status == 418 else 60
        wait = random.randrange(1, longest)
        return Fault(at, "status", seconds=seconds + wait, count=1, detail=str(wait), value=status)
    if status == 418:
        seconds = 180.0
    count = random.choice((1, 1, 2, 3, 10))
    return Fault(at, "status", seconds=seconds, count=count, detail=detail, value=status)


def _restart(random: Random, at: float) -> Fault:
    detail = random.choice(("back", "back", "ahead")) + random.choice((" kept", " cut", " cut"))
    return Fault(at, "restart", seconds=round(random.uniform(4, 90), 3), detail=detail)


def _suspend(random: Random, at: float) -> Fault:
    seconds = random.choice((2.0, 20.0, 120.0, 3600.0)) * random.uniform(0.3, 1.0)
    clock = random.choice(("counted", "uncounted"))
    fates = ("cut", "half-open") if seconds > 60 else ("cut", "half-open", "backlog", "backlog")
    return Fault(at, "suspend", value=round(seconds, 3), detail=f"{clock} {random.choice(fates)}")


def _clock(random: Random, at: float) -> Fault:
    value = random.choice((-3600, -120, -5, 5, 120, 3600)) * random.uniform(0.5, 1)
    return Fault(at, "clock", value=round(value, 3))


def _shutdown(random: Random, at: float) -> Fault:
    return Fault(at, "shutdown", seconds=round(random.choice((1, 30, 120)) * random.random(), 3))


KINDS: Final[dict[str, Callable[[Random, float], Fault]]] = {
    # to frames
    "drop": _frames("drop"),
    "duplicate": _frames("duplicate"),
    "reorder": _frames("reorder"),
    "delay": _delay,
    "corrupt": _corrupt,
    # to connections
    "abort": lambda random, at: Fault(at, "abort"),
    "close": _close,
    "half-open": lambda random, at: Fault(at, "half-open", seconds=45),
    "stall": _lasting("stall", 3, 20, 120, 600),
    "mute": _lasting("mute", 30, 600, 1800),
    "slow": _lasting("slow", 20, 60, value=(0.5, 8.0)),
    "refuse": _lasting("refuse", 3, 20, 120),
    "hang": _lasting("hang", 3, 20, 120),
    "handshake": _handshake,
    "shutdown": _shutdown,
    # to requests
    "rest-refuse": _rest("rest-refuse"),
    "rest-hang": _rest("rest-hang"),
    "rest-slow": _rest("rest-slow", "0.5", "2", "4.9", "9", "30"),
    "rest-truncate": _rest("rest-truncate", "cut", "short", "empty"),
    "rest-stale": _rest("rest-stale", "5", "40", "400"),
    "rest-mistyped": _rest("rest-mistyped", "types", "html", "list", "error"),
    "status": _status,
    # to the exchange and to our machine
    "restart": _restart,
    "halt": _lasting("halt", 20, 300),
    "delist": lambda random, at: Fault(at, "delist"),
    "clock": _clock,
    "others": _lasting("others", 60, 300, value=(0.3, 0.9)),
    "suspend": _suspend,
}
"""The kinds of faults, each with how one is drawn for a given moment."""

RARE: Final = {"delist": 0.1, "suspend": 0.5, "restart": 0.7, "clock": 0.5, "others": 0.4}
"""How much more seldom than the others some kinds are drawn."""


def draw_plan(random: Random, until: float, kinds: Sequence[str] = ()) -> list[Fault]:
    """Return the faults of a run, in order.

    Args:
        random: where they come from.
        until: seconds from the start after which none goes on.
        kinds: only these; by default a few or all.
    """
    if not kinds:
        kinds = list(KINDS)
        if random.random() < 0.5:
            # A few kinds many times: so they meet each other more often.
            kinds = random.sample(kinds, random.randrange(1, 6))
    weights = [RARE.get(kind, 1.0) for kind in kinds]
    faults: list[Fault] = []
    at = FIRST
    for _ in range(random.choice((0, 3, 6, 12, 20, 40))):
        if random.random() < 0.5 and faults:
            # Right upon the one before.
            at = faults[-1].at + random.expovariate(0.3)
        else:
            at = random.uniform(FIRST, until)
        (kind,) = random.choices(kinds, weights)
        fault = KINDS[kind](random, round(at, 3))
        longer = kind == "rest-stale" and any(
            other.kind == kind and abs(other.at - fault.at) < STALE_APART for other in faults
        )
        if fault.ends <= until and not longer:
            faults.append(fault)
    return sorted(faults, key=lambda fault: fault.at)
