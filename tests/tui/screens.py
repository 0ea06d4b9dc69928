"""The app in a terminal of a chosen size, with a clock that stands still; its screen as text."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from depthcli.tui import WatchApp
from tests.tui.books import EVENT_TIME, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from textual.pilot import Pilot

    from tests.tui.books import FakeManager

Screen = list[str]


class Stage:
    """The running app, and what a test does with it."""

    def __init__(self, app: WatchApp, pilot: Pilot[None], clock: Clock) -> None:
        self.app = app
        self.pilot = pilot
        self.clock = clock

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and draw one frame at the end of it."""
        self.clock.now += seconds
        self.app.look()
        await self.pilot.pause()

    def strips(self) -> list[Any]:
        return self.app.screen._compositor.render_strips()

    def lines(self) -> Screen:
        """The whole screen, as text."""
        return [strip.text.rstrip() for strip in self.strips()]

    def text(self) -> str:
        return "\n".join(self.lines())

    def dim(self) -> list[str]:
        """Which cells of which rows are dimmed, as `row 3: 0-38`."""
        found = []
        for y, strip in enumerate(self.strips()):
            x, spans = 0, []
            for segment in strip:
                if segment.style and segment.style.dim and segment.text.strip():
                    if spans and spans[-1][1] == x:
                        spans[-1][1] = x + segment.cell_length
                    else:
                        spans.append([x, x + segment.cell_length])
                x += segment.cell_length
            if spans:
                found.append(f"row {y}: " + ", ".join(f"{a}-{b - 1}" for a, b in spans))
        return found


@asynccontextmanager
async def stage(
    managers: Sequence[FakeManager],
    size: tuple[int, int],
    clock: Clock,
    *,
    notifications: bool = False,
    **options: Any,
) -> AsyncIterator[Stage]:
    """Run the app; its own timer never comes, so that each frame is drawn when a test says so."""
    app = WatchApp(
        [manager.watched for manager in managers],
        title="spot · built-in exchange",
        fps=1e-6,
        clock=clock,
        wall=lambda: EVENT_TIME / 1000 + clock.now - 1000.0,
        plain=options.pop("plain", bool(os.environ.get("NO_COLOR"))),
        **options,
    )
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await pilot.pause()
        yield Stage(app, pilot, clock)
