"""The wire: what each market sends is understood, and damage is refused by one error."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from depthcli.core.exchange_info import decode_exchange_info
from depthcli.core.messages import (
    DepthEvent,
    ServerShutdown,
    check_number_type,
    decode_failure,
    decode_server_time,
    event_decoder,
    frame_decoder,
    snapshot_decoder,
)
from depthcli.errors import BadMessageError

SPOT = {
    "e": "depthUpdate", "E": 1672515782136, "s": "BNBBTC", "U": 157, "u": 160,
    "b": [["0.0024", "10"]], "a": [["0.0026", "100"]],
}  # fmt: skip
USDM = SPOT | {"T": 1626992741024, "pu": 149}
EVENTS = {
    "spot": SPOT,
    "usdm": USDM,
    "usdm after the merger": USDM | {"st": 1, "ps": "BNBBTC"},
    "coinm": USDM | {"s": "BTCUSD_PERP", "ps": "BTCUSD", "st": 2},
    "options": USDM | {"s": "BTC-251226-110000-C"},
}
SNAPSHOT = {"lastUpdateId": 1027024, "bids": [["4.00000000", "431.5"]], "asks": [["4.0002", "12"]]}
SNAPSHOTS = {
    "spot": SNAPSHOT,
    "usdm": SNAPSHOT | {"E": 1626992741264, "T": 1626992741261},
    "coinm": SNAPSHOT | {"E": 1, "T": 2, "symbol": "BCHUSD_PERP", "pair": "BCHUSD"},
    "options": {"T": 1589436922972} | SNAPSHOT,
}
NUMBERS = [float, Decimal]


def frame(data: object) -> bytes:
    return json.dumps({"stream": "bnbbtc@depth", "data": data}).encode()


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("market", EVENTS)
def test_the_events_of_every_market_are_understood_wrapped_and_bare(market, number):
    sent = EVENTS[market]
    decoded = frame_decoder(number)(frame(sent))
    event = decoded.data
    assert isinstance(event, DepthEvent)
    assert (decoded.stream, event.symbol) == ("bnbbtc@depth", sent["s"])
    assert (event.event_time, event.first_update_id, event.last_update_id) == (
        1672515782136, 157, 160,
    )  # fmt: skip
    assert event.follows == (156 if market == "spot" else 149)
    assert event.bids == [(number("0.0024"), number("10"))]
    assert event.asks == [(number("0.0026"), number("100"))]
    assert event_decoder(number)(json.dumps(sent)) == event


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("market", SNAPSHOTS)
def test_the_snapshots_of_every_market_are_understood(market, number):
    snapshot = snapshot_decoder(number)(json.dumps(SNAPSHOTS[market]).encode())
    assert snapshot.last_update_id == 1027024
    assert snapshot.bids == [(number("4"), number("431.5"))]
    assert snapshot.asks == [(number("4.0002"), number("12"))]
    assert all(type(value) is number for value in snapshot.bids[0])


def test_fields_that_the_exchange_may_add_one_day_are_ignored():
    decode = frame_decoder(float)
    more = {"new": {"deep": [1, None]}, "rpi": True}
    wrapped = {"stream": "x", "data": SPOT | more, "seq": 7}
    assert decode(json.dumps(wrapped)).data == decode(frame(SPOT)).data


def test_an_event_without_levels_and_a_side_without_any_are_events_too():
    event = event_decoder(float)(json.dumps(SPOT | {"b": [], "a": []}))
    assert (event.bids, event.asks) == ([], [])


def test_replies_failures_and_the_shutdown_are_understood():
    decode = frame_decoder(float)
    assert (decode(b'{"result":null,"id":3}').id, decode(b'{"id":3}').failure) == (3, None)
    assert decode(b'{"result":["bnbbtc@depth"],"id":"mine"}').result == ["bnbbtc@depth"]
    for failure in (b'{"code":2,"msg":"no"}', b'{"error":{"code":2,"msg":"no"},"id":1}'):
        told = decode(failure).failure
        assert told is not None
        assert (told.code, told.msg) == (2, "no")
    assert isinstance(decode(frame({"e": "serverShutdown", "E": 1})).data, ServerShutdown)
    invalid = decode_failure(b'{"code":-1121,"msg":"Invalid symbol."}')
    assert (invalid.code, invalid.msg) == (-1121, "Invalid symbol.")
    assert decode_server_time(b'{"serverTime":1499827319559}').server_time == 1499827319559


NO_JSON_OBJECT = [
    b"", b" ", b"{", b"null", b"[]", b"7", b"true", b'"text"', b"\x00\xff\xfe", b"\x1f\x8b\x08\x00",
    b"[" * 100_000, b'{"a":' * 100_000, b'{"stream":' + b"[" * 100_000, b"{}}", b"<html></html>",
    '{"stream":"\ud800"}', b'{"stream":"\\ud800"}', b'{"stream":"\xff","data":{}}', b"NaN",
]  # fmt: skip
BAD_NUMBERS = [
    "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "-1", "-0.1", "1e999", "1e301",
    "1e9999999", "1e99999999999999999999", "9" * 400, "", "-", ".", "one", "0x10", "1,5", "null",
    "\x00", "1 2", "1_0", " 1", "1 ", "+1", "1\n", "\uff11", "\u0663", "1e400",
]  # fmt: skip
BAD_LEVELS = [
    None, 7, "text", {}, {"1": "1"}, [["1"]], [["1", "2", "3"]], [[]], [None], ["1", "2"],
    [[None, "1"]], [[["1"], "1"]], [[{}, "1"]], [[True, "1"]], [["1", False]], [-1, 1], [[-1, 1]],
    *([[bad, "1"]] for bad in BAD_NUMBERS), *([["1", bad]] for bad in BAD_NUMBERS),
    [["0", "1"]], [["0.00000000", "0"]], [["-0", "1"]], [["1", "1"], ["0.0", "1"]],
]  # fmt: skip
BAD_FIELDS = [
    {"e": "aggTrade"}, {"e": None}, {"e": 7}, {"s": 7}, {"s": None}, {"s": ["BNBBTC"]},
    {"E": "soon"}, {"E": -1}, {"E": 2**60}, {"E": 1.5}, {"E": None},
    {"u": "many"}, {"u": 2**70}, {"u": None}, {"u": 1.5}, {"u": True}, {"u": [1]},
    {"U": -5}, {"U": {}}, {"U": 10**400}, {"pu": "x"}, {"pu": -2},
]  # fmt: skip


@pytest.mark.parametrize("raw", NO_JSON_OBJECT, ids=lambda raw: repr(raw[:24]))
def test_what_is_no_json_object_is_refused_by_one_error(raw):
    decoders = [decode_server_time]
    for number in NUMBERS:
        decoders += [frame_decoder(number), event_decoder(number), snapshot_decoder(number)]
    for decode in decoders:
        with pytest.raises(BadMessageError) as caught:
            decode(raw)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("side", ["a", "b"])
def test_levels_that_are_none_are_refused(number, side):
    decode, decode_snapshot = frame_decoder(number), snapshot_decoder(number)
    for bad in BAD_LEVELS:
        with pytest.raises(BadMessageError):
            pytest.fail(f"{bad!r} became {decode(frame(SPOT | {side: bad}))}")
        with pytest.raises(BadMessageError):
            pytest.fail(f"{bad!r} became {decode_snapshot(json.dumps(SNAPSHOT | {'bids': bad}))}")


@pytest.mark.parametrize("bad", BAD_FIELDS, ids=lambda bad: repr(bad)[:24])
def test_fields_of_other_types_are_refused(bad):
    for number in NUMBERS:
        with pytest.raises(BadMessageError):
            frame_decoder(number)(frame(SPOT | bad))
        with pytest.raises(BadMessageError):
            event_decoder(number)(json.dumps(SPOT | bad))


@pytest.mark.parametrize("missing", list(SPOT))
def test_an_event_that_lacks_a_field_is_refused(missing):
    rest = {key: value for key, value in SPOT.items() if key != missing}
    with pytest.raises(BadMessageError):
        frame_decoder(float)(frame(rest))


@pytest.mark.parametrize(
    "digits",
    ["1e999999999", "1e-999999999", "1e-65", "9" * 1_000_000],
    ids=["large", "small", "fine", "long"],
)
def test_a_decimal_that_would_fill_the_memory_is_refused_with_a_short_message(digits):
    body = json.dumps(SNAPSHOT | {"bids": [[digits, "1"]]})
    with pytest.raises(BadMessageError) as caught:
        snapshot_decoder(Decimal)(body)
    assert len(str(caught.value)) <= 200


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_garbled_byte_of_a_real_frame_raises_anything_else(seed):
    chance = random.Random(seed)
    raw = bytearray(frame(chance.choice(list(EVENTS.values()))))
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


INFO = {
    "rateLimits": [
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    ],
    "symbols": [
        {
            "symbol": "BNBBTC", "status": "TRADING", "baseAsset": "BNB", "quoteAsset": "BTC",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.1", "tickSize": "0.00000100"},
                {"filterType": "LOT_SIZE", "stepSize": "0.00100000"},
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            ],
        }
    ],
}  # fmt: skip
REAL = [
    *({"stream": "x", "data": event} for event in EVENTS.values()),
    *SNAPSHOTS.values(),
    INFO,
]
ODD_TEXT = st.one_of(st.sampled_from(BAD_NUMBERS), st.text(st.characters(), max_size=8))
ODD_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ODD_TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


def places(document, path=()):
    """Every path to a value in a JSON document."""
    children = {}
    if isinstance(document, dict):
        children = document
    elif isinstance(document, list):
        children = dict(enumerate(document))
    for key, child in children.items():
        yield (*path, key)
        yield from places(child, (*path, key))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_odd_value_in_a_real_message_raises_anything_else(data):
    document = copy.deepcopy(data.draw(st.sampled_from(REAL)))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(document)) or [("x",)]))
        parent = document
        for key in way:
            parent = parent[key]
        if isinstance(parent, dict) and data.draw(st.booleans()):
            parent.pop(last, None)
        else:
            parent[last] = data.draw(ODD_VALUE)
    raw = json.dumps(document, ensure_ascii=data.draw(st.booleans()))
    decoders = [frame_decoder(float), frame_decoder(Decimal), snapshot_decoder(float)]
    for decode in (*decoders, snapshot_decoder(Decimal), decode_exchange_info, decode_failure):
        with contextlib.suppress(BadMessageError):
            decode(raw)


@given(st.integers(1, 10**15 - 1))
def test_a_price_of_eight_decimals_survives_the_float(units):
    text = f"{units // 10**8}.{units % 10**8:08d}"
    event = event_decoder(float)(json.dumps(SPOT | {"b": [[text, "1"]]}))
    assert f"{event.bids[0][0]:.8f}" == text


@pytest.mark.parametrize("digits", ["4.00000000", "0.00000001", "1", "92141233.12345678", "0"])
def test_a_decimal_keeps_the_exchanges_own_digits(digits):
    event = event_decoder(Decimal)(json.dumps(SPOT | {"b": [["1", digits]]}))
    assert f"{event.bids[0][1]:f}" == digits


def decodes(levels):
    try:
        event_decoder(Decimal)(json.dumps(SPOT | {"b": levels}))
    except BadMessageError:
        return False
    return True


NUMBER_TEXT = st.sampled_from(
    [
        "1.50",
        "0.25",
        "7.00",
        "0.00",
        "3",
        "0",
        "-0.00",
        "-1.00",
        "NaN",
        "inf",
        "sNaN",
        "1e300",
        "1e301",
        "1e-64",
        "1e-65",
        "0e-65",
        "0e400",
        "12345678901234567890123456789.01",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(NUMBER_TEXT, NUMBER_TEXT), min_size=1, max_size=6))
def test_levels_are_refused_exactly_if_one_of_them_would_be_alone(levels):
    assert decodes(levels) == all(decodes([level]) for level in levels)
    assert decodes(levels) == all(
        decodes([(price, "1")]) and decodes([("1", quantity)]) for price, quantity in levels
    )


def test_books_are_kept_in_floats_and_decimals_only():
    assert check_number_type(Decimal) is Decimal
    with pytest.raises(ValueError, match="float or Decimal"):
        check_number_type(int)


def test_the_exchange_info_of_spot_tells_steps_limits_and_what_trades():
    info = decode_exchange_info(json.dumps(INFO))
    symbol = info.listed[0]
    assert (symbol.tick_size, symbol.step_size) == (Decimal("0.000001"), Decimal("0.001"))
    assert (symbol.base_asset, symbol.quote_asset, symbol.trading) == ("BNB", "BTC", True)
    assert info.weight_per_minute == 6000
    for status in ("HALT", "BREAK", "CANCEL_ONLY"):
        halted = decode_exchange_info(json.dumps({"symbols": [{"symbol": "X", "status": status}]}))
        assert not halted.listed[0].trading


@pytest.mark.parametrize(
    "step",
    ["0", "0.00000000", "-1", "NaN", "sNaN", "Infinity", "1e-999999", "1e999", f"0.{10**99}"],
)
def test_a_step_that_cannot_be_one_is_none(step):
    filters = [{"tickSize": step, "stepSize": step}, {"stepSize": "0.1"}]
    info = decode_exchange_info(json.dumps({"symbols": [{"symbol": "X", "filters": filters}]}))
    assert (info.listed[0].tick_size, info.listed[0].step_size) == (None, Decimal("0.1"))


@pytest.mark.parametrize("limit", [0, -6000, 10**18])
def test_a_limit_that_cannot_be_one_is_none(limit):
    limits = [INFO["rateLimits"][1] | {"limit": limit}]
    assert decode_exchange_info(json.dumps({"rateLimits": limits})).weight_per_minute is None


def test_the_exchange_info_of_the_derivatives():
    futures = {
        "symbol": "BTCUSD_PERP", "pair": "BTCUSD", "contractType": "PERPETUAL", "contractSize": 100,
        "contractStatus": "TRADING", "deliveryDate": 4133404800000, "filters": [],
    }  # fmt: skip
    coinm = decode_exchange_info(json.dumps({"symbols": [futures]})).listed[0]
    assert (coinm.contract_type, coinm.delivery_date) == ("PERPETUAL", 4133404800000)
    assert coinm.trading
    closed = futures | {"contractStatus": "PENDING_TRADING"}
    assert not decode_exchange_info(json.dumps({"symbols": [closed]})).listed[0].trading
    options = decode_exchange_info(
        '{"optionSymbols":[{"symbol":"BTC-261225-110000-C","side":"CALL","strikePrice":"110000",'
        '"underlying":"BTCUSDT","expiryDate":1798185600000,"unit":1,"priceScale":1}]}'
    )
    option = options.listed[0]
    assert (option.side, option.strike_price) == ("CALL", Decimal(110000))
    assert (option.underlying, option.expiry_date) == ("BTCUSDT", 1798185600000)
    assert option.trading
    assert (option.tick_size, options.weight_per_minute) == (None, None)


def test_names_in_other_scripts_are_symbols_too():
    info = decode_exchange_info('{"symbols":[{"symbol":"币安人生USDT"}]}'.encode())
    assert info.listed[0].symbol == "币安人生USDT"


@pytest.mark.parametrize("digits", ["NaN", "-1", "1e999999999"])
def test_bare_events_are_checked_like_wrapped_ones(digits):
    event = {"e": "depthUpdate", "E": 1, "s": "A", "U": 1, "u": 1, "b": [[digits, "1"]], "a": []}
    with pytest.raises(BadMessageError):
        event_decoder(Decimal)(json.dumps(event))


@pytest.mark.parametrize("kind", [float, Decimal])
def test_a_quantity_of_zero_may_be_written_as_java_does(kind):
    event = event_decoder(kind)(json.dumps(SPOT | {"b": [["0.0024", "0E-8"]]}))
    assert event.bids == [(kind("0.0024"), 0)]


@pytest.mark.parametrize("level", [["0E-8", "1"], ["1E-8", "1"], ["1", "1E-8"], ["1", "-0E-8"]])
def test_no_other_exponent_is_a_decimal(level):
    with pytest.raises(BadMessageError):
        event_decoder(Decimal)(json.dumps(SPOT | {"b": [level]}))


ODD_ENTRIES = (
    '"status":null',
    '"contractType":7',
    '"filters":[null]',
    '"filters":[{"filterType":"PRICE_FILTER","tickSize":""}]',
    '"filters":[{"filterType":"PRICE_FILTER","tickSize":{}}]',
    '"filters":{}',
)


@pytest.mark.parametrize("odd", ODD_ENTRIES)
def test_an_odd_entry_is_left_out_at_the_most_and_the_others_are_there(odd):
    good = '{"symbol":"BTCUSDT","status":"TRADING"}'
    info = decode_exchange_info(f'{{"symbols":[{good},{{"symbol":"NEWUSDT",{odd}}}]}}')
    assert "BTCUSDT" in {entry.symbol for entry in info.listed}
    assert {entry.symbol for entry in info.listed} | set(info.unreadable) == {"BTCUSDT", "NEWUSDT"}


def test_an_entry_without_a_name_is_left_out_and_odd_limits_are_passed_over():
    good = '{"symbol":"BTCUSDT","status":"TRADING"}'
    info = decode_exchange_info(f'{{"symbols":[{good},{{"symbol":null}},7],"rateLimits":[7]}}')
    assert [entry.symbol for entry in info.listed] == ["BTCUSDT"]
    assert list(info.unreadable) == [""]


def test_a_list_in_which_nothing_has_a_name_is_refused():
    with pytest.raises(BadMessageError):
        decode_exchange_info('{"symbols":[{"symbol":null},7]}')


@pytest.mark.parametrize(
    ("status", "halted"),
    [("TRADING", False), ("CANCEL_ONLY", False), ("NEW", False), ("BREAK", True)],
)
def test_a_book_stands_still_only_in_statuses_that_are_known_for_it(status, halted):
    (entry,) = decode_exchange_info(f'{{"symbols":[{{"symbol":"A","status":"{status}"}}]}}').listed
    assert entry.halted is halted
