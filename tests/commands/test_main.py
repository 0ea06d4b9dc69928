"""The command line as users meet it: real processes, their streams and their exit codes."""

from __future__ import annotations

import json
import logging
import re
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from depthcli import __version__
from depthcli.commands.main import app, main
from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.variables import variables

TIMEOUT = 40


def environment(**more: str) -> dict[str, str]:
    return variables(**{"COLUMNS": "100", "NO_COLOR": "1", **more})


@pytest.fixture(scope="module")
def exchange():
    return source_for("spot", ["BNBBTC", "ETHBTC", "BTCUSDT"], seed=5, keep_history=True)


@pytest.fixture(scope="module")
def simulator(exchange):
    with BackgroundSimulator(Simulator(exchange)) as running:
        yield running


@pytest.fixture
def run(simulator):
    def run_it(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        where = {"DEPTHCLI_REST_URL": simulator.rest_url, "DEPTHCLI_WS_URL": simulator.ws_url}
        return subprocess.run(
            [sys.executable, "-m", "depthcli", *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            check=False,
            env=environment(**{**where, **more}),
        )

    return run_it


@pytest.fixture
def run_here(simulator, monkeypatch):
    """The same within this process, which is quicker."""
    logger = logging.getLogger("depthcli")
    handlers, propagate = [*logger.handlers], logger.propagate

    def run_it(*arguments: str) -> object:
        monkeypatch.setattr(sys, "argv", ["depthcli", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    monkeypatch.setenv("DEPTHCLI_REST_URL", simulator.rest_url)
    monkeypatch.setenv("DEPTHCLI_WS_URL", simulator.ws_url)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    yield run_it
    logger.handlers[:], logger.propagate = handlers, propagate


def start(simulator, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "depthcli", *arguments,
            "--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )  # fmt: skip


def test_version_and_help(run):
    assert run("--version").stdout == f"depthcli {__version__}\n"
    shown = run("--help")
    assert shown.returncode == 0
    assert all(command in shown.stdout for command in ("watch", "dump", "symbols", "simulate"))


def test_a_version_in_the_environment_is_no_request_to_print_it():
    told = CliRunner().invoke(app, ["config", "path"], env=environment(DEPTHCLI_VERSION="0.1.0"))
    assert told.stdout.endswith("config.toml\n")


@pytest.mark.parametrize("command", ["watch", "dump", "check", "symbols", "simulate"])
def test_the_help_of_each_command_names_its_options(command):
    shown = CliRunner().invoke(app, [command, "--help"], env=environment(COLUMNS="140"))
    assert shown.exit_code == 0
    assert "[/" not in shown.stdout  # markup of a help that isn't drawn by Rich
    options = typer.main.get_command(app).commands[command].params
    for option in options:
        assert all(name in shown.stdout for name in option.opts if name.startswith("--"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("watch", "[default: the market's fastest]"),
        ("dump", "[default: with --json all"),
        ("symbols", "[default: com]"),
    ],
)
def test_the_help_tells_defaults_that_depend(command, words):
    shown = CliRunner().invoke(app, [command, "--help"], env=environment(COLUMNS="200"))
    assert words in " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    "words", [[], ["watch"], ["dump"], ["check"], ["symbols"], ["simulate"], ["config", "show"]]
)
def test_the_help_is_without_the_noise_of_types_ranges_and_variables(words):
    shown = CliRunner().invoke(app, [*words, "--help"], env=environment(COLUMNS="80")).stdout
    assert not re.search(r"env var|range>|<int>|<float>|<str>|list\[|x[<>]=|=x|\.0\]|\[\]", shown)
    assert max(map(len, shown.splitlines())) <= 80


def test_no_command_at_all_shows_the_help(run):
    shown = run()
    assert shown.returncode == 2
    assert "dump" in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stderr


def test_dump_prints_one_line_a_symbol_and_nothing_else(run):
    done = run("dump", "--json", "--depth", "3", "bnb/btc", "eth-btc", "BtcUsdt", "BNBBTC")
    assert (done.returncode, done.stderr) == (0, "")
    books = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(book["symbol"] for book in books) == ["BNBBTC", "BTCUSDT", "ETHBTC"]
    for book in books:
        assert list(book) == [
            "symbol", "market", "state", "last_update_id", "update_time", "received_time",
            "bids", "asks",
        ]  # fmt: skip
        assert (book["market"], book["state"]) == ("spot", "live")
        assert len(book["bids"]) == len(book["asks"]) == 3
        assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])


def test_every_followed_line_is_the_exchanges_book_and_none_is_missing(run, exchange):
    done = run("dump", "--json", "--follow", "--count", "60", "BNBBTC", "ETHBTC")
    assert done.returncode == 0
    books = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(books) == 60
    for symbol in ("BNBBTC", "ETHBTC"):
        mine = [book for book in books if book["symbol"] == symbol]
        ids = [book["last_update_id"] for book in mine]
        assert ids == sorted(set(ids))
        times = [book["update_time"] for book in mine]
        assert min(times) > 1e12
        # The first book may be the snapshot's alone, and of the time of that answer.
        assert all(later - earlier == 100 for earlier, later in pairwise(times[1:]))
        for book in mine:
            truth = exchange.book_at(symbol, book["last_update_id"])
            for side, levels in zip(("bids", "asks"), truth, strict=True):
                assert len(book[side]) >= 900
                shown = [(Decimal(price), Decimal(quantity)) for price, quantity in book[side]]
                true = [(Decimal(price), Decimal(quantity)) for price, quantity in levels]
                assert shown == true[: len(shown)]


def test_dump_for_people_is_a_table(run):
    done = run("dump", "BNBBTC", "--depth", "2")
    assert done.returncode == 0
    assert done.stdout.startswith("BNBBTC  spot  live")
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dump", "--json", "BNBBTX"), "did you mean BNBBTC"),
        (("dump", "--json", "BNB BTC!"), "can't be a symbol"),
        (("dump", "--json"), "name a symbol: depthcli dump BNBBTC"),
        (("dump", "--json", "BNBBTC", "--market", "moon"), "spot, usdm, coinm, options"),
        (("dump", "--json", "BNBBTC", "--update-speed", "7"), "choose one of 100, 1000"),
        (("dump", "--json", "BNBBTC", "--rest-url", "ftp://x"), "isn't the origin"),
        (("dump", "--json", "BNBBTC", "--depth", "0"), "--depth"),
        (("dump", "--json", "BNBBTC", "--count", "0"), "--count"),
        (("dump", "--json", "BNBBTC", "--options", "-m", "usdm"), "exclude each other"),
        (("dump", "--json", "BNBBTC", "--log-file", "/no/such/place"), "/no/such/place"),
        (("dump", "--json", "BNBBTC", "--nonsense"), "--nonsense"),
        (("dump", "--json", "moon:BTCUSDT"), "no market 'moon': choose one of spot, usdm"),
        (("dump", "--json", "BNBBTC", "--testnet", "--tld", "us"), "exclude each other"),
        (("dump", "BNBBTC", "--testnet", "--rest-url", "http://h"), "--testnet and --rest-url"),
        (("dump", "--tld", "us", "--options", "BTC-261225-110000-C"), "'us': choose one of com"),
        (("dump", "usdm:BTCUSDT", "--tld", "us"), "USD-M futures isn't available in 'us'"),
        (("dump", "BNBBTC", "--tld", "moon"), "'com', 'us'"),
        (("watch", "BNBBTC"), "needs a terminal"),
        (("watch", "--demo", "--testnet"), "--demo and --testnet exclude"),
        (("symbols", "--market", "moon"), "no market 'moon'"),
        (("symbols", "--side", "up"), "--side"),
        (("symbols", "--side", "call"), "--side means nothing in spot"),
        (("symbols", "--options", "--expiry", "soon"), "'soon' isn't a date"),
        (("symbols", "usdm:BTC", "--options"), "exclude each other"),
        (("watch",), "name a symbol"),
        (("simulate", "--faults", "nonsense:1"), "nonsense"),
        (("simulate", "--capture", "/no/such/file"), "/no/such/file"),
        (("simulate", "--faults", "drop:7"), "from 0 to 1"),
        (("simulate", "--capture", __file__), "not a capture"),
        (("simulate", "--market", "moon"), "spot, usdm, coinm, options"),
        (("simulate", "--speed", "2"), "--capture"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(run_here, capsys, arguments, words):
    assert run_here(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert "Traceback" not in shown.err


def test_an_exchange_that_is_not_there_exits_3(run):
    done = run("dump", "--json", "BNBBTC", DEPTHCLI_REST_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (3, "")
    assert "can't be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["dump", "check", "symbols"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("BTC/USDT:USDT", "--market", "spot"),
            "is of market usdm, but --market says spot: leave out --market, or write usdm:BTCUSDT",
        ),
        (("BTC/USD:BTC", "--options"), "is of market coinm, but --market says options"),
        (("usdm:BTC/USD:BTC",), "names two markets"),
    ],
)
def test_a_contract_that_contradicts_the_market_is_wrong_usage(
    run_here, capsys, command, arguments, words
):
    assert run_here(command, *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in " ".join(shown.err.split())


def test_a_market_that_only_the_file_says_contradicts_nothing(
    run_here, capsys, tmp_path, monkeypatch
):
    file = tmp_path / "config.toml"
    file.write_text('[exchange]\nmarket = "coinm"\n')
    monkeypatch.setenv("DEPTHCLI_CONFIG", str(file))
    assert run_here("dump", "BTC/USDT:USDT", "--market", "usdm", "--timeout", "1") == 3
    assert run_here("dump", "BTC/USDT:USDT", "--timeout", "1") == 3
    assert "names two markets" not in capsys.readouterr().err


def test_the_log_says_why_a_snapshot_is_refused_and_what_is_waited_for(run, simulator, tmp_path):
    log = tmp_path / "log"
    simulator.faults.fail_next("/api/v3/depth", 503, message="Busy.")
    done = run("dump", "--json", "ETHBTC", "--log-file", str(log))
    assert (done.returncode, done.stderr) == (0, "")
    told = log.read_text()
    assert re.search(r"ETHBTC: snapshot refused: HTTP 503.*Busy\.; next try in [\d.]+ s\n", told)
    assert told.index("snapshot refused") < told.index("ETHBTC: live")


DEAD = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "proxies",
    [
        {"HTTPS_PROXY": DEAD, "ALL_PROXY": "socks5://127.0.0.1:9"},
        {"HTTPS_PROXY": DEAD, "ALL_PROXY": "socks://127.0.0.1:9/"},
        {"HTTPS_PROXY": DEAD, "NO_PROXY": "fe80::/10"},
        {"HTTPS_PROXY": "127.0.0.1:9", "NO_PROXY": "[::1]"},
        {"ALL_PROXY": "socks://127.0.0.1:9/"},
    ],
)
def test_an_environment_as_people_have_it_ends_no_command(run, proxies):
    where = {"DEPTHCLI_REST_URL": "https://exchange.test", "DEPTHCLI_WS_URL": "wss://exchange.test"}
    done = run("symbols", "bnb", **where, **proxies)
    assert (done.returncode, done.stdout) == (3, "")
    assert "exchange.test can't be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proxy_that_cannot_be_one_exits_2_in_one_line_without_its_password(run):
    where = {"DEPTHCLI_REST_URL": "https://exchange.test", "DEPTHCLI_WS_URL": "wss://exchange.test"}
    done = run("dump", "BNBBTC", **where, HTTPS_PROXY="http://user:secret@127.0.0.1:70000")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "HTTPS_PROXY" in done.stderr
    assert "secret" not in done.stderr


def test_an_exchange_that_refuses_exits_3(run, simulator):
    simulator.faults.fail_next("/api/v3/exchangeInfo", 403)
    done = run("dump", "--json", "BNBBTC")
    assert done.returncode == 3
    assert "HTTP 403" in done.stderr


def test_a_book_that_does_not_become_live_in_time_exits_3(run, simulator):
    done = run("dump", "--json", "BNBBTC", "--timeout", "0.5", DEPTHCLI_WS_URL="ws://127.0.0.1:9")
    assert done.returncode == 3
    assert "isn't live after 0.5 s" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_exits_1_and_says_so(simulator):
    with Path("/dev/full").open("wb") as full:
        where = ["--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url]
        done = subprocess.run(
            [sys.executable, "-m", "depthcli", "dump", "--json", "BNBBTC", *where],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env=environment(),
        )
    assert (done.returncode, done.stderr) == (1, "depthcli: No space left on device\n")


def test_the_users_limit_is_asked_for_and_the_log_goes_to_its_file_only(run, simulator, tmp_path):
    log = tmp_path / "log"
    done = run("dump", "--json", "--limit", "17", "--log-file", str(log), "ETHBTC")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert len(json.loads(line)["bids"]) == 17
    assert "GET /api/v3/depth?symbol=ETHBTC&limit=17" in simulator.call(
        lambda running: list(running.requests)
    )
    assert "ETHBTC: live" in log.read_text()


def wait_for_request(simulator, words: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not any(words in request for request in simulator.call(lambda it: list(it.requests))):
        assert time.monotonic() < deadline, f"nobody asked for {words}"
        time.sleep(0.02)


def test_ctrl_c_while_the_exchange_says_nothing_exits_130(simulator):
    simulator.faults.hang_next(60, "/api/v3/exchangeInfo")
    simulator.call(lambda running: running.requests.clear())
    with start(simulator, "dump", "--json", "BNBBTC") as process:
        wait_for_request(simulator, "exchangeInfo")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT) == ("", "")
    assert process.returncode == 130


def test_a_pipe_that_closes_before_the_first_line_ends_it_silently(simulator):
    simulator.faults.hang_next(60, "/api/v3/depth")
    simulator.call(lambda running: running.requests.clear())
    with start(simulator, "dump", "--json", "BNBBTC") as process:
        wait_for_request(simulator, "/api/v3/depth")
        process.stdout.close()
        process.wait(timeout=TIMEOUT)
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_ctrl_c_exits_130_after_whole_lines(simulator):
    with start(simulator, "dump", "--json", "--follow", "--depth", "1", "BNBBTC") as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert complaints == ""
    assert all(json.loads(line)["symbol"] == "BNBBTC" for line in [first, *rest.splitlines()])


def test_a_closed_pipe_ends_it_silently(simulator):
    with start(simulator, "dump", "--json", "--follow", "--depth", "1", "BNBBTC") as process:
        process.stdout.readline()
        process.stdout.close()
        process.wait(timeout=TIMEOUT)
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_lost_socket_is_a_stale_line_without_levels_and_then_it_goes_on(simulator):
    with start(simulator, "dump", "--json", "--follow", "--depth", "1", "BNBBTC") as process:
        process.stdout.readline()
        simulator.faults.abort_connections()
        states = []
        for line in process.stdout:
            book = json.loads(line)
            states.append(book["state"])
            if book["state"] == "stale":
                assert book["bids"] == book["asks"] == []
                assert "socket lost" in book["reason"]
            elif "stale" in states:
                assert book["bids"]
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
    assert "stale" in states


def test_simulate_says_where_it_is_and_ends_well():
    with subprocess.Popen(
        [sys.executable, "-m", "depthcli", "simulate", "BNBBTC"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        where = json.loads(process.stdout.readline())
        assert where["symbols"] == ["BNBBTC"]
        done = subprocess.run(
            [
                sys.executable, "-m", "depthcli", "dump", "--json", "BNBBTC",
                "--rest-url", where["rest_url"], "--ws-url", where["ws_url"],
            ],
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            env=environment(),
        )  # fmt: skip
        assert done.returncode == 0
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT) == ("", "")
    assert process.returncode == 0


def test_simulate_on_a_port_that_is_taken_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "depthcli", "simulate", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env=environment(),
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("market", ["usdm", "coinm", "options"])
def test_the_other_markets(market):
    source = source_for(market, seed=2)
    symbol = source.symbols[0]
    with BackgroundSimulator(Simulator(source)) as running:
        option = ["--options"] if market == "options" else ["--market", market]
        with start(running, "dump", "--json", "--depth", "1", *option, symbol) as process:
            shown, complaints = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, complaints) == (0, "")
    assert json.loads(shown)["market"] == market


@pytest.fixture(scope="module")
def four_markets():
    sources = [
        source_for("spot", ["BNBBTC", "BTCUSDT"], seed=3),
        source_for("usdm", ["BTCUSDT"], seed=3),
        source_for("coinm", ["BTCUSD_PERP"], seed=3),
        source_for("options", ["BTC-261225-110000-C", "BTC-261225-110000-P"], seed=3),
    ]
    with BackgroundSimulator(Simulator(*sources)) as running:
        yield running


@pytest.fixture
def at_four_markets(run_here, four_markets, monkeypatch):
    monkeypatch.setenv("DEPTHCLI_REST_URL", four_markets.rest_url)
    monkeypatch.setenv("DEPTHCLI_WS_URL", four_markets.ws_url)
    return run_here


def test_one_dump_mixes_markets_and_each_line_says_whose_it_is(four_markets):
    typed = ["usdm:BTCUSDT", "BNBBTC", "coinm:btcusd_perp", "options:BTC-261225-110000-C"]
    with start(
        four_markets, "dump", "--json", "--depth", "1", *typed, "btc/usdt", "spot:BNBBTC"
    ) as process:
        shown, complaints = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, complaints) == (0, "")
    books = [json.loads(line) for line in shown.splitlines()]
    assert sorted((book["market"], book["symbol"], book["state"]) for book in books) == [
        ("coinm", "BTCUSD_PERP", "live"),
        ("options", "BTC-261225-110000-C", "live"),
        ("spot", "BNBBTC", "live"),
        ("spot", "BTCUSDT", "live"),
        ("usdm", "BTCUSDT", "live"),
    ]


def test_the_market_option_is_for_symbols_that_do_not_say_theirs(four_markets):
    with start(
        four_markets, "dump", "--json", "--market", "usdm", "BTCUSDT", "spot:BTCUSDT"
    ) as process:
        shown, _ = process.communicate(timeout=TIMEOUT)
    assert {json.loads(line)["market"] for line in shown.splitlines()} == {"usdm", "spot"}


def test_a_symbol_of_another_market_is_offered_with_its_market(at_four_markets, capsys):
    assert at_four_markets("dump", "BTCUSD_PERP") == 2
    assert "did you mean coinm:BTCUSD_PERP" in capsys.readouterr().err


def test_where_markets_are_mixed_an_error_says_which_it_was(run_here, capsys):
    assert run_here("dump", "BNBBTC", "coinm:BTCUSD_PERP") == 3
    assert capsys.readouterr().err == "depthcli: HTTP 404 (market coinm)\n"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("btc",), ["BNBBTC", "BTCUSDT"]),
        (("usdm:",), ["BTCUSDT"]),
        (("-m", "all", "btcusd*"), ["BTCUSDT", "BTCUSDT", "BTCUSD_PERP"]),
        (("--options", "--side", "put"), ["BTC-261225-110000-P"]),
        (
            ("-m", "options", "--underlying", "BTCUSDT", "--expiry", "261225"),
            ["BTC-261225-110000-C", "BTC-261225-110000-P"],
        ),
    ],
)
def test_symbols_are_listed_and_searched(at_four_markets, capsys, arguments, names):
    assert at_four_markets("symbols", "--json", *arguments) == 0
    shown = capsys.readouterr()
    assert [json.loads(line)["symbol"] for line in shown.out.splitlines()] == names
    assert shown.err == ""


