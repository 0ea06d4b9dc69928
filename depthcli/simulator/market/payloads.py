"""The JSON messages of each market."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from depthcli.core.markets import Market
    from depthcli.simulator.market.instruments import Instrument

ENGINE_DELAY_MS: Final = 4
"""Derivatives state both when a change was made and when it was sent; this is the difference."""


@dataclass(frozen=True, slots=True)
class WireFormat:
    """The message formats of one market: templates around the levels, and the exchange info.

    Attributes:
        event: the beginning of a diff event.
        snapshot: the beginning of a snapshot.
        ticker: the best prices.
        partial_is_event: whether a partial book has the format of a diff event; spot's doesn't even
            name its symbol.
        listing: the key of the symbols in the exchange info.
        describe: returns the exchange info's entry for a symbol, given its status.
    """

    event: str
    snapshot: str
    ticker: str
    partial_is_event: bool
    listing: str
    describe: Callable[[Instrument, str], dict[str, Any]]


def both_sides(
    instrument: Instrument, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
) -> tuple[str, str]:
    """Return bids and asks, given as (ticks, lots), each as the inside of a JSON list."""
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
    """Return a diff event; `ids` are its first and last, and the last of the previous event."""
    first, last, previous = ids
    head = WIRE[market.name].event.format(
        now=now_ms,
        engine=now_ms - ENGINE_DELAY_MS,
        symbol=instrument.symbol,
        pair=instrument.pair,
        first=first,
        last=last,
        previous=previous,
    )
    return f'{head}"b":[{sides[0]}],"a":[{sides[1]}]}}'.encode()


def partial_book(
    market: Market,
    instrument: Instrument,
    now_ms: int,
    ids: tuple[int, int, int],
    sides: tuple[str, str],
) -> bytes:
    """Return a partial book; `ids` are those of the diff event at the same moment."""
    if WIRE[market.name].partial_is_event:
        return depth_event(market, instrument, now_ms, ids, sides)
    return f'{{"lastUpdateId":{ids[1]},"bids":[{sides[0]}],"asks":[{sides[1]}]}}'.encode()


def snapshot(
    market: Market,
    instrument: Instrument,
    now_ms: int,
    last_update_id: int,
    sides: tuple[str, str],
) -> bytes:
    """Return the response to a snapshot request."""
    head = WIRE[market.name].snapshot.format(
        now=now_ms,
        engine=now_ms - ENGINE_DELAY_MS,
        symbol=instrument.symbol,
        pair=instrument.pair,
        last=last_update_id,
    )
    return f'{head}"bids":[{sides[0]}],"asks":[{sides[1]}]}}'.encode()


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
    return (
        WIRE[market.name]
        .ticker.format(
            now=now_ms,
            engine=now_ms - ENGINE_DELAY_MS,
            symbol=instrument.symbol,
            last=last_update_id,
            bid=f'"b":"{price(bid)}","B":"{quantity(bid_lots)}"',
            ask=f'"a":"{price(ask)}","A":"{quantity(ask_lots)}"',
        )
        .encode()
    )


def exchange_info(
    market: Market,
    now_ms: int,
    weight_per_minute: int,
    listed: Iterable[tuple[Instrument, str]],
) -> bytes:
    """Return the exchange info of (instrument, status) pairs."""
    written = WIRE[market.name]
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    document = {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [limit | {"limit": weight_per_minute}],
        "exchangeFilters": [],
        written.listing: [written.describe(instrument, status) for instrument, status in listed],
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


def _usd_margined_symbol(instrument: Instrument, status: str) -> dict[str, Any]:
    return _future_symbol(instrument) | {"status": status}


def _coin_margined_symbol(instrument: Instrument, status: str) -> dict[str, Any]:
    return _future_symbol(instrument) | {
        "contractStatus": status,
        "contractSize": 100 if instrument.base == "BTC" else 10,
    }


def _future_symbol(instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "pair": instrument.pair,
        "contractType": instrument.contract,
        "deliveryDate": instrument.expiry_ms,
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "pricePrecision": instrument.prices.decimals,
        "quantityPrecision": instrument.quantities.decimals,
        "filters": _filters(instrument),
    }


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


_IDS: Final = '"U":{first},"u":{last},'
_DERIVATIVE_IDS: Final = _IDS + '"pu":{previous},'
_TICKER: Final = '{{"e":"bookTicker","u":{last},"s":"{symbol}",{bid},{ask},"T":{engine},"E":{now}}}'

WIRE: Final = {
    "spot": WireFormat(
        event='{{"e":"depthUpdate","E":{now},"s":"{symbol}",' + _IDS,
        snapshot='{{"lastUpdateId":{last},',
        ticker='{{"u":{last},"s":"{symbol}",{bid},{ask}}}',
        partial_is_event=False,
        listing="symbols",
        describe=_spot_symbol,
    ),
    "usdm": WireFormat(
        event='{{"e":"depthUpdate","E":{now},"T":{engine},"s":"{symbol}","ps":"{symbol}","st":1,'
        + _DERIVATIVE_IDS,
        snapshot='{{"lastUpdateId":{last},"E":{now},"T":{engine},',
        ticker=_TICKER,
        partial_is_event=True,
        listing="symbols",
        describe=_usd_margined_symbol,
    ),
    "coinm": WireFormat(
        event='{{"e":"depthUpdate","E":{now},"T":{engine},"s":"{symbol}","ps":"{pair}","st":2,'
        + _DERIVATIVE_IDS,
        snapshot='{{"lastUpdateId":{last},"E":{now},"T":{engine},'
        '"symbol":"{symbol}","pair":"{pair}",',
        ticker=_TICKER,
        partial_is_event=True,
        listing="symbols",
        describe=_coin_margined_symbol,
    ),
    "options": WireFormat(
        event='{{"e":"depthUpdate","E":{now},"T":{engine},"s":"{symbol}",' + _DERIVATIVE_IDS,
        snapshot='{{"T":{engine},"lastUpdateId":{last},',
        ticker=_TICKER,
        partial_is_event=True,
        listing="optionSymbols",
        describe=_option_symbol,
    ),
}
"""The markets' formats, by name; the functions above fill in the placeholders."""
