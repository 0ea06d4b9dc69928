"""The views of the books, and the keys that matter in each."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class View(StrEnum):
    """A way to look at books; its value is its name on the screen and in files."""

    BOOKS = "books"
    LADDER = "ladder"
    CHART = "chart"
    HEATMAP = "heatmap"
    OVERVIEW = "overview"


SAYS: Final = {
    View.BOOKS: "the best levels of both sides, with all numbers",
    View.LADDER: "one price axis with both sides on it, which moves only when it must",
    View.CHART: "cumulative size as steps on both sides of the mid",
    View.HEATMAP: "price by time: what rested where in the last minutes",
    View.OVERVIEW: "a line for each symbol, to be sorted and filtered",
}
