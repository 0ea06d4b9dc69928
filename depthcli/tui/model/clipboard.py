"""A book as text and as JSON, for the clipboard."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec

from depthcli.tui.drawing.numbers import price_text, time_text

if TYPE_CHECKING:
    from depthcli.tui.model.watched import Levels, Picture


def as_text(picture: Picture) -> str:
    """Return the levels of a picture as a small table, bids beside asks, best first."""
    unit = picture.quote if picture.in_quote else picture.base
    head = [
        f"{picture.symbol}  {picture.state.value}  {time_text(picture.update_time)} UTC",
        f"{'quantity':>16} {'bid':>16}   {'ask':<16} quantity {unit}".rstrip(),
    ]
    rows = []
    for bid, ask in zip_longest(_strings(picture, picture.bids), _strings(picture, picture.asks)):
        bid_text = f"{bid[1]:>16} {bid[0]:>16}" if bid else " " * 33
        ask_text = f"{ask[0]:<16} {ask[1]}" if ask else ""
        rows.append(f"{bid_text}   {ask_text}".rstrip())
    return "\n".join([*head, *rows]) + "\n"


def as_json(picture: Picture) -> str:
    """Return a picture as a JSON object, with the fields that `depthcli dump --json` has."""
    book = {
        "symbol": picture.symbol,
        "state": picture.state.value,
        "update_time": picture.update_time,
        "bids": _strings(picture, picture.bids),
        "asks": _strings(picture, picture.asks),
    }
    if picture.reason:
        book["reason"] = picture.reason
    return msgspec.json.encode(book).decode()


def _strings(picture: Picture, levels: Levels) -> list[tuple[str, str]]:
    return [
        (price_text(price, picture.price_decimals), f"{quantity:.{picture.quantity_decimals}f}")
        for price, quantity in levels
    ]
