"""Make the API reference anew, from the docstrings: `python docs/make.py`.

The source is read, not run, so that the same source always makes the same page.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "API.md"

INTRODUCTION: Final = """\
# The API of depthcli

<!-- Made from the docstrings by `python docs/make.py`; edit those instead. -->

What stands here is public, and is imported from the module that is named with it; what has no
module named is imported from `depthcli`. `N` is the type of prices and quantities: `float`, or
`Decimal` where `conv_type=Decimal` was given.
"""

SECTIONS: Final = {
    "Managers": (
        "managers.depth_cache.DepthCacheManager",
        "managers.depth_cache.FuturesDepthCacheManager",
        "managers.depth_cache.OptionsDepthCacheManager",
        "managers.group.DepthCacheGroup",
        "managers.group.GroupMember",
        "managers.threaded.ThreadedDepthCacheManager",
    ),
    "The exchange": ("exchange.client.AsyncClient", "exchange.sockets.BinanceSocketManager"),
    "Books": ("core.book.DepthCache", "core.side.BookSide"),
    "What a book is worth": (
        "core.state.State",
        "core.state.Counters",
        "core.state.AuditResult",
        "core.state.ByRank",
        "core.book.Difference",
    ),
    "Markets": ("core.markets.Market", "core.markets.market_named"),
    "Errors": (
        "errors.DepthcliError",
        "errors.UsageError",
        "errors.UnknownSymbolError",
        "errors.ExchangeError",
        "errors.RateLimitedError",
        "errors.BannedError",
        "errors.ForbiddenError",
        "errors.ServerError",
        "errors.UnreachableError",
        "errors.BadMessageError",
        "errors.ClosedError",
    ),
}

INTERNAL: Final = frozenset(
    {
        "ThreadedDepthCacheManager.run",  # what runs in the thread
        # how the managers write the books
        *("DepthCache.load", "DepthCache.apply", "DepthCache.adopt", "DepthCache.differences"),
        *("BookSide.load", "BookSide.update", "BookSide.within", "BookSide.nearer"),
        "BinanceSocketManager.subscribe",
    }
)
"""Methods without an underscore that only depthcli's own modules call."""

HEADINGS: Final = re.compile(r"^(Args|Attributes|Raises|Returns):$", re.MULTILINE)
ITEM: Final = re.compile(r"^    (?=\S)", re.MULTILINE)
WIDTH: Final = 96


def reference() -> str:
    """Return the page."""
    package = griffe.load("depthcli", search_paths=[ROOT], allow_inspection=False)
    exported = {str(name).strip("'") for name in package["__all__"].value.elements}
    parts = [INTRODUCTION]
    for title, paths in SECTIONS.items():
        parts.append(f"## {title}\n")
        for path in paths:
            parts += describe(package[path], exported)
    return "\n".join(parts)


def describe(thing: griffe.Object, exported: set[str]) -> Iterable[str]:
    """Yield the paragraphs about a class with its members, or about a function."""
    yield f"### {thing.name}\n"
    if thing.name not in exported:
        yield f"`from {thing.parent.path} import {thing.name}`\n"
    if thing.is_function:
        yield from text_of(thing, signature(thing))
        return
    start = thing.members.get("__init__")
    line = signature(start, thing.name) if start and start.is_function else thing.name
    bases = [str(base) for base in thing.bases if str(base) != "ABC" and "Generic" not in str(base)]
    yield from text_of(thing, f"class {line}", bases)
    for member in members(thing):
        yield f"#### {thing.name}.{member.name}\n"
        if member.is_function:
            yield from text_of(member, signature(member))
        else:
            annotation = f": {member.annotation}" if member.annotation else ""
            yield from text_of(member, member.name + annotation)


def members(thing: griffe.Class) -> list[griffe.Object]:
    """Return the public members that have a docstring of their own, as they stand in the source."""
    found = [
        member
        for name, member in thing.members.items()
        if not name.startswith("_")
        and member.docstring is not None
        and f"{thing.name}.{name}" not in INTERNAL
    ]
    return sorted(found, key=lambda member: member.lineno)


def signature(function: griffe.Function, name: str = "") -> str:
    """Return how a function is called: on one line, or on one for each argument."""
    words: list[str] = []
    kinds = griffe.ParameterKind
    starred = False
    for parameter in function.parameters:
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is kinds.keyword_only and not starred:
            words.append("*")
        starred = starred or parameter.kind in {kinds.keyword_only, kinds.var_positional}
        words.append(argument(parameter))
    prefix = "async " if "async" in function.labels else ""
    result = f" -> {function.returns}" if function.returns and not name else ""
    start, end = f"{prefix}{name or function.name}(", f"){result}"
    line = start + ", ".join(words) + end
    if len(line) <= WIDTH:
        return line
    return "\n".join([start, *(f"    {word}," for word in words), end])


def argument(parameter: griffe.Parameter) -> str:
    """Return one argument, with its type and what it is by default."""
    stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    if parameter.kind in stars:
        return f"{stars[parameter.kind]}{parameter.name}: {parameter.annotation}"
    text = parameter.name
    if parameter.annotation is not None:
        text += f": {parameter.annotation}"
    if parameter.default is not None:
        # The cast is the type checker's business.
        default = re.sub(r"cast\('Any', (\w+)\)", r"\1", str(parameter.default))
        text += f" = {default}" if parameter.annotation is not None else f"={default}"
    return text


def text_of(thing: griffe.Object, code: str, bases: Iterable[str] = ()) -> Iterable[str]:
    """Yield the paragraphs of one docstring, under its line of code."""
    kinds = [kind for kind in ("property", "classmethod", "staticmethod") if kind in thing.labels]
    yield "```python\n" + "".join(f"@{kind}\n" for kind in kinds) + code + "\n```\n"
    if bases:
        yield f"Based on {', '.join(f'`{base}`' for base in bases)}.\n"
    if thing.docstring is not None:
        yield markdown(thing.docstring.value)


def markdown(docstring: str) -> str:
    """Return a docstring of Google's style as Markdown."""
    first, *sections = HEADINGS.split(inspect.cleandoc(docstring))
    parts = [examples(first.strip()) + "\n"]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        unindented = re.search(r"^(?=\S)", body, re.MULTILINE)
        end = len(body) if unindented is None else unindented.start()
        listed, after = body[:end], body[end:]
        names = {"Args": "Arguments"}.get(title, title)
        if title == "Returns":
            parts.append(f"**{names}:** {' '.join(listed.split())}\n")
        else:
            parts.append(f"**{names}:**\n")
            parts.append(items(listed) + "\n")
        if after.strip():
            parts.append(examples(after.strip()) + "\n")
    return "\n".join(parts)


def items(body: str) -> str:
    """Return `name: what it is` of each indented item as a list."""
    lines = []
    for item in ITEM.split(body)[1:]:
        names, _, text = " ".join(item.split()).partition(": ")
        shown = ", ".join(f"`{name.strip()}`" for name in names.split(","))
        lines.append(f"- {shown}: {text}")
    return "\n".join(lines)


def examples(text: str) -> str:
    """Return text whose indented or prompted paragraphs are blocks of code."""
    parts = []
    for paragraph in re.split(r"\n\n+", text):
        if paragraph.startswith(("    ", ">>>")):
            parts.append(f"```python\n{inspect.cleandoc(paragraph)}\n```")
        else:
            parts.append(paragraph)
    return "\n\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(PAGE)
