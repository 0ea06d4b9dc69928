"""Workspaces: the state of the screen, saved under a name."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import tomli_w
from msgspec import Struct
from platformdirs import user_config_path, user_state_path

from depthcli.errors import UsageError, printable
from depthcli.settings.config import decode

LAST: Final = "last"
"""The name of the last workspace; reserved."""

_NAME: Final = re.compile(r"[\w][\w .-]{0,63}")


class WatchedSymbol(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One symbol of a workspace.

    Attributes:
        name: with its market: `usdm:BTCUSDT`.
        group: ten to this power times the tick makes its groups.
        size: the order size, in the base asset; None: the default.
    """

    name: str
    group: int = 0
    size: float | None = None


class Workspace(Struct, forbid_unknown_fields=True, kw_only=True):
    """The state of the screen.

    Attributes:
        symbols: the symbols in order.
        view: `books`, `ladder`, `chart`, `heatmap` or `overview`.
        depth: levels per side of a panel.
        theme: `dark` or `light`.
        unit: whether quantities are in the `base` or the `quote` asset.
        flash: whether changed quantities flash.
        zoomed: the only symbol shown; empty: all are.
        sort: the sorting column of the overview; empty: the order of the symbols.
        descending: whether the largest comes first.
        seconds: seconds per column of the heatmap.
        log: whether the log was open.
    """

    symbols: list[WatchedSymbol]
    view: Literal["books", "ladder", "chart", "heatmap", "overview"] = "books"
    depth: int = 5
    theme: Literal["dark", "light"] = "dark"
    unit: Literal["base", "quote"] = "base"
    flash: bool = True
    zoomed: str = ""
    sort: str = ""
    descending: bool = False
    seconds: int = 1
    log: bool = False

    def but(self, **changes: Any) -> Workspace:
        """Return the same with some attributes changed."""
        return msgspec.structs.replace(self, **changes)


class Workspaces:
    """The workspaces of a user.

    Args:
        folder: where named workspaces are; None: the default.
        last: the file of the last workspace; None: the default.
    """

    def __init__(self, folder: Path | None = None, last: Path | None = None) -> None:
        self._folder = folder or user_config_path("depthcli", appauthor=False) / "workspaces"
        self._last = last or user_state_path("depthcli", appauthor=False) / "last.toml"

    def names(self) -> list[str]:
        """Return the names of all saved workspaces."""
        return sorted(path.stem for path in self._folder.glob("*.toml"))

    def read(self, name: str) -> Workspace:
        """Return a workspace.

        Raises:
            UsageError: there is none of that name, or its file says something else.
        """
        path = self._path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            known = ", ".join(self.names()) or "none yet; w saves one"
            raise UsageError(f"no workspace {printable(name)!r}: there are {known}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} can't be read: {error}") from error
        found: Workspace = decode(text, path, Workspace)
        return found

    def read_last(self) -> Workspace | None:
        """Return the last workspace, or None if there is no usable one."""
        try:
            return self.read(LAST) if self._last.exists() else None
        except UsageError:
            return None

    def save(self, name: str, workspace: Workspace) -> Path:
        """Save a workspace under a name, replacing any with that name; return its file.

        Raises:
            UsageError: the name isn't one, or the file can't be written.
        """
        path = self._path(name)
        raw = msgspec.to_builtins(workspace)
        raw["symbols"] = [
            {key: value for key, value in symbol.items() if value is not None}
            for symbol in raw["symbols"]
        ]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, tomli_w.dumps(raw))
        except OSError as error:
            raise UsageError(f"{path} can't be written: {error}") from error
        return path

    def _path(self, name: str) -> Path:
        if name == LAST:
            return self._last
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{printable(name)!r} can't be a workspace's name: use letters, digits, - and _"
            )
        return self._folder / f"{name}.toml"


def _write(path: Path, text: str) -> None:
    """Write a file atomically: readers see the old one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink()
        raise
