"""`depthcli check`: what it says and exits with where books are true, wrong, or not comparable."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from decimal import Decimal

import pytest

from depthcli.commands import audits as audits_module
from depthcli.commands.audits import (
    MOST_SHOWN,
    AuditLine,
    DifferenceLine,
    Summary,
    _audit_text,
    _summary_text,
)
from depthcli.commands.check import check_books as check
from depthcli.commands.following import Following
from depthcli.commands.main import main
from depthcli.core.markets import SPOT
from depthcli.core.state import ByRank
from depthcli.core.symbols import targets_of
from depthcli.errors import UnreachableError
from depthcli.settings.environment import Environment
from depthcli.simulator import BackgroundSimulator, Simulator, source_for

SYMBOLS = ("BNBBTC", "ETHBTC")


class Lying:
    """An exchange whose snapshots, after the first of a symbol, are wrong in some bids.

    Args:
        exchange: what is told otherwise.
        symbol: whose snapshots.
        places: which bids; 0 is the best.
    """

    def __init__(self, exchange, symbol: str, places: tuple[int, ...] = (300,)) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._places = places
        self._asked = 0

    def __getattr__(self, name):
        return getattr(self._exchange, name)

    def snapshot(self, symbol, limit, age=0):
        body = self._exchange.snapshot(symbol, limit, age)
        if symbol != self._symbol:
            return body
        self._asked += 1
        if self._asked == 1:
            return body
        book = json.loads(body)
        for place in self._places:
            book["bids"][place][1] = "98765.43200000"
        return json.dumps(book).encode()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(audits_module, "SETTLE", 0.3)
    monkeypatch.setattr(audits_module, "PAUSE", 0.3)


def checked(simulator, *symbols: str, seconds: float = 0, timeout: float = 20, limit=None):
    out = io.BytesIO()
    following = Following(
        targets=targets_of(symbols, SPOT),
        depth=None,
        limit=limit,
        refresh_interval=0,
        environment=Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url),
    )
    checking = check(following, as_json=True, seconds=seconds, timeout=timeout, out=out)
    return checking, lambda: [json.loads(line) for line in out.getvalue().splitlines()]


async def test_true_books_are_found_true_once_each():
    async with Simulator(source_for("spot", SYMBOLS, seed=3)) as simulator:
        checking, lines = checked(simulator, *SYMBOLS)
        assert await checking is True
    *audits, last = lines()
    assert sorted(line["symbol"] for line in audits) == sorted(SYMBOLS)
    assert all(line["differ"] == 0 and line["levels"] > 1_000 for line in audits)
    assert all(line["last_update_id"] > 0 and "reason" not in line for line in audits)
    summary = last["summary"]
    assert (summary["audits"], summary["differ"], summary["unchecked"]) == (2, 0, [])
    assert summary["levels"] == sum(line["levels"] for line in audits)
    assert summary["events"] > 0


@pytest.mark.parametrize(
    "name", ["usdm:BTCUSDT", "coinm:BTCUSD_PERP", "options:BTC-261225-110000-C"]
)
async def test_it_checks_the_other_markets_too(name):
    market, _, symbol = name.partition(":")
    async with Simulator(source_for(market, [symbol], seed=3)) as simulator:
        checking, lines = checked(simulator, name)
        assert await checking is True
    assert lines()[0]["market"] == market


async def test_with_a_time_it_goes_on_and_ends_with_an_audit():
    async with Simulator(source_for("spot", SYMBOLS, seed=3)) as simulator:
        checking, lines = checked(simulator, "BNBBTC", seconds=3)
        assert await checking is True
    *audits, last = lines()
    assert last["summary"]["audits"] == len(audits) >= 3
    ids = [line["last_update_id"] for line in audits]
    assert ids == sorted(set(ids))


async def test_a_level_that_differs_is_named_and_the_books_are_not_true():
    lying = Lying(source_for("spot", SYMBOLS, seed=3), "BNBBTC")
    async with Simulator(lying) as simulator:
        checking, lines = checked(simulator, *SYMBOLS)
        assert await checking is False
    by_symbol = {line["symbol"]: line for line in lines()[:-1]}
    assert by_symbol["ETHBTC"]["differ"] == 0
    wrong = by_symbol["BNBBTC"]
    assert wrong["differ"] == 1
    (difference,) = wrong["differences"]
    assert (difference["side"], difference["exchange"]) == ("bid", "98765.43200000")
    assert 280 < difference["rank"] < 320  # better levels come and go before the comparison
    assert Decimal(difference["book"]) != Decimal(difference["exchange"])
    assert lines()[-1]["summary"]["differ"] == 1


async def test_it_tells_how_many_differ_near_the_touch_and_how_many_far_from_it(caplog):
    caplog.set_level("INFO", "depthcli")
    source = source_for("spot", SYMBOLS, seed=3)
    deepest = len(json.loads(source.snapshot("BNBBTC", 5_000))["bids"]) - 1
    assert deepest > 1_100
    # What an event sets after the snapshot is right again: most likely near the touch.
    lying = Lying(source, "BNBBTC", (*range(2, 19, 2), 50, 70, 500, 1_060, 1_080))
    async with Simulator(lying) as simulator:
        checking, lines = checked(simulator, *SYMBOLS, limit=5_000)
        assert await checking is False
    by_symbol = {line["symbol"]: line for line in lines()[:-1]}
    ranks = [each["rank"] for each in by_symbol["BNBBTC"]["differences"]]
    assert ranks == sorted(ranks)
    found = by_symbol["BNBBTC"]["by_rank"]
    for place, most in (("best_20", 20), ("best_100", 100), ("best_1000", 1_000)):
        assert found[place] == sum(rank <= most for rank in ranks)
    assert 1 <= found["best_20"] < found["best_100"] < found["best_1000"] < len(ranks)
    assert found["deeper"] == sum(rank > 1_000 for rank in ranks)
    assert set(by_symbol["ETHBTC"]["by_rank"].values()) == {0}
    assert lines()[-1]["summary"]["by_rank"] == found
    where = (
        "{best_20} in the best 20, {best_100} in the best 100,"
        " {best_1000} in the best 1,000, {deeper} deeper"
    ).format_map(found)
    assert f"BNBBTC: audit: {len(ranks)} levels differ: {where}" in caplog.text
    reason = f"levels differ from the exchange's, {found['best_20']} in the best 20"
    assert f"audit: {len(ranks)} {reason}" in caplog.text


async def test_books_that_can_not_be_compared_are_neither_true_nor_wrong():
    async with Simulator(source_for("spot", SYMBOLS, seed=3)) as simulator:
        checking, lines = checked(simulator, "BNBBTC", timeout=1)
        simulator.faults.fail_next("/api/v3/depth", 500, count=1000)
        with pytest.raises(UnreachableError, match=r"could be made of BNBBTC: .*HTTP 500"):
            await checking
    first, last = lines()
    assert first["differ"] is None
    assert "HTTP 500" in first["reason"]
    assert last["summary"]["unchecked"] == ["BNBBTC"]


async def test_an_audit_that_fails_is_tried_again_until_the_time_is_over():
    async with Simulator(source_for("spot", SYMBOLS, seed=3)) as simulator:
        checking, lines = checked(simulator, "BNBBTC")
        running = asyncio.create_task(checking)
        async with asyncio.timeout(20):
            while not any("/depth" in request for request in simulator.requests):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        simulator.faults.fail_next("/api/v3/depth", 500)  # what is asked for next is an audit
        assert await running is True
    failed, made, _ = lines()
    assert failed["differ"] is None
    assert "HTTP 500" in failed["reason"]
    assert made["differ"] == 0


@pytest.mark.parametrize(("lies", "code"), [(False, 0), (True, 1)])
def test_the_command_exits_0_if_all_is_true_and_1_if_not(lies, code, monkeypatch, capfdbinary):
    source = source_for("spot", SYMBOLS, seed=3)
    with BackgroundSimulator(Simulator(Lying(source, "BNBBTC") if lies else source)) as running:
        where = ["--rest-url", running.rest_url, "--ws-url", running.ws_url]
        monkeypatch.setattr(sys, "argv", ["depthcli", "check", "BNBBTC", *where])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code
    shown = capfdbinary.readouterr().out.decode()
    where = ": 0 in the best 20, 0 in the best 100, 1 in the best 1,000, 0 deeper" if lies else ""
    assert f"levels: {code} differ{where}\n" in shown
    assert shown.splitlines()[-1].startswith("1 audits of 1 symbol, ")
    assert shown.endswith(f": {code} differ{where}\n")


def test_lines_for_people():
    difference = DifferenceLine("bid", "0.0024", "0", "10.5", 17)
    by_rank = ByRank(2, 12, 29, 1)
    line = AuditLine("BNBBTC", "spot", 160, 0, 2_000, 30, by_rank, [difference] * MOST_SHOWN)
    rows = _audit_text("BNBBTC", line).splitlines()
    where = "2 in the best 20, 12 in the best 100, 29 in the best 1,000, 1 deeper"
    assert rows[0] == f"BNBBTC  id 160  2,000 levels: 30 differ: {where}"
    assert rows[1] == "  bid 0.0024, rank 17: 0 in the book, 10.5 at the exchange"
    assert rows[-1] == "  and 10 more"
    none = AuditLine("BNBBTC", "spot", 160, 0, 0, None, None, [], "gap")
    assert _audit_text("BNBBTC", none) == "BNBBTC  id 160  no audit: gap"
    summary = Summary(5, 10_000, 77, 2, 0, unchecked=["ETHBTC"])
    assert _summary_text(summary, 3) == (
        "5 audits of 3 symbols, 10,000 levels compared after 77 events,"
        " rebuilt 2 times, not checked: ETHBTC: 0 differ"
    )
