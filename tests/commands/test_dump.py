"""Books as lines: what is written, when, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import os
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from depthcli.commands.book_lines import BookLine, Dump, json_line, text_table
from depthcli.commands.dump import dump_books as dump
from depthcli.commands.following import Following
from depthcli.core.book import DepthCache
from depthcli.core.markets import SPOT, USDM
from depthcli.core.messages import Snapshot
from depthcli.core.state import State
from depthcli.core.symbols import Target, targets_of
from depthcli.errors import UnknownSymbolError, UnreachableError
from depthcli.settings.environment import Environment
from depthcli.simulator import Simulator, source_for

NOWHERE = {"rest_url": "http://127.0.0.1:9", "ws_url": "ws://127.0.0.1:9"}


def following(*symbols: str, depth: int | None = None, **options) -> Following:
    return Following(
        targets=targets_of(symbols, SPOT),
        depth=depth,
        refresh_interval=0,
        environment=Environment(**{**NOWHERE, **options}),
    )


def spot(symbol: str = "BNBBTC") -> Target:
    return Target(SPOT, symbol)


def levels(*digits: str) -> list[tuple[Decimal, Decimal]]:
    numbers = [Decimal(text) for text in digits]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def book(symbol: str = "BNBBTC") -> DepthCache[Decimal]:
    cache = DepthCache(symbol, Decimal)
    bids = levels("0.00240000", "10.00000000", "0.00230000", "1E+2")
    asks = levels("0.00260000", "100.00000000")
    cache.load(Snapshot(160, bids, asks), limit=1000)
    cache.update_time = 1672515782136
    return cache


class Written:
    """A `Dump` into memory."""

    def __init__(self, *symbols: str, depth=None, follow_on=True, count=None, out=None) -> None:
        self.out = out or io.BytesIO()
        self.dump = Dump(
            following(*symbols, depth=depth), self.out, json_line, follow_on=follow_on, count=count
        )

    async def lines(self) -> list[dict]:
        await self.dump.writer.drain()
        return [json.loads(line) for line in self.out.getvalue().splitlines()]


async def test_a_line_holds_the_book_in_the_exchanges_own_digits():
    written = Written("BNBBTC")
    written.dump.book(spot(), book())
    (line,) = await written.lines()
    received = line.pop("received_time")
    assert received > 1_700_000_000_000
    assert line == {
        "symbol": "BNBBTC",
        "market": "spot",
        "state": "live",
        "last_update_id": 160,
        "update_time": 1672515782136,
        "bids": [["0.00240000", "10.00000000"], ["0.00230000", "100"]],
        "asks": [["0.00260000", "100.00000000"]],
    }


async def test_depth_cuts_both_sides():
    written = Written("BNBBTC", depth=1)
    written.dump.book(spot(), book())
    assert [len((await written.lines())[0][side]) for side in ("bids", "asks")] == [1, 1]


async def test_without_follow_each_symbol_is_written_once_and_that_is_all():
    written = Written("BNBBTC", "ETHBTC", follow_on=False)
    for symbol in ("BNBBTC", "BNBBTC", "ETHBTC", "BNBBTC"):
        written.dump.book(spot(symbol), book(symbol))
        written.dump.state(spot(symbol), book(symbol), State.STALE, "gap")
    assert [line["symbol"] for line in await written.lines()] == ["BNBBTC", "ETHBTC"]
    assert written.dump.finished.done()


async def test_with_follow_every_change_is_written():
    written = Written("BNBBTC")
    for _ in range(3):
        written.dump.book(spot(), book())
    assert len(await written.lines()) == 3
    assert not written.dump.finished.done()


async def test_one_name_in_two_markets_is_two_books():
    written = Written("BTCUSDT", "usdm:BTCUSDT", follow_on=False)
    written.dump.book(spot("BTCUSDT"), book("BTCUSDT"))
    written.dump.book(spot("BTCUSDT"), book("BTCUSDT"))
    assert not written.dump.finished.done()
    written.dump.book(Target(USDM, "BTCUSDT"), book("BTCUSDT"))
    assert written.dump.finished.done()
    lines = [(line["market"], line["symbol"]) for line in await written.lines()]
    assert lines == [("spot", "BTCUSDT"), ("usdm", "BTCUSDT")]


async def test_where_markets_are_mixed_each_has_its_state_and_the_end_names_the_market():
    written = Written("BTCUSDT", "usdm:BTCUSDT")
    futures = Target(USDM, "BTCUSDT")
    for target in (spot("BTCUSDT"), futures):
        written.dump.state(target, book("BTCUSDT"), State.LIVE, "")
    written.dump.state(spot("BTCUSDT"), book("BTCUSDT"), State.CLOSED, "HTTP 400")
    assert not written.dump.finished.done()
    written.dump.state(futures, book("BTCUSDT"), State.CLOSED, "HTTP 400")
    with pytest.raises(UnreachableError, match="usdm:BTCUSDT: HTTP 400"):
        await written.dump.finished
    assert [line["market"] for line in await written.lines()] == ["spot", "usdm"]


async def test_the_end_waits_for_symbols_that_have_not_said_anything_yet():
    written = Written("BNBBTC", "ETHBTC")
    written.dump.state(spot("BNBBTC"), book("BNBBTC"), State.CLOSED, "HTTP 400")
    assert not written.dump.finished.done()


async def test_without_follow_it_ends_once_nothing_more_can_come():
    written = Written("BNBBTC", "ETHBTC", follow_on=False)
    written.dump.state(spot("ETHBTC"), book("ETHBTC"), State.CLOSED, "HTTP 400")
    assert not written.dump.finished.done()
    written.dump.book(spot("BNBBTC"), book("BNBBTC"))
    with pytest.raises(UnreachableError, match="ETHBTC"):
        await written.dump.finished
    assert [line["symbol"] for line in await written.lines()] == ["BNBBTC"]


async def test_count_ends_it_after_so_many_lines_stale_ones_included():
    written = Written("BNBBTC", count=3)
    written.dump.book(spot(), book())
    written.dump.state(spot(), book(), State.STALE, "gap")
    assert not written.dump.finished.done()
    for _ in range(5):
        written.dump.book(spot(), book())
    assert [line["state"] for line in await written.lines()] == ["live", "stale", "live"]
    assert written.dump.finished.done()


async def test_a_stale_line_has_a_reason_and_no_levels_and_comes_once():
    written = Written("BNBBTC")
    written.dump.state(spot(), book(), State.BUFFERING, "")
    written.dump.state(spot(), book(), State.LIVE, "")
    written.dump.book(spot(), book())
    written.dump.state(spot(), book(), State.STALE, "gap: 7 updates missing")
    written.dump.state(spot(), book(), State.STALE, "snapshot refused: HTTP 500; next try in 0.2 s")
    stale = (await written.lines())[1]
    assert len(await written.lines()) == 2
    assert (stale["state"], stale["reason"]) == ("stale", "gap: 7 updates missing")
    assert (stale["bids"], stale["asks"], stale["last_update_id"]) == ([], [], 160)


async def test_when_all_are_lost_for_good_it_ends_with_the_reason():
    written = Written("BNBBTC", "ETHBTC")
    for symbol in ("BNBBTC", "ETHBTC"):
        written.dump.state(spot(symbol), book(symbol), State.LIVE, "")
    written.dump.state(spot("BNBBTC"), book("BNBBTC"), State.CLOSED, "HTTP 400")
    assert not written.dump.finished.done()
    written.dump.state(spot("ETHBTC"), book("ETHBTC"), State.CLOSED, "HTTP 400")
    with pytest.raises(UnreachableError, match="ETHBTC: HTTP 400"):
        await written.dump.finished
    assert [line["state"] for line in await written.lines()] == ["closed", "closed"]


async def test_a_place_that_cannot_be_written_to_ends_it():
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    written = Written("BNBBTC", out=Full())
    written.dump.book(spot(), book())
    with pytest.raises(OSError, match="No space left"):
        await written.dump.finished
    written.dump.book(spot(), book())
    with pytest.raises(OSError, match="No space left"):
        await written.dump.writer.drain()
    assert written.out.getvalue().count(b"\n") == 1


def line_of(**changes) -> BookLine:
    fields = {
        "symbol": "BNBBTC",
        "market": "spot",
        "state": "live",
        "last_update_id": 160,
        "update_time": 1672515782136,
        "received_time": 1672515782200,
        "bids": [("0.0024", "10"), ("0.0023", "1234")],
        "asks": [("0.0026", "1")],
    }
    return BookLine(**{**fields, **changes})


def test_the_table_for_people_is_aligned_with_the_prices_in_the_middle():
    assert text_table(line_of()).decode() == (
        "BNBBTC  spot  live  19:43:02.136 UTC  id 160\n"
        "    10  0.0024  0.0026  1\n"
        "  1234  0.0023           \n"
        "\n"
    )


def test_the_table_of_a_stale_book_is_its_reason():
    stale = line_of(state="stale", bids=[], asks=[], reason="gap", update_time=None)
    assert text_table(stale).decode() == "BNBBTC  spot  stale  no book yet  id 160  gap\n\n"


@asynccontextmanager
async def exchange():
    async with Simulator(source_for("spot", ["BNBBTC", "ETHBTC"])) as simulator:
        yield simulator, {"rest_url": simulator.rest_url, "ws_url": simulator.ws_url}


OPTIONS = {"as_json": True, "follow_on": False, "count": None, "timeout": 20}


async def test_a_dump_of_an_exchange_ends_by_itself():
    async with exchange() as (_, where):
        out = io.BytesIO()
        await dump(following("eth/btc", "bnb/btc", depth=2, **where), **OPTIONS, out=out)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert {line["symbol"] for line in lines} == {"BNBBTC", "ETHBTC"}
        assert len(lines) == 2


async def test_a_dump_for_people_of_an_exchange():
    async with exchange() as (_, where):
        out = io.BytesIO()
        options = OPTIONS | {"as_json": False, "follow_on": True, "count": 3}
        await dump(following("bnb/btc", depth=2, **where), **options, out=out)
        assert out.getvalue().count(b"BNBBTC  spot  live") == 3


async def test_an_unknown_symbol_writes_nothing():
    async with exchange() as (_, where):
        out = io.BytesIO()
        with pytest.raises(UnknownSymbolError):
            await dump(following("BNBBTC", "NOSUCH", **where), **OPTIONS, out=out)
        assert out.getvalue() == b""


async def test_a_book_that_is_not_live_in_time_is_told_with_its_reason():
    async with exchange() as (simulator, where):
        simulator.faults.fail_next("/api/v3/depth", 500, count=100)
        out = io.BytesIO()
        with pytest.raises(UnreachableError, match=r"BNBBTC isn't live after 0.5 s: .*HTTP 500"):
            await dump(following("BNBBTC", **where), **OPTIONS | {"timeout": 0.5}, out=out)
        assert out.getvalue() == b""


async def test_books_that_are_not_live_in_time_are_no_closed_ones_in_the_end():
    async with exchange() as (simulator, where):
        simulator.faults.fail_next("/api/v3/depth", 500, count=100)
        out = io.BytesIO()
        options = OPTIONS | {"timeout": 0.5, "follow_on": True}
        with pytest.raises(UnreachableError, match=r"BNBBTC isn't live after 0.5 s"):
            await dump(following("BNBBTC", "ETHBTC", **where), **options, out=out)
        assert out.getvalue() == b""


async def test_a_symbol_that_the_exchange_refuses_ends_it_at_once_with_the_reason():
    async with exchange() as (simulator, where):
        simulator.faults.fail_next("/api/v3/depth", 400, code=-1121, message="Invalid symbol.")
        with pytest.raises(UnreachableError, match="BNBBTC: HTTP 400, code -1121, Invalid symbol"):
            await dump(following("BNBBTC", **where), **OPTIONS, out=io.BytesIO())


async def test_a_reader_that_goes_away_ends_it_though_nothing_is_written():
    async with exchange() as (simulator, where):
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as out:
            dumping = asyncio.create_task(
                dump(
                    following("BNBBTC", **where | {"ws_url": "ws://127.0.0.1:9"}),
                    **OPTIONS | {"follow_on": True, "timeout": 60},
                    out=out,
                )
            )
            async with asyncio.timeout(20):
                while not simulator.requests:  # noqa: ASYNC110, the simulator has no event for it
                    await asyncio.sleep(0.01)
            os.close(reading)
            with pytest.raises(BrokenPipeError):
                await dumping
