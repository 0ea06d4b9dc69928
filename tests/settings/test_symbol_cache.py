"""Names of symbols on disk."""

from __future__ import annotations

import json
import os
import time

import pytest

from depthcli.settings.symbol_cache import (
    FORGOTTEN,
    FRESH,
    cache_file,
    is_fresh,
    remember,
    remembered,
)

ORIGIN = "https://api.binance.com"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_names_are_kept_for_each_market_and_origin():
    remember("spot", ORIGIN, ["ETHBTC", "BNBBTC", "币安人生USDT"])
    remember("usdm", ORIGIN, ["BTCUSDT_261225"])
    remember("spot", "http://127.0.0.1:8901", ["AB"])
    remember("options", ORIGIN, ["DOGE-261225-0.25-P"])
    assert remembered("spot", ORIGIN) == ["BNBBTC", "ETHBTC", "币安人生USDT"]
    assert remembered("usdm", ORIGIN) == ["BTCUSDT_261225"]
    assert remembered("spot", "http://127.0.0.1:8901") == ["AB"]
    assert remembered("options", ORIGIN) == ["DOGE-261225-0.25-P"]
    assert remembered("coinm", ORIGIN) == []


def test_two_origins_whose_files_have_one_name_are_not_mixed_up():
    remember("spot", "http://127.0.0.1:1", ["AB"])
    assert cache_file("spot", "https://127.0.0.1:1") == cache_file("spot", "http://127.0.0.1:1")
    assert remembered("spot", "https://127.0.0.1:1") == []


def test_names_are_fresh_for_a_day(monkeypatch):
    assert not is_fresh("spot", ORIGIN)
    remember("spot", ORIGIN, ["BNBBTC"])
    now = time.time()
    for seconds, fresh in ((0, True), (FRESH - 60, True), (FRESH + 60, False), (-3600, False)):
        monkeypatch.setattr(time, "time", lambda moment=now + seconds: moment)
        assert is_fresh("spot", ORIGIN) is fresh
    assert remembered("spot", ORIGIN) == ["BNBBTC"], "an old list is better than none"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"[]", b"null", b"7", b'{"format":1}', b"[" * 100_000,
        b'{"format":1,"origin":"https://api.binance.com","time":1,"symbols":7}',
        b'{"format":1,"origin":"https://api.binance.com","time":[],"symbols":["AB"]}',
        b'{"format":1,"origin":"https://elsewhere","time":1,"symbols":["AB"]}',
        b'{"format":2,"origin":"https://api.binance.com","time":1,"symbols":["AB"]}',
    ],
)  # fmt: skip
def test_a_damaged_file_counts_as_none_and_is_replaced(content):
    remember("spot", ORIGIN, [])
    cache_file("spot", ORIGIN).write_bytes(content)
    assert remembered("spot", ORIGIN) == []
    assert not is_fresh("spot", ORIGIN)
    remember("spot", ORIGIN, ["BNBBTC"])
    assert remembered("spot", ORIGIN) == ["BNBBTC"]


def test_what_cannot_be_a_symbol_never_reaches_the_shell():
    evil = ["$(reboot)", "A B", "A\nB", "A\x1b[2J", "`x`", "", "abc", "A" * 99, "A;B", "BNBBTC"]
    remember("spot", ORIGIN, evil)
    assert remembered("spot", ORIGIN) == ["BNBBTC"]


def test_nothing_but_the_list_is_left_in_its_directory():
    remember("spot", ORIGIN, ["BNBBTC"])
    remember("spot", ORIGIN, ["ETHBTC"])
    assert list(cache_file("spot", ORIGIN).parent.iterdir()) == [cache_file("spot", ORIGIN)]


def test_lists_that_nobody_renews_are_removed():
    remember("spot", "http://127.0.0.1:1", ["AB"])
    old = cache_file("spot", "http://127.0.0.1:1")
    long_ago = time.time() - FORGOTTEN - 60
    os.utime(old, (long_ago, long_ago))
    remember("spot", ORIGIN, ["BNBBTC"])
    assert not old.exists()
    assert json.loads(cache_file("spot", ORIGIN).read_text())["symbols"] == ["BNBBTC"]


def test_a_directory_that_cannot_be_made_is_no_failure(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember("spot", ORIGIN, ["BNBBTC"])
    assert remembered("spot", ORIGIN) == []
