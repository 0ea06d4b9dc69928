"""Symbols as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from depthcli.core.exchange_info import SymbolInfo
from depthcli.core.markets import SPOT, USDM
from depthcli.core.symbols import (
    Target,
    canonical_symbol,
    nearest_symbols,
    select_symbols,
    split_market,
    symbol_of,
    targets_of,
)
from depthcli.errors import UnknownSymbolError, UsageError

LISTED = ["BNBBTC", "BNBUSDT", "BNBETH", "ETHBTC", "BTCUSDT", "BTCUSDC", "币安人生USDT"]


@pytest.mark.parametrize(
    ("typed", "symbol"),
    [
        ("bnb/btc", "BNBBTC"),
        ("bnb-btc", "BNBBTC"),
        (" BnbBtc ", "BNBBTC"),
        ("1000shib/usdt", "1000SHIBUSDT"),
        ("btcusd_perp", "BTCUSD_PERP"),
        ("btcusdt_261225", "BTCUSDT_261225"),
        ("btc-261225-110000-c", "BTC-261225-110000-C"),
        ("doge-261225-0.25-p", "DOGE-261225-0.25-P"),
        ("币安人生usdt", "币安人生USDT"),
    ],
)
def test_what_people_type_is_understood(typed, symbol):
    assert canonical_symbol(typed) == symbol


@pytest.mark.parametrize(
    "typed", ["", " ", "/", "BNB BTC", "BTC\x1b[2J", '"', "BNB,BTC", "BNB&BTC", "BNB?x=1", "BNB\nB"]
)
def test_what_cannot_be_a_symbol_is_refused(typed):
    with pytest.raises(UsageError, match="BNBBTC") as caught:
        canonical_symbol(typed)
    assert str(caught.value).isprintable()


@given(st.text(st.characters() | st.sampled_from("abBC1/-_. "), max_size=12))
def test_whatever_is_typed_is_refused_or_becomes_a_name_that_stays_what_it_is(typed):
    try:
        symbol = canonical_symbol(typed)
    except UsageError:
        return
    assert canonical_symbol(symbol) == symbol == symbol.upper()
    assert symbol.isprintable()
    assert not set(symbol) & set("/ \"'&?,")


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("usdm:BTCUSDT", ("usdm", "BTCUSDT")),
        ("bnb/btc", (None, "bnb/btc")),
        (" USDM : btc", ("USDM", " btc")),
        (":x", ("", "x")),
        ("a:b:c", ("a", "b:c")),
        ("", (None, "")),
    ],
)
def test_a_market_may_stand_before_a_symbol(typed, parts):
    assert split_market(typed) == parts


def test_entries_come_in_the_order_in_which_they_are_wanted():
    listed = [SymbolInfo(name) for name in LISTED]
    chosen = select_symbols(["ETHBTC", "BNBBTC"], listed, "spot")
    assert [info.symbol for info in chosen] == ["ETHBTC", "BNBBTC"]


def test_an_unknown_symbol_comes_with_the_near_names():
    listed = [SymbolInfo(name) for name in LISTED]
    with pytest.raises(UnknownSymbolError, match="did you mean BNBBTC") as caught:
        select_symbols(["ETHBTC", "BNBBTV"], listed, "spot")
    assert (caught.value.symbol, caught.value.near[0]) == ("BNBBTV", "BNBBTC")


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("BNBBTX", "BNBBTC"), ("BTCUSD", "BTCUSDT"), ("BNB", "BNBBTC"), ("币安人生", "币安人生USDT")],
)
def test_a_slip_and_a_beginning_lead_to_the_name_that_was_meant(typed, nearest):
    assert nearest in nearest_symbols(typed, LISTED)[:2]


@given(st.sampled_from(LISTED), st.text("ABCUSDT", max_size=9))
def test_near_names_exist_are_few_and_come_once(beginning, rest):
    near = nearest_symbols(beginning[:3] + rest, LISTED)
    assert len(near) == len(set(near)) <= 5
    assert set(near) <= set(LISTED)


def test_nothing_is_offered_for_what_is_like_nothing():
    assert nearest_symbols("QQQQQQ", LISTED) == []
    with pytest.raises(UnknownSymbolError, match="check the spelling"):
        select_symbols(["QQQQQQ"], [], "spot")


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("BTC/USDT:USDT", ("usdm", "BTCUSDT")),
        ("btc/usdc:usdc", ("usdm", "BTCUSDC")),
        ("usdm:BTC/USDT:USDT", ("usdm", "BTCUSDT")),
        ("BTC/USD:BTC", ("coinm", "BTCUSD_PERP")),
        ("BTC/USD:BTC-261225", ("coinm", "BTCUSD_261225")),
        ("BTC/USDT:USDT-261225", ("usdm", "BTCUSDT_261225")),
        ("BTC/USDT:USDT-261225-110000-C", ("options", "BTC-261225-110000-C")),
        ("DOGE/USDT:USDT-261225-0.25-p", ("options", "DOGE-261225-0.25-P")),
    ],
)
def test_contracts_are_understood_as_ccxt_writes_them(typed, parts):
    assert split_market(typed) == parts


def test_a_market_before_a_contract_of_another_one_is_refused():
    with pytest.raises(UsageError, match="write usdm:BTCUSDT"):
        split_market("coinm:BTC/USDT:USDT")


@pytest.mark.parametrize(
    ("typed", "market", "symbol"),
    [
        ("bnb/btc", "spot", "BNBBTC"),
        ("spot:bnbbtc", "spot", "BNBBTC"),
        ("BTC/USDT:USDT", "usdm", "BTCUSDT"),
        ("USDM:BTCUSDT", "usdm", "BTCUSDT"),
        ("BTC/USD:BTC", "coinm", "BTCUSD_PERP"),
        ("BTC/USDT:USDT-261225-110000-C", "options", "BTC-261225-110000-C"),
    ],
)
def test_a_symbol_of_a_market_is_understood_by_each_of_its_names(typed, market, symbol):
    assert symbol_of(typed, market) == symbol


@pytest.mark.parametrize(
    ("typed", "market", "write"),
    [
        ("BTC/USDT:USDT", "spot", "FuturesDepthCacheManager(client, 'BTCUSDT')"),
        ("BTC/USD:BTC", "usdm", "FuturesDepthCacheManager(client, 'BTCUSD_PERP', coin=True)"),
        ("options:BTC-261225-110000-C", "spot", "OptionsDepthCacheManager(client, 'BTC-"),
        ("spot:BNBBTC", "usdm", "DepthCacheManager(client, 'BNBBTC')"),
    ],
)
def test_a_symbol_of_another_market_is_refused_with_what_to_write(typed, market, write):
    with pytest.raises(UsageError, match="is of market") as caught:
        symbol_of(typed, market)
    assert f"write {write}" in str(caught.value)


def test_what_is_no_market_before_a_colon_is_no_symbol():
    with pytest.raises(UsageError, match="can't be a symbol"):
        symbol_of("nonsense:BNBBTC", "spot")


def test_symbols_are_followed_once_each_in_the_order_in_which_they_were_typed():
    typed = ["eth-btc", "usdm:btcusdt", "bnb/btc", "BNBBTC", "Spot:BNBBTC", "USDM:BTC/USDT"]
    targets = targets_of([*typed, "btcusdt"], SPOT)
    assert list(map(str, targets)) == ["spot:ETHBTC", "usdm:BTCUSDT", "spot:BNBBTC", "spot:BTCUSDT"]
    assert targets_of(["btcusdt"], USDM) == (Target(USDM, "BTCUSDT"),)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("moon:BTCUSDT", "no market 'moon': choose one of spot, usdm, coinm, options"),
        (":BTCUSDT", "no market ''"),
        ("usdm:", "can't be a symbol"),
        ("usdm:spot:BTCUSDT", "can't be a symbol"),
    ],
)
def test_what_is_no_market_or_no_symbol_is_refused(typed, words):
    with pytest.raises(UsageError, match=words):
        targets_of([typed], SPOT)
