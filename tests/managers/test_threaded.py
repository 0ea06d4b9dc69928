"""The threaded manager against the simulator: real threads, sockets and signals."""

from __future__ import annotations

import asyncio
import copy
import functools
import logging
import signal
import subprocess
import sys
import threading
from collections import Counter
from decimal import Decimal

import pytest

from depthcli import ThreadedDepthCacheManager
from depthcli.core import refresh_schedule as refresh_schedule_module
from depthcli.core.backoff import Backoff
from depthcli.errors import ClosedError, UsageError
from depthcli.exchange import stream_pool as stream_pool_module
from depthcli.managers import snapshots as snapshots_module
from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.horizons import end_at
from tests.variables import variables

PATIENCE = 20.0


class Heard:
    """A callback that remembers what it was called with, for other threads to wait for."""

    def __init__(self, then=None) -> None:
        self.books: list[tuple[str, int] | None] = []
        self.threads: set[threading.Thread] = set()
        self._then = then
        self._news = threading.Condition()

    def __call__(self, cache) -> None:
        with self._news:
            self.books.append(None if cache is None else (cache.symbol, cache.last_update_id))
            self.threads.add(threading.current_thread())
            self._news.notify_all()
        if self._then is not None:
            self._then(cache)

    def count(self, symbol="BNBBTC") -> int:
        return Counter(book and book[0] for book in self.books)[symbol]

    def until(self, condition) -> None:
        with self._news:
            assert self._news.wait_for(lambda: condition(self), PATIENCE), self.books[-5:]

    def until_more(self, more=3, symbol="BNBBTC") -> None:
        count = self.count(symbol) + more
        self.until(lambda heard: heard.count(symbol) >= count)


@pytest.fixture(scope="module")
def exchange():
    return source_for("spot", ["BNBBTC", "ETHBTC"], seed=5, keep_history=True)


@pytest.fixture(scope="module")
def shared_simulator(exchange):
    options = source_for("options", ["BTC-261225-110000-C"], seed=5)
    sources = (exchange, options, source_for("usdm", ["BTCUSDT"]), source_for("coinm"))
    with BackgroundSimulator(Simulator(*sources)) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator):
    """The simulator; after the test nothing of the manager's threads is left."""
    before = set(threading.enumerate())
    yield shared_simulator
    assert set(threading.enumerate()) <= before


@pytest.fixture
def origins(simulator):
    return {"rest_url": simulator.rest_url, "ws_url": simulator.ws_url}


@pytest.fixture
def manager(origins):
    with ThreadedDepthCacheManager(**origins) as started:
        yield started


def test_books_are_the_exchanges_own(manager, simulator, exchange):
    wrong = []

    def compare(cache) -> None:
        bids, asks = simulator.call(lambda _: exchange.book_at(cache.symbol, cache.last_update_id))
        for ours, theirs in ((cache.bids.top(10), bids), (cache.asks.top(10), asks)):
            if ours != [(Decimal(price), Decimal(quantity)) for price, quantity in theirs[:10]]:
                wrong.append((cache.last_update_id, ours, theirs[:10]))

    heard = Heard(compare)
    for symbol in ("BNBBTC", "eth/btc"):
        manager.start_depth_cache(heard, symbol, conv_type=Decimal, ws_interval=100)
    heard.until_more(10, "ETHBTC")
    heard.until_more(3, "BNBBTC")
    assert wrong == []
    assert heard.threads == {manager}
    for symbol in ("BNBBTC", "ETHBTC"):
        ids = [book[1] for book in heard.books if book[0] == symbol]
        assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("method", "symbol", "options"),
    [
        ("start_futures_depth_socket", "BTCUSDT", {}),
        ("start_futures_depth_socket", "BTCUSD_PERP", {"coin": True}),
        ("start_options_depth_socket", "BTC-261225-110000-C", {}),
    ],
)
def test_the_other_markets(manager, method, symbol, options):
    heard = Heard()
    getattr(manager, method)(heard, symbol, ws_interval=100, **options)
    heard.until_more(3, symbol)


