"""Who is believed, who is followed, and who stands in between: TLS, redirects, proxies."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager
from depthcli.core.markets import SPOT
from depthcli.core.state import State
from depthcli.errors import UnreachableError, UsageError
from depthcli.exchange import network
from depthcli.simulator import Simulator, source_for
from tests.hostile.proxies import proxied, socks_proxied
from tests.hostile.servers import CERTIFICATE, answering, serving

PATIENCE = 20.0
PROXIES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
TRUST = ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Nothing of the environment of whoever runs the tests."""
    for name in [*PROXIES, *map(str.lower, PROXIES)]:
        monkeypatch.delenv(name, raising=False)
    for name in (*TRUST, "DEPTHCLI_REST_URL", "DEPTHCLI_WS_URL"):
        monkeypatch.delenv(name, raising=False)
    network.trust.cache_clear()
    yield
    network.trust.cache_clear()


@asynccontextmanager
async def following(rest_url, ws_url):
    """A manager, and a function that waits until a word stands in its reason."""
    news = asyncio.Event()
    async with (
        AsyncClient(rest_url=rest_url, ws_url=ws_url) as client,
        DepthCacheManager(
            client,
            "BNBBTC",
            bm=(sockets := BinanceSocketManager(client, max_reconnects=None)),
            on_state=lambda *_: news.set(),
        ) as manager,
    ):

        async def until(condition):
            async with asyncio.timeout(PATIENCE):
                while not condition(manager):
                    news.clear()
                    await news.wait()

        yield until
        await sockets.close()


def tells(words):
    return lambda manager: words in manager.reason


def is_live(manager):
    return manager.state is State.LIVE


async def test_an_exchange_that_nobody_vouches_for_is_told_nothing():
    asked = []

    async def note(reader, writer):
        asked.append(await reader.read())

    async with serving(note, tls=True) as port:
        async with AsyncClient(rest_url=f"https://127.0.0.1:{port}", ws_url="ws://x") as client:
            with pytest.raises(UnreachableError, match=r"(?i)certificate"):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
        async with following("http://127.0.0.1:9", f"wss://127.0.0.1:{port}") as until:
            await until(tells("certificate verify failed"))
    assert not any(asked)


