"""What goes wrong on the way is told in a pipe and on the screen alike, and with what to do."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from depthcli.simulator import Simulator, source_for
from tests.hostile.proxies import proxied, socks_proxied
from tests.hostile.servers import answer, serving
from tests.hostile.terminals import PATIENCE, Terminal
from tests.variables import variables

LOCATION = "refuses this location: --tld us is binance.us, --tld vision"
FIREWALL = "refused by the exchange's firewall, or by one on the way (HTTP 403)"
OFFLINE = "`depthcli watch --demo` works without a network"
NOBODY = "127.0.0.1:9"
NOWHERE = "nowhere.invalid"


def refusing(status: str):
    """Return a handler that answers each request with that status."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"<html>no</html>", status=status))
        await writer.drain()

    return handle


@asynccontextmanager
async def exchange(rest=None, ws=None):
    """Give the environment of an exchange; what answers in place of one of its two ways."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(source_for("spot", ["BNBBTC"])))
        where = {"REST": simulator.rest_url, "WS": simulator.ws_url}
        for way, other in (("REST", rest), ("WS", ws)):
            if other is None:
                continue
            host = other
            if callable(other):
                host = f"127.0.0.1:{await stack.enter_async_context(serving(other))}"
            where[way] = f"{'http' if way == 'REST' else 'ws'}://{host}"
        yield {f"DEPTHCLI_{way}_URL": url for way, url in where.items()}


async def in_a_pipe(environment, *options: str) -> str:
    """Return what `dump` complains of, which it ends with 3 for."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "depthcli", "dump", "--json", "BNBBTC", "--timeout", "5", *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=variables(**environment),
    )
    assert done.returncode == 3
    assert all(json.loads(line)["state"] == "closed" for line in done.stdout.splitlines())
    assert "Traceback" not in done.stderr
    return done.stderr


async def on_screen(environment, words: str) -> None:
    """Wait until `watch` tells it: on the screen, or in place of it, with 3."""
    # Between two words a line may end, and the next one may be drawn elsewhere.
    letters = re.escape(words).replace(r"\ ", r"(?:\s|\x1b\[[0-9;?]*[A-Za-z])+").encode()
    with Terminal("-m", "depthcli", "watch", "BNBBTC", **environment) as terminal:
        await asyncio.to_thread(terminal.read_until, letters)
        if b"?1049h" in terminal.shown:
            terminal.type(b"q")
            assert await asyncio.to_thread(terminal.wait) == 0
        else:
            assert await asyncio.to_thread(terminal.wait) == 3
        assert b"Traceback" not in terminal.shown


@pytest.mark.parametrize(
    ("way", "other", "words"),
    [
        ("rest", refusing("451 Unavailable For Legal Reasons"), LOCATION),
        ("ws", refusing("451 Unavailable For Legal Reasons"), LOCATION),
        ("rest", refusing("403 Forbidden"), FIREWALL),
        ("ws", refusing("403 Forbidden"), FIREWALL),
        ("rest", NOBODY, f"{NOBODY} can't be reached: connection refused; {OFFLINE}"),
        ("ws", NOBODY, f"{NOBODY}: connection refused; {OFFLINE}"),
        ("rest", NOWHERE, f"{NOWHERE} can't be reached: its name can't be resolved; {OFFLINE}"),
        ("ws", NOWHERE, f"{NOWHERE}: its name can't be resolved; {OFFLINE}"),
    ],
)
async def test_an_exchange_that_refuses_or_is_not_there(way, other, words):
    async with exchange(**{way: other}) as environment:
        told, _ = await asyncio.gather(in_a_pipe(environment), on_screen(environment, words))
    assert words in told


@pytest.mark.parametrize(
    "refusal", ["407 Proxy Authentication Required", "502 Bad Gateway", "403 Forbidden"]
)
@pytest.mark.parametrize("way", ["rest", "ws"])
async def test_a_proxy_that_says_no(way, refusal):
    said = answer(b"", status=refusal)
    async with (
        proxied(tls=True, refusal=said) as (url, _),
        exchange() as environment,
    ):
        secure = {"rest": "https://exchange.test", "ws": "wss://exchange.test"}[way]
        environment |= {f"DEPTHCLI_{way.upper()}_URL": secure, "HTTPS_PROXY": url}
        status = refusal if way == "rest" else f"HTTP {refusal}"
        words = f"the proxy {url} refuses: {status}; {OFFLINE}"
        told, _ = await asyncio.gather(in_a_pipe(environment), on_screen(environment, words))
    assert "exchange.test" in told
    assert words in told


@pytest.mark.parametrize("way", ["rest", "ws"])
async def test_a_socks_proxy_that_says_no(way):
    async with socks_proxied(tls=True, code=2) as (port, _), exchange() as environment:
        secure = {"rest": "https://exchange.test", "ws": "wss://exchange.test"}[way]
        url = f"socks5h://127.0.0.1:{port}"
        environment |= {f"DEPTHCLI_{way.upper()}_URL": secure, "ALL_PROXY": url}
        words = f"the proxy {url} refuses: Connection not allowed by ruleset; {OFFLINE}"
        told, _ = await asyncio.gather(in_a_pipe(environment), on_screen(environment, words))
    assert "exchange.test" in told
    assert words in told


async def test_a_proxy_that_hangs_up():
    async def hang_up(reader, writer):
        await reader.read(1)

    async with serving(hang_up) as port, exchange() as environment:
        url = f"http://127.0.0.1:{port}"
        environment |= {"DEPTHCLI_WS_URL": "wss://exchange.test", "HTTPS_PROXY": url}
        words = f"the proxy {url} refuses: it hangs up; {OFFLINE}"
        told, _ = await asyncio.gather(in_a_pipe(environment), on_screen(environment, words))
    assert told.count("\n") == 1
    assert words in told


@pytest.mark.parametrize("refused", ["exchangeInfo", "depth", "stream"])
async def test_a_location_that_is_refused_ends_a_dump_that_follows_at_once(refused):
    status = "451 Unavailable For Legal Reasons"
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(source_for("spot", ["BNBBTC"])))
        where = {"DEPTHCLI_REST_URL": simulator.rest_url, "DEPTHCLI_WS_URL": simulator.ws_url}
        if refused == "stream":
            port = await stack.enter_async_context(serving(refusing(status)))
            where["DEPTHCLI_WS_URL"] = f"ws://127.0.0.1:{port}"
        else:
            simulator.faults.fail_next(f"/api/v3/{refused}", 451, count=9)
        assert LOCATION in await in_a_pipe(where, "--follow", "--timeout", "3600")
