"""The log: what happened to which symbol, once and with its moment."""

from __future__ import annotations

from depthcli.core.messages import Snapshot
from depthcli.core.state import State
from depthcli.tui.model.event_log import Entry, EventLog
from depthcli.tui.views.event_log import log_panel
from tests.tui.books import FakeManager, manager
from tests.tui.views.test_books import text


def says(kept: EventLog) -> list[str]:
    return [f"{entry.symbol} {entry.text}" for entry in kept.entries]


def test_each_change_is_told_once() -> None:
    book, kept = FakeManager("BNBBTC"), EventLog()
    kept.look("BNBBTC", book, 10.0, 100.0)
    kept.look("BNBBTC", book, 10.1, 100.1)
    book.go_live(11.0)
    kept.look("BNBBTC", book, 11.0, 101.0)
    book.change(12.0, [], [], skip=12)
    kept.look("BNBBTC", book, 12.0, 102.0)
    book.go_live(14.5)
    kept.look("BNBBTC", book, 14.5, 104.5)
    book.audit(15.0)
    kept.look("BNBBTC", book, 15.0, 105.0)
    assert says(kept) == [
        "BNBBTC connecting",
        "BNBBTC live, after 1.0 s connecting",
        "BNBBTC stale: gap: 12 updates are missing after 101",
        "BNBBTC live, after 2.5 s stale",
        "BNBBTC audited: 0 levels differ",
    ]
    assert [entry.time for entry in kept.entries] == [100.0, 101.0, 102.0, 104.5, 105.0]


def test_an_audit_that_found_something_tells_how_near_to_the_touch() -> None:
    book, kept = manager("BNBBTC", 10.0), EventLog()
    kept.look("BNBBTC", book, 10.0, 100.0)
    synchronizer = book.synchronizer
    wrong = [(price, 9_876.5) for price, _ in book.cache.bids.levels()]
    synchronizer.begin_audit()
    asks = book.cache.asks.levels()
    synchronizer.offer(Snapshot(book.cache.last_update_id, wrong, asks), 1_000)
    kept.look("BNBBTC", book, 11.0, 101.0)
    count, near = len(wrong), min(len(wrong), 20)
    assert says(kept)[-1] == (
        f"BNBBTC audited: {count} levels differ: {near} in the best 20, {count} in the best 100,"
        f" {count} in the best 1,000, 0 deeper"
    )


def test_a_countdown_is_no_news() -> None:
    book, kept = manager("BNBBTC", 10.0), EventLog()
    for left in (3.0, 2.0, 1.0):
        book.synchronizer.lost(f"socket lost: reset, next try in {left} s")
        kept.look("BNBBTC", book, 10.0, 100.0)
    assert len(kept.entries) == 1


def test_the_newest_stands_at_the_bottom_and_one_can_go_back() -> None:
    entries = [Entry(float(n), "BNBBTC", State.LIVE, f"number {n}") for n in range(20)]
    shown = text(log_panel(entries, 60, 5, 0))
    assert [row.split()[-1] for row in shown[1:]] == ["16", "17", "18", "19"]
    assert [row.split()[-1] for row in text(log_panel(entries, 60, 5, 3))[1:]] == [
        "13",
        "14",
        "15",
        "16",
    ]
    assert text(log_panel(entries, 60, 5, 99))[1].endswith("number 0")
    assert text(log_panel([], 60, 4, 0))[1:] == ["", "", ""]