async def test_a_certificate_for_another_name_is_refused(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with serving(answering(), tls=True) as port:
        async with AsyncClient(rest_url=f"https://localhost:{port}", ws_url="ws://x") as client:
            with pytest.raises(UnreachableError, match=r"(?i)certificate"):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
        async with following("http://127.0.0.1:9", f"wss://localhost:{port}") as until:
            await until(tells("certificate verify failed"))


async def test_no_redirect_is_followed_to_anywhere():
    arrived = []

    async def note(reader, writer):
        arrived.append(await reader.read(1))

    async with serving(note) as elsewhere:
        for target in (
            f"http://127.0.0.1:{elsewhere}/",
            f"ws://127.0.0.1:{elsewhere}/",
            "/",
            "http://[",
        ):
            told = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
            async with serving(answering(told)) as port:
                url = f"http://127.0.0.1:{port}"
                async with AsyncClient(rest_url=url, ws_url="ws://127.0.0.1:9") as client:
                    with pytest.raises(UnreachableError, match="which is not followed"):
                        await client.snapshot(SPOT, "BNBBTC", 100, float)
            async with (
                serving(answering(told)) as port,
                following("http://127.0.0.1:9", f"ws://127.0.0.1:{port}") as until,
            ):
                await until(tells("redirected, which is not followed"))
    assert not arrived


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_book_becomes_live_through_a_proxy_and_tls(monkeypatch, name):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with proxied(tls=True) as (url, asked):
        monkeypatch.setenv(name, url)
        async with following("https://exchange.test", "wss://exchange.test") as until:
            await until(is_live)
    assert asked == ["CONNECT exchange.test:443 HTTP/1.1"] * 2


async def test_without_tls_it_is_the_other_variable(monkeypatch):
    async with proxied(tls=False) as (url, asked):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        async with following("http://exchange.test", "ws://exchange.test") as until:
            await until(lambda manager: len(asked) > 1)
    assert "CONNECT exchange.test:80 HTTP/1.1" in asked
    assert any(line.startswith("GET http://exchange.test/api/v3/depth") for line in asked)


@pytest.mark.parametrize("exempt", ["exchange.test", ".test", "*"])
async def test_hosts_that_need_no_proxy_are_reached_directly(monkeypatch, exempt):
    async with proxied(tls=True) as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("NO_PROXY", exempt)
        async with AsyncClient(rest_url="https://exchange.test", ws_url="ws://x") as client:
            with pytest.raises(UnreachableError):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
        async with following("http://127.0.0.1:9", "wss://exchange.test") as until:
            await until(tells("socket lost"))
    assert not asked


async def test_loopback_needs_no_proxy(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with (
        Simulator(source_for("spot", ["BNBBTC"])) as simulator,
        following(simulator.rest_url, simulator.ws_url) as until,
    ):
        await until(is_live)


USER, ENCODED = "us@er:p:ss/%", "us%40er:p%3Ass%2F%25"


@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize(("user", "encoded"), [(USER, ENCODED), ("user:", "user")])
async def test_a_proxy_gets_user_and_password(monkeypatch, scheme, user, encoded):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with proxied(tls=True, user=user) as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url.replace("http://", f"{scheme}{encoded}@"))
        async with following("https://exchange.test", "wss://exchange.test") as until:
            await until(is_live)
    assert asked == ["CONNECT exchange.test:443 HTTP/1.1"] * 2


async def test_without_tls_a_proxy_gets_user_and_password_too(monkeypatch):
    async with proxied(tls=False, user=USER) as (url, asked):
        monkeypatch.setenv("http_proxy", url.replace("//", f"//{ENCODED}@"))
        async with following("http://exchange.test", "ws://exchange.test") as until:
            await until(is_live)
    assert sorted(line.split()[0] for line in asked) == ["CONNECT", "GET"]


async def test_a_user_that_the_proxy_wants_and_does_not_get_is_told_of(monkeypatch):
    async with proxied(tls=True, user=USER) as (url, _):
        monkeypatch.setenv("ALL_PROXY", url)
        async with AsyncClient(rest_url="https://exchange.test", ws_url="ws://x") as client:
            with pytest.raises(UnreachableError, match="407"):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
        async with following("http://127.0.0.1:9", "wss://exchange.test") as until:
            await until(tells("407"))


async def test_a_proxy_may_speak_tls_itself(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with proxied(tls=True, proxy_tls=True) as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url)
        async with following("https://exchange.test", "wss://exchange.test") as until:
            await until(is_live)
    assert asked == ["CONNECT exchange.test:443 HTTP/1.1"] * 2


async def test_a_proxy_that_nobody_vouches_for_is_told_nothing(monkeypatch):
    async with proxied(tls=True, proxy_tls=True) as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url)
        async with AsyncClient(rest_url="https://exchange.test", ws_url="ws://x") as client:
            with pytest.raises(UnreachableError, match=r"(?i)certificate"):
                await client.snapshot(SPOT, "BNBBTC", 100, float)
        async with following("http://127.0.0.1:9", "wss://exchange.test") as until:
            await until(tells("certificate verify failed"))
    assert not asked


@pytest.fixture
def known_here(monkeypatch):
    """`exchange.test` has an address where depthcli runs, as a proxy's scheme may need it."""
    resolve = socket.getaddrinfo

    def lookup(host, *arguments, **options):
        near = host in {"exchange.test", b"exchange.test"}
        return resolve("127.0.0.1" if near else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.mark.parametrize(
    ("scheme", "told"),
    [
        ("socks4", "4 127.0.0.1:443"),
        ("socks4a", "4 exchange.test:443"),
        ("socks5", "5 127.0.0.1:443"),
        ("socks5h", "5 exchange.test:443"),
        ("socks", "5 exchange.test:443"),
    ],
)
async def test_a_book_becomes_live_through_socks_and_tls(monkeypatch, known_here, scheme, told):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with socks_proxied(tls=True) as (port, asked):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{port}")
        async with following("https://exchange.test", "wss://exchange.test") as until:
            await until(is_live)
    assert asked == [told] * 2


async def test_a_book_becomes_live_through_socks_with_a_user_and_without_tls(monkeypatch):
    async with socks_proxied(tls=False, user=USER) as (port, asked):
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{ENCODED}@127.0.0.1:{port}")
        async with following("http://exchange.test", "ws://exchange.test") as until:
            await until(is_live)
    assert asked == ["5 exchange.test:80"] * 2


async def socks_fails(match, told):
    async with AsyncClient(rest_url="https://exchange.test", ws_url="ws://x") as client:
        with pytest.raises(UnreachableError, match=match):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
    async with following("http://127.0.0.1:9", "wss://exchange.test") as until:
        await until(tells("socket lost: exchange.test: "))
        await until(tells(told))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"user": USER}, "No acceptable authentication methods were offered"),
        ({"code": 2}, "Connection not allowed by ruleset"),
        ({"code": 4}, "Host unreachable"),
    ],
)
async def test_a_socks_proxy_that_refuses_is_told_of(monkeypatch, options, told):
    async with socks_proxied(tls=True, **options) as (port, _):
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{port}")
        words = f"the proxy socks5h://127.0.0.1:{port} refuses: {told}"
        await socks_fails(words, words)


