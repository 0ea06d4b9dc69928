"""What one look at a book gives."""

from __future__ import annotations

from decimal import Decimal

import pytest

from depthcli.core.state import State
from depthcli.tui.model.observer import Observer
from depthcli.tui.model.order_sizes import next_size, usual_size
from depthcli.tui.model.rates import Rate
from depthcli.tui.model.watched import Wanted
from tests.horizons import end_at
from tests.tui.books import EVENT_TIME, FakeManager, manager


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
    assert picture.reason == "gap: 3 updates are missing after 101"
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


def levels(book: FakeManager, side: str) -> list[tuple[float, float]]:
    return (book.cache.bids if side == "bid" else book.cache.asks).levels()


def test_groups_are_exact_and_of_the_whole_depth() -> None:
    book = manager("BTCUSDT", 1000.0)
    observer = Observer(book.watched)
    observer.coarser(1)
    picture = observer.picture(3, 1000.0)
    assert picture.step == Decimal("0.1")
    for side, shown in (("bid", picture.bids), ("ask", picture.asks)):
        for price, quantity in shown:
            inside = [
                q
                for p, q in levels(book, side)
                if (price <= p < price + 0.0999 if side == "bid" else price - 0.0999 < p <= price)
            ]
            assert quantity == pytest.approx(sum(inside))
    assert picture.best_bid == book.cache.best_bid, "the touch stays what it is"
    assert picture.spread == pytest.approx(book.cache.spread)


def test_groups_become_no_coarser_than_makes_sense() -> None:
    observer = Observer(manager("SOLUSDT", 1000.0).watched)
    observer.coarser(99)
    assert observer.step <= Decimal("182.44")
    observer.coarser(-99)
    assert observer.group == 0
    assert observer.picture(1, 1000.0).step is None


def test_what_lies_past_the_horizon_is_marked() -> None:
    book = manager("BNBBTC", 1000.0)
    asks = book.cache.asks
    vouched = asks.levels()
    end_at(asks, vouched[3][0])
    observer = Observer(book.watched)
    picture = observer.picture(6, 1000.0)
    assert picture.asks == tuple(vouched[:6])
    assert (picture.bids_tail, picture.asks_tail) == (0, 2)
    observer.coarser(1)
    grouped = observer.picture(30, 1000.0)
    assert grouped.asks_tail == len(grouped.asks), "the first group is cut through"
    assert grouped.bids_tail == 0
    end_at(asks, grouped.asks[1][0])
    book.change(1001.0, [], [])
    known = observer.picture(30, 1001.0)
    assert known.asks_tail == len(known.asks) - 2, "a group that ends at the horizon is whole"


def test_what_a_trade_costs_is_reckoned_from_the_mid() -> None:
    book = manager("SOLUSDT", 1000.0)
    asks = book.cache.asks.top(2)
    observer = Observer(book.watched)
    observer.size = asks[0][1] + asks[1][1] / 2
    picture = observer.picture(1, 1000.0)
    assert picture.buy is not None
    assert picture.buy.complete
    assert picture.buy.worst_price == asks[1][0]
    mid = book.cache.mid
    paid = asks[0][0] * asks[0][1] + asks[1][0] * asks[1][1] / 2
    assert picture.buy.slippage == pytest.approx((paid / observer.size / mid - 1) * 10_000)
    observer.size = 1e9
    unfillable = observer.picture(1, 1000.0).buy
    assert unfillable is not None
    assert not unfillable.complete
    assert unfillable.filled == pytest.approx(sum(q for _, q in book.cache.asks.levels()))


def test_a_frozen_book_can_be_looked_at_in_every_way() -> None:
    book = manager("SOLUSDT", 1000.0)
    observer = Observer(book.watched)
    observer.freeze()
    before = observer.picture(20, 1000.0)
    book.change(1001.0, [], [(price, 0.0) for price, _ in book.cache.asks.top(5)])
    assert observer.picture(20, 1000.0) == before
    observer.coarser(1)
    assert observer.picture(5, 1000.0).asks[0][1] > before.asks[0][1]
    observer.thaw()
    observer.coarser(-1)
    assert observer.picture(20, 1001.0).asks[0] == book.cache.best_ask


def test_nothing_is_read_again_while_nothing_changes() -> None:
    book = manager("SOLUSDT", 1000.0)
    observer = Observer(book.watched)
    first = observer.picture(5, 1000.0)
    assert observer.picture(5, 1000.1).bids is first.bids
    book.change(1000.2, [], [])
    assert observer.picture(5, 1000.2).bids == first.bids


def test_quantities_in_the_quote_asset() -> None:
    book = manager("SOLUSDT", 1000.0)
    picture = Observer(book.watched).picture(Wanted(2, in_quote=True), 1000.0)
    price, quantity = book.cache.asks.top(1)[0]
    assert picture.asks[0] == (price, price * quantity)
    assert picture.best_ask == (price, quantity)
    assert picture.quantity_decimals == 0


def test_latency_is_the_wait_from_the_exchanges_event_to_here() -> None:
    book = FakeManager("SOLUSDT")
    observer = Observer(book.watched)
    observer.look(1000.0, EVENT_TIME / 1000)
    assert observer.latency is None
    book.go_live(1000.0)
    observer.look(1000.3, EVENT_TIME / 1000 + 0.342)
    assert observer.latency == pytest.approx(0.042, abs=1e-6)


@pytest.mark.parametrize(
    ("size", "above", "below"),
    [(10, 20, 5), (7, 10, 5), (1, 2, 0.5), (0.02, 0.05, 0.01), (5000, 10_000, 2000)],
)
def test_sizes_go_up_and_down_a_round_series(size: float, above: float, below: float) -> None:
    assert next_size(size, 1) == above
    assert next_size(size, -1) == below


def test_the_first_size_is_round_and_can_be_filled() -> None:
    assert usual_size([1.0, 2.0, 3.0]) == 10
    assert usual_size([]) == 1
    assert usual_size([0.0013] * 20) == 0.01
