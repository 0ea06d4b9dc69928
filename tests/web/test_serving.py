"""Screens for browsers: real processes, spoken to as a tab speaks to them."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest
from textual_serve.download_manager import DownloadManager
from websockets.exceptions import InvalidStatus

from depthcli.settings.workspaces import LAST, WatchedSymbol, Workspace, Workspaces
from depthcli.simulator import BackgroundSimulator, Simulator, source_for
from depthcli.web import sessions
from depthcli.web.serving import is_loopback, url_of
from tests.hostile.terminals import Terminal
from tests.web.processes import PATIENCE, serving, tab, text_until, until_connections


@pytest.fixture
def exchange():
    simulator = Simulator(source_for("spot", ["BNBBTC", "ETHBTC"], seed=5))
    with BackgroundSimulator(simulator):
        yield simulator


def at(exchange) -> dict[str, str]:
    return {"DEPTHCLI_REST_URL": exchange.rest_url, "DEPTHCLI_WS_URL": exchange.ws_url}


def watch(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "depthcli", "watch", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


async def test_each_tab_has_its_own_screen_which_ends_with_it(exchange):
    async with serving("--web", "BNBBTC", "--view", "ladder", **at(exchange)) as served:
        async with tab(served.url) as first, tab(served.url) as second:
            assert "ladder" in await text_until(first, "LIVE")
            await text_until(second, "LIVE")
            until_connections(exchange, 2)
            await first.send(json.dumps(["stdin", "?"]))
            await text_until(first, "this help")
            await second.send(json.dumps(["stdin", "v"]))
            assert "this help" not in await text_until(second, "chart")
        until_connections(exchange, 0)
        assert await served.end(signal.SIGINT) == 130
    assert served.complaints == ""


async def test_a_screen_that_is_left_ends_its_tab(exchange):
    async with serving("--web", "BNBBTC", **at(exchange)) as served:
        async with tab(served.url) as one:
            await text_until(one, "LIVE")
            await one.send(json.dumps(["stdin", "q"]))
            await asyncio.wait_for(one.wait_closed(), PATIENCE)
            assert one.close_code == 1000
        until_connections(exchange, 0)


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_ctrl_c_ends_all_screens_and_says_nothing(exchange, ending, code):
    async with serving("--web", "BNBBTC", **at(exchange)) as served, tab(served.url) as one:
        await text_until(one, "LIVE")
        assert await served.end(ending) == code
        assert served.complaints == ""
        until_connections(exchange, 0)
        await asyncio.wait_for(one.wait_closed(), PATIENCE)


async def test_screens_whose_server_was_killed_end_too(exchange):
    async with serving("--web", "BNBBTC", **at(exchange)) as served, tab(served.url) as one:
        await text_until(one, "LIVE")
        until_connections(exchange, 1)
        served.process.kill()
        await served.finish()
        until_connections(exchange, 0)


async def test_a_tab_that_no_longer_reads_does_not_keep_its_screen(exchange):
    async with serving("--web", "BNBBTC", "--fps", "60", **at(exchange)) as served:
        host, port = urlsplit(served.url).hostname, urlsplit(served.url).port
        reader, writer = await asyncio.open_connection(host, port, limit=1024)
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        writer.write(
            f"GET /ws?width=900&height=900 HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        until_connections(exchange, 1)
        assert await served.end(signal.SIGTERM) == 143
        assert served.complaints == ""
        until_connections(exchange, 0)
        writer.close()


async def test_why_a_screen_does_not_start_is_told_in_the_tab(exchange):
    async with serving("--web", "BNBBBTC", **at(exchange)) as served:
        async with tab(served.url) as one:
            shown = await text_until(one, "no end but the tab's")
        assert "no symbol 'BNBBBTC'" in shown
        assert "BNBBTC?" in shown
        await served.end(signal.SIGTERM)
    assert "no symbol 'BNBBBTC'" in served.complaints


async def test_options_reach_the_screen_as_they_were_typed(exchange, tmp_path):
    log = tmp_path / "a $(touch pwned); b'\".log"
    arguments = ("--web", "--demo", "--log-file", str(log), "--theme", "light", "BNBBTC")
    # What is set for all commands serves screens only once.
    more = {"DEPTHCLI_WATCH_WEB": "1", "DEPTHCLI_WATCH_VIEW": "chart"}
    async with serving(*arguments, **at(exchange), **more) as served, tab(served.url) as one:
        shown = await text_until(one, "LIVE")
    assert "chart" in shown
    assert "built-in exchange" in shown
    assert [path.name for path in tmp_path.iterdir()] == [log.name]


async def test_what_was_left_last_is_offered_once_and_shown_in_each_tab(
    exchange, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    left = Workspace(symbols=[WatchedSymbol(name="spot:ETHBTC")], view="ladder")
    Workspaces().save(LAST, left)
    where = ("--rest-url", exchange.rest_url, "--ws-url", exchange.ws_url)
    command = ("-m", "depthcli", "watch", "--web", "--port=0", *where)
    with Terminal(*command) as terminal:
        terminal.read_until(b"ETHBTC again")
        terminal.type(b"\n")
        terminal.read_until(rb"http://\S+/\s")
        url = terminal.shown.decode().split()[-1]
        for _ in range(2):
            async with tab(url) as one:
                shown = await text_until(one, "LIVE")
                assert "ETHBTC" in shown
                assert "ladder" in shown
        terminal.type(b"\x03")
        assert terminal.wait() == 130
        assert b"Traceback" not in terminal.shown


async def test_only_who_means_this_server_is_answered():
    async with serving("--web", "--demo", "BNBBTC") as served, httpx.AsyncClient() as client:
        own = urlsplit(served.url).netloc
        local = own.replace("127.0.0.1", "localhost")
        for host in (own, local, own.upper()):
            answer = await client.get(served.url, headers={"Host": host})
            assert answer.status_code == 200
        for host in ("evil.example", "127.0.0.1.evil.example", "192.0.2.1", "[", ""):
            answer = await client.get(served.url, headers={"Host": host})
            assert answer.status_code in {400, 403}, host
        for origin in ("http://evil.example", f"http://{own}.evil.example", "http://[", "null", ""):
            with pytest.raises(InvalidStatus) as refused:
                async with tab(served.url, Origin=origin):
                    pass
            assert refused.value.response.status_code == 403
        async with tab(served.url, Origin=f"http://{own}") as one:
            await text_until(one, "LIVE")


async def test_what_no_page_would_send_ends_only_its_own_tab():
    async with serving("--web", "--demo", "BNBBTC") as served:
        for message in ("", "[]", '["resize", 5]', "[" * 99_999):
            async with tab(served.url) as one:
                await one.send(message)
                await asyncio.wait_for(one.wait_closed(), PATIENCE)
        async with tab(served.url) as one:
            await text_until(one, "LIVE")
        assert await served.end(signal.SIGINT) == 130
    assert served.complaints == ""


async def test_the_page_wants_nothing_from_elsewhere():
    async with serving("--web", "--demo") as served, httpx.AsyncClient() as client:
        page = await client.get(served.url)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "//" not in page.text.replace(" //", "").replace("/*", "")
        for path in ("static/js/textual.js", "static/css/xterm.css"):
            assert path in page.text
            assert (await client.get(served.url + path)).status_code == 200


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = watch("--web", "--demo", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"depthcli: can't listen on 127.0.0.1:{port}: Address already in use;"
        " --port 0 takes any that is free\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--web", "--demo", "--host", "no.such.invalid"], "can't listen on no.such.invalid:8000"),
        (["--web", "--demo", "--host", "\x1b[2J"], "can't listen on"),
        (["--web", "--demo", "--host", "x" * 300 + ".a"], "can't listen on"),
        (["--demo", "--port", "9"], "--host and --port need --web"),
        (["--web"], "name a symbol"),
        (["--web", "--workspace", "none"], "no workspace 'none'"),
        (["--web", "--demo", "--testnet"], "exclude each other"),
    ],
)
def test_wrong_usage_is_told_at_once(arguments, words):
    done = watch(*arguments, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.removesuffix("\n").isprintable()


def test_without_the_extra_it_says_what_to_install():
    script = (
        "import sys\n"
        "sys.modules['textual_serve'] = sys.modules['textual_serve.server'] = None\n"
        "from depthcli.commands.main import main\n"
        "sys.argv = ['depthcli', 'watch', '--web', '--demo']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'depthcli[web]'" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_beyond_loopback_it_warns():
    async with serving("--web", "--demo", "--host", "0.0.0.0") as served:
        async with httpx.AsyncClient() as client:
            assert (await client.get(served.url)).status_code == 200
            named = await client.get(served.url, headers={"Host": "192.0.2.1:80"})
            assert named.status_code == 200
            rebound = await client.get(served.url, headers={"Host": "evil.example"})
            assert rebound.status_code == 403
        await served.end(signal.SIGTERM)
    assert "anyone who can reach 0.0.0.0" in served.complaints


def test_addresses_for_browsers():
    assert url_of("0.0.0.0", 8) == url_of("::", 8) == "http://localhost:8/"
    assert url_of("::1", 8) == "http://[::1]:8/"
    assert url_of("desk.example", 8) == "http://desk.example:8/"
    assert is_loopback("::1")
    assert is_loopback("127.9.9.9")
    assert not is_loopback("desk.example")


async def test_a_screen_that_does_not_heed_is_ended_also_where_its_server_was_cancelled(
    monkeypatch,
):
    """Up to Python 3.11.2, a timeout doesn't end in time in a task that was cancelled before."""
    monkeypatch.setattr(sessions, "PATIENCE", 0.1)

    async def take(*_: object) -> None:
        """Be a tab that is shown nothing."""

    session = sessions.Session(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        write_bytes=take,
        write_str=take,
        close=take,
        download_manager=DownloadManager(),
    )
    await session.start(80, 24)
    process = session._process

    async def serve() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await session.stop()

    serving_it = asyncio.create_task(serve())
    await asyncio.sleep(0)
    serving_it.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([serving_it])
    assert process.returncode == -signal.SIGKILL
