"""The names of symbols on disk, for shell completion.

A file for each market and origin, in the user's cache directory. A file that can't be read, or that
isn't what was written, counts as none; the next list that comes replaces it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)

FRESH: Final = 24 * 3600.0
"""Seconds until a list is out of date."""

FORGOTTEN: Final = 30 * 24 * 3600.0
"""Seconds until an unused list is removed."""

_FORMAT: Final = 1
_NAME: Final = re.compile(r"(?:(?![a-z])[\w.\-]){1,50}")


class _Kept(NamedTuple):
    time: float
    symbols: list[str]


def cache_file(market: str, origin: str) -> Path:
    """Return the path of a market's list, which may not exist."""
    host = re.sub(r"[^\w.\-]", "_", origin.partition("://")[2])
    return user_cache_path("depthcli", appauthor=False) / "symbols" / f"{market}-{host}.json"


def remembered(market: str, origin: str) -> list[str]:
    """Return the cached names of a market's trading symbols; an empty list without any.

    Only names that can be symbols are given: they go to the user's shell.
    """
    kept = _read(market, origin)
    return [name for name in kept.symbols if _NAME.fullmatch(name)] if kept else []


def is_fresh(market: str, origin: str) -> bool:
    """Return whether a market's list is less than a day old."""
    kept = _read(market, origin)
    return kept is not None and 0 <= time.time() - kept.time < FRESH


def remember(market: str, origin: str, names: Iterable[str]) -> None:
    """Write the names of a market's trading symbols atomically; a failure is only logged."""
    file = cache_file(market, origin)
    beside = file.with_suffix(f".{os.getpid()}.new")
    kept = {"format": _FORMAT, "origin": origin, "time": time.time(), "symbols": sorted(names)}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
        _forget_old(file.parent)
    except OSError as error:
        logger.info("the names of %s couldn't be kept: %s", market, error)


def _read(market: str, origin: str) -> _Kept | None:
    """Return the list of that origin's symbols, or None if there isn't one."""
    try:
        read = json.loads(cache_file(market, origin).read_bytes())
        kept = _Kept(float(read["time"]), list(map(str, read["symbols"])))
        ours = (read["format"], read["origin"]) == (_FORMAT, origin)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return kept if ours else None


def _forget_old(directory: Path) -> None:
    for file in directory.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > FORGOTTEN:
                file.unlink()
