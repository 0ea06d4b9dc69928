"""What can be traded, listed and searched."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.cells import cell_len

from depthcli.commands.listing import NEVER, Entry, Search, _day, entry_of, list_symbols, select
from depthcli.core.exchange_info import SymbolFilter, SymbolInfo
from depthcli.core.markets import COINM, MARKETS, OPTIONS, SPOT, USDM
from depthcli.errors import ExchangeError, UsageError
from depthcli.settings.environment import Environment
from depthcli.settings.symbol_cache import remembered
from depthcli.simulator import Simulator, source_for


def ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(hour=8, tzinfo=UTC).timestamp() * 1000)


def option(name: str, status: str = "TRADING") -> SymbolInfo:
    base, day, strike, side = name.split("-")
    expiry = ms(datetime.strptime(day, "%y%m%d").date().isoformat())  # noqa: DTZ007
    return SymbolInfo(
        symbol=name,
        status=status,
        underlying=f"{base}USDT",
        expiry_date=expiry,
        strike_price=Decimal(strike),
        side={"C": "CALL", "P": "PUT"}[side],
        unit=Decimal(1),
    )


SPOTS = [SymbolInfo("BNBBTC"), SymbolInfo("ETHBTC"), SymbolInfo("BTCUSDT"), SymbolInfo("币安USDT")]
FUTURES = [
    SymbolInfo("BTCUSD_261225", pair="BTCUSD", delivery_date=ms("2026-12-25")),
    SymbolInfo("ETHUSD_PERP", pair="ETHUSD", delivery_date=NEVER),
    SymbolInfo("BTCUSD_PERP", pair="BTCUSD", delivery_date=NEVER),
]
CHAIN = [
    option("ETH-261225-4000-C"), option("BTC-270326-90000-C"), option("BTC-261225-110000-P"),
    option("BTC-261225-90000-P"), option("BTC-261225-110000-C"), option("BTC-250101-90000-C"),
    option("BTC-260201-90000-C", "HALT"),
]  # fmt: skip
NOW = ms("2026-01-01")


def found(infos: list[SymbolInfo], market: str = "options", **search) -> list[str]:
    listed = [entry_of(info, market) for info in infos]
    wanted = Search(**search)
    return [entry.symbol for entry in select(listed, wanted, _day(wanted.expiry), NOW)]


@pytest.mark.parametrize(
    ("pattern", "symbols"),
    [
        ("", ["BNBBTC", "BTCUSDT", "ETHBTC", "币安USDT"]),
        ("btc", ["BNBBTC", "BTCUSDT", "ETHBTC"]),
        ("bnb/b", ["BNBBTC"]),
        ("eth-btc", ["ETHBTC"]),
        ("btc*", ["BTCUSDT"]),
        ("*btc", ["BNBBTC", "ETHBTC"]),
        ("?NB*", ["BNBBTC"]),
        ("[BE]*BTC", ["BNBBTC", "ETHBTC"]),
        ("币", ["币安USDT"]),
        ("nosuch", []),
        (".*", []),
    ],
)
def test_a_pattern_is_a_part_of_a_name_or_has_stars_in_any_case(pattern, symbols):
    assert found(SPOTS, "spot", pattern=pattern) == symbols


def test_a_part_of_an_option_keeps_its_dashes():
    assert found(CHAIN, pattern="btc-27") == ["BTC-270326-90000-C"]


def test_options_come_by_underlying_expiry_strike_and_side():
    assert found(CHAIN) == [
        "BTC-250101-90000-C", "BTC-260201-90000-C", "BTC-261225-90000-P", "BTC-261225-110000-C",
        "BTC-261225-110000-P", "BTC-270326-90000-C", "ETH-261225-4000-C",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("search", "symbols"),
    [
        ({"underlying": "eth/usdt"}, ["ETH-261225-4000-C"]),
        ({"side": "put"}, ["BTC-261225-90000-P", "BTC-261225-110000-P"]),
        ({"expiry": "270326"}, ["BTC-270326-90000-C"]),
        ({"expiry": "2027-03-26"}, ["BTC-270326-90000-C"]),
        ({"expiry": "2027-03-27"}, []),
        ({"expiry": "nearest", "side": "call"}, ["BTC-261225-110000-C", "ETH-261225-4000-C"]),
        ({"expiry": "nearest", "everything": True}, ["BTC-260201-90000-C"]),
        ({"expiry": "nearest", "pattern": "nosuch"}, []),
        ({"underlying": "BTCUSDT", "side": "call", "expiry": "261225"}, ["BTC-261225-110000-C"]),
    ],
)
def test_options_are_found_by_underlying_expiry_and_side(search, symbols):
    assert found(CHAIN, **search) == symbols


def test_futures_are_found_by_their_pair_and_the_perpetual_ones_never_expire():
    assert found(FUTURES, "coinm") == ["BTCUSD_PERP", "ETHUSD_PERP", "BTCUSD_261225"]
    assert found(FUTURES, "coinm", underlying="btcusd") == ["BTCUSD_PERP", "BTCUSD_261225"]
    assert found(FUTURES, "coinm", expiry="nearest") == ["BTCUSD_261225"]


@pytest.mark.parametrize(
    ("infos", "search", "words"),
    [
        (SPOTS, {"side": "call"}, "--side means nothing in spot"),
        (SPOTS, {"underlying": "BTCUSDT"}, "--underlying means nothing in spot"),
        (SPOTS, {"expiry": "nearest"}, "--expiry means nothing in spot"),
        (FUTURES, {"side": "put"}, "--side means nothing"),
        (CHAIN, {"expiry": "tomorrow"}, "'tomorrow' isn't a date: .* 261225 or 2026-12-25"),
        (CHAIN, {"expiry": "261331"}, "isn't a date"),
    ],
)
def test_a_search_that_makes_no_sense_says_so(infos, search, words):
    with pytest.raises(UsageError, match=words):
        found(infos, "spot", **search)


def test_an_entry_has_the_exchanges_digits_and_a_date_that_is_none_is_no_failure():
    tick = SymbolFilter("PRICE_FILTER", tick_size=Decimal("0.00000010"))
    step = SymbolFilter("LOT_SIZE", step_size=Decimal("1.00000000"))
    entry = entry_of(SymbolInfo("X", expiry_date=10**18, filters=[tick, step]), "spot")
    assert (entry.tick_size, entry.step_size) == ("0.00000010", "1.00000000")
    assert entry.expiry is None
    future = entry_of(SymbolInfo("X", expiry_date=ms("2026-12-25")), "spot")
    assert future.expiry == date(2026, 12, 25)


class Shown(io.StringIO):
    """Standard output, as a terminal or not."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


