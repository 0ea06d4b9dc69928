"""Symbols as people type them."""

from __future__ import annotations

import pytest

from depthcli.errors import UnknownSymbolError, UsageError
from depthcli.messages import SymbolInfo
from depthcli.symbols import canonical_symbol, select_symbols


@pytest.mark.parametrize(
    ("typed", "symbol"),
    [
        ("bnb/btc", "BNBBTC"),
        ("bnb-btc", "BNBBTC"),
        (" BnbBtc ", "BNBBTC"),
        ("btcusd_perp", "BTCUSD_PERP"),
        ("btc-261225-110000-c", "BTC-261225-110000-C"),
        ("币安人生usdt", "币安人生USDT"),
    ],
)
def test_what_people_type_is_understood(typed, symbol):
    assert canonical_symbol(typed) == symbol


@pytest.mark.parametrize("typed", ["", "/", "BNB BTC", "BTC\x1b[2J", '"'])
def test_what_cannot_be_a_symbol_is_refused(typed):
    with pytest.raises(UsageError, match="BNBBTC"):
        canonical_symbol(typed)


def test_an_unknown_symbol_comes_with_the_near_names():
    listed = [SymbolInfo(name) for name in ("BNBBTC", "ETHBTC", "BTCUSDT")]
    assert [info.symbol for info in select_symbols(["ETHBTC"], listed, "spot")] == ["ETHBTC"]
    with pytest.raises(UnknownSymbolError, match="did you mean BNBBTC") as caught:
        select_symbols(["BNBBTV"], listed, "spot")
    assert caught.value.near[0] == "BNBBTC"
