from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies

from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM
from depthcli.errors import UsageError
from depthcli.simulator.market.flow import ASK, BID, BUSY, QUIET, OrderFlow, Tempo
from depthcli.simulator.market.instruments import default_symbols, instrument_named, split_symbol

SMALL = Tempo(actions_per_second=400, levels=120, reach=400)


@given(
    seed=strategies.integers(0, 2**32),
    symbol=strategies.sampled_from(["BNBBTC", "BTCUSDT", "LTCBTC", "NOBODYUSDT", "币安人生USDT"]),
    steps=strategies.lists(strategies.integers(1, 400), max_size=25),
)
@settings(max_examples=60, deadline=None)
def test_books_are_never_crossed_never_empty_and_their_changes_explain_them(
    seed: int, symbol: str, steps: list[int]
) -> None:
    flow = OrderFlow(instrument_named(SPOT, symbol, seed), seed, SMALL)
    replayed = tuple(dict(book) for book in flow.books)
    for step in steps:
        for side, price, quantity, previous in flow.advance(step):
            assert replayed[side].get(price, 0) == previous
            replayed[side][price] = quantity
            if not quantity:
                del replayed[side][price]
        assert replayed == flow.books
        assert flow.best == [max(flow.books[BID]), min(flow.books[ASK])]
        assert flow.best[BID] < flow.best[ASK]
        assert min(map(len, flow.books)) > 5
        assert min(flow.books[BID]) >= 1
        for side in (BID, ASK):
            best_first = sorted(flow.books[side].items(), reverse=side == BID)
            assert flow.top(side, 7) == best_first[:7]


def test_the_flow_depends_on_seed_and_symbol_and_not_on_the_size_of_steps() -> None:
    def changes(seed: int, steps: list[int]) -> list[object]:
        flow = OrderFlow(instrument_named(SPOT, "BNBBTC"), seed)
        return [change for step in steps for change in flow.advance(step)]

    assert changes(3, [1000]) == changes(3, [20] * 50)
    assert changes(3, [1000]) != changes(4, [1000])


def test_tempos_differ_as_told() -> None:
    instrument = instrument_named(SPOT, "SOLUSDT")
    busy = len(OrderFlow(instrument, 1, BUSY).advance(10_000)) / 100
    quiet = len(OrderFlow(instrument, 1, QUIET).advance(60_000))
    assert 10 < busy < 90
    assert 3 < quiet < 80


def test_prices_drift_yet_stay_in_range_for_hours() -> None:
    flow = OrderFlow(instrument_named(SPOT, "BNBBTC"), 5, Tempo(400, levels=80, reach=200))
    mids = []
    for _ in range(120):
        flow.advance(2000)
        mids.append(flow.best[BID])
    assert max(mids) - min(mids) > 20
    assert 4900 <= min(mids) <= max(mids) <= 19600


@pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
def test_the_default_symbols_of_each_market_can_be_traded(market: object) -> None:
    symbols = default_symbols(market)
    assert 12 <= len(symbols) <= 30
    for symbol in symbols:
        instrument = instrument_named(market, symbol)
        assert instrument.symbol == symbol
        flow = OrderFlow(instrument, 1)
        assert min(map(len, flow.books)) >= (50 if instrument.thin else 900)


def test_well_known_symbols_have_the_steps_of_the_exchange() -> None:
    bnb = instrument_named(SPOT, "bnb/btc")
    assert (bnb.symbol, bnb.base, bnb.quote) == ("BNBBTC", "BNB", "BTC")
    assert bnb.prices.text(bnb.start_ticks) == "0.00980000"
    assert bnb.quantities.text(1) == "0.00100000"
    assert instrument_named(USDM, "BTCUSDT").prices.text(1042503) == "104250.3"
    coin = instrument_named(COINM, "BTCUSD_PERP")
    assert (coin.pair, coin.contract, coin.quantities.text(7)) == ("BTCUSD", "PERPETUAL", "7")
    option = instrument_named(OPTIONS, "BTC-261225-110000-C")
    assert (option.side, str(option.strike), option.pair) == ("CALL", "110000", "BTCUSDT")
    assert option.expiry_ms == 1_798_185_600_000


def test_options_of_far_apart_strikes_have_plausible_prices() -> None:
    def price(strike: int, side: str) -> int:
        return instrument_named(OPTIONS, f"BTC-261225-{strike}-{side}").start_ticks

    assert price(90000, "C") > price(110000, "C") > price(130000, "C")
    assert price(90000, "P") < price(110000, "P") < price(130000, "P")


def test_an_unknown_name_gets_a_plausible_seeded_price() -> None:
    one, again = (instrument_named(SPOT, "QWERTYUSDT", 9) for _ in range(2))
    assert one == again
    assert 5_000 < one.start_ticks < 200_000
    assert split_symbol("QWERTYFDUSD") == ("QWERTY", "FDUSD")


@pytest.mark.parametrize(
    ("market", "name"),
    [
        (SPOT, "BNB BTC"),
        (SPOT, ""),
        (SPOT, '"'),
        (COINM, "BTCUSD"),
        (OPTIONS, "BTCUSDT"),
        (OPTIONS, "BTC-269999-110000-C"),
    ],
)
def test_impossible_names_are_refused(market: object, name: str) -> None:
    with pytest.raises(UsageError):
        instrument_named(market, name)


def test_most_of_many_unknown_symbols_do_little() -> None:
    names = [f"{first}{second}XUSDT" for first in "ABCDEFGHIJ" for second in "KLMNOPQRST"]
    flows = [OrderFlow(instrument_named(SPOT, name), 1) for name in names]
    paces = sorted(flow.tempo.actions_per_second for flow in flows)
    assert paces[45] < 1 < paces[70] < 10 < paces[95]