def test_more_levels_are_at_hand_than_were_wanted(manager):
    levels = []
    heard = Heard(lambda cache: levels.append(len(cache.get_bids())))
    manager.start_depth_cache(heard, "BNBBTC", limit=10)
    heard.until_more(1)
    assert levels[0] == 100


def test_levels_that_run_short_are_renewed(manager, monkeypatch):
    monkeypatch.setattr(snapshots_module, "LEVELS_CHECK_INTERVAL", 0.1)
    monkeypatch.setattr(refresh_schedule_module, "EARLY_REFRESH_GAP", 0.2)
    levels = []

    def count_after_a_fall(cache) -> None:
        if not levels:
            end_at(cache.bids, cache.best_bid[0])  # as if the market had fallen all the way
        levels.append(len(cache.get_bids()))

    heard = Heard(count_after_a_fall)
    manager.start_depth_cache(heard, "BNBBTC", ws_interval=100, refresh_interval=0)
    heard.until(lambda _: levels and levels[-1] >= 10)
    assert levels[0] == 1


@pytest.mark.parametrize(("asked", "used"), [(None, 1800), (0, None), (3600, 3600)])
def test_refresh_intervals(manager, asked, used):
    name = manager.start_depth_cache(Heard(), "BNBBTC", refresh_interval=asked)
    assert manager._caches[name]._manager._scheduler._refresh_interval == used


def test_names_are_unique_for_good_and_all_share_a_connection(manager):
    heard = Heard()
    names = [
        manager.start_depth_cache(heard, "BNBBTC"),
        manager.start_depth_cache(heard, "BNBBTC", limit=100),
        manager.start_depth_cache(heard, "BNBBTC", ws_interval=100),
        manager.start_depth_cache(heard, "ETHBTC"),
        manager.start_futures_depth_socket(heard, "BTCUSDT"),
    ]
    manager.stop_socket(names[2])
    names.append(manager.start_depth_cache(heard, "BNBBTC", refresh_interval=0))
    assert len(set(names)) == len(names)
    assert names[0] == "bnbbtc@depth10"
    heard.until_more(3)
    heard.until_more(1, "BTCUSDT")
    assert manager._bm.connection_count == 2  # one a market


def test_one_is_stopped_and_the_other_goes_on(manager):
    stopped, other = Heard(), Heard()
    name = manager.start_depth_cache(stopped, "BNBBTC", ws_interval=100)
    manager.start_depth_cache(other, "ETHBTC", ws_interval=100)
    stopped.until_more(2)
    manager.stop_socket(name)
    other.until_more(1, "ETHBTC")  # what was under way is over
    count = len(stopped.books)
    other.until_more(5, "ETHBTC")
    assert len(stopped.books) == count
    assert None not in stopped.books
    with pytest.raises(UsageError, match="no depth cache is named 'bnbbtc@depth10'"):
        manager.stop_socket(name)


def test_what_can_not_be_done_says_so(origins):
    manager = ThreadedDepthCacheManager(**origins)
    with pytest.raises(UsageError, match=r"call start\(\) first"):
        manager.start_depth_cache(Heard(), "BNBBTC")
    with pytest.raises(UsageError, match=r"call start\(\) first"):
        manager.join()
    manager.start()
    with pytest.raises(UsageError, match="started already"):
        manager.start()
    with pytest.raises(UsageError, match=r"'nosuch'; there are: none"):
        manager.stop_socket("nosuch")
    with pytest.raises(UsageError):
        manager.start_depth_cache(Heard(), "no symbol, this")
    with pytest.raises(UsageError, match="no depth stream of 5 ms"):
        manager.start_depth_cache(Heard(), "BNBBTC", ws_interval=5)
    with pytest.raises(ValueError, match="float or Decimal"):
        manager.start_depth_cache(Heard(), "BNBBTC", conv_type=str)
    manager.stop()
    manager.stop()
    manager.join()
    assert not manager.is_alive()
    with pytest.raises(ClosedError, match="make a new"):
        manager.start_depth_cache(Heard(), "BNBBTC")
    with pytest.raises(ClosedError, match="make a new"):
        manager.start()