def test_symbols_for_people_are_a_table_and_no_match_exits_1(at_four_markets, capsys):
    assert at_four_markets("symbols", "BNB") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "symbol",
        "BNBBTC",
    ]
    assert at_four_markets("symbols", "nosuch") == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--underlying", "btc"), "none is on BTC: there are BTCUSDT\n"),
        (("--expiry", "261224"), "none expires on 2026-12-24: there are 2026-12-25\n"),
    ],
)
def test_where_no_option_has_what_was_wanted_it_is_told_what_there_is(
    at_four_markets, capsys, arguments, words
):
    assert at_four_markets("symbols", "--options", *arguments) == 1
    assert capsys.readouterr() == ("", words)


def test_a_list_of_symbols_into_a_closed_pipe_ends_silently(four_markets):
    with start(four_markets, "symbols", "--json") as process:
        process.stdout.close()
        process.wait(timeout=TIMEOUT)
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_dump_loads_neither_the_screen_nor_the_simulator(simulator):
    script = (
        "import sys\n"
        "from depthcli.commands.main import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    unwanted = {'textual', 'depthcli.tui', 'depthcli.simulator'} & set(sys.modules)\n"
        "    print(sorted(unwanted), 'httpx' in sys.modules, file=sys.stderr)\n"
    )
    where = ["--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url]
    done = subprocess.run(
        [sys.executable, "-c", script, "dump", "--json", "BNBBTC", *where],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env=environment(),
    )
    assert json.loads(done.stdout)["symbol"] == "BNBBTC"
    assert done.stderr == "[] True\n"


def test_what_a_command_does_not_need_is_not_loaded():
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from depthcli.commands.main import app\n"
        "assert CliRunner().invoke(app, ['--version']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['dump', '--help']).exit_code == 0\n"
        "print([name for name in ('httpx', 'websockets', 'textual') if name in sys.modules])\n"
        "import depthcli.commands.dump\n"
        "print('textual' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=TIMEOUT
    )
    assert done.stdout == "[]\nFalse\n"