async def shown(
    simulator: Simulator, *markets, as_json=False, terminal=False, **search
) -> tuple[bool, str, str]:
    out, notes = Shown(terminal=terminal), io.StringIO()
    where = Environment(rest_url=simulator.rest_url, ws_url=simulator.ws_url)
    matched = await list_symbols(
        Search(**search), markets, where, as_json=as_json, out=out, notes=notes
    )
    return matched, out.getvalue(), notes.getvalue()


def everywhere(**sources) -> Simulator:
    return Simulator(*(source_for(name, symbols) for name, symbols in sources.items()))


async def test_json_is_an_object_a_symbol_with_the_same_keys_in_every_market():
    async with Simulator(*map(source_for, MARKETS)) as simulator:
        matched, out, notes = await shown(simulator, *MARKETS.values(), as_json=True)
        assert (matched, notes) == (True, "")
        entries = [json.loads(line) for line in out.splitlines()]
        assert {tuple(entry) for entry in entries} == {Entry.__struct_fields__}
        assert [*dict.fromkeys(entry["market"] for entry in entries)] == list(MARKETS)
        assert len(entries) == len(simulator.symbols)
        for entry in entries:
            assert Decimal(entry["tick_size"]) > 0
            assert (entry["side"] is None) == (entry["market"] != "options")
        for market in MARKETS:
            names = sorted(entry["symbol"] for entry in entries if entry["market"] == market)
            assert remembered(market, simulator.rest_url) == names


