from __future__ import annotations

import json

import pytest

from depthcli.core.messages import event_decoder
from depthcli.errors import BadMessageError, UsageError
from depthcli.simulator.faults.corruption import CORRUPTIONS, Delivery, mistyped
from depthcli.simulator.faults.faults import ConnectionOrder, ExchangeOrder, Faults
from depthcli.simulator.faults.plan import EVENT_FAULTS, REST_FAULTS, FaultPlan

STREAM = "bnbbtc@depth@100ms"


def event(number: int) -> bytes:
    return (
        b'{"e":"depthUpdate","E":1,"s":"BNBBTC","U":%d,"u":%d,"b":[["1","2"]],"a":[["3","4"]]}'
        % (number, number)
    )


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sent(faults: Faults, numbers: range, stream: str = STREAM) -> list[int]:
    """Return the numbers of the events that come through, as a client would decode them."""
    return [
        event_decoder(float)(delivery.payload).last_update_id
        for number in numbers
        for delivery in faults.deliveries(stream, event(number))
    ]


def test_without_faults_every_event_is_sent_as_it_is() -> None:
    faults = Faults()
    assert faults.deliveries(STREAM, event(1)) == [Delivery(event(1))]
    assert not faults.log


def test_events_are_dropped_duplicated_and_swapped_as_ordered() -> None:
    faults = Faults()
    faults.drop_next_events(STREAM, 2)
    assert sent(faults, range(1, 5)) == [3, 4]
    faults.duplicate_next("BNBBTC")
    assert sent(faults, range(5, 7)) == [5, 5, 6]
    faults.swap_next("bnbbtc")
    assert sent(faults, range(7, 10)) == [8, 7, 9]
    assert faults.log == {"drop": 2, "duplicate": 1, "swap": 1}


def test_faults_of_one_stream_leave_the_others_alone() -> None:
    faults = Faults()
    faults.drop_next_events("ethbtc@depth@100ms")
    assert sent(faults, range(1, 4)) == [1, 2, 3]
    assert sent(faults, range(1, 4), "ethbtc@depth@100ms") == [2, 3]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corrupted_event_is_no_event_any_more(kind: str) -> None:
    faults = Faults()
    faults.corrupt_next(kind)
    (delivery,) = faults.deliveries(STREAM, event(1))
    assert delivery != Delivery(event(1))
    if kind == "wrong-symbol":
        assert event_decoder(float)(delivery.payload).symbol != "BNBBTC"
    elif not delivery.cut:
        with pytest.raises(BadMessageError):
            event_decoder(float)(delivery.payload)
    assert faults.deliveries(STREAM, event(2)) == [Delivery(event(2))]


def test_a_corruption_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="bad-luck"):
        Faults().corrupt_next("bad-luck")


def test_a_stall_loses_events_until_it_is_over() -> None:
    clock = Clock()
    faults = Faults(clock=clock)
    faults.stall(5)
    assert sent(faults, range(1, 4)) == []
    clock.now += 5
    assert sent(faults, range(4, 6)) == [4, 5]
    assert faults.log == {"stall": 3}


def test_connections_are_refused_for_a_time_or_a_number() -> None:
    clock = Clock()
    faults = Faults(clock=clock)
    faults.refuse_connections(count=2)
    assert [faults.refuses() for _ in range(3)] == [True, True, False]
    faults.refuse_connections(seconds=2)
    assert faults.refuses()
    clock.now += 2
    assert not faults.refuses()


def test_rest_faults_come_in_the_order_they_were_ordered_in() -> None:
    faults = Faults()
    faults.fail_next("exchangeInfo", 418, retry_after=9, code=-1003)
    faults.fail_next("depth", 503, 2)
    faults.stale_next_snapshot(77)
    kinds = []
    for _ in range(4):
        fault = faults.rest_fault("/api/v3/depth")
        kinds.append(fault and (fault.kind, fault.status, fault.age))
    assert kinds == [("fail", 503, 0), ("fail", 503, 0), ("stale", 503, 77), None]
    fault = faults.rest_fault("/api/v3/exchangeInfo")
    assert fault
    assert (fault.status, fault.retry_after, fault.code) == (418, 9, -1003)


def test_mistyped_answers_are_json_with_other_types() -> None:
    wrong = json.loads(mistyped(b'{"lastUpdateId":1,"bids":[["1","2"]],"asks":[]}'))
    assert set(wrong) == {"lastUpdateId", "bids", "asks"}
    assert not isinstance(wrong["lastUpdateId"], int)


