"""The widget that the screen is drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from depthcli.tui.drawing.styled_lines import blank, changed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.style import Style

    from depthcli.tui.drawing.styled_lines import Line


class Canvas(Widget, can_focus=True):
    """Shows lines, and repaints only the cells that changed.

    It has the focus, so that it gets all keys; a subclass binds them.

    Args:
        styles: the Rich style of each style name.
    """

    class Resized(Message):
        """The size has changed."""

    def __init__(self, styles: Mapping[str, Style]) -> None:
        super().__init__()
        self._palette = styles
        self._lines: Sequence[Line] = ()
        self._width = 0

    def show(self, lines: Sequence[Line], width: int) -> None:
        """Show these lines, each `width` cells wide."""
        before, self._lines = self._lines, lines
        if (len(before), self._width) != (len(lines), width):
            self._width = width
            self.refresh()
            return
        regions = [
            Region(span[0], y, span[1], 1)
            for y, (old, new) in enumerate(zip(before, lines, strict=True))
            if (span := changed(old, new))
        ]
        if regions:
            self.refresh(*regions)

    def on_resize(self) -> None:
        """Ask for lines that fit."""
        self.post_message(self.Resized())

    def recolour(self, styles: Mapping[str, Style]) -> None:
        """Use other colours."""
        self._palette = styles
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line for Textual, which keeps it until it is refreshed."""
        drawn = self._lines[y] if y < len(self._lines) else blank(self._width)
        styles = self._palette
        strip = Strip([Segment(text, styles[style]) for text, style in drawn], self._width)
        return strip.adjust_cell_length(self.size.width, styles[""])
