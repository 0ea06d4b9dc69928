"""The views of the books."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class View(StrEnum):
    """A view; its value is its name on the screen and in files."""

    BOOKS = "books"
    LADDER = "ladder"
    CHART = "chart"
    HEATMAP = "heatmap"
    OVERVIEW = "overview"


SAYS: Final = {
    View.BOOKS: "the best levels of both sides, with all numbers",
    View.LADDER: "one price axis for both sides, which moves only when it must",
    View.CHART: "cumulative quantity as steps on both sides of the mid",
    View.HEATMAP: "price over time: open quantity in the last minutes",
    View.OVERVIEW: "one line per symbol, sorted and filtered",
}
