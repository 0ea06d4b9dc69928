"""Errors: each says what happened, and nothing that a terminal might obey."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given, strategies as st

from depthcli import errors
from depthcli.errors import UnknownSymbolError, exchange_error, printable


def drawn_tree() -> dict[str, str]:
    """Each error of the tree in the module's docstring, and the one that it hangs below."""
    parents, branch = {}, []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([ │├└─]*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4 - 1
            branch[depth:] = [match[2]]
            parents[match[2]] = branch[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_in_the_docstring_is_the_tree_that_there_is():
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Exception)
    }
    assert drawn_tree() == real


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -1121, errors.ExchangeError),
        (400, None, errors.ExchangeError),
        (404, None, errors.ExchangeError),
        (301, None, errors.ExchangeError),
        (403, None, errors.ForbiddenError),
        (418, -1003, errors.BannedError),
        (429, None, errors.RateLimitedError),
        (400, -1003, errors.RateLimitedError),
        (400, -1015, errors.RateLimitedError),
        (500, None, errors.ServerError),
        (504, -1007, errors.ServerError),
        (400, -1000, errors.ServerError),
        (400, -1001, errors.ServerError),
        (408, -1007, errors.ServerError),
    ],
)
def test_status_and_code_tell_the_kind(status, code, kind):
    assert type(exchange_error(status, code)) is kind


def test_an_error_tells_all_that_the_exchange_said_and_when_to_ask_again():
    error = exchange_error(429, -1003, "Too many requests.", 7.5)
    assert str(error) == "HTTP 429, code -1003, Too many requests., ask again in 7.5 s"
    assert (error.status, error.code, error.retry_after) == (429, -1003, 7.5)
    assert error.status_code == 429, "the name that python-binance has for it"
    assert str(exchange_error(502)) == "HTTP 502"


def test_an_unknown_symbol_is_told_with_the_near_names_or_the_advice_to_check_it():
    assert str(UnknownSymbolError("BNBBTX", "spot", ["BNBBTC", "BNBETH"])) == (
        "no symbol 'BNBBTX' in market spot: did you mean BNBBTC, BNBETH?"
    )
    assert str(UnknownSymbolError("?", "usdm")).endswith("check the spelling")


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_control_character_reaches_the_terminal(text, near):
    assert str(exchange_error(400, -1, text)).isprintable()
    assert str(UnknownSymbolError(text, "spot", near)).isprintable()
    assert printable(text).isprintable()


@given(st.text(min_size=150))
def test_what_is_shown_is_cut_to_a_length_that_a_line_bears(text):
    assert len(printable(text)) == min(len(text), 200)
    assert len(printable(text, limit=20)) == 20


@pytest.mark.parametrize("text", ["", "Invalid symbol.", "币安人生USDT", "8 µs, “fine”"])
def test_words_that_can_be_printed_stay_as_they_are(text):
    assert printable(text) == text
