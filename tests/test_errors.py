"""Errors: each says what happened, and nothing that a terminal might obey."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, strategies as st

from depthcli import errors
from depthcli.errors import exchange_error, printable


def test_the_tree_in_the_docstring_names_every_error():
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, Exception):
            assert name in errors.__doc__


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -1121, errors.ExchangeError),
        (403, None, errors.ForbiddenError),
        (418, -1003, errors.BannedError),
        (429, None, errors.RateLimitedError),
        (400, -1003, errors.RateLimitedError),
        (500, None, errors.ServerError),
        (400, -1001, errors.ServerError),
        (408, -1007, errors.ServerError),
    ],
)
def test_status_and_code_tell_the_kind(status, code, kind):
    assert type(exchange_error(status, code)) is kind


@given(st.text())
def test_no_control_character_reaches_the_terminal(text):
    shown = str(exchange_error(400, -1, text))
    assert shown.isprintable()
    assert len(printable(text)) <= 200
