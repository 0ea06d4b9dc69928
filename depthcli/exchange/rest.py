"""HTTP requests within the request weight, with retries for look-ups."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

import httpx

from depthcli.core.backoff import Backoff
from depthcli.core.server_clock import ServerClock
from depthcli.errors import (
    BadMessageError,
    DepthcliError,
    ExchangeError,
    ForbiddenError,
    LocationRefusedError,
    RateLimitedError,
    ServerError,
    UnreachableError,
    printable,
)
from depthcli.exchange.cancellation import within
from depthcli.exchange.failures import cause_of
from depthcli.exchange.network import RoutedTransport
from depthcli.exchange.request_queue import AT_ONCE, Urgency
from depthcli.exchange.responses import read_answer
from depthcli.exchange.weight_pools import Pools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depthcli.core.markets import Market
    from depthcli.exchange.network import Routes
    from depthcli.exchange.responses import Answer

logger = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 5.0
"""Seconds to connect, and between two bytes of a response."""

TOTAL_TIMEOUT: Final = 10.0
"""Seconds for a whole request, from the first byte sent to the last one read."""

TRIES: Final = 3
"""The most tries of a look-up."""


class Rest:
    """Sends requests to the exchange, within its limits.

    Args:
        routes: how to reach each origin.
        transport: sends the requests; None: over the routes. For tests.

    Attributes:
        http: the HTTP client.
        pools: the pools of request weight.
    """

    def __init__(self, routes: Routes, transport: httpx.AsyncBaseTransport | None) -> None:
        self.pools = Pools()
        self._server_clock = ServerClock()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=AT_ONCE)
        self.http = httpx.AsyncClient(
            headers={"Accept-Encoding": "gzip"},
            transport=transport or RoutedTransport(routes, limits),
            timeout=httpx.Timeout(CONNECT_TIMEOUT, pool=None),
            follow_redirects=False,
            trust_env=False,
        )

    async def get(
        self,
        market: Market,
        url: str,
        parameters: Mapping[str, str],
        weight: int,
        urgency: Urgency = Urgency.NEEDED,
    ) -> Answer:
        """Send one request, once there is weight for it.

        Raises:
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no response in time.
            BadMessageError: the response is too long.
        """
        pool = self.pools.of(market)
        async with pool.request_queue.turn(weight, urgency):
            answer = await self._send(url, parameters)
        answered = asyncio.get_running_loop().time()
        if answer.used_weight is not None:
            pool.request_queue.budget.report(answer.used_weight, answered)
        if not answer.failed:
            return answer
        error = answer.error()
        if isinstance(error, RateLimitedError) and error.retry_after:
            pool.silence(error, answered + error.retry_after)
        raise error

    async def look_up(
        self,
        market: Market,
        url: str,
        parameters: Mapping[str, str],
        weight: int,
        decode: Callable[[bytes], T],
    ) -> T:
        """Send a request up to three times, and return the decoded response.

        An unreadable response is retried, too: it may be a proxy's page, or may have broken off.

        Args:
            market: the market whose request weight it uses.
            url: of the request.
            parameters: of the URL.
            weight: of one try.
            decode: decodes the body; raises BadMessageError.

        Raises:
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no response.
            BadMessageError: the response can't be decoded.
        """
        backoff = Backoff(first=0.2)
        while True:
            try:
                answer = await self.get(market, url, parameters, weight)
                return read(url, answer, decode)
            except RateLimitedError as error:
                # The budget delays the next try for as long as the exchange said.
                if backoff.tries == TRIES - 1 or (error.retry_after or 0) > TOTAL_TIMEOUT:
                    raise
                logger.warning("%s", error)
                backoff.next()
            except (UnreachableError, ExchangeError, BadMessageError) as error:
                if backoff.tries == TRIES - 1 or not _is_transient(error):
                    raise
                logger.warning("%s, trying again", error)
                await asyncio.sleep(backoff.next())

    async def _send(self, url: str, parameters: Mapping[str, str]) -> Answer:
        try:
            return await within(TOTAL_TIMEOUT, self._exchange(url, parameters))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UnreachableError(f"{_host(url)} didn't answer in time") from error
        except httpx.TransportError as error:
            raise UnreachableError(f"{_host(url)} can't be reached: {cause_of(error)}") from error

    async def _exchange(self, url: str, parameters: Mapping[str, str]) -> Answer:
        sent = time.time()
        async with self.http.stream("GET", url, params=parameters) as response:
            answer = await read_answer(response)
        made_at = self._server_clock.answered(sent, time.time(), answer.date)
        return replace(answer, made_at_ms=int(made_at * 1000))


def read(url: str, answer: Answer, decode: Callable[[bytes], T]) -> T:
    """Decode the body of a response.

    Raises:
        BadMessageError: it can't be decoded; the message names the host.
    """
    try:
        return decode(answer.body)
    except BadMessageError as error:
        message = f"{_host(url)} sent a response that can't be read: {error}"
        raise BadMessageError(printable(message, 300), error.what) from error


def _is_transient(error: DepthcliError) -> bool:
    """Return whether another try may succeed."""
    if isinstance(error, ForbiddenError | LocationRefusedError):
        return False
    if isinstance(error, ExchangeError) and not isinstance(error, ServerError):
        return not error.is_about_request
    return True


def _host(url: str) -> str:
    return urlsplit(url).netloc
