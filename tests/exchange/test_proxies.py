"""Which proxy an origin needs, in environments as people have them."""

from __future__ import annotations

import os
import sys
import urllib.request

import pytest

from depthcli.errors import UsageError
from depthcli.exchange.network import Routes
from depthcli.exchange.proxies import Proxy, read_proxy
from tests.proxy_environments import CASES, SOCKS, A, Case

SPEAKS = {"https": "TLS", "socks4": "SOCKS4", "socks4a": "SOCKS4a"} | {
    "socks5": "SOCKS5",
    "socks5h": "SOCKS5h",
}
WEBSOCKET = {"https": "wss", "http": "ws"}


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def without_socks(monkeypatch):
    """As where the extra isn't installed."""
    monkeypatch.setitem(sys.modules, "httpx_socks", None)
    monkeypatch.delitem(sys.modules, "depthcli.exchange.socks", raising=False)


def told(proxy: Proxy | None, origin: str) -> str:
    """A proxy in the table's words."""
    if proxy is None:
        return "direct"
    way = SPEAKS.get(proxy.scheme) or ("CONNECT" if origin.startswith("https") else "GET")
    who = "" if proxy.credentials is None else f"{':'.join(proxy.credentials)}@"
    return f"{way} {who}{proxy.address.partition('//')[2]}"


def decided(case: Case) -> list[str]:
    """What is decided for requests, and what for streams."""
    scheme, _, host = case.origin.partition("://")
    found = []
    for origin in (case.origin, f"{WEBSOCKET[scheme]}://{host}"):
        try:
            found.append(told(Routes().to(origin).proxy, case.origin))
        except UsageError as error:
            told_well = "pass" not in str(error) and any(
                name in str(error) for name in case.variables
            )
            found.append("refused" if told_well else str(error))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.variables} {case.origin}")
def test_a_proxy_is_chosen_as_curl_does_or_it_is_said_why_not(monkeypatch, case):
    for name, value in case.variables.items():
        monkeypatch.setenv(name, value)
    assert decided(case) == [case.expected] * 2
    assert bool(case.why) == bool(case.ours)
    assert case.ours != case.curl


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.variables} {case.origin}")
def test_without_the_extra_only_a_socks_proxy_that_is_needed_is_missed(
    monkeypatch, without_socks, case
):
    for name, value in case.variables.items():
        monkeypatch.setenv(name, value)
    if case in SOCKS:
        for origin in ("https://exchange.test", "wss://exchange.test"):
            with pytest.raises(UsageError, match=r"pip install 'depthcli\[socks\]'"):
                Routes().to(origin)
    else:
        assert decided(case) == [case.expected] * 2


def test_the_proxy_that_is_given_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://{A}:3128")
    monkeypatch.setenv("NO_PROXY", "*")
    routes = Routes("http://user@given.test")
    for origin in ("https://exchange.test", "ws://127.0.0.1:8901"):
        proxy = routes.to(origin).proxy
        assert proxy is not None
        assert (proxy.address, proxy.credentials) == ("http://given.test:80", ("user", ""))


def test_the_choice_is_made_once_an_origin(monkeypatch):
    routes = Routes()
    monkeypatch.setenv("HTTPS_PROXY", f"http://{A}:3128")
    before = routes.to("https://exchange.test")
    monkeypatch.setenv("HTTPS_PROXY", f"http://{A}:1")
    assert routes.to("https://exchange.test") is before
    assert routes.to("https://other.test").proxy != before.proxy


def test_a_password_is_in_no_text_but_the_url_that_carries_it():
    proxy = read_proxy("http://user:p%40ss%2F@proxy.test:3128", "HTTPS_PROXY")
    assert proxy.url == "http://user:p%40ss%2F@proxy.test:3128"
    assert "ss" not in repr(proxy)
    assert "ss" not in proxy.address


@pytest.mark.parametrize("system", ["macosx_sysconf", "registry"])
def test_the_settings_of_the_system_count_where_no_variable_is_set(monkeypatch, system):
    """As macOS and Windows give them; no such machine is needed to see what is made of them."""
    settings = {"http": "http://plain.test:1", "https": "http://proxy.test:2"}
    for other in ("macosx_sysconf", "registry"):
        monkeypatch.delattr(urllib.request, f"getproxies_{other}", raising=False)
    monkeypatch.setattr(urllib.request, f"getproxies_{system}", lambda: settings, raising=False)
    monkeypatch.setattr(
        urllib.request, f"proxy_bypass_{system}", lambda host: host == "near.test", raising=False
    )
    assert told(Routes().to("wss://exchange.test").proxy, "https:") == "CONNECT proxy.test:2"
    assert told(Routes().to("http://exchange.test").proxy, "http:") == "GET plain.test:1"
    assert Routes().to("https://near.test").proxy is None
    monkeypatch.setenv("NO_PROXY", "exchange.test")
    assert Routes().to("wss://exchange.test").proxy is None
    monkeypatch.setenv("https_proxy", f"{A}:3128")
    assert told(Routes().to("https://other.test").proxy, "https:") == f"CONNECT {A}:3128"
