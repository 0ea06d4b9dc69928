"""Seeded order flow of one symbol: a book in ticks and lots, and its changes.

The flow is a pure function of the symbol, the seed and the tempo. It uses no clock and doesn't
depend on other symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from random import Random
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthcli.simulator.market.instruments import Instrument

BID: Final = 0
ASK: Final = 1
AWAY: Final = (-1, 1)
"""For each side, the direction in which prices get worse."""

FEWEST_LEVELS: Final = 12
"""Orders never leave fewer levels than this on a side."""


_SIZES: Final = tuple(
    exp(NormalDist(-0.4, 1.1).inv_cdf((rank + 0.5) / 1024)) for rank in range(1024)
)
"""Log-normal order sizes, relative to the usual one: drawing from 1024 values is cheap."""


Change = tuple[int, int, int, int]
"""A level's new quantity: the side, the price in ticks, the quantity in lots, 0 if the level is
gone, and the quantity before, 0 if there was none. Plain tuples of integers, because there are very
many and the garbage collector doesn't track them."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """How active a symbol is, and how deep its book.

    Attributes:
        actions_per_second: the rate of actions; most of them change one level.
        levels: the approximate number of levels per side.
        touch_width: the distance from the best price within which most actions happen, in ticks.
        reach: the distance of the deepest levels from the best price, in ticks.
    """

    actions_per_second: float
    levels: int = 2000
    touch_width: float = 14.0
    reach: int = 8000


BUSY: Final = Tempo(actions_per_second=230, levels=2600)
NORMAL: Final = Tempo(actions_per_second=45)
QUIET: Final = Tempo(actions_per_second=0.3, levels=1600)
CALM: Final = Tempo(actions_per_second=3, levels=900, reach=6000)
DOZING: Final = Tempo(actions_per_second=0.3, levels=400, reach=4000)
THIN: Final = Tempo(actions_per_second=4, levels=60, touch_width=6.0, reach=150)

_ALWAYS_BUSY: Final = frozenset(
    {"BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBBTC", "ETHBTC", "BTCUSD_PERP", "ETHUSD_PERP"}
)
_NEVER_QUIET: Final = frozenset({"BNBUSDT", "XRPUSDT", "DOGEUSDT", "ADAUSDT", "SOLUSD_PERP"})


def tempo_of(instrument: Instrument, seed: int | str) -> Tempo:
    """Return the tempo of a symbol: fixed for well-known symbols, seeded for the others.

    Half of the hundreds of others hardly ever change, as on the real exchange.
    """
    if instrument.thin:
        return THIN
    if instrument.symbol in _ALWAYS_BUSY:
        return BUSY
    draw = Random(f"{seed}:{instrument.symbol}:tempo").random()
    if not instrument.famous:
        shares = ((0.5, DOZING), (0.83, CALM), (0.98, NORMAL))
        return next((tempo for share, tempo in shares if draw < share), BUSY)
    if draw < 0.2 and instrument.symbol not in _NEVER_QUIET:
        return QUIET
    return NORMAL if draw < 0.9 else BUSY


class OrderFlow:
    """The book of one symbol, and the orders that change it.

    The book is never crossed and never empty, and its price stays between half and twice the
    initial price.

    Attributes:
        instrument: what is traded.
        tempo: how active it is.
        best: the best price of each side, in ticks.
        due_ms: when the next action happens, in ms since the start.
    """

    def __init__(
        self, instrument: Instrument, seed: int | str = 0, tempo: Tempo | None = None
    ) -> None:
        self.instrument = instrument
        self.tempo = tempo or tempo_of(instrument, seed)
        self.best = [instrument.start_ticks, instrument.start_ticks + 1]
        self._random = Random(f"{seed}:{instrument.symbol}")
        self._changes: list[Change] = []
        self._lean = 0.0
        self._elapsed = 0.0
        self.due_ms = self._pause()

    @cached_property
    def books(self) -> tuple[dict[int, int], dict[int, int]]:
        """For each side, price in ticks to quantity in lots, without zero quantities.

        Created on first access: that takes milliseconds, and most symbols are never requested.
        """
        return self._first_book(BID), self._first_book(ASK)

    def act(self) -> list[Change]:
        """Perform the next action, and return its changes in order."""
        self._changes = []
        _ = self.books  # the initial book must be drawn before the first action
        self._act()
        self.due_ms += self._pause()
        return self._changes

    def advance(self, milliseconds: float) -> list[Change]:
        """Advance the time, and return the changes in order."""
        self._elapsed += milliseconds
        changes: list[Change] = []
        while self.due_ms <= self._elapsed:
            changes += self.act()
        return changes

    def top(self, side: int, count: int) -> list[tuple[int, int]]:
        """Return the best levels of a side, best first, as (ticks, lots)."""
        book = self.books[side]
        if 4 * count < len(book):
            # Near the best price nearly every tick has a level: walking is faster than sorting.
            levels: list[tuple[int, int]] = []
            price = self.best[side]
            for _ in range(20 * count):
                if price in book:
                    levels.append((price, book[price]))
                    if len(levels) == count:
                        return levels
                price += AWAY[side]
        return sorted(book.items(), reverse=side == BID)[:count]

    def _pause(self) -> float:
        return -log(1 - self._random.random()) * 1000 / self.tempo.actions_per_second

    def _first_book(self, side: int) -> dict[int, int]:
        """Return the initial levels of a side: dense near the best price, sparse far away."""
        room = int(min(self.tempo.reach, self.instrument.start_ticks * 0.7))
        count = min(self.tempo.levels, int(room * 0.55))
        sparsest = max(0.0, 2 * (room / count - 1.3))
        away, start = AWAY[side], self.best[side]
        quantity, draw = self._quantity, self._random.random
        book: dict[int, int] = {}
        price = start
        for index in range(count):
            book[price] = quantity(abs(price - start))
            mean_gap = 0.25 + sparsest * index / count
            price += away * (1 + int(-log(1 - draw()) * mean_gap))
            if price < 1:
                break
        return book

    def _quantity(self, distance: int) -> int:
        heavier_far_away = 1 + min(distance, 2000) / 250
        size = _SIZES[int(self._random.random() * 1024)]
        return int(self.instrument.level_lots * heavier_far_away * size) or 1

    def _act(self) -> None:
        draw = self._random.random
        spread = self.best[ASK] - self.best[BID]
        if draw() < min(0.85, 0.16 * (spread - 1)):
            self._improve(spread)
        elif (kind := draw()) < 0.035:
            self._sweep()
        elif kind < 0.08:
            self._trade_far_away(int(draw() < 0.5))
        else:
            self._trade_near(int(draw() < 0.5))

    def _improve(self, spread: int) -> None:
        """A better price appears inside the spread."""
        side = int(self._random.random() > 0.5 + self._lean)
        step = self._random.randint(1, spread - 1)
        self._set(side, self.best[side] - AWAY[side] * step, self._quantity(0))

    def _sweep(self) -> None:
        """A large order consumes several of the best levels, so that the price drifts."""
        start = self.instrument.start_ticks
        self._lean = 0.95 * self._lean + self._random.gauss(0, 0.04)
        self._lean -= 0.3 * (self.best[BID] - start) / start
        self._lean = max(-0.3, min(0.3, self._lean))
        side = ASK if self._random.random() < 0.5 + self._lean else BID
        if not start // 2 < self.best[BID] < start * 2:
            side = BID if self.best[BID] > start else ASK
        eaten = 1 + min(int(self._random.expovariate(0.45)), 14)
        for price, quantity in self.top(side, eaten + 1)[:-1]:
            if len(self.books[side]) > FEWEST_LEVELS:
                self._set(side, price, 0)
            else:
                self._set(side, price, quantity + 1)

    def _trade_near(self, side: int) -> None:
        distance = int(-log(1 - self._random.random()) * self.tempo.touch_width)
        price = self.best[side] + AWAY[side] * distance
        exists = price in self.books[side]
        leaves = exists and self._random.random() < 0.36 and self._may_leave(side)
        if price >= 1:
            self._set(side, price, 0 if leaves else self._quantity(distance))

    def _trade_far_away(self, side: int) -> None:
        """An order hundreds of ticks away appears, leaves or changes; bounds the level count."""
        furthest = max(self.tempo.reach, 100)
        distance = self._random.randint(furthest // 50, furthest)
        price = self.best[side] + AWAY[side] * distance
        book = self.books[side]
        if len(book) > self.tempo.levels:
            price = next((p for p in range(price, price + 60) if p in book), price)
        if price < 1:
            return
        leaves = price in book and self._random.random() < 0.7 and self._may_leave(side)
        self._set(side, price, 0 if leaves else self._quantity(distance))

    def _may_leave(self, side: int) -> bool:
        return len(self.books[side]) > FEWEST_LEVELS

    def _set(self, side: int, price: int, quantity: int) -> None:
        book = self.books[side]
        self._changes.append((side, price, quantity, book.get(price, 0)))
        if quantity:
            book[price] = quantity
            if (self.best[side] - price) * AWAY[side] > 0:
                self.best[side] = price
            return
        book.pop(price, None)
        if price == self.best[side]:
            self.best[side] = self._next_best(side)

    def _next_best(self, side: int) -> int:
        book = self.books[side]
        price = self.best[side]
        for _ in range(500):
            price += AWAY[side]
            if price in book:
                return price
        return max(book) if side == BID else min(book)
