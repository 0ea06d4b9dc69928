"""Flashes: quantities that have just changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthcli.tui.model.watched import Picture

Flashes = dict[tuple[str, float], int]
"""Side and price of levels that just changed: 1 for more, -1 for less."""


class Flasher:
    """Remembers which quantities of one book have just changed."""

    SECONDS: Final = 0.5

    def __init__(self) -> None:
        self._before: dict[tuple[str, float], float] = {}
        self._content: tuple[object, object] = ((), ())
        self._until: dict[tuple[str, float], tuple[float, int]] = {}

    def look(self, picture: Picture, now: float) -> Flashes:
        """Return the flashes of this picture, compared with earlier ones."""
        content = (picture.bids, picture.asks)
        if content[0] is not self._content[0] or content[1] is not self._content[1]:
            quantities = {
                (side, price): quantity
                for side, levels in (("bid", picture.bids), ("ask", picture.asks))
                for price, quantity in levels
            }
            for key, quantity in quantities.items():
                before = self._before.get(key)
                if before is not None and before != quantity:
                    until = now + self.SECONDS
                    self._until[key] = (until, 1 if quantity > before else -1)
            self._before, self._content = quantities, content
        self._until = {key: one for key, one in self._until.items() if one[0] > now}
        return {key: way for key, (_, way) in self._until.items()}
