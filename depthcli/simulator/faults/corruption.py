"""Ways to damage an event or a response, so that it still resembles one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from random import Random

CORRUPTIONS: Final = (
    "broken-json",
    "binary",
    "invalid-utf8",
    "wrong-types",
    "null",
    "nan",
    "negative",
    "wrong-symbol",
    "truncated-frame",
)
"""The ways to damage an event: truncated JSON; a binary frame of garbage; a text frame that isn't
UTF-8; values of wrong types; a bare null; a price of NaN; a negative quantity; another symbol; and
a WebSocket frame that is cut off, along with the connection."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload to send for an event.

    Attributes:
        payload: the bytes.
        binary: whether to send a binary frame.
        whole: whether to send it without a wrapper, even on combined streams.
        cut: whether to cut off the frame in the middle, and close the connection.
    """

    payload: bytes
    binary: bool = False
    whole: bool = False
    cut: bool = False


def corrupted(payload: bytes, kind: str, random: Random) -> Delivery:
    """Return an event damaged in one of the `CORRUPTIONS`."""
    if kind == "truncated-frame":
        return Delivery(payload, cut=True)
    if kind == "binary":
        return Delivery(random.randbytes(64), binary=True, whole=True)
    garbled = {
        "broken-json": payload[: max(1, random.randrange(len(payload)))],
        "invalid-utf8": payload.replace(b'"', b'\xff"', 1),
        "null": b"null",
    }
    if kind in garbled:
        return Delivery(garbled[kind], whole=True)
    if kind == "wrong-symbol":
        return Delivery(re.sub(rb'"s":"[^"]*"', b'"s":"NOTASKEDFOR"', payload))
    return Delivery(json.dumps(_altered(json.loads(payload), kind)).encode())


def mistyped(body: bytes) -> bytes:
    """Return a response body with values of the wrong types."""
    return json.dumps(_altered(json.loads(body), "wrong-types")).encode()


def _altered(document: Any, kind: str) -> Any:
    if not isinstance(document, dict):
        return kind
    altered = dict(document)
    sides = [key for key in ("b", "a", "bids", "asks") if isinstance(document.get(key), list)]
    if kind == "nan":
        return altered | {key: [["NaN", "1"]] for key in sides}
    if kind == "negative":
        return altered | {key: [["1", "-1"]] for key in sides}
    for key, value in document.items():
        altered[key] = {"not": "this"} if isinstance(value, (list, int)) else 7
    return altered