def test_a_market_that_is_not_there_is_an_error_at_once():
    with (
        ThreadedDepthCacheManager(tld="us") as manager,
        pytest.raises(UsageError, match="isn't available in 'us'"),
    ):
        manager.start_futures_depth_socket(Heard(), "BTCUSDT")


def test_a_manager_that_was_never_started_can_be_stopped(origins):
    manager = ThreadedDepthCacheManager(**origins)
    manager.stop()
    manager.join()
    with pytest.raises(ClosedError):
        manager.start()


def test_a_callback_that_raises_is_logged_and_ends_nothing(manager, caplog):
    def fail(cache):
        raise RuntimeError("a fault of the callback")

    failing, other = Heard(fail), Heard()
    manager.start_depth_cache(failing, "BNBBTC", ws_interval=100)
    manager.start_depth_cache(other, "ETHBTC", ws_interval=100)
    failing.until_more(3)
    other.until_more(3, "ETHBTC")
    record = next(record for record in caplog.records if "callback of bnbbtc" in record.message)
    assert record.exc_info is not None
    assert "in fail" in caplog.text


def test_a_coroutine_function_is_awaited_before_the_next_call(manager):
    heard = Heard()
    under_way = 0
    most = 0

    async def callback(cache):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.15)  # longer than to the next event
        under_way -= 1
        heard(cache)

    manager.start_depth_cache(callback, "BNBBTC", ws_interval=100)
    heard.until_more(4)
    assert most == 1


def test_a_copy_stays_as_it_was(manager):
    copies = []

    def keep(cache):
        copies.append((copy.deepcopy(cache), cache.top(5)))

    heard = Heard(keep)
    manager.start_depth_cache(heard, "BNBBTC", ws_interval=100)
    heard.until_more(5)
    assert len({kept.last_update_id for kept, _ in copies}) == len(copies)
    assert all(kept.top(5) == top for kept, top in copies)


def test_a_lost_socket_calls_back_with_none_once(manager, simulator, monkeypatch, caplog):
    monkeypatch.setattr(
        stream_pool_module, "Backoff", functools.partial(Backoff, step=0.1, most=0.3)
    )
    heard = Heard()
    name = manager.start_depth_cache(heard, "BNBBTC", ws_interval=100)
    heard.until_more(2)
    simulator.faults.refuse_connections(seconds=60)
    simulator.faults.abort_connections()
    try:
        heard.until(lambda it: it.books[-1] is None)
    finally:
        simulator.faults.refuse_connections()
    assert heard.books.count(None) == 1
    assert f"{name} is lost for good: socket lost for good" in caplog.text
    manager.stop_socket(name)  # its name is known until it is stopped


def test_an_unknown_symbol_calls_back_with_none_and_the_log_says_why(manager, caplog):
    heard = Heard()
    manager.start_depth_cache(heard, "NOSUCH")
    heard.until(lambda it: it.books == [None])
    assert "nosuch@depth10 is lost for good: HTTP 400, code -1121" in caplog.text


def test_everything_can_be_called_from_a_callback(origins):
    manager = ThreadedDepthCacheManager(**origins)
    said = []
    second = Heard()

    def first_book(cache) -> None:
        if said:
            said.append("called after its stop")
            return
        said.append(manager.start_depth_cache(second, "ETHBTC", ws_interval=100))
        with pytest.raises(UsageError, match="stop it first"):
            manager.join()
        manager.stop_socket(name)

    manager.start()
    # The lock of the manager holds the callback back until the name is there.
    with manager._lock:
        name = manager.start_depth_cache(first_book, "BNBBTC", ws_interval=100)
    second.until_more(3, "ETHBTC")
    assert said == ["ethbtc@depth10"]

    def last_book(cache) -> None:
        manager.stop()
        manager.join()
        said.append("stopped")

    manager.start_depth_cache(last_book, "BNBBTC", ws_interval=100)
    manager.join(PATIENCE)
    assert not manager.is_alive()
    assert said == ["ethbtc@depth10", "stopped"]
    assert None not in second.books


