"""Where a derivatives' snapshot meets the event that ends at its own id, which it may lack.

The exchange's rule: drop events with `u` below `lastUpdateId`; the first one applied has `U` at
most `lastUpdateId` and `u` at least that.
"""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from depthcli.commands.dump import dump_books as dump
from depthcli.commands.following import Following
from depthcli.core.markets import MARKETS, market_named
from depthcli.core.messages import DepthEvent, Snapshot, event_decoder, snapshot_decoder
from depthcli.core.state import State, Verdict
from depthcli.core.symbols import targets_of
from depthcli.core.synchronizer import Synchronizer
from depthcli.settings.environment import Environment
from depthcli.simulator import Capture, Simulator

CASES = Path(__file__).parent / "cases"
LIMIT = 1000
OLD, NEW = (5.0, 1.0), (5.0, 9.0)
"""A level as it is in a snapshot that lacks the event, and as the event sets it."""


def event(previous: int, last: int, *levels: tuple[float, float], time: int = 1_000):
    return DepthEvent(time, "X", last - 5, last, list(levels), [], previous)


def snapshot(at: int, *levels: tuple[float, float], time: int | None = None) -> Snapshot[float]:
    return Snapshot(at, list(levels), [], time)


def opened() -> Synchronizer[float]:
    synchronizer = Synchronizer("X", float, ids_are_shared=True, event_at_snapshot_id_applies=True)
    synchronizer.opened()
    return synchronizer


def live(at: int = 100, *levels: tuple[float, float]) -> Synchronizer[float]:
    synchronizer = opened()
    assert synchronizer.offer(snapshot(at, *levels or [OLD]), LIMIT) is Verdict.ADOPTED
    assert synchronizer.advance()
    return synchronizer


def settled() -> Synchronizer[float]:
    """Return a live book at id 100, with the event that ends there."""
    synchronizer = opened()
    synchronizer.receive(event(80, 100, NEW))
    assert synchronizer.offer(snapshot(100, OLD), LIMIT) is Verdict.ADOPTED
    assert synchronizer.advance()
    return synchronizer


def compare(synchronizer, theirs, *, replace=False) -> Verdict:
    synchronizer.begin_audit()
    return synchronizer.offer(theirs, LIMIT, replace=replace)


class TestLink:
    def test_a_buffered_event_is_applied_before_the_book_is_given_out(self):
        assert settled().cache.get_bids() == [list(NEW)]

    def test_a_later_one_is_applied_when_it_comes(self):
        synchronizer = live(100, OLD)
        synchronizer.receive(event(80, 100, NEW))
        assert synchronizer.advance()
        assert synchronizer.cache.get_bids() == [list(NEW)]
        assert synchronizer.cache.last_update_id == 100

    def test_it_is_applied_once(self):
        synchronizer = settled()
        synchronizer.receive(event(80, 100, NEW))
        assert not synchronizer.advance()
        assert synchronizer.counters.ignored == 1

    def test_what_ends_below_the_snapshot_is_dropped(self):
        synchronizer = opened()
        synchronizer.receive(event(80, 99, NEW))
        synchronizer.offer(snapshot(100, OLD), LIMIT)
        assert synchronizer.advance()
        assert synchronizer.cache.get_bids() == [list(OLD)]

    def test_an_event_that_follows_the_snapshot_links_without_it(self):
        synchronizer = live(100, OLD)
        synchronizer.receive(event(100, 110, (4.0, 2.0)))
        assert synchronizer.advance()
        assert synchronizer.cache.last_update_id == 110

    def test_after_a_gap_it_is_applied_again(self):
        synchronizer = settled()
        synchronizer.receive(event(150, 200, NEW))
        assert not synchronizer.advance()
        assert synchronizer.state is State.STALE
        assert synchronizer.offer(snapshot(200, OLD), LIMIT) is Verdict.ADOPTED
        assert synchronizer.advance()
        assert synchronizer.cache.get_bids() == [list(NEW)]

    def test_a_book_that_it_empties_asks_again(self):
        synchronizer = opened()
        synchronizer.receive(event(80, 100, (5.0, 0.0), (1.0, 1.0)))
        assert synchronizer.offer(snapshot(100, OLD), 1) is Verdict.TOO_OLD
        assert synchronizer.wants_snapshot

    def test_spot_contains_it(self):
        synchronizer = Synchronizer("X", float)
        synchronizer.opened()
        synchronizer.receive(DepthEvent(1, "X", 95, 100, [NEW], []))
        synchronizer.offer(snapshot(100, OLD), LIMIT)
        assert synchronizer.advance()
        assert synchronizer.cache.get_bids() == [list(OLD)]

    def test_it_is_a_property_of_the_market(self):
        applies = {name: market.event_at_snapshot_id_applies for name, market in MARKETS.items()}
        assert applies == {"spot": False, "usdm": True, "coinm": True, "options": True}


