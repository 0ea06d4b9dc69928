"""Real messages, damaged as an enemy who knows the protocol would damage them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

TOKENS = (
    "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "-0", "0", "1e-400", "-1", "1.5",
    "9223372036854775808", "1" * 5000, f"0.{'0' * 5000}1", "null", "true", "{}", "[]",
    '""', '"-1"', '"1_0"', '"NaN"', '"1e400"', '"9e999999999"', f'"{"9" * 70_000}"',
    '"\\ud800"', '"\\ud800\\udc00"', '"\\u0000"', '"\\u001b[2J\\u001b]0;owned\\u0007"',
    '"\\u202e\\u2066"', '"币安人生USDT"', f'"{"x" * 100_000}"', "[" * 50_000,
    "[" * 2000 + "]" * 2000, '{"a":' * 2000 + "1" + "}" * 2000,
    f"[{'[1,1],' * 5000}[1,1]]", f"""[{'["1","1"],' * 5000}["0","1"]]""",
)  # fmt: skip
"""Values in the place of others, as they are written on the wire; none is what the field wants."""

ENDS = (b"", b" ", b"}", b"\x00", b"{}", b"null", b"\xff", b"\xef\xbb\xbf", b"]" * 1000)
"""What may stand behind a message, or before it."""


class Token(str):
    """A value that is written as it is."""

    __slots__ = ()


def written(value: Any) -> str:
    """Return a document as JSON; a dict may be a list of pairs in it, so that keys come twice."""
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, Pairs):
        inner = ",".join(f"{json.dumps(key)}:{written(child)}" for key, child in value)
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


class Pairs(list):  # type: ignore[type-arg]
    """The keys and values of an object, in order."""


def read(raw: bytes) -> Any:
    """Return a message as lists, pairs and values."""
    return json.loads(raw, object_pairs_hook=Pairs)


def _holders(value: Any) -> list[Any]:
    """Return all lists and objects in a document that have something in them."""
    if not isinstance(value, list) or not value:
        return []
    children = [pair[1] for pair in value] if isinstance(value, Pairs) else value
    return [value, *(holder for child in children for holder in _holders(child))]


def damaged(raw: bytes, seed: int) -> bytes:
    """Return a message with one to three places damaged; whatever results, no decoder may break."""
    chance = Random(seed)
    document = read(raw)
    for _ in range(chance.randrange(1, 4)):
        holder = chance.choice(_holders(document) or [Pairs([("x", 1)])])
        place = chance.randrange(len(holder))
        token = Token(chance.choice(TOKENS))
        kind = chance.choice(["replace", "remove", "double", "insert"])
        if kind == "remove":
            del holder[place]
        elif isinstance(holder, Pairs):
            key, _ = holder[place]
            if kind == "replace":
                holder[place] = (key, token)
            else:
                holder.insert(place + (kind == "double"), (key, token))
        elif kind == "replace":
            holder[place] = token
        else:
            holder.insert(place, holder[place] if kind == "double" else token)
    text = bytearray(written(document).encode("utf-8", "surrogatepass"))
    chosen = chance.random()
    if chosen < 0.1:
        text += chance.choice(ENDS)
    elif chosen < 0.2:
        text[:0] = chance.choice(ENDS)
    elif chosen < 0.3 and text:
        del text[chance.randrange(len(text)) :]
    elif chosen < 0.4 and text:
        text[chance.randrange(len(text))] = chance.randrange(256)
    return bytes(text)


def unreadable(raw: bytes, seed: int) -> bytes:
    """Return an event damaged so that nobody can take it for one: a required field isn't."""
    chance = Random(seed)
    document = read(raw)
    wrong = {
        "e": ['"aggTrade"', "7", "null"],
        "E": ["-1", '"soon"', "1e400", "9223372036854775808", "null", "[]"],
        "s": ["7", "null", '"\\ud800"', '"\\u001b[2J"', '"币安人生USDT"'],
        "U": ["-1", "null", "1.5", "1" * 400, "9223372036854775807"],
        "u": ["-1", "null", "1.5", "1" * 400, "[]"],
        "b": ['[["0","1"]]', '[["1","-1"]]', '[["NaN","1"]]', "{}", '[["1e400","1"]]', "[" * 9999],
        "a": ['[["1","1","1"]]', '[["1"]]', '[["1_0","1"]]', "null", '[[true,"1"]]', "[[[]]]"],
    }
    key = chance.choice(list(wrong))
    token = Token(chance.choice(wrong[key]))
    for place, (known, _) in enumerate(document):
        if known == key:
            document[place] = (key, token)
    return written(document).encode()
