from __future__ import annotations

from depthcli.simulator.market.flow import ASK, BID
from depthcli.simulator.market.windows import UpdateIds, Window


def test_ids_of_a_symbols_own_count_its_updates() -> None:
    ids = UpdateIds(100)
    assert ids.reached(5000) == 100
    assert ids.take(3, 5000) == 101
    assert ids.reached(9000) == 103
    assert ids.take(1, 9000) == 104


def test_ids_of_an_engine_move_on_by_themselves_and_never_repeat() -> None:
    ids = UpdateIds(100, per_ms=2)
    assert ids.reached(50) == 200
    assert ids.take(1, 50) == 201
    assert ids.take(500, 51) == 203
    assert ids.reached(51) == 702
    assert ids.take(1, 52) == 703
    ids.restart(10, 60)
    assert ids.reached(60) == 10
    assert ids.take(1, 61) == 13


def test_a_window_tells_the_last_quantities_and_the_ids_of_all_that_happened() -> None:
    window = Window(100, 30, 0.0, previous_id=6)
    assert window.due_ms == 30
    assert window.end_after(30) == 130
    assert window.end_after(129.5) == 130
    window.note(7, [(BID, 50, 3, 0), (ASK, 51, 0, 9)])
    window.note(12, [(BID, 50, 0, 3)])
    assert window.ids == (7, 12, 6)
    assert window.changed() == ({50: 0}, {51: 0})
    window.begin(12)
    assert window.ids == (0, 0, 12)
    assert window.changed() == ({}, {})
