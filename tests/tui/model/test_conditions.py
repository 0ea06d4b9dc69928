"""What is said of books that aren't live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from depthcli.core.state import State
from depthcli.tui.model.conditions import condition, counted_down, explained
from tests.tui.views.test_books import BOOK

CASES = {
    "live": (State.LIVE, "", "● LIVE", ""),
    "connecting": (State.CONNECTING, "", "◌ CONNECTING", "waiting for the stream"),
    "buffering": (
        State.BUFFERING,
        "",
        "◍ BUFFERING",
        "waiting for the first snapshot: 7 events buffered",
    ),
    "snapshot refused": (
        State.BUFFERING,
        "snapshot refused: HTTP 500; next try in 2.0 s",
        "◍ BUFFERING",
        "snapshot refused: HTTP 500; next try in 1 s (7 events buffered)",
    ),
    "gap": (State.STALE, "gap: 3 updates", "▲ STALE", "gap: 3 updates"),
    "lost": (
        State.STALE,
        "socket lost: reset, next try in 8.0 s",
        "↻ RECONNECTING",
        "socket lost: reset, next try in 7 s",
    ),
    "never reached": (
        State.CONNECTING,
        "socket lost: connection refused, next try in 0.5 s",
        "✗ UNREACHABLE",
        "socket lost: connection refused, next try now",
    ),
    "limited": (
        State.STALE,
        "snapshot refused: HTTP 429, code -1003, ask again in 30 s; next try in 30.0 s",
        "◷ RATE LIMITED",
        "snapshot refused: HTTP 429, code -1003, ask again in 29 s; next try in 29 s",
    ),
    "halted": (State.STALE, "trading is halted (BREAK)", "‖ HALTED", "trading is halted (BREAK)"),
    "closed": (State.CLOSED, "closed", "■ CLOSED", "closed"),
    "delisted": (State.CLOSED, "delisted", "■ DELISTED", "delisted"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_condition_has_its_word_and_its_reason(case: str) -> None:
    state, reason, word, says = CASES[case]
    picture = replace(BOOK, state=state, reason=reason, reason_age=1.2, buffered=7)
    found = condition(picture)
    assert f"{found.sign} {found.word}" == word
    assert explained(picture) == says


def test_a_symbol_that_does_not_trade_from_the_start_is_halted() -> None:
    picture = replace(BOOK, trading=False)
    assert condition(picture).word == "HALTED"
    assert "halted" in explained(picture)


def test_only_waits_are_counted_down() -> None:
    assert counted_down("gap: 12 updates in 5 s of silence", 3.0).endswith("in 5 s of silence")
    assert counted_down("next try in 2.0 s", 0.0) == "next try in 2 s"
