"""The exchange's REST interface: from a request's target to its response, with weight counting."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from depthcli.simulator.market.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthcli.core.markets import Market
    from depthcli.simulator.market.source import Source

FORGIVEN: Final = 10
"""So many requests over the budget get a 429; after that the address is banned."""

BAN_SECONDS: Final = 120

COUNTED_TOGETHER: Final = (frozenset({"usdm", "coinm"}),)
"""Markets whose requests are counted together per address, since the futures' interfaces were
integrated in June 2026: one limit, one count, one ban. All others are counted separately."""

_LEGAL_SYMBOL: Final = re.compile(r"(?:(?![a-z])[\w\-.]){1,50}")
_LEGAL_NUMBER: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response.

    Attributes:
        status: the HTTP status.
        body: its bytes.
        headers: besides the content type and length.
        content_type: of the body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=UTF-8"


class _RefusedError(Exception):
    """The exchange refuses a request with one of its error codes."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Budget:
    """The weight that an address has used in this minute, and its bans."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self.used = 0
        self._minute = 0
        self._over = 0
        self._banned_until = 0.0

    def charge(self, weight: int, now: float) -> tuple[int, float] | None:
        """Add weight; return None, or the status and the seconds to wait if it is too much."""
        if now < self._banned_until:
            return HTTPStatus.IM_A_TEAPOT, self._banned_until - now
        if now // 60 != self._minute:
            self._minute, self.used, self._over = int(now // 60), 0, 0
        self.used += weight
        if self.used <= self.per_minute:
            return None
        self._over += 1
        if self._over <= FORGIVEN:
            return HTTPStatus.TOO_MANY_REQUESTS, 60 - now % 60
        self._banned_until = now + BAN_SECONDS
        return HTTPStatus.IM_A_TEAPOT, BAN_SECONDS


class RestInterface:
    """Answers requests to one or more markets, distinguished by their paths.

    Time is passed in; nothing here waits.

    Attributes:
        statuses: how often each HTTP status was sent.
        most_weight: the most request weight of a budget used in any minute.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = tuple(sources)
        self._budgets: dict[str, _Budget] = {}
        for source in self._sources:
            name = source.market.name
            together = next((names for names in COUNTED_TOGETHER if name in names), {name})
            limits = [
                other.weight_per_minute for other in self._sources if other.market.name in together
            ]
            known = [self._budgets[other] for other in together if other in self._budgets]
            self._budgets[name] = known[0] if known else _Budget(min(limits))
        self.statuses: Counter[int] = Counter()
        self.most_weight = 0

    def respond(
        self, method: str, target: str, now: float, age: int = 0, *, early: bool = False
    ) -> Answer:
        """Return the response to a request.

        Args:
            method: such as `GET`.
            target: path and query.
            now: the time, in seconds since the epoch.
            age: answer snapshot requests with the book of that many updates ago.
            early: answer them with a book that lacks the event whose last id equals its own.
        """
        address = urlsplit(target)
        prefix, _, name = address.path.rpartition("/")
        source = next((one for one in self._sources if one.market.rest_prefix == prefix), None)
        if source is None or name not in {"depth", "exchangeInfo", "time", "ping"}:
            return _page(HTTPStatus.NOT_FOUND)
        if method != "GET":
            return _page(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": "GET"})
        query = {
            key: values[-1]
            for key, values in parse_qs(address.query, keep_blank_values=True).items()
        }
        budget = self._budgets[source.market.name]
        refused = budget.charge(_weight(source.market, name, query), now)
        if refused:
            answer = _too_much(budget.per_minute, *refused, now)
        else:
            answer = _answer(source, name, query, now, age, early=early)
        self.statuses[answer.status] += 1
        self.most_weight = max(self.most_weight, budget.used)
        used = str(budget.used)
        weights = {"x-mbx-used-weight": used, "x-mbx-used-weight-1m": used}
        return Answer(answer.status, answer.body, answer.headers | weights)


def failure(status: int, code: int, message: str, retry_after: float | None = None) -> Answer:
    """Return an error as the exchange writes it."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Answer(
        status, json.dumps({"code": code, "msg": message}, separators=(",", ":")).encode(), headers
    )


def _answer(
    source: Source, name: str, query: dict[str, str], now: float, age: int, *, early: bool
) -> Answer:
    try:
        if name == "ping":
            return Answer(HTTPStatus.OK, b"{}")
        if name == "time":
            return Answer(HTTPStatus.OK, b'{"serverTime":%d}' % int(now * 1000))
        if name == "exchangeInfo":
            return Answer(HTTPStatus.OK, source.exchange_info(_named_symbols(source, query)))
        return Answer(HTTPStatus.OK, _snapshot(source, query, age, early=early))
    except KeyError:
        return failure(HTTPStatus.BAD_REQUEST, -1121, "Invalid symbol.")
    except _RefusedError as refused:
        return failure(HTTPStatus.BAD_REQUEST, refused.code, str(refused))


def _snapshot(source: Source, query: dict[str, str], age: int, *, early: bool) -> bytes:
    symbol = _checked_symbol(query)
    limit = _limit(source.market, query)
    if early and isinstance(source, Exchange):
        return source.early_snapshot(symbol, limit)
    return source.snapshot(symbol, limit, age)


def _checked_symbol(query: dict[str, str]) -> str:
    if "symbol" not in query:
        raise _RefusedError(
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        )
    symbol = query["symbol"]
    if not symbol:
        raise _RefusedError(-1105, "Parameter 'symbol' was empty.")
    if not _LEGAL_SYMBOL.fullmatch(symbol):
        raise _RefusedError(-1100, "Illegal characters found in parameter 'symbol'.")
    return symbol


def _named_symbols(source: Source, query: dict[str, str]) -> list[str] | None:
    if not source.market.narrows_info:
        return None
    if "symbol" in query:
        return [_checked_symbol(query)]
    if "symbols" not in query:
        return None
    try:
        symbols = json.loads(query["symbols"])
    except ValueError:
        symbols = None
    if not symbols or not isinstance(symbols, list):
        raise _RefusedError(-1100, "Illegal characters found in parameter 'symbols'.")
    return [_checked_symbol({"symbol": str(symbol)}) for symbol in symbols]


def _limit(market: Market, query: dict[str, str]) -> int:
    text = query.get("limit")
    if text is None:
        return market.default_limit
    if not text:
        raise _RefusedError(-1105, "Parameter 'limit' was empty.")
    if not _LEGAL_NUMBER.fullmatch(text):
        raise _RefusedError(-1100, "Illegal characters found in parameter 'limit'.")
    limit = int(text)
    if market.any_limit and limit:
        return min(limit, market.limits[-1])
    if limit in market.limits:
        return limit
    raise _RefusedError(market.wrong_limit_code, f"{limit} is not a valid depth limit.")


def _weight(market: Market, name: str, query: dict[str, str]) -> int:
    if name == "exchangeInfo":
        return market.info_weight
    if name != "depth":
        return 1
    try:
        return market.weight(_limit(market, query))
    except _RefusedError:
        return 1


def _too_much(per_minute: int, status: int, wait: float, now: float) -> Answer:
    words = (
        f"Too much request weight used; current limit is {per_minute} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    if status == HTTPStatus.IM_A_TEAPOT:
        words = (
            f"Way too much request weight used; IP banned until {int((now + wait) * 1000)}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
    return failure(status, -1003, words, int(wait) + 1)


def _page(status: HTTPStatus, headers: dict[str, str] | None = None) -> Answer:
    """Return the error page of the exchange's front server for unknown addresses."""
    title = f"{status.value} {status.phrase}"
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, body.encode(), headers or {}, "text/html")