def test_a_plan_draws_faults_at_random_the_same_for_the_same_seed() -> None:
    plan = FaultPlan.parse("drop:0.1, duplicate:0.1,fail:0.5:500")

    def run(seed: int) -> list[int]:
        return sent(Faults(plan, seed), range(1, 500))

    assert run(1) == run(1) != run(2)
    faults = Faults(plan)
    sent(faults, range(1000))
    assert 60 < faults.log["drop"] < 140
    drawn = [fault for _ in range(100) if (fault := faults.rest_fault("/api/v3/depth"))]
    assert {fault.status for fault in drawn} == {500}
    assert 30 < len(drawn) < 70


def test_a_plan_may_name_every_fault() -> None:
    plan = FaultPlan.parse(",".join(f"{name}:0.2" for name in EVENT_FAULTS + REST_FAULTS))
    faults = Faults(plan, 3, Clock())
    for number in range(2000):
        faults.deliveries(STREAM, event(number))
        faults.rest_fault("/fapi/v1/depth")
        faults.connection_orders()
        if number % 10 == 0:
            faults._stalled_until = 0.0
    assert set(EVENT_FAULTS + REST_FAULTS) <= set(faults.log)


@pytest.mark.parametrize(
    "plan",
    [
        "explode:0.1",
        "drop",
        "drop:often",
        "drop:2",
        "drop:-1",
        "drop:nan",
        "drop:0.1:3",
        "stall:0:x",
    ],
)
def test_a_wrong_plan_is_refused_with_the_wrong_part(plan: str) -> None:
    with pytest.raises(UsageError, match=plan):
        FaultPlan.parse(f"duplicate:0.1,{plan}")


def test_a_delayed_event_comes_late_and_what_follows_in_its_stream_behind_it() -> None:
    clock = Clock()
    faults = Faults(clock=clock)
    faults.delay_next(2, "bnbbtc")
    assert sent(faults, range(1, 3)) == []
    assert sent(faults, range(7, 8), "ethbtc@depth@100ms") == [7]
    assert faults.late_deliveries() == []
    clock.now += 1.9
    assert sent(faults, range(3, 4)) == []
    clock.now += 0.1
    late = faults.late_deliveries()
    assert late == [("", STREAM, Delivery(event(number))) for number in (1, 2, 3)]
    assert sent(faults, range(4, 6)) == [4, 5]
    assert faults.log == {"delay": 1}


def test_streams_of_the_same_name_in_two_markets_are_not_mixed_up() -> None:
    faults = Faults()
    faults.swap_next(STREAM)
    assert faults.deliveries(STREAM, event(1), "spot") == []
    assert faults.deliveries(STREAM, event(9), "usdm") == [Delivery(event(9))]
    assert faults.deliveries(STREAM, event(2), "spot") == [Delivery(event(2)), Delivery(event(1))]


def test_connection_orders_are_for_all_or_for_some() -> None:
    faults = Faults()
    faults.abort_connections()
    faults.close_connections(1012, count=2)
    everybody, two = faults.connection_orders()
    assert everybody.chosen(["a", "b", "c"]) == ["a", "b", "c"]
    assert two.chosen(["a", "b", "c"]) == ["a", "b"]
    assert two.chosen([]) == []
    assert ConnectionOrder("abort", 2, pick=0.99).chosen(["a", "b", "c"]) == ["c", "a"]


def test_random_faults_of_connections_hit_one_of_them_and_not_always_the_same() -> None:
    faults = Faults(FaultPlan.parse("freeze:1"), seed=5)
    sent(faults, range(40))
    hit = [order.chosen(["a", "b", "c"]) for order in faults.connection_orders()]
    assert {len(connections) for connections in hit} == {1}
    assert {connections[0] for connections in hit} == {"a", "b", "c"}


def test_a_plan_may_halt_the_symbol_whose_event_it_was() -> None:
    faults = Faults(FaultPlan.parse("halt:1:7"))
    assert faults.deliveries(STREAM, event(1), "usdm") == [Delivery(event(1))]
    assert faults.exchange_orders() == [ExchangeOrder("halt", "usdm", "BNBBTC", 7)]
    assert faults.exchange_orders() == []


def test_a_plan_may_refuse_connections_for_a_while() -> None:
    clock = Clock()
    once = Faults(FaultPlan.parse("refuse:0.5"), 1, clock)
    assert len({once.refuses() for _ in range(20)}) == 2
    assert 3 < once.log["refuse"] < 17
    for_long = Faults(FaultPlan.parse("refuse:0.2:60"), 1, clock)
    while not for_long.refuses():
        pass
    assert all(for_long.refuses() for _ in range(50))