def test_a_coroutine_callback_that_stops_the_manager_may_end_what_it_does(origins):
    manager = ThreadedDepthCacheManager(**origins)
    said = []

    async def callback(cache) -> None:
        manager.stop()
        await asyncio.sleep(0)
        said.append("done")

    manager.start()
    manager.start_depth_cache(callback, "BNBBTC")
    manager.join(PATIENCE)
    assert not manager.is_alive()
    assert said == ["done"]


def test_a_coroutine_callback_that_hangs_does_not_hold_up_the_end(origins):
    manager = ThreadedDepthCacheManager(**origins)
    begun, cancelled = threading.Event(), threading.Event()

    async def callback(cache) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    manager.start()
    manager.start_depth_cache(callback, "BNBBTC")
    assert begun.wait(PATIENCE)
    manager.stop()
    manager.join(PATIENCE)
    assert cancelled.is_set()
    assert not manager.is_alive()


def test_exit_in_a_callback_ends_the_manager(origins):
    manager = ThreadedDepthCacheManager(**origins)
    manager.start()
    manager.start_depth_cache(lambda cache: sys.exit(), "BNBBTC")
    manager.join(PATIENCE)
    assert not manager.is_alive()
    with pytest.raises(ClosedError):
        manager.start_depth_cache(Heard(), "BNBBTC")


def test_many_threads_start_and_stop_at_the_same_time(manager):
    heard = Heard()
    names: list[str] = []
    failures = []

    def work() -> None:
        try:
            for _ in range(10):
                name = manager.start_depth_cache(heard, "BNBBTC", ws_interval=100)
                names.append(name)
                manager.stop_socket(name)
            names.append(manager.start_depth_cache(heard, "ETHBTC", ws_interval=100))
        except Exception as error:  # noqa: BLE001 -- asserted below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []
    assert len(set(names)) == len(names) == 88
    heard.until_more(16, "ETHBTC")


def test_the_program_waits_for_it_unless_told_otherwise(origins):
    assert not ThreadedDepthCacheManager(**origins).daemon
    assert ThreadedDepthCacheManager(**origins, daemon=True).daemon
    later = ThreadedDepthCacheManager(**origins)
    later.daemon = True
    with later:
        assert later.daemon


SCRIPT = """
import signal, time
from depthcli import ThreadedDepthCacheManager
signal.signal(signal.SIGINT, signal.default_int_handler)
manager = ThreadedDepthCacheManager()
manager.start()
manager.start_depth_cache(lambda cache: print(cache.symbol, flush=True), "BNBBTC", ws_interval=100)
"""


@pytest.fixture
def script(origins):
    """Start a script that prints a line a book; return the process once it printed some."""
    processes = []

    def start(end: str) -> subprocess.Popen[str]:
        where = {"DEPTHCLI_REST_URL": origins["rest_url"], "DEPTHCLI_WS_URL": origins["ws_url"]}
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT + end],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=variables(**where),
        )
        processes.append(process)
        for _ in range(3):
            assert process.stdout.readline() == "BNBBTC\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "waiting",
    [
        "manager.join()",
        "while True: time.sleep(60)",
        "with manager._lock: time.sleep(60)",
    ],
)
def test_ctrl_c_ends_the_program(script, waiting):
    process = script(waiting)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_ctrl_c_that_is_caught_around_join_has_stopped_it(script):
    process = script("try: manager.join()\nexcept KeyboardInterrupt: print(manager.is_alive())")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert output.splitlines()[-1] == "False"
    assert errors == ""


def test_a_main_thread_that_does_not_wait_is_warned_and_the_books_go_on(script):
    process = script("")
    assert "let it wait in join()" in process.stderr.readline()
    for _ in range(3):
        assert process.stdout.readline() == "BNBBTC\n"


def test_verbose_lets_the_log_through(origins, monkeypatch):
    logger = logging.getLogger("depthcli")
    monkeypatch.setattr(logger, "level", logger.level)
    ThreadedDepthCacheManager(**origins, verbose=True)
    assert logger.level == logging.DEBUG
