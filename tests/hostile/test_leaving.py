"""Real processes that are told to end, or lose what they need: nothing is left in a mess."""

from __future__ import annotations

import asyncio
import fcntl
import json
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from tests.hostile.servers import serving
from tests.hostile.terminals import PATIENCE, Terminal
from tests.variables import variables

WATCH = ("-m", "depthcli", "watch", "--demo", "BNBBTC")
FULL = Path("/dev/full")
HOSTILE = "\x1b]0;owned\x07\x1b[2J \u202e\u2066 \x9b31m evil\r\n"


@pytest.fixture(scope="module")
def simulator():
    with BackgroundSimulator(Simulator(source_for("spot", ["BNBBTC"], seed=5))) as running:
        yield running


def start(simulator, *arguments, ignored=None):
    where = ["--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url]
    return subprocess.Popen(
        [sys.executable, "-m", "depthcli", *arguments, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignored and (lambda: signal.signal(ignored, signal.SIG_IGN)),  # noqa: PLW1509
        env=variables(),
    )


FOLLOW = ("dump", "--json", "--follow", "--depth", "1", "BNBBTC")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_dump_ends_after_whole_lines_with_the_signals_exit_code(simulator, ending):
    with start(simulator, *FOLLOW) as process:
        first = process.stdout.readline()
        process.send_signal(ending)
        rest, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints) == (128 + ending, "")
    assert all(json.loads(line)["symbol"] == "BNBBTC" for line in [first, *rest.splitlines()])


def wait_for_request(simulator, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(words in request for request in simulator.call(lambda it: list(it.requests))):
        assert time.monotonic() < deadline, f"nobody asked for {words}"
        time.sleep(0.02)


def wait_until_full(process) -> None:
    """Wait until the pipe that nobody reads holds all that it can."""
    before, deadline = 0, time.monotonic() + PATIENCE
    while True:
        answer = fcntl.ioctl(process.stdout.fileno(), termios.FIONREAD, bytes(4))
        (waiting,) = struct.unpack("i", answer)
        if waiting == before > 32_768:
            return
        assert time.monotonic() < deadline, f"only {waiting} bytes came"
        before = waiting
        time.sleep(0.2)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_dump_whose_pipe_is_full_goes_on_and_ends_after_whole_lines(simulator, ending):
    with start(simulator, *FOLLOW[:-3], "--depth", "1000", "BNBBTC") as process:
        wait_until_full(process)
        simulator.call(lambda running: running.requests.clear())
        simulator.faults.abort_connections()
        wait_for_request(simulator, "/api/v3/depth")  # the book is built anew meanwhile
        process.send_signal(ending)
        lines, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints) == (128 + ending, "")
    assert lines.endswith("\n")
    for line in lines.splitlines():
        book = json.loads(line)
        assert (book["state"], len(book["bids"]) > 500) in {("live", True), ("stale", False)}


def test_every_change_is_kept_up_to_the_bound_and_then_it_is_an_error(simulator):
    script = (
        "from depthcli.commands import book_lines, main as cli\n"
        "assert book_lines.EVERY_BYTES == 64 << 20\n"
        "book_lines.EVERY_BYTES = 1 << 20\n"
        "cli.main()\n"
    )
    where = ["--rest-url", simulator.rest_url, "--ws-url", simulator.ws_url]
    options = ["dump", "--json", "--follow", "--when-behind", "every", "BNBBTC"]
    with subprocess.Popen(
        [sys.executable, "-c", script, *options, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables(),
    ) as process:
        complaint = process.stderr.read()  # while nobody reads its lines
        process.wait(PATIENCE)
    assert process.returncode == 1
    assert complaint == (
        "depthcli: the reader is more than 1 MiB behind: read faster, ask for fewer levels"
        " (--depth), or let it skip changes (--when-behind newest)\n"
    )


def test_a_dump_under_nohup_survives_its_terminal(simulator):
    with start(simulator, *FOLLOW, ignored=signal.SIGHUP) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        for _ in range(5):
            assert json.loads(process.stdout.readline())["state"] == "live"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 143


async def test_a_second_ctrl_c_does_not_wait_for_the_goodbye():
    asked = asyncio.Event()

    async def never_answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()

    async with serving(never_answer) as port:
        url = f"127.0.0.1:{port}"
        where = ["--rest-url", f"http://{url}", "--ws-url", f"ws://{url}"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "depthcli", "dump", "BNBBTC", *where,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            assert await process.communicate() == (b"", b"")
    # The shell says 130 of both: it left by itself, or the second one ended it.
    assert process.returncode in {130, -signal.SIGINT}


def test_ctrl_c_before_anything_runs_says_nothing():
    script = (
        "import os, signal, time\n"
        "from depthcli.commands import main as cli\n"
        "cli.app = lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(30))\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


SWALLOWED = """
class Import:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000):
            pass

def app():
    Import()
    signals.run(asyncio.sleep(30))
"""
TURNED_INTO_ANOTHER = """
def app():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    except SystemExit:
        raise SyntaxError("can't load unicodedata module") from None
"""


@pytest.mark.parametrize("app", [SWALLOWED, TURNED_INTO_ANOTHER])
def test_ctrl_c_while_modules_are_loaded_is_never_lost(app):
    script = (
        "import asyncio, os, signal, time\n"
        f"from depthcli.commands import main as cli, signals\n{app}\n"
        "cli.app = app\ncli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    ("ending", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 129)]
)
def test_an_exchange_of_ones_own_ends_well(ending, code):
    with subprocess.Popen(
        [sys.executable, "-m", "depthcli", "simulate", "BNBBTC"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.send_signal(ending)
        assert process.communicate(timeout=PATIENCE) == (b"", b"")
    assert process.returncode == code


@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (b"q", 0), (b"\x03", 0)],
)
def test_the_screen_gives_the_terminal_back(ending, code):
    with Terminal(*WATCH) as terminal:
        terminal.read_until(b"spread")
        if isinstance(ending, bytes):
            terminal.type(ending)
        else:
            terminal.process.send_signal(ending)
        assert terminal.wait() == code
        assert terminal.restored
        assert b"Traceback" not in terminal.shown


@pytest.mark.parametrize("ignored", [None, signal.SIGHUP], ids=["told", "not told"])
def test_a_terminal_that_goes_away_ends_the_screen(ignored):
    with Terminal(*WATCH, ignored=ignored) as terminal:
        terminal.let_go()
        terminal.read_until(b"spread")
        terminal.go_away()
        assert terminal.process.wait(PATIENCE) == 129


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_what_standard_error_does_not_take_any_more_leaves_the_exit_code_as_it_is():
    script = (
        "import sys\n"
        "from depthcli.commands import main as cli\n"
        "cli.app = lambda: (sys.stderr.buffer.write(b'a screen'), sys.exit(129))\n"
        "cli.main()\n"
    )
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stderr=full,
            timeout=PATIENCE,
            check=False,
            env=variables(),
        )
    assert done.returncode == 129


def test_a_fault_in_the_screen_gives_the_terminal_back_too():
    script = (
        "import sys\n"
        "from depthcli.commands import main as cli\n"
        "from depthcli.tui import WatchApp\n"
        "look = WatchApp.look\n"
        "def broken(app):\n"
        "    look(app)\n"
        "    if app._drawn > 20:\n"
        "        raise ZeroDivisionError('planted')\n"
        "WatchApp.look = broken\n"
        "sys.argv = ['depthcli', 'watch', '--demo', 'BNBBTC']\n"
        "cli.main()\n"
    )
    with Terminal("-c", script) as terminal:
        assert terminal.wait() == 1
        assert terminal.restored
        assert b"planted" in terminal.shown


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_a_log_on_a_full_disk_ends_only_the_log(simulator):
    with start(simulator, "dump", "--json", "BNBBTC", "--log-file", str(FULL)) as process:
        shown, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, len(shown.splitlines())) == (0, 1)
    assert complaints == "depthcli: the log /dev/full is incomplete: No space left on device\n"


def test_what_a_hostile_exchange_says_never_reaches_the_terminal_raw(simulator, tmp_path):
    log = tmp_path / "log"
    simulator.faults.fail_next("exchangeInfo", 403, code=-1, message=HOSTILE)
    with start(simulator, "dump", "BNBBTC", "--log-file", str(log)) as process:
        shown, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, shown) == (3, "")
    assert complaints.removesuffix("\n").isprintable()
    assert "evil" in complaints

    simulator.faults.fail_next("depth", 500, code=-1, message=HOSTILE)
    with start(simulator, "dump", "BNBBTC", "--log-file", str(log)) as process:
        shown, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints) == (0, "")
    assert all(line.isprintable() for line in [*shown.split("\n"), *log.read_text().split("\n")])


@pytest.mark.parametrize(
    "arguments",
    [
        ["dump", "BNBBTC", "--log-file", f"/no/{HOSTILE}"],
        ["dump", "BNBBTC", "--market", HOSTILE],
        ["dump", HOSTILE],
        ["dump", "BNBBTC", "--rest-url", f"http://{HOSTILE}"],
        ["simulate", "--capture", f"/no/{HOSTILE}"],
        ["simulate", "--faults", HOSTILE],
        ["simulate", HOSTILE],
        ["simulate", "--market", HOSTILE],
    ],
    ids=lambda arguments: " ".join(arguments)[:24].split(HOSTILE[:1])[0],
)
def test_what_was_typed_is_shown_safely(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "depthcli", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert all(line.isprintable() for line in done.stderr.split("\n"))
    assert "evil" in done.stderr
