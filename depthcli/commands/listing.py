"""`depthcli symbols`: searches the lists of symbols, and prints a table or JSON."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from io import StringIO
from typing import TYPE_CHECKING, Final

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from depthcli.commands.caching_client import client_of
from depthcli.errors import DepthcliError, UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TextIO

    from depthcli.core.exchange_info import SymbolInfo
    from depthcli.core.markets import Market
    from depthcli.settings.environment import Environment

NEVER: Final = 4_133_404_800_000
"""The delivery date of contracts that don't expire, ms since the epoch: Christmas 2100."""

NEAREST: Final = "nearest"

MOST_NAMED: Final = 12
"""Most underlyings or days suggested in place of one that doesn't exist."""


class Entry(msgspec.Struct, frozen=True):
    """One symbol, as `symbols --json` prints it; what a market doesn't have is null.

    Numbers are decimal strings with the exchange's own digits.

    Attributes:
        symbol: in the exchange's upper case.
        market: `spot`, `usdm`, `coinm` or `options`.
        status: the exchange's word, such as `TRADING` or `BREAK`.
        trading: whether the exchange matches orders now.
        base_asset: the base asset; COIN-M quantities are in contracts.
        quote_asset: the quote asset.
        underlying: futures and options: the pair that the contract is on, such as `BTCUSDT`.
        contract_type: futures: such as `PERPETUAL` or `CURRENT_QUARTER`.
        contract_size: COIN-M: what a contract is worth in the quote asset; options: what it is for
            in the underlying's base asset.
        expiry_time: when the contract ends, ms since the epoch; null for one that doesn't.
        strike_price: options.
        side: options: `CALL` or `PUT`.
        tick_size: the smallest step between two prices.
        step_size: the smallest step between two quantities.
    """

    symbol: str
    market: str
    status: str | None
    trading: bool
    base_asset: str | None
    quote_asset: str | None
    underlying: str | None
    contract_type: str | None
    contract_size: str | None
    expiry_time: int | None
    strike_price: str | None
    side: str | None
    tick_size: str | None
    step_size: str | None

    @property
    def expiry(self) -> date | None:
        """The day on which the contract ends, UTC."""
        if self.expiry_time is None:
            return None
        try:
            return datetime.fromtimestamp(self.expiry_time / 1000, UTC).date()
        except (OverflowError, ValueError, OSError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search for symbols.

    Attributes:
        pattern: a part of the name, or a pattern with `*`, `?` or `[...]` for all of it, in any
            case; empty: all.
        underlying: the pair that futures and options are on.
        expiry: the day on which they end, as `261225` or `2026-12-25`, or `nearest`.
        side: `call` or `put`.
        everything: also those that aren't trading.
    """

    pattern: str = ""
    underlying: str | None = None
    expiry: str | None = None
    side: str | None = None
    everything: bool = False


async def list_symbols(
    search: Search,
    markets: Sequence[Market],
    environment: Environment,
    *,
    as_json: bool,
    out: TextIO,
    notes: TextIO,
) -> bool:
    """Write the matching symbols to `out`, and a note about hidden ones to `notes`.

    Args:
        search: which symbols are wanted.
        markets: where to look; of several, those that can't be asked are left out.
        environment: where the exchange is.
        as_json: a JSON object a line; otherwise a table.
        out: where the symbols go; a table is coloured if it is a terminal.
        notes: where the note about hidden symbols goes.

    Returns:
        Whether there was a match.

    Raises:
        UsageError: the search makes no sense in these markets.
        ExchangeError, UnreachableError, BadMessageError: no market could be asked.
        OSError: `out` can't be written to.
    """
    day = _day(search.expiry)
    listed = await _fetch(markets, environment, notes)
    found = select(listed, search, day, time.time() * 1000)
    shown = found if search.everything else [entry for entry in found if entry.trading]
    if as_json:
        out.writelines(msgspec.json.encode(entry).decode() + "\n" for entry in shown)
    elif shown:
        out.write(_table(shown, out, prefixed=len(markets) > 1))
    out.flush()
    if hidden := len(found) - len(shown):
        verb = "isn't" if hidden == 1 else "aren't"
        notes.write(f"{hidden} more that {verb} trading now: --all shows them\n")
    elif not shown and (missing := what_there_is(listed, search, day)):
        notes.write(f"{missing}\n")
    return bool(shown)


async def _fetch(markets: Sequence[Market], environment: Environment, notes: TextIO) -> list[Entry]:
    there = [market for market in markets if environment.rest_origin(market)] or markets
    async with client_of(environment) as client:
        answers = await asyncio.gather(*map(client.exchange_info, there), return_exceptions=True)
    failed = {
        market.name: answer
        for market, answer in zip(there, answers, strict=True)
        if isinstance(answer, BaseException)
    }
    for error in failed.values():
        if not isinstance(error, DepthcliError) or len(failed) == len(there):
            raise error
    notes.writelines(f"{name} is left out: {error}\n" for name, error in failed.items())
    for market, answer in zip(there, answers, strict=True):
        if not isinstance(answer, BaseException) and answer.unreadable:
            unreadable = _some(answer.unreadable)
            notes.write(f"{market.name}: left out, for the entry can't be read: {unreadable}\n")
    return [
        entry_of(info, market.name)
        for market, answer in zip(there, answers, strict=True)
        if not isinstance(answer, BaseException)
        for info in answer.listed
    ]


def entry_of(info: SymbolInfo, market: str) -> Entry:
    """Return the entry of a symbol."""
    expiry = info.expiry_date or info.delivery_date
    return Entry(
        symbol=info.symbol,
        market=market,
        status=info.status or info.contract_status or None,
        trading=info.trading,
        base_asset=info.base_asset or None,
        quote_asset=info.quote_asset or None,
        underlying=info.underlying or info.pair or None,
        contract_type=info.contract_type or None,
        contract_size=_digits(info.contract_size or info.unit),
        expiry_time=expiry if expiry and expiry < NEVER else None,
        strike_price=_digits(info.strike_price),
        side=info.side or None,
        tick_size=_digits(info.tick_size),
        step_size=_digits(info.step_size),
    )


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def select(listed: Iterable[Entry], search: Search, day: date | None, now_ms: float) -> list[Entry]:
    """Return the entries that match, by underlying, expiry, strike and side within their market.

    Args:
        listed: all symbols, market by market.
        search: which are wanted; those that aren't trading are given too.
        day: the expiry; None: any, or the nearest if `search.expiry` says so.
        now_ms: ms since the epoch.

    Raises:
        UsageError: the search asks for what no entry has.
    """
    listed = list(listed)
    found = [entry for entry in listed if _matches(search.pattern, entry.symbol)]
    for option, wanted, what in (
        ("--underlying", search.underlying, _underlying),
        ("--side", search.side, _side),
    ):
        if wanted is not None:
            _check_any(listed, option, what)
            found = [entry for entry in found if what(entry) == _as_listed(wanted)]
    if search.expiry is not None:
        _check_any(listed, "--expiry", _expiry)
        if day is None:
            days = [
                entry.expiry
                for entry in found
                if entry.expiry and (entry.expiry_time or 0) > now_ms
                if entry.trading or search.everything
            ]
            day = min(days, default=None)
        found = [entry for entry in found if entry.expiry and entry.expiry == day]
    places = {market: place for place, market in enumerate(dict.fromkeys(_markets(listed)))}
    return sorted(
        found,
        key=lambda entry: (
            places[entry.market],
            entry.underlying or "" if entry.side else "",
            entry.expiry_time or 0,
            Decimal(entry.strike_price or 0),
            entry.side or "",
            entry.symbol,
        ),
    )


def what_there_is(listed: Sequence[Entry], search: Search, day: date | None) -> str:
    """Return a list of underlyings or days if the one wanted doesn't exist; else nothing."""
    underlying = search.underlying and _as_listed(search.underlying)
    underlyings = {entry.underlying for entry in listed if entry.underlying}
    if underlying and underlying not in underlyings:
        return f"none is on {printable(underlying)}: there are {_some(underlyings)}"
    days = {
        str(entry.expiry)
        for entry in listed
        if entry.expiry and (not underlying or entry.underlying == underlying)
    }
    if day is not None and str(day) not in days:
        return f"none expires on {day}: there are {_some(days)}"
    return ""


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - MOST_NAMED} more" if len(ordered) > MOST_NAMED else ""
    return ", ".join(map(printable, ordered[:MOST_NAMED])) + more


