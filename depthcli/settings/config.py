"""The configuration: one typed TOML file in the platform's usual place.

A setting replaces the default of the option of the same name. An option on the command line wins
over an environment variable, and that over the file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field
from platformdirs import user_config_path

from depthcli.errors import UsageError, printable

MarketName = Literal["spot", "usdm", "coinm", "options"]
Levels = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
Milliseconds = Annotated[int, Meta(ge=1)]

EXAMPLE: Final = """\
# The defaults of depthcli. Options on the command line and environment variables win.
# Remove the # before a line to change its setting.

[exchange]
# symbols = ["BNBBTC", "ETHBTC"]   # for watch, dump and check without symbols
# market = "spot"             # spot, usdm, coinm or options
# tld = "com"                 # com, us or vision
# testnet = false
# refresh_interval = 1800.0   # seconds between two audits; 0: never
# update_speed = 100          # ms
# limit = 1000                # levels per side of a snapshot
# log_file = "/tmp/depthcli.log"

[watch]
# symbols = ["BNBBTC"]        # instead of those above
# depth = 5                   # levels per side
# fps = 10.0                  # most repaints per second
# view = "books"              # books, ladder, chart, heatmap or overview
# theme = "dark"              # dark or light
# unit = "base"               # quantities in the base or the quote asset
# flash = true                # changed quantities flash in the ladder

[dump]
# depth = 10                  # levels per side
# timeout = 30.0              # seconds to wait for the first book
"""


class Exchange(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Settings of every command that follows books."""

    symbols: list[str] | UnsetType = UNSET
    market: MarketName | UnsetType = UNSET
    tld: Literal["com", "us", "vision"] | UnsetType = UNSET
    testnet: bool | UnsetType = UNSET
    rest_url: str | UnsetType = UNSET
    ws_url: str | UnsetType = UNSET
    refresh_interval: Seconds | UnsetType = UNSET
    update_speed: Milliseconds | UnsetType = UNSET
    limit: Levels | UnsetType = UNSET
    log_file: str | UnsetType = UNSET


class Watch(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Settings of `depthcli watch`."""

    symbols: list[str] | UnsetType = UNSET
    depth: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    fps: Annotated[float, Meta(ge=1, le=60)] | UnsetType = UNSET
    view: Literal["books", "ladder", "chart", "heatmap", "overview"] | UnsetType = UNSET
    theme: Literal["dark", "light"] | UnsetType = UNSET
    unit: Literal["base", "quote"] | UnsetType = UNSET
    flash: bool | UnsetType = UNSET


class Dump(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Settings of `depthcli dump`."""

    depth: Levels | UnsetType = UNSET
    timeout: Annotated[float, Meta(ge=0.1)] | UnsetType = UNSET


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    exchange: Exchange = field(default_factory=Exchange)
    watch: Watch = field(default_factory=Watch)
    dump: Dump = field(default_factory=Dump)

    def defaults(self) -> dict[str, dict[str, Any]]:
        """Return the settings as defaults of each command's options."""
        shared = msgspec.to_builtins(self.exchange)
        addresses = {name: shared[name] for name in ("tld", "testnet", "market") if name in shared}
        addresses |= {name: shared[name] for name in ("rest_url", "ws_url") if name in shared}
        return {
            "watch": shared | msgspec.to_builtins(self.watch),
            "dump": shared | msgspec.to_builtins(self.dump),
            "check": shared,
            "symbols": addresses,
        }


def config_path() -> Path:
    """Return where the file is, or would be; the variable `DEPTHCLI_CONFIG` names another."""
    other = os.environ.get("DEPTHCLI_CONFIG")
    return Path(other) if other else user_config_path("depthcli", appauthor=False) / "config.toml"


def read_config(path: Path) -> Config:
    """Return the settings of a file; the defaults without one.

    Raises:
        UsageError: it can't be read, or says something that isn't a setting; it names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from error
    return parse(text, path)


def parse(text: str, path: Path) -> Config:
    """Return the settings in a text; raises as `read_config` does."""
    config: Config = decode(text, path, Config)
    return config


def decode(text: str, path: Path, kind: type[Any]) -> Any:
    """Return the text of a TOML file as an object of a typed kind.

    Raises:
        UsageError: it isn't TOML, or isn't of that kind; it names the line.
    """
    try:
        raw = tomllib.loads(text)
        return msgspec.convert(raw, kind)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} isn't TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise UsageError(_explained(str(error), text, path, kind)) from error


_WHERE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`")


def _explained(error: str, text: str, path: Path, kind: type[Any]) -> str:
    """Return a decoder's error with the line, and what to do."""
    match = _WHERE.match(error)
    what, where = (match["what"], match["path"] or "") if match else (error, "")
    tables = [part for part in re.split(r"[.\[\]]", where) if part and part != "..."]
    unknown = _UNKNOWN.match(what)
    if unknown:
        name = unknown["name"]
        line = _line_of([*tables, name], text)
        near = get_close_matches(name, _settings(kind, tables), n=1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"known are {', '.join(_settings(kind, tables))}"
        )
        place = f" in [{'.'.join(_named(tables))}]" if tables else ""
        return f"{path}, line {line}: there is no setting {printable(name)}{place}: {hint}"
    line = _line_of(tables, text)
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{path}, line {line}: {_named(tables)[-1] if tables else 'this'}: {what}"


def _named(tables: list[str]) -> list[str]:
    """Return a path without the numbers of the elements of lists."""
    return [table for table in tables if not table.isdecimal()]


def _settings(kind: type[Any], tables: list[str]) -> list[str]:
    """Return the names of the settings that a table can have."""
    for table in _named(tables):
        inner: Any = {one.name: one.type for one in msgspec.structs.fields(kind)}[table]
        kind = next(iter(get_args(inner)), inner)  # of a list of tables, what each one is
    return [one.encode_name for one in msgspec.structs.fields(kind)]


def _line_of(names: list[str], text: str) -> int:
    """Return the number of the line of a setting, or of its table; else 1."""
    if not names:
        return 1
    *tables, name = names
    table: list[str] = []
    counts: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.startswith("["):
            heading = bare.strip("[] ")
            table = heading.split(".")
            if bare.startswith("[["):
                table.append(str(counts[heading]))
                counts[heading] += 1
            if table == names:
                return number
        elif re.match(rf"[\"']?{re.escape(name)}[\"']?\s*=", bare) and table == tables:
            return number
    return _line_of(tables, text)
