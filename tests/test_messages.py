"""The wire: what each market sends is understood, and damage is refused by one error."""

from __future__ import annotations

import contextlib
import json
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from depthcli.errors import BadMessageError
from depthcli.messages import (
    DepthEvent,
    ServerShutdown,
    decode_exchange_info,
    event_decoder,
    frame_decoder,
    snapshot_decoder,
)

SPOT = {
    "e": "depthUpdate", "E": 1672515782136, "s": "BNBBTC", "U": 157, "u": 160,
    "b": [["0.0024", "10"]], "a": [["0.0026", "100"]],
}  # fmt: skip
USDM = SPOT | {"T": 1626992741024, "pu": 149, "st": 1, "ps": "BNBBTC"}
NUMBERS = [float, Decimal]


def frame(data: object) -> bytes:
    return json.dumps({"stream": "bnbbtc@depth", "data": data}).encode()


@pytest.mark.parametrize("number", NUMBERS)
def test_events_of_spot_and_of_the_derivatives_are_understood(number):
    decoded = frame_decoder(number)(frame(SPOT))
    event = decoded.data
    assert isinstance(event, DepthEvent)
    assert (decoded.stream, event.symbol, event.event_time) == (
        "bnbbtc@depth", "BNBBTC", 1672515782136,
    )  # fmt: skip
    assert (event.first_update_id, event.last_update_id, event.follows) == (157, 160, 156)
    assert event.bids == [(number("0.0024"), number("10"))]
    assert event_decoder(number)(json.dumps(USDM)).follows == 149


def test_replies_failures_and_the_shutdown_are_understood():
    decode = frame_decoder(float)
    assert (decode(b'{"result":null,"id":3}').id, decode(b'{"id":3}').failure) == (3, None)
    for failure in (b'{"code":2,"msg":"no"}', b'{"error":{"code":2,"msg":"no"},"id":1}'):
        told = decode(failure).failure
        assert told is not None
        assert (told.code, told.msg) == (2, "no")
    assert isinstance(decode(frame({"e": "serverShutdown", "E": 1})).data, ServerShutdown)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"null", b"[]", b"\x00\xff\xfe", b'"text"', b"[" * 100_000,
        *(
            frame({**SPOT, **wrong})
            for wrong in (
                {"b": None}, {"b": [["NaN", "1"]]}, {"b": [["1", "Infinity"]]},
                {"b": [["-1", "1"]]}, {"b": [["1e999", "1"]]}, {"b": [["1", "2", "3"]]},
                {"b": [["one", "1"]]}, {"b": [[None, "1"]]}, {"u": "many"}, {"U": -5},
                {"u": 2**70}, {"e": "aggTrade"}, {"s": 7},
            )
        ),
    ],
)  # fmt: skip
def test_damage_is_refused_by_one_error(number, raw):
    with pytest.raises(BadMessageError):
        frame_decoder(number)(raw)


@pytest.mark.parametrize("digits", ["1e999999999", "1e-999999999", "sNaN", "-0.1"])
def test_decimals_that_would_fill_the_memory_are_refused(digits):
    body = json.dumps({"lastUpdateId": 1, "bids": [[digits, "1"]], "asks": []})
    with pytest.raises(BadMessageError):
        snapshot_decoder(Decimal)(body)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_mutation_of_a_real_frame_raises_anything_else(seed):
    chance = random.Random(seed)
    raw = bytearray(frame(chance.choice([SPOT, USDM])))
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(raw))
        if chance.random() < 0.5:
            raw[place] = chance.randrange(256)
        else:
            del raw[place : place + chance.randrange(1, 9)]
            raw = raw or bytearray(b"x")
    for number in NUMBERS:
        with contextlib.suppress(BadMessageError):
            frame_decoder(number)(bytes(raw))


@given(st.integers(0, 10**15 - 1))
def test_a_price_of_eight_decimals_survives_the_float(units):
    text = f"{units // 10**8}.{units % 10**8:08d}"
    event = event_decoder(float)(json.dumps({**SPOT, "b": [[text, "1"]]}))
    assert f"{event.bids[0][0]:.8f}" == text


def test_exchange_info_of_spot_and_of_options():
    spot = decode_exchange_info(
        b'{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,'
        b'"limit":6000}],"symbols":[{"symbol":"BNBBTC","status":"BREAK","filters":[{"filterType":'
        b'"PRICE_FILTER","tickSize":"0.00000100"},{"filterType":"LOT_SIZE","stepSize":"0.001"}]}]}'
    )
    info = spot.listed[0]
    assert (info.tick_size, info.step_size) == (Decimal("0.000001"), Decimal("0.001"))
    assert (info.trading, spot.weight_per_minute) == (False, 6000)
    options = decode_exchange_info(
        '{"optionSymbols":[{"symbol":"BTC-261225-110000-C","side":"CALL","strikePrice":"110000"}]}'
    )
    assert options.listed[0].trading
    assert options.weight_per_minute is None
