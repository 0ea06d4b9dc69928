"""The screen with books that nobody would send: it shows something, and never breaks."""

from __future__ import annotations

import pytest

from depthcli.core.messages import Snapshot
from depthcli.core.state import State
from tests.tui.books import Clock, FakeManager
from tests.tui.screens import stage

HUGE, TINY = 1e300, 5e-324
BOOKS = {
    "huge": ([(HUGE / 2, HUGE)], [(HUGE, HUGE)]),
    "tiny": ([(TINY, TINY)], [(2 * TINY, TINY)]),
    "both": ([(TINY, HUGE), (1.0, TINY)], [(HUGE, TINY), (2.0, HUGE)]),
    "crossed": ([(5.0, 1.0)], [(4.0, 1.0)]),
    "one side": ([(HUGE, HUGE)], []),
    "empty": ([], []),
}


@pytest.mark.parametrize("size", [(120, 40), (40, 12), (20, 5)])
@pytest.mark.parametrize("name", BOOKS)
async def test_numbers_of_any_size_are_shown_somehow(name, size):
    bids, asks = BOOKS[name]
    clock, manager = Clock(), FakeManager("BNBBTC")
    manager.synchronizer.opened()
    manager.synchronizer.offer(Snapshot(7, bids, asks), 100)
    assert manager.state is State.LIVE
    manager.last_received = clock.now
    async with stage([manager], clock=clock, size=size) as staged:
        await staged.pass_time(1)
        manager.synchronizer.lost("x" * 200)
        await staged.pass_time(1)
        assert all(line.isprintable() for line in staged.text().split("\n"))
