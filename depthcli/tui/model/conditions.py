"""The condition of a book in a sign, a word and a reason, with waits counted down."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from depthcli.core.state import State

if TYPE_CHECKING:
    from depthcli.tui.model.watched import Picture

SIGNS: Final = {
    State.LIVE: "●",
    State.CONNECTING: "◌",
    State.BUFFERING: "◍",
    State.STALE: "▲",
    State.CLOSED: "■",
}
"""A sign for each state, so that nothing depends on colour."""

HALTED: Final = ("‖", "HALTED")

_WAIT: Final = re.compile(r"\b((?:again|try) in )(\d+(?:\.\d+)?) s\b")
_WAITING: Final = re.compile(
    r"(.*)[,;] ((?:next try|asking again|trying again|the exchange may be asked again)"
    r" (?:in|now).*)"
)
_LIMITED: Final = re.compile(r"\bHTTP (?:429|418)\b|\bcode -(?:1003|1015)\b|may be asked again in")
_HALTED: Final = "trading is halted"
_UNREACHABLE: Final = re.compile(
    r"can't be reached|refused|unreachable|resolve|timed out", re.IGNORECASE
)
_DELISTED: Final = re.compile(
    r"delisted|expired|-1121|invalid symbol|no such symbol", re.IGNORECASE
)


class Condition(NamedTuple):
    """The condition of a book, as its title shows it.

    Attributes:
        sign: one cell.
        word: in capitals.
        state: the state that gives the colour.
    """

    sign: str
    word: str
    state: State


def condition(picture: Picture) -> Condition:
    """Return the condition of a book: its state, or what keeps it there."""
    state, reason = picture.state, picture.reason
    if state is State.LIVE:
        if not picture.trading:
            return Condition(*HALTED, State.STALE)
        return Condition(SIGNS[state], "LIVE", state)
    if state is State.CLOSED:
        return Condition(SIGNS[state], "DELISTED" if _DELISTED.search(reason) else "CLOSED", state)
    sign, word = SIGNS[state], state.name
    if reason.startswith(_HALTED):
        sign, word = HALTED
    elif _LIMITED.search(reason):
        sign, word, state = "◷", "RATE LIMITED", State.STALE
    elif reason.startswith("socket lost"):
        never = state is State.CONNECTING and _UNREACHABLE.search(reason)
        sign, word = ("✗", "UNREACHABLE") if never else ("↻", "RECONNECTING")
        state = State.STALE
    return Condition(sign, word, state)


def explained(picture: Picture) -> str:
    """Return why a book isn't live, with waits counted down; empty if it is live."""
    if picture.live:
        return "" if picture.trading else "halted: the exchange is not matching orders"
    words = counted_down(picture.reason, picture.reason_age)
    if picture.state is State.BUFFERING:
        kept = f"{picture.buffered} events buffered"
        return f"{words} ({kept})" if words else f"waiting for the first snapshot: {kept}"
    return words or {
        State.CONNECTING: "waiting for the stream",
        State.STALE: "the last correct book",
    }.get(picture.state, "closed")


def wait_first(reason: str) -> str:
    """Return a reason with its wait first, for where room is short.

    >>> wait_first("socket lost: connection refused, next try in 6 s")
    'next try in 6 s, socket lost: connection refused'
    """
    found = _WAITING.match(reason)
    return f"{found[2]}, {found[1]}" if found else reason


def counted_down(reason: str, elapsed: float) -> str:
    """Return a reason with its waits, `next try in 8.0 s`, less the seconds elapsed.

    >>> counted_down("socket lost, next try in 8.0 s", 2.5)
    'socket lost, next try in 6 s'
    >>> counted_down("socket lost, next try in 8.0 s", 9.0)
    'socket lost, next try now'
    """

    def left(match: re.Match[str]) -> str:
        rest = float(match[2]) - elapsed
        return f"{match[1]}{ceil(rest)} s" if rest > 0 else f"{match[1][:-3]}now"

    return _WAIT.sub(left, reason)