@pytest.fixture
def settled(tmp_path, monkeypatch):
    """Return what writes the configuration file."""
    file = tmp_path / "config.toml"
    monkeypatch.setenv("DEPTHCLI_CONFIG", str(file))

    def write(text: str) -> Path:
        file.write_text(text, encoding="utf-8")
        return file

    return write


def depth_of(capsys) -> int:
    return len(json.loads(capsys.readouterr().out)["bids"])


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(
    run_here, settled, monkeypatch, capsys
):
    dump = ("dump", "--json", "BNBBTC")
    settled("[dump]\ndepth = 3\n")
    assert run_here(*dump) == 0
    assert depth_of(capsys) == 3
    monkeypatch.setenv("DEPTHCLI_DUMP_DEPTH", "2")
    assert run_here(*dump) == 0
    assert depth_of(capsys) == 2
    assert run_here(*dump, "--depth", "1") == 0
    assert depth_of(capsys) == 1


def test_what_the_file_says_of_the_exchange_gives_way_to_what_is_typed(
    run_here, settled, monkeypatch, capsys
):
    settled('[exchange]\ntestnet = true\nmarket = "usdm"\n')
    assert run_here("dump", "--json", "--depth", "1", "spot:BNBBTC") == 0
    assert json.loads(capsys.readouterr().out)["market"] == "spot"