def _as_listed(wanted: str) -> str:
    return wanted.upper().replace("/", "")


def _markets(listed: Iterable[Entry]) -> Iterable[str]:
    return (entry.market for entry in listed)


def _underlying(entry: Entry) -> str | None:
    return entry.underlying


def _side(entry: Entry) -> str | None:
    return entry.side


def _expiry(entry: Entry) -> date | None:
    return entry.expiry


def _check_any(listed: Sequence[Entry], option: str, what: Callable[[Entry], object]) -> None:
    if listed and not any(map(what, listed)):
        markets = " and ".join(dict.fromkeys(_markets(listed)))
        raise UsageError(f"{option} means nothing in {markets}: try it with --options")


def _matches(pattern: str, symbol: str) -> bool:
    pattern = pattern.strip().upper().replace("/", "")
    if any(character in "*?[" for character in pattern):
        return fnmatchcase(symbol, pattern)
    return pattern in symbol or pattern.replace("-", "") in symbol


def _day(expiry: str | None) -> date | None:
    """Return the day that was typed; None if there is none, or for `nearest`."""
    if expiry is None or expiry == NEAREST:
        return None
    for form in ("%y%m%d", "%Y-%m-%d"):
        try:
            return datetime.strptime(expiry, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise UsageError(
        f"{printable(expiry)!r} isn't a date: give one such as 261225 or 2026-12-25, or {NEAREST}"
    )


_COLUMNS: Final[dict[str, tuple[bool, Callable[[Entry], object]]]] = {
    # whether it is a number, and the text
    "status": (False, lambda entry: entry.status),
    "base": (False, lambda entry: entry.base_asset),
    "quote": (False, lambda entry: entry.quote_asset),
    "underlying": (False, _underlying),
    "contract": (False, lambda entry: entry.contract_type),
    "size": (True, lambda entry: entry.contract_size),
    "expiry": (False, _expiry),
    "strike": (True, lambda entry: entry.strike_price),
    "side": (False, _side),
    "tick": (True, lambda entry: entry.tick_size),
    "step": (True, lambda entry: entry.step_size),
}


_DISPENSABLE: Final = (
    "base", "status", "quote", "size", "underlying", "side", "strike", "contract", "expiry",
    "step", "tick",
)  # fmt: skip
"""Columns in the order in which they are left out where a terminal is too narrow: first what the
name of the symbol says anyway."""


def _table(entries: Sequence[Entry], out: TextIO, *, prefixed: bool) -> str:
    """Return an aligned table of the columns that any of the entries has something for.

    For a terminal it is coloured, and has as many columns as fit whole.
    """
    names = [f"{entry.market}:{entry.symbol}" if prefixed else entry.symbol for entry in entries]
    columns = {"symbol": _column("symbol", map(printable, names), is_number=False)}
    for heading, (is_number, what) in _COLUMNS.items():
        cells = [_text(what(entry), is_number=is_number) for entry in entries]
        if any(cells):
            columns[heading] = _column(heading, cells, is_number=is_number)
    if not out.isatty():
        return "".join(f"{line}\n" for line in _lines(columns))
    written = StringIO()
    console = Console(file=written, force_terminal=True)
    for heading in _DISPENSABLE:
        if cell_len("  ".join(column[0] for column in columns.values())) > console.width:
            columns.pop(heading, None)
    table = Text(overflow="ellipsis", no_wrap=True)
    for row, line in enumerate(_lines(columns)):
        symbol = len(columns["symbol"][row])
        table.append(line[:symbol], "bold cyan" if row else "bold")
        table.append(f"{line[symbol:]}\n", "" if row else "bold")
    console.print(table, end="")
    return written.getvalue()


def _text(value: object, *, is_number: bool) -> str:
    text = "" if value is None else printable(str(value))
    # the exchange's digits without trailing zeros
    return text.rstrip("0").rstrip(".") if is_number and "." in text else text


def _column(heading: str, cells: Iterable[str], *, is_number: bool) -> list[str]:
    """Return the heading and the cells, all of one width."""
    cells = [heading, *cells]
    width = max(map(cell_len, cells))
    blanks = [" " * (width - cell_len(cell)) for cell in cells]
    pairs = zip(blanks, cells, strict=True) if is_number else zip(cells, blanks, strict=True)
    return ["".join(pair) for pair in pairs]


def _lines(columns: Mapping[str, list[str]]) -> list[str]:
    return ["  ".join(row).rstrip() for row in zip(*columns.values(), strict=True)]
