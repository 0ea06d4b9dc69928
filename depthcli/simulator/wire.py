"""How each market writes its messages, as bytes of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depthcli.markets import Market
    from depthcli.simulator.instruments import Instrument

ENGINE_DELAY_MS: Final = 4
"""Derivatives tell when a change was made as well as when it was sent; so long lies between."""

_MATCHED: Final = {"usdm": '"st":1,', "coinm": '"st":2,'}


def both_sides(
    instrument: Instrument, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
) -> tuple[str, str]:
    """Return bids and asks of (ticks, lots), each as the inside of a JSON list."""
    return _levels(instrument, bids), _levels(instrument, asks)


def _levels(instrument: Instrument, levels: Iterable[tuple[int, int]]) -> str:
    price, quantity = instrument.prices.text, instrument.quantities.text
    return ",".join([f'["{price(ticks)}","{quantity(lots)}"]' for ticks, lots in levels])


def depth_event(
    market: Market,
    instrument: Instrument,
    now_ms: int,
    ids: tuple[int, int, int],
    sides: tuple[str, str],
) -> bytes:
    """Return a diff event; `ids` are first, last and the last of the event before."""
    first, last, previous = ids
    head = f'{{"e":"depthUpdate","E":{now_ms},'
    symbol = f'"s":"{instrument.symbol}",'
    tail = f'"b":[{sides[0]}],"a":[{sides[1]}]}}'
    if market.name == "spot":
        return f'{head}{symbol}"U":{first},"u":{last},{tail}'.encode()
    pair = f'"ps":"{instrument.pair}",' if market.name == "coinm" else ""
    if market.name == "usdm":
        pair = f'"ps":"{instrument.symbol}",'
    return (
        f'{head}"T":{now_ms - ENGINE_DELAY_MS},{symbol}{pair}{_MATCHED.get(market.name, "")}'
        f'"U":{first},"u":{last},"pu":{previous},{tail}'
    ).encode()


def partial_book(last_update_id: int, sides: tuple[str, str]) -> bytes:
    """Return spot's partial book, which doesn't even tell its symbol."""
    return f'{{"lastUpdateId":{last_update_id},"bids":[{sides[0]}],"asks":[{sides[1]}]}}'.encode()


def snapshot(
    market: Market,
    instrument: Instrument,
    now_ms: int,
    last_update_id: int,
    sides: tuple[str, str],
) -> bytes:
    """Return the answer to a snapshot request."""
    levels = f'"bids":[{sides[0]}],"asks":[{sides[1]}]}}'
    engine_time = now_ms - ENGINE_DELAY_MS
    if market.name == "spot":
        return f'{{"lastUpdateId":{last_update_id},{levels}'.encode()
    if market.name == "options":
        return f'{{"T":{engine_time},"lastUpdateId":{last_update_id},{levels}'.encode()
    names = ""
    if market.name == "coinm":
        names = f'"symbol":"{instrument.symbol}","pair":"{instrument.pair}",'
    return (
        f'{{"lastUpdateId":{last_update_id},"E":{now_ms},"T":{engine_time},{names}{levels}'
    ).encode()


def book_ticker(
    market: Market,
    instrument: Instrument,
    now_ms: int,
    last_update_id: int,
    best: Sequence[tuple[int, int]],
) -> bytes:
    """Return the best bid and the best ask, given as (ticks, lots)."""
    (bid, bid_lots), (ask, ask_lots) = best
    price, quantity = instrument.prices.text, instrument.quantities.text
    kind = "" if market.name == "spot" else '"e":"bookTicker",'
    times = "" if market.name == "spot" else f',"T":{now_ms - ENGINE_DELAY_MS},"E":{now_ms}'
    return (
        f'{{{kind}"u":{last_update_id},"s":"{instrument.symbol}",'
        f'"b":"{price(bid)}","B":"{quantity(bid_lots)}",'
        f'"a":"{price(ask)}","A":"{quantity(ask_lots)}"{times}}}'
    ).encode()


def exchange_info(
    market: Market,
    now_ms: int,
    weight_per_minute: int,
    listed: Iterable[tuple[Instrument, str]],
) -> bytes:
    """Return the exchange info of (instrument, status) pairs."""
    describe = {"spot": _spot_symbol, "options": _option_symbol}.get(market.name, _future_symbol)
    listing = "optionSymbols" if market.name == "options" else "symbols"
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    document = {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [limit | {"limit": weight_per_minute}],
        "exchangeFilters": [],
        listing: [describe(instrument, status) for instrument, status in listed],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _filters(instrument: Instrument) -> list[dict[str, str]]:
    tick, step = instrument.prices.text, instrument.quantities.text
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick(1),
            "maxPrice": tick(instrument.start_ticks * 100),
            "tickSize": tick(1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": step(1),
            "maxQty": step(instrument.level_lots * 10**6),
            "stepSize": step(1),
        },
    ]


def _spot_symbol(instrument: Instrument, status: str) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "status": status,
        "baseAsset": instrument.base,
        "baseAssetPrecision": instrument.quantities.decimals,
        "quoteAsset": instrument.quote,
        "quotePrecision": instrument.prices.decimals,
        "quoteAssetPrecision": instrument.prices.decimals,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isSpotTradingAllowed": True,
        "filters": _filters(instrument),
    }


def _future_symbol(instrument: Instrument, status: str) -> dict[str, Any]:
    described = {
        "symbol": instrument.symbol,
        "pair": instrument.pair,
        "contractType": instrument.contract,
        "deliveryDate": instrument.expiry_ms,
        "status": status,
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "pricePrecision": instrument.prices.decimals,
        "quantityPrecision": instrument.quantities.decimals,
        "filters": _filters(instrument),
    }
    if instrument.quote == "USD":
        del described["status"]
        described |= {
            "contractStatus": status,
            "contractSize": 100 if instrument.base == "BTC" else 10,
        }
    return described


def _option_symbol(instrument: Instrument, status: str) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "side": instrument.side,
        "strikePrice": f"{instrument.strike}.000",
        "underlying": instrument.pair,
        "expiryDate": instrument.expiry_ms,
        "quoteAsset": instrument.quote,
        "priceScale": instrument.prices.decimals,
        "quantityScale": instrument.quantities.decimals,
        "unit": 1,
        "status": status,
        "filters": _filters(instrument),
    }
