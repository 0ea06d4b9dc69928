"""Two connections with the same streams: what is given out is one stream without holes."""

from __future__ import annotations

from hypothesis import given, strategies as st

from depthcli.core.handover import LONGEST, QUIET, Handover
from depthcli.core.messages import DepthEvent

STREAM = "bnbbtc@depth"


def event(last: int, follows: int, *, shared: bool) -> DepthEvent[float]:
    first = follows + 3 if shared else follows + 1
    previous = follows if shared else None
    return DepthEvent(last, "BNBBTC", first, last, [], [], previous)


def chain(lengths: list[int], *, shared: bool) -> list[DepthEvent[float]]:
    events, at = [], 100
    for length in lengths:
        events.append(event(at + length, at, shared=shared))
        at += length
    return events


@given(
    lengths=st.lists(st.integers(3, 9), min_size=1, max_size=40),
    start=st.integers(0, 40),
    dies=st.one_of(st.none(), st.tuples(st.booleans(), st.integers(0, 40))),
    order=st.lists(st.booleans(), max_size=120),
    shared=st.booleans(),
)
def test_each_event_is_given_once_and_in_order_wherever_the_two_stand(
    lengths, start, dies, order, shared
):
    """The successor sees the events from `start` on; either may die once the two have met."""
    events = chain(lengths, shared=shared)
    old, new = events[:], events[start:]
    handover: Handover[float] = Handover(0.0)
    handover.opened([STREAM], 0.0)
    given_out: list[int] = []
    met = False
    for step, turn in enumerate(order + [False] * len(old) + [True] * len(new)):
        if dies is not None and met and step >= dies[1]:
            (old if dies[0] else new).clear()
        if turn and new:
            arrived = handover.from_successor(STREAM, new.pop(0))
        elif not turn and old:
            arrived = handover.from_predecessor(STREAM, old.pop(0))
        else:
            continue
        given_out += [one.last_update_id for one in arrived]
        met = handover.complete([STREAM], 0.0)
    given_out += [one.last_update_id for one in handover.finish(STREAM) or ()]
    truth = [one.last_update_id for one in events]
    assert given_out == truth[: len(given_out)]
    if dies is None:
        assert given_out == truth


def test_a_quiet_stream_counts_as_handed_over_after_a_while():
    handover: Handover[float] = Handover(0.0)
    assert not handover.complete([STREAM], 10.0)
    handover.opened([STREAM], 10.0)
    assert not handover.complete([STREAM], 10.0 + QUIET)
    assert handover.complete([STREAM], 10.1 + QUIET)


def test_a_predecessor_that_lags_is_waited_for_but_not_for_ever():
    handover: Handover[float] = Handover(0.0)
    handover.opened([STREAM], 0.0)
    assert handover.from_successor(STREAM, event(110, 105, shared=False)) == []
    assert not handover.complete([STREAM], LONGEST - 1)
    assert handover.complete([STREAM], LONGEST + 1)
    assert [one.last_update_id for one in handover.finish(STREAM) or ()] == [110]


def test_of_a_stream_that_the_successor_does_not_carry_nothing_is_promised():
    handover: Handover[float] = Handover(0.0)
    only = event(110, 105, shared=False)
    assert handover.from_predecessor(STREAM, only) == [only]
    assert handover.from_successor(STREAM, only) == []
    assert handover.finish(STREAM) is None
    assert not handover.complete([STREAM], LONGEST + 1)