async def test_an_exchange_behind_socks_that_nobody_vouches_for_is_refused(monkeypatch):
    async with socks_proxied(tls=True) as (port, _):
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{port}")
        await socks_fails("(?i)certificate", "certificate verify failed")


async def test_socks_that_is_not_there_or_hangs_up_is_told_of(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5h://user:secret@127.0.0.1:9")
    words = "the proxy socks5h://127.0.0.1:9: connection refused"
    await socks_fails(words, words)

    async def hang_up(reader, writer):
        await reader.read(1)

    async with serving(hang_up) as port:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{port}")
        words = f"the proxy socks5h://127.0.0.1:{port} refuses: "
        await socks_fails(words, words)


async def proxy_fails(match):
    async with AsyncClient(rest_url="https://exchange.test", ws_url="ws://x") as client:
        with pytest.raises(UnreachableError, match=match):
            await client.snapshot(SPOT, "BNBBTC", 100, float)
    async with following("http://127.0.0.1:9", "wss://exchange.test") as until:
        await until(lambda manager: re.search(match, manager.reason))


@pytest.mark.parametrize("told", ["407 Proxy Authentication Required", "502 Bad Gateway"])
async def test_a_proxy_that_refuses_is_told_of(monkeypatch, told):
    refusal = f"HTTP/1.1 {told}\r\nContent-Length: 0\r\n\r\n".encode()
    async with proxied(tls=True, refusal=refusal) as (url, _):
        monkeypatch.setenv("ALL_PROXY", url)
        await proxy_fails(f"exchange.test.*: the proxy {url} refuses: (HTTP )?{told}")


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("http://user:secret@127.0.0.1:9", "connection refused"),
        ("http://nowhere.invalid:9", "its name can't be resolved"),
        ("socks5h://nowhere.invalid:9", "its name can't be resolved"),
    ],
)
async def test_a_proxy_that_is_not_there_is_not_taken_for_the_exchange(monkeypatch, proxy, why):
    monkeypatch.setenv("ALL_PROXY", proxy)
    address = proxy.replace("user:secret@", "")
    await proxy_fails(f"exchange.test.*: the proxy {address}: {why}; `depthcli watch --demo`")


def refused(match):
    """The client says no before anything is sent, for requests and for streams."""
    client = AsyncClient()
    for origin_of in (client.rest_origin, client.websocket_origin):
        with pytest.raises(UsageError, match=match) as caught:
            origin_of(SPOT)
    return str(caught.value)


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("nonsense://x", "nonsense:// isn't a proxy's scheme"),
        ("http://[::", "host can't be read"),
        ("http://user:secret@", "no host"),
        ("http://user:secret@127.0.0.1:70000", "port isn't a number from 1 to 65535"),
        ("user:secret@127.0.0.1:0", "port isn't a number"),
        ("http://user:secret@127.0.0.1:x", "port isn't a number"),
        ("http://user:secret%E9@127.0.0.1:1", "isn't UTF-8"),
        (f"socks5://user:secret{'x' * 250}@127.0.0.1:1", "over 255 bytes"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_wrong_usage(monkeypatch, proxy, why):
    monkeypatch.setenv("ALL_PROXY", proxy)
    told = refused(f"the proxy that ALL_PROXY names can't be used: .*{why}")
    assert "secret" not in told


@pytest.mark.parametrize("direct", ["api.binance.com", "stream.binance.com"])
async def test_a_manager_is_not_started_where_one_of_its_ways_cannot_be_used(monkeypatch, direct):
    monkeypatch.setenv("ALL_PROXY", "nonsense://x")
    monkeypatch.setenv("NO_PROXY", direct)
    async with AsyncClient() as client:
        with pytest.raises(UsageError, match="the proxy that ALL_PROXY names"):
            await DepthCacheManager(client, "BNBBTC").__aenter__()


def test_certificates_that_cannot_be_read_are_wrong_usage(monkeypatch, tmp_path):
    for path in (tmp_path / "missing", Path(__file__)):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        refused("the certificates that SSL_CERT_FILE")


def test_a_key_log_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    assert "SSL_CERT_FILE" not in refused("the file that SSLKEYLOGFILE names can't be written")


async def test_what_only_tls_needs_does_no_harm_without_it(monkeypatch, tmp_path):
    for name in TRUST:
        monkeypatch.setenv(name, str(tmp_path / "missing" / "it"))
    async with (
        Simulator(source_for("spot", ["BNBBTC"])) as simulator,
        following(simulator.rest_url, simulator.ws_url) as until,
    ):
        await until(is_live)