async def test_a_table_is_aligned_and_has_the_columns_that_the_market_has():
    async with everywhere(spot=["BTCUSDT", "币安USDT"], coinm=["BTCUSD_PERP"]) as simulator:
        _, out, _ = await shown(simulator, SPOT)
        lines = out.splitlines()
        assert lines[0].split() == ["symbol", "status", "base", "quote", "tick", "step"]
        assert lines[1].split() == ["BTCUSDT", "TRADING", "BTC", "USDT", "0.01", "0.00001"]
        assert lines[2].startswith("币安USDT  TRADING  币安  USDT")
        assert len({cell_len(line) for line in lines}) == 1
        _, out, _ = await shown(simulator, COINM)
        heading = "symbol       status   base  quote  underlying  contract   size  tick  step"
        assert out.splitlines()[0] == heading
        _, out, _ = await shown(simulator, SPOT, COINM, pattern="btcus")
        assert [line.split()[0] for line in out.splitlines()] == [
            "symbol", "spot:BTCUSDT", "coinm:BTCUSD_PERP",
        ]  # fmt: skip


async def test_a_terminal_gets_colours_and_as_many_columns_as_fit_whole(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    async with Simulator(source_for("options")) as simulator:
        _, out, _ = await shown(simulator, OPTIONS, terminal=True)
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.splitlines()]
        assert "\x1b[" in out
        assert len(lines) == 1 + len(simulator.symbols)
        assert max(map(len, lines)) <= 60
        assert lines[0].split() == ["symbol", "expiry", "strike", "side", "tick", "step"]
        assert not any("…" in line for line in lines)
        assert {line.split()[0] for line in lines[1:]} == set(simulator.symbols)


async def test_symbols_that_are_not_trading_are_hidden_and_counted():
    source = source_for("spot", ["BNBBTC", "ETHBTC", "BTCUSDT"])
    source.halt("ETHBTC")
    async with Simulator(source) as simulator:
        matched, out, notes = await shown(simulator, SPOT, as_json=True, pattern="BTC")
        assert matched
        assert [json.loads(line)["symbol"] for line in out.splitlines()] == ["BNBBTC", "BTCUSDT"]
        assert notes == "1 more that isn't trading now: --all shows them\n"
        assert remembered("spot", simulator.rest_url) == ["BNBBTC", "BTCUSDT"]
        matched, out, notes = await shown(simulator, SPOT, pattern="ETH")
        assert (matched, out) == (False, "")
        assert "--all" in notes
        matched, out, notes = await shown(simulator, SPOT, pattern="ETH", everything=True)
        assert (matched, notes) == (True, "")
        assert "ETHBTC  HALT" in out


async def test_nothing_is_printed_where_nothing_matches():
    async with everywhere(spot=["BNBBTC"]) as simulator:
        assert await shown(simulator, SPOT, pattern="nosuch") == (False, "", "")


async def test_a_market_that_cannot_be_asked_is_left_out_and_that_is_said():
    async with everywhere(spot=["BTCUSDT"], usdm=["BTCUSDT"]) as simulator:
        matched, out, notes = await shown(simulator, SPOT, USDM, COINM, as_json=True)
        assert matched
        assert [json.loads(line)["market"] for line in out.splitlines()] == ["spot", "usdm"]
        assert notes == "coinm is left out: HTTP 404\n"
        with pytest.raises(ExchangeError, match="404"):
            await shown(simulator, COINM, OPTIONS)
