"""The flow of the panels."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.tui.drawing.layout import BETWEEN, Form, Widths, arrange, filled, shape, shared_room

WIDTHS = Widths(price=9, quantity=9)


@pytest.mark.parametrize(
    ("count", "size", "depth", "columns", "rows", "form", "levels"),
    [
        (1, (80, 22), 5, 1, 1, Form.BESIDE, 5),
        (1, (80, 22), 20, 1, 1, Form.BESIDE, 19),
        (1, (40, 18), 20, 1, 1, Form.STACK, 8),
        (2, (80, 22), 5, 1, 2, Form.BESIDE, 5),
        (2, (80, 22), 9, 2, 1, Form.STACK, 9),
        (2, (40, 18), 5, 1, 2, Form.STACK, 3),
        (4, (80, 22), 5, 2, 2, Form.STACK, 4),
        (4, (120, 38), 5, 2, 2, Form.STACK, 5),
        (4, (120, 38), 16, 2, 2, Form.BESIDE, 16),
        (4, (40, 18), 5, 1, 4, Form.STACK, 1),
        (20, (200, 58), 5, 5, 4, Form.STACK, 5),
    ],
)
def test_panels_make_the_best_of_the_room(
    count: int, size: tuple[int, int], depth: int, columns: int, rows: int, form: Form, levels: int
) -> None:
    found = arrange(count, *size, depth, WIDTHS)
    assert found is not None
    assert (found.columns, found.rows) == (columns, rows)
    assert (found.shape.form, found.shape.levels) == (form, levels)


@pytest.mark.parametrize("size", [(80, 22), (120, 38), (40, 18)])
def test_too_many_symbols_for_panels(size: tuple[int, int]) -> None:
    assert arrange(20, *size, 5, WIDTHS) is None


@given(st.integers(1, 30), st.integers(1, 250), st.integers(0, 80), st.integers(1, 100))
def test_panels_stay_within_the_screen(count: int, width: int, height: int, depth: int) -> None:
    found = arrange(count, width, height, depth, WIDTHS)
    if found is None:
        assert count > 1
        return
    assert found.columns * found.rows >= count
    assert sum(found.widths) + BETWEEN * (found.columns - 1) == width
    assert max(found.widths) - min(found.widths) <= 1
    if count > 1:
        used = found.rows * found.height + (found.rows - 1) * found.gap
        assert used <= height


@given(st.integers(1, 250), st.integers(1, 80), st.integers(1, 100))
def test_more_room_never_shows_fewer_levels(width: int, height: int, depth: int) -> None:
    now = shape(width, height, depth, WIDTHS)
    assert now.levels <= depth
    assert now.height <= max(height, 1)
    assert shape(width, height + 1, depth, WIDTHS).levels >= now.levels
    assert shape(width + 1, height, depth, WIDTHS).levels >= now.levels


@given(st.integers(1, 250), st.integers(1, 80))
def test_a_filled_panel_uses_all_its_room(width: int, height: int) -> None:
    found = filled(width, height, WIDTHS)
    assert found.height <= max(height, 1)
    assert found.levels >= shape(width, height, 1, WIDTHS).levels
    if height >= 12:
        assert height - found.height <= 1
        assert found.foot
        assert found.facts == 2


@given(st.integers(1, 40), st.integers(1, 250), st.integers(1, 80))
def test_tiles_stay_within_the_screen(count: int, width: int, height: int) -> None:
    grid = shared_room(count, width, height, 30, 8)
    assert sum(grid.widths) + BETWEEN * (grid.columns - 1) == width
    assert grid.rows * grid.height <= height
    assert grid.count >= min(count, 1)
    if grid.count < count:
        assert grid.height < 16 or grid.rows == 1, "no second row would have fitted"


@pytest.mark.parametrize(
    ("count", "size", "columns", "rows"),
    [(1, (80, 22), 1, 1), (2, (120, 38), 2, 1), (4, (120, 38), 2, 2), (9, (200, 58), 3, 3)],
)
def test_tiles_are_as_square_as_can_be(
    count: int, size: tuple[int, int], columns: int, rows: int
) -> None:
    grid = shared_room(count, *size, 30, 8)
    assert (grid.columns, grid.rows) == (columns, rows)
