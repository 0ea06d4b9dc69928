"""How long to wait before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

JITTER: Final = random.Random()
"""Where the jitter comes from; seeding it makes a run repeatable."""


@dataclass(slots=True)
class Backoff:
    """Delays that double from try to try, with jitter so that many don't come back at once.

    Attributes:
        first: the delay before the first new try, seconds.
        step: the delay before the second, seconds.
        most: no delay is longer, seconds.
        tries: how many delays were given since the last reset.
    """

    first: float = 0.0
    step: float = 0.5
    most: float = 30.0
    source: random.Random = field(default=JITTER, repr=False)
    tries: int = 0

    def next(self) -> float:
        """Return the delay before the next try, seconds."""
        self.tries += 1
        if self.tries == 1:
            return self.first
        full = min(self.most, self.step * 2.0 ** min(self.tries - 2, 30))
        return full * self.source.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew: a try succeeded."""
        self.tries = 0
