"""Where the panels go: pure arithmetic in terminal cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

BESIDE_WIDTH: Final = 58
"""Cells from which a panel shows bids beside asks."""

BETWEEN: Final = 2
"""Blank columns between two panels."""

GLANCE_WIDTH: Final = 100
"""Cells of the widest panel; beyond that, two columns of panels are easier to read."""

LEAST_BAR: Final = 4
"""The shortest useful bar."""

CENTRE: Final = 3
"""Columns between the bids and the asks of a book."""

MOST_FACTS: Final = 2
"""Rows below a tile for the cost of an order, and for rate and latency."""

_ROOMY: Final = 12
"""Rows from which a filled panel keeps some for the figures below."""

FEW: Final = 4
"""Up to so many symbols stay panels, even with only the touch of each."""


class Form(Enum):
    """How a panel lays out its two sides."""

    BESIDE = "bids beside asks, the touch on the first row"
    STACK = "asks over bids, the touch in the middle"


@dataclass(frozen=True, slots=True)
class Widths:
    """Cells that the numbers of one symbol take, or the most that those of several do."""

    price: int
    quantity: int

    @property
    def cumulative(self) -> int:
        """Cells for a cumulative quantity."""
        return self.quantity + 1

    @property
    def complete(self) -> int:
        """Cells for a level with everything in it, and the blank before and after."""
        return self.price + self.quantity + self.cumulative + LEAST_BAR + 5


@dataclass(frozen=True, slots=True)
class Shape:
    """The layout of a panel.

    Attributes:
        form: how the sides are laid out.
        levels: rows for each side.
        height: rows used.
        spread: whether there is a row for spread and mid.
        header: whether there is a row with the columns' names.
        foot: whether there is a row for the imbalance and the last audit.
        facts: rows for the cost of an order, and for rate and latency.
        complete: whether each level has its cumulative quantity and its bar.
    """

    form: Form
    levels: int
    height: int
    spread: bool
    header: bool
    foot: bool
    facts: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Panels in columns and rows, all of one shape, from left to right and then downwards."""

    columns: int
    rows: int
    widths: tuple[int, ...]
    height: int
    gap: int
    shape: Shape


def shape(width: int, height: int, depth: int, widths: Widths) -> Shape:
    """Return the best layout for a size: the most levels, then all their columns."""
    stack = _stack(width, height, depth, widths)
    if width < BESIDE_WIDTH:
        return stack
    beside = _beside(width, height, depth, widths)
    if beside.levels == stack.levels:
        return beside if beside.complete >= stack.complete else stack
    return beside if beside.levels > stack.levels else stack


def filled(width: int, height: int, widths: Widths) -> Shape:
    """Return a layout with as many levels as fit above the figures."""
    below = 1 + MOST_FACTS if height >= _ROOMY else 0
    most = shape(width, height - below, height, widths)
    if not below:
        return most
    used = most.height - most.foot - most.facts
    return replace(most, foot=True, facts=MOST_FACTS, height=used + below)


def _beside(width: int, height: int, depth: int, widths: Widths) -> Shape:
    spread = height >= 3
    header = height >= 6
    levels = max(0, min(depth, height - 1 - spread - header))
    used = 1 + spread + header + levels
    foot = height > used
    facts = min(MOST_FACTS, height - used - foot) if foot else 0
    complete = (width - CENTRE) // 2 >= widths.complete - 1
    return Shape(Form.BESIDE, levels, used + foot + facts, spread, header, foot, facts, complete)


def _stack(width: int, height: int, depth: int, widths: Widths) -> Shape:
    spread = height >= 4
    levels = max(0, min(depth, (height - 1 - spread) // 2))
    used = 1 + spread + 2 * levels
    header = height > used and levels > 0
    foot = height > used + header
    used += header + foot
    facts = min(MOST_FACTS, height - used) if foot else 0
    complete = width >= widths.complete
    return Shape(Form.STACK, levels, used + facts, spread, header, foot, facts, complete)


def arrange(
    count: int, width: int, height: int, depth: int, widths: Widths, *, fill: bool = False
) -> Arrangement | None:
    """Return the best grid for so many panels; None if they don't fit as panels.

    The most levels come first, then all columns of each level, then panels that aren't too wide,
    then bids beside asks, then the fewest columns of panels. The only symbol always gets its panel,
    however small the room.

    Args:
        count: panels, at least one.
        width: cells available.
        height: rows available.
        depth: levels per side wanted.
        widths: those of the widest symbol.
        fill: whether panels take all rows, some of them for the figures.
    """
    found = [
        _grid(count, columns, width, height, depth, widths, fill=fill)
        for columns in range(1, count + 1)
    ]
    fitting = [grid for grid in found if grid and _worth_it(grid, count, depth)]
    if not fitting:
        return found[0] if count == 1 else None
    return max(fitting, key=_merit)


def _worth_it(grid: Arrangement, count: int, depth: int) -> bool:
    """Return whether the panels say more than the overview would."""
    if count <= FEW:
        return grid.shape.levels >= 1
    return grid.shape.levels >= min(depth, 2) and grid.shape.complete


def _merit(grid: Arrangement) -> tuple[int, bool, bool, bool, int]:
    shown = grid.shape
    narrow = grid.widths[0] <= GLANCE_WIDTH
    return shown.levels, shown.complete, narrow, shown.form is Form.BESIDE, -grid.columns


def _grid(  # noqa: PLR0917, the order of `arrange`
    count: int, columns: int, width: int, height: int, depth: int, widths: Widths, *, fill: bool
) -> Arrangement | None:
    rows = -(-count // columns)
    room = width - BETWEEN * (columns - 1)
    if columns > 1 and (room // columns < widths.complete or (rows - 1) * columns >= count):
        return None
    wide, rest = divmod(room, columns)
    panel_widths = tuple(wide + (column < rest) for column in range(columns))
    high = height // rows
    shown = filled(wide, high, widths) if fill else shape(wide, high, depth, widths)
    gap = 1 if rows > 1 and rows * shown.height + rows - 1 <= height else 0
    return Arrangement(columns, rows, panel_widths, shown.height, gap, shown)


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles of one size, from left to right and then downwards.

    Attributes:
        columns: of tiles.
        rows: of tiles.
        widths: cells of each column.
        height: rows of the terminal that a tile takes.
    """

    columns: int
    rows: int
    widths: tuple[int, ...]
    height: int

    @property
    def count(self) -> int:
        """The number of tiles that fit."""
        return self.columns * self.rows


def shared_room(count: int, width: int, height: int, least_width: int, least_height: int) -> Grid:
    """Return how tiles of at least some size best share the room: all of them, else the most.

    Of several ways the one whose smallest side is largest, a cell being twice as high as wide. The
    only tile gets all the room, however small.
    """
    found: list[tuple[tuple[int, int], Grid]] = []
    for columns in range(1, count + 1):
        room = width - BETWEEN * (columns - 1)
        wide, rest = divmod(room, columns)
        if columns > 1 and wide < least_width:
            break
        rows = min(-(-count // columns), max(1, height // max(least_height, 1)))
        widths = tuple(wide + (column < rest) for column in range(columns))
        grid = Grid(columns, rows, widths, height // rows)
        merit = (min(grid.count, count), min(wide, 2 * grid.height))
        found.append((merit, grid))
    return max(found, key=lambda one: one[0])[1]