class TestAudit:
    @pytest.mark.parametrize("replace", [True, False])
    @pytest.mark.parametrize("theirs", [OLD, NEW])
    def test_a_snapshot_at_the_books_id_is_compared_with_its_event_applied(self, theirs, replace):
        synchronizer = settled()
        assert compare(synchronizer, snapshot(100, theirs), replace=replace) is Verdict.AUDITED
        assert synchronizer.last_differences == []
        assert synchronizer.state is State.LIVE
        assert synchronizer.cache.get_bids() == [list(NEW)]

    @pytest.mark.parametrize("theirs", [OLD, NEW])
    @pytest.mark.parametrize("ours", [OLD, NEW])
    def test_before_the_event_has_come_nothing_is_held_against_the_book(self, ours, theirs):
        synchronizer = live(100, ours)
        verdict = compare(synchronizer, snapshot(100, theirs), replace=True)
        assert verdict is (Verdict.AUDITED if ours == theirs else Verdict.AHEAD)
        synchronizer.receive(event(80, 100, NEW))
        while synchronizer.advance():
            pass
        assert synchronizer.counters.audits == 1
        assert synchronizer.counters.differences_ever == 0
        assert synchronizer.cache.get_bids() == [list(NEW)]

    @pytest.mark.parametrize("replace", [True, False])
    def test_a_snapshot_ahead_waits_for_its_own_event(self, replace):
        synchronizer = settled()
        other = (4.0, 2.0)
        theirs = snapshot(120, NEW)  # lacks the event that ends at 120
        verdict = compare(synchronizer, theirs, replace=replace)
        assert verdict is Verdict.AUDITED  # ids are shared: nothing need have happened here
        synchronizer.receive(event(100, 120, other))
        assert synchronizer.advance()
        assert synchronizer.cache.get_bids() == [list(NEW), list(other)]
        assert synchronizer.counters.differences_ever == 0
        assert synchronizer.state is State.LIVE

    def test_an_event_since_the_audit_began_counts_too(self):
        synchronizer = settled()
        synchronizer.begin_audit()
        synchronizer.receive(event(100, 110, (4.0, 2.0)))
        assert synchronizer.advance()
        verdict = synchronizer.offer(snapshot(110, NEW), LIMIT, replace=True)
        assert verdict is Verdict.AUDITED
        assert synchronizer.last_differences == []
        assert synchronizer.cache.get_bids() == [list(NEW), [4.0, 2.0]]

    def test_a_wrong_book_is_still_found(self):
        synchronizer = settled()
        synchronizer.cache.bids.update([(3.0, 3.0)])
        assert compare(synchronizer, snapshot(100, OLD)) is Verdict.AUDITED
        assert [difference.price for difference in synchronizer.last_differences] == [3.0]
        assert synchronizer.state is State.STALE


