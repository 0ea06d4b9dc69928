"""Scripts as users of python-binance have them: only their import line is ours.

Each runs as a process of its own against the simulator, and is judged by what it prints.
"""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.variables import variables

SCRIPTS = Path(__file__).parent / "scripts"
PATIENCE = 40
BOOK = re.compile(
    r"symbol (?P<symbol>\S+)\nbids (?P<bids>.*)\nasks (?P<asks>.*)\nlast update time (?P<time>\S+)"
)


@pytest.fixture(scope="module")
def environment():
    option = "BTC-261225-110000-C"
    sources = (
        source_for("spot", ["BNBBTC", "ETHBTC"], seed=11),
        source_for("usdm", ["BTCUSDT"], seed=11),
        source_for("options", [option], seed=11),
    )
    with BackgroundSimulator(Simulator(*sources)) as simulator:
        yield variables(DEPTHCLI_REST_URL=simulator.rest_url, DEPTHCLI_WS_URL=simulator.ws_url)


@pytest.fixture
def run(environment):
    """Run a script that ends by itself; return what it printed."""

    def run_it(name: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / name)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run_it


@pytest.fixture
def books(environment):
    """Run a script that goes on for ever; press Ctrl-C after some books; return them."""

    def run_it(name: str, symbols: set[str], least: int) -> list[dict[str, str]]:
        with subprocess.Popen(
            [sys.executable, str(SCRIPTS / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process:
            text = ""
            found: list[dict[str, str]] = []
            while len(found) < least or {book["symbol"] for book in found} != symbols:
                line = process.stdout.readline()
                assert line, process.stderr.read()
                text += line
                found = [match.groupdict() for match in BOOK.finditer(text)]
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
        assert errors.count("Traceback (most recent call last)") <= 2, errors
        assert errors.rstrip().endswith("KeyboardInterrupt"), errors
        return found

    return run_it


def judge(book: dict[str, str], levels: int = 5) -> None:
    bids, asks = ast.literal_eval(book["bids"]), ast.literal_eval(book["asks"])
    assert len(bids) == len(asks) == levels
    bid_prices, ask_prices = [bid[0] for bid in bids], [ask[0] for ask in asks]
    assert bid_prices == sorted(bid_prices, reverse=True)
    assert ask_prices == sorted(ask_prices)
    assert 0 < bid_prices[0] < ask_prices[0]
    assert all(quantity > 0 for _, quantity in bids + asks)


@pytest.mark.parametrize("path", sorted(SCRIPTS.iterdir()), ids=lambda path: path.stem)
def test_only_the_import_line_is_ours(path):
    ours = [line for line in path.read_text().splitlines() if "depthcli" in line]
    assert len(ours) == 1
    assert ours[0].startswith("from depthcli import ")


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("async_with.py", {"BNBBTC"}),
        ("options.py", {"BTC-261225-110000-C"}),
        ("threaded.py", {"BNBBTC", "ETHBTC"}),
    ],
)
def test_books_are_printed_until_ctrl_c(books, name, symbols):
    found = books(name, symbols, least=3)
    for book in found:
        judge(book)
    for symbol in symbols:
        times = [book["time"] for book in found if book["symbol"] == symbol]
        # The first may be from a spot snapshot, which the exchange dates to about a second.
        dated = [int(time) for time in times]
        assert dated[1:] == sorted(dated[1:])
        assert abs(dated[0] - dated[-1]) < 60_000


def test_explicit_enter_and_exit(run):
    match = BOOK.match(run("enter_and_exit.py").stdout)
    assert match is not None
    judge(match.groupdict())


def test_async_for_with_keys_and_a_loop_of_ones_own(run):
    lines = run("async_for.py").stdout.splitlines()
    assert len(lines) == 6
    assert all(re.fullmatch(r"ETHBTC spread 0\.\d{8}", line) for line in lines[:5])
    assert lines[5] == "closed"


def test_one_of_two_is_stopped(run):
    assert run("stop_one.py").stdout.splitlines() == [
        "names differ: True",
        "BNBBTC stopped: True",
        "ETHBTC goes on: True",
    ]


def test_all_are_stopped_and_nothing_can_be_started_after(run):
    lines = run("stop_all.py").stdout.splitlines()
    assert lines[:2] == ["updates: True", "alive: False"]
    assert lines[2].startswith("ClosedError: this manager was stopped")


def test_a_socket_manager_is_shared(run):
    assert sorted(run("shared.py").stdout.splitlines()) == ["BNBBTC True", "ETHBTC True"]


def test_refresh_each_hour_or_never(run):
    assert run("refresh.py").stdout.splitlines() == [
        "BNBBTC True True",
        "BNBBTC True True",
        "ETHBTC True True",
    ]


def test_three_markets_in_one_daemon_thread(run):
    lines = run("markets.py").stdout.splitlines()
    assert lines == ["futures True", "options True", "spot True"]


def test_errors_options_without_a_meaning_and_a_cache_filled_by_hand(run):
    done = run("errors.py")
    assert done.stdout.splitlines() == [
        "400 -1121 Invalid symbol.",
        "[[Decimal('0.0024'), Decimal('10.5')]] [[Decimal('0.0026'), Decimal('100')]]",
        "[[10.0, 1.0], [9.0, 2.0]]",
    ]
    assert "doesn't use requests_params['timeout']" in done.stderr
