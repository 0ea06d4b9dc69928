"""What one look at a book gives."""

from __future__ import annotations

from decimal import Decimal

import pytest

from depthcli.synchronizer import State
from depthcli.tui.rates import Rate
from depthcli.tui.watched import Observer
from tests.tui.books import FakeManager, manager


def test_a_picture_of_a_live_book() -> None:
    watched = manager("BNBBTC", 1000.0)
    observer = Observer(watched.watched)
    observer.look(1000.5)
    picture = observer.picture(3, 1000.5)
    assert len(picture.bids) == len(picture.asks) == 3
    assert picture.live
    assert picture.age == 0.5
    assert picture.audit_age == 0.5
    assert picture.differences == 0
    assert picture.spread == pytest.approx(watched.cache.spread)
    assert picture.mid == pytest.approx(watched.cache.mid)


def test_the_age_of_a_stale_book_counts_from_when_it_was_last_true() -> None:
    watched = manager("BNBBTC", 1000.0)
    observer = Observer(watched.watched)
    observer.look(1001.0)
    watched.change(1001.5, [], [], skip=3)
    observer.look(1002.0)
    watched.last_received = 1004.0
    picture = observer.picture(3, 1004.0)
    assert picture.state is State.STALE
    assert picture.reason == "gap: 3 updates after 101 are missing"
    assert picture.age == 3.0
    assert not picture.empty


def test_before_the_first_book_the_age_counts_from_the_first_look() -> None:
    observer = Observer(FakeManager("BNBBTC").watched)
    observer.look(1000.0)
    picture = observer.picture(3, 1007.0)
    assert picture.empty
    assert picture.age == 7.0
    assert picture.spread is None
    assert picture.mid is None


def test_the_column_of_prices_never_shrinks() -> None:
    watched = manager("SOLUSDT", 1000.0)
    observer = Observer(watched.watched)
    asks = [price for price, _ in watched.cache.asks.levels()]
    assert observer.picture(1, 1000.0).price_width == len("182.44")
    watched.change(1000.0, [], [*[(price, 0.0) for price in asks], (1000.0, 1.0)])
    assert observer.picture(1, 1000.0).price_width == len("1000.00")
    watched.change(1000.0, [], [(999.0, 1.0)])
    assert observer.picture(1, 1000.0).price_width == len("1000.00")


def test_exact_numbers_stay_exact() -> None:
    picture = Observer(manager("BNBBTC", 1.0, conv_type=Decimal).watched).picture(2, 1.0)
    assert isinstance(picture.spread, Decimal)
    assert isinstance(picture.bids[0][1], Decimal)


def test_rate() -> None:
    rate = Rate()
    assert rate.per_second is None
    rate.add(10.0, 100)
    assert rate.per_second is None
    for moment in range(1, 8):
        rate.add(10.0 + moment, 100 + 50 * moment)
    assert rate.per_second == 50.0
    for moment in range(8, 12):
        rate.add(10.0 + moment, 450)
    assert rate.per_second == 0.0