class TestTime:
    """`update_time`: of the newest event in the book, else of the snapshot."""

    def test_it_is_the_snapshots_where_no_event_is_known(self):
        synchronizer = opened()
        synchronizer.offer(snapshot(100, OLD, time=5_000), LIMIT)
        assert synchronizer.cache.update_time == 5_000

    def test_it_is_that_of_the_newest_event_that_the_snapshot_contains(self):
        synchronizer = opened()
        synchronizer.receive(event(60, 80, time=4_000))
        synchronizer.receive(event(80, 90, time=4_500))
        synchronizer.offer(snapshot(100, OLD, time=5_000), LIMIT)
        assert synchronizer.cache.update_time == 4_500

    def test_an_event_that_comes_late_dates_it_too_but_never_back(self):
        synchronizer = opened()
        synchronizer.offer(snapshot(100, OLD, time=5_000), LIMIT)
        synchronizer.receive(event(80, 90, time=4_500))
        assert synchronizer.advance()
        assert not synchronizer.advance()
        assert synchronizer.cache.update_time == 5_000
        synchronizer.receive(event(90, 99, time=5_100))
        assert not synchronizer.advance()
        assert synchronizer.cache.update_time == 5_100

    def test_a_duplicate_does_not_touch_it(self):
        synchronizer = settled()
        synchronizer.receive(event(80, 100, NEW, time=2_000))
        assert not synchronizer.advance()
        assert synchronizer.cache.update_time == 1_000

    def test_after_a_resync_it_is_that_of_the_new_book(self):
        synchronizer = settled()
        synchronizer.lost("gone")
        synchronizer.opened()
        synchronizer.offer(snapshot(300, OLD, time=9_000), LIMIT)
        assert synchronizer.cache.update_time == 9_000

    def test_a_refresh_leaves_it(self):
        synchronizer = settled()
        compare(synchronizer, snapshot(100, NEW, time=9_000), replace=True)
        assert synchronizer.cache.update_time == 1_000

    @pytest.mark.parametrize(
        ("times", "told"), [('"E":8,"T":7,', 8), ('"T":7,', 7), ("", None), ('"E":null,', None)]
    )
    def test_snapshots_tell_it_by_either_name(self, times, told):
        body = f'{{"lastUpdateId":1,{times}"bids":[],"asks":[]}}'
        assert snapshot_decoder(float)(body).time == told


def case(name: str) -> tuple[Path, dict]:
    right = json.loads((CASES / f"{name}-same-id.right.json").read_text())
    return CASES / f"{name}-same-id.jsonl", right


def top(book, count: int) -> dict[str, list[list[str]]]:
    return {
        "bids": [[f"{p:f}", f"{q:f}"] for p, q in book.bids.top(count)],
        "asks": [[f"{p:f}", f"{q:f}"] for p, q in book.asks.top(count)],
    }


@pytest.mark.parametrize("name", ["coinm", "usdm"])
def test_the_recorded_case_gives_the_right_books(name):
    path, right = case(name)
    market = market_named(name)
    synchronizer = Synchronizer(
        right["symbol"],
        Decimal,
        ids_are_shared=market.ids_are_shared,
        event_at_snapshot_id_applies=market.event_at_snapshot_id_applies,
    )
    synchronizer.opened()
    shown = {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        body = json.dumps(entry["data"])
        if "/depth?" in entry["source"]:
            synchronizer.offer(snapshot_decoder(Decimal)(body), 20)
        elif entry["kind"] == "ws":
            synchronizer.receive(event_decoder(Decimal)(body))
        while synchronizer.advance():
            shown[str(synchronizer.cache.last_update_id)] = top(synchronizer.cache, right["top"])
    assert {at: shown[at] for at in right["books"]} == right["books"]


@pytest.mark.parametrize("name", ["coinm", "usdm"])
async def test_a_served_capture_gives_the_right_books(name, tmp_path):
    path, right = case(name)
    out = tmp_path / "lines"
    async with Simulator(Capture(path, speed=4)) as simulator:
        following = Following(
            targets=targets_of([right["symbol"]], market_named(name)),
            depth=right["top"],
            refresh_interval=0,
            environment=Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url),
        )
        with out.open("wb") as file:
            dumping = asyncio.create_task(
                dump(following, as_json=True, follow_on=True, count=None, timeout=20, out=file)
            )
            ends = f'"last_update_id":{max(map(int, right["books"]))},'
            async with asyncio.timeout(30):
                while ends not in out.read_text():  # noqa: ASYNC110, the file tells when
                    await asyncio.sleep(0.02)
            dumping.cancel()
            await asyncio.gather(dumping, return_exceptions=True)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert all(line["update_time"] > 1e12 for line in lines)
    assert all(one["update_time"] <= other["update_time"] for one, other in pairwise(lines))
    shown = {str(line["last_update_id"]): line for line in lines if line["state"] == "live"}
    for at, levels in right["books"].items():
        assert {side: shown[at][side] for side in ("bids", "asks")} == levels