def test_a_wrong_setting_is_named_with_its_line_and_can_still_be_edited(
    run_here, settled, monkeypatch, capsys
):
    file = settled("[watch]\ndpeth = 3\n")
    assert run_here("dump", "BNBBTC") == 2
    words = f"{file}, line 2: there is no setting dpeth in [watch]: did you mean depth?"
    assert words in capsys.readouterr().err
    assert run_here("config", "show") == 2
    assert words in capsys.readouterr().err
    assert run_here("config", "path") == 0
    assert capsys.readouterr().out == f"{file}\n"
    monkeypatch.setenv("EDITOR", "sed -i s/dpeth/depth/")
    monkeypatch.delenv("VISUAL", raising=False)
    assert run_here("config", "edit") == 0
    assert run_here("config", "show") == 0
    assert capsys.readouterr().out == "[watch]\ndepth = 3\n"
    monkeypatch.setenv("EDITOR", "false")
    assert run_here("config", "edit") == 2
    assert "can't be edited" in capsys.readouterr().err


def test_without_a_file_config_shows_all_settings(run_here, settled, monkeypatch, capsys):
    assert run_here("config", "show") == 0
    assert "# refresh_interval = 1800.0" in capsys.readouterr().out
    monkeypatch.setenv("EDITOR", "true")
    assert run_here("config", "edit") == 0
    assert run_here("config", "show") == 0


def test_an_unknown_workspace_is_said(run_here, settled, capsys):
    assert run_here("watch", "--workspace", "noon") == 2
    assert "no workspace 'noon'" in capsys.readouterr().err
