"""Exponential backoff with jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

JITTER: Final = random.Random()
"""The source of jitter; seed it to make a run repeatable."""


@dataclass(slots=True)
class Backoff:
    """Delays that double with each retry, with jitter so that many clients don't retry at once.

    Attributes:
        first: the delay before the first retry, in seconds.
        step: the delay before the second, in seconds, before jitter.
        most: the longest delay, in seconds.
        source: the random numbers for jitter.
        tries: how many delays have been returned since the last reset.
    """

    first: float = 0.0
    step: float = 0.5
    most: float = 30.0
    source: random.Random = field(default=JITTER, repr=False)
    tries: int = 0

    def next(self) -> float:
        """Return the delay before the next retry, in seconds."""
        self.tries += 1
        if self.tries == 1:
            return self.first
        full = min(self.most, self.step * 2.0 ** min(self.tries - 2, 30))
        return full * self.source.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start over: a try succeeded."""
        self.tries = 0
