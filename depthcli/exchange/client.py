"""REST: snapshots and exchange info over HTTP, within the exchange's limits."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, Self

from depthcli.core.exchange_info import decode_exchange_info
from depthcli.core.messages import N, decode_server_time, snapshot_decoder
from depthcli.core.rate_limit import RateLimiter
from depthcli.core.symbols import select_symbols
from depthcli.errors import BadMessageError, ExchangeError, UsageError
from depthcli.exchange.compatibility import Options
from depthcli.exchange.network import Routes, origin_of
from depthcli.exchange.request_queue import Urgency
from depthcli.exchange.rest import Rest, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    import httpx

    from depthcli.core.exchange_info import ExchangeInfo, SymbolInfo
    from depthcli.core.markets import Market, Origins
    from depthcli.core.messages import Snapshot

logger = logging.getLogger(__name__)

MOST_NAMED: Final = 50
"""The most symbols to name in a request for exchange info; with more the URL would be too long."""

NO_SUCH_SYMBOL: Final = frozenset({-1121, -1100})
"""The exchange's codes for a symbol that doesn't exist, or that can't be one."""

INFO_AGE: Final = 60.0
"""Seconds for which `symbol_info` reuses an exchange info."""

CONNECTION_ATTEMPTS: Final = 250
"""The most WebSocket attempts in five minutes; the exchange allows 300 per address."""

SINGLE_LOOKUPS: Final = 10
"""The most requests a minute for single symbols; beyond that the full exchange info is cheaper."""


class AsyncClient:
    """The exchange's public REST interface, for all its markets.

    It needs no account and no key. Create one with `await AsyncClient.create()`, and close it with
    `await close_connection()` or use it in `async with`.

    The first fourteen arguments are those of python-binance's client, in the same order.

    Args:
        api_key, api_secret, private_key, private_key_pass: not used: market data is public.
        requests_params: only `proxies` is used, like `https_proxy`.
        tld: `com`, `us` (binance.us) or `vision` (the hosts that serve only market data).
        base_endpoint: not used.
        testnet: use the exchange's testnet instead.
        demo: use the exchange's demo environment instead.
        loop: not used: the running loop is.
        session_params: not used.
        https_proxy: the HTTP proxy for requests and streams, such as `http://127.0.0.1:3128`. By
            default it is taken from the environment: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.
        time_unit: only `MILLISECOND`.
        verbose: set the logger `depthcli` to the level DEBUG.
        rest_url: the origin of another exchange, such as `http://127.0.0.1:8901`; the markets'
            usual paths are appended. By default `DEPTHCLI_REST_URL` from the environment, if it is
            set; pass an empty string to ignore the environment.
        ws_url: the same for WebSockets, such as `ws://127.0.0.1:8901`, and `DEPTHCLI_WS_URL`.
        transport: sends the requests; by default over the network. For tests.

    A `UserWarning` names options that aren't used here but would have had an effect there.

    Attributes:
        proxy: the URL of the given proxy, or None.
        routes: how to reach each origin, for requests and streams.
        connection_limiter: limits WebSocket attempts of all socket managers of this client.

    Raises:
        UsageError: a URL isn't that of an origin or a proxy, or `time_unit` isn't milliseconds.
    """

    def __init__(  # noqa: PLR0917, the ecosystem's order
        self,
        api_key: str | None = None,  # noqa: ARG002
        api_secret: str | None = None,  # noqa: ARG002
        requests_params: Mapping[str, Any] | None = None,
        tld: str = "com",
        base_endpoint: str = "",
        testnet: bool = False,
        demo: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,  # noqa: ARG002
        session_params: Mapping[str, Any] | None = None,
        private_key: object = None,  # noqa: ARG002
        private_key_pass: str | None = None,  # noqa: ARG002
        https_proxy: str | None = None,
        time_unit: str | None = None,
        verbose: bool = False,
        *,
        rest_url: str | None = None,
        ws_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        options = Options(requests_params, session_params, base_endpoint, time_unit, https_proxy)
        self.proxy = options.settle()
        if verbose:
            logging.getLogger("depthcli").setLevel(logging.DEBUG)
        self._environment = "testnet" if testnet else "demo" if demo else tld
        rest_url = os.environ.get("DEPTHCLI_REST_URL") if rest_url is None else rest_url
        ws_url = os.environ.get("DEPTHCLI_WS_URL") if ws_url is None else ws_url
        self._rest_url = origin_of(rest_url, ("http", "https")) if rest_url else None
        self._ws_url = origin_of(ws_url, ("ws", "wss")) if ws_url else None
        self._infos: dict[str, tuple[float, dict[str, SymbolInfo], ExchangeInfo]] = {}
        self._warned: set[tuple[str, str]] = set()
        self._info_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._single_lookups = RateLimiter(SINGLE_LOOKUPS, 60.0)
        self.connection_limiter = RateLimiter(CONNECTION_ATTEMPTS, 300.0)
        self.routes = Routes(self.proxy)
        self._routed = transport is None
        self._rest = Rest(self.routes, transport)

    @classmethod
    async def create(cls, *arguments: Any, **options: Any) -> Self:
        """Return a client; takes the arguments of the class. Nothing is sent yet."""
        return cls(*arguments, **options)

    async def close_connection(self) -> None:
        """Close all connections. The client can't be used again."""
        await self._rest.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close_connection()

    def rest_origin(self, market: Market) -> str:
        """Return `scheme://host` of a market's REST interface.

        Raises:
            UsageError: the market doesn't exist in this environment, only one of `rest_url` and
                `ws_url` is given, or the proxy or the certificates can't be used.
        """
        origin = self._rest_url or self._origins(market, self._ws_url).rest
        if self._routed:
            self.routes.to(origin)
        return origin

    def websocket_origin(self, market: Market) -> str:
        """Return `scheme://host` of a market's streams, without the market's path prefix.

        Raises:
            UsageError: as for `rest_origin`.
        """
        origin = self._ws_url or self._origins(market, self._rest_url).websocket
        self.routes.to(origin)
        return origin

    async def snapshot(
        self,
        market: Market,
        symbol: str,
        limit: int,
        conv_type: type[N],
        urgency: Urgency = Urgency.NEEDED,
    ) -> Snapshot[N]:
        """Fetch the best `limit` levels of both sides, without retries.

        Waits first for its turn within the request-weight budget; `outlook` estimates how long. A
        snapshot without a time of its own gets the exchange's time of the response.

        Raises:
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no response in time.
            BadMessageError: the response isn't a snapshot.
        """
        url = self.rest_origin(market) + market.depth_path()
        parameters = {"symbol": symbol, "limit": str(limit)}
        answer = await self._rest.get(market, url, parameters, market.weight(limit), urgency)
        snapshot = read(url, answer, snapshot_decoder(conv_type))
        if snapshot.time is None:
            snapshot.event_time = answer.made_at_ms
        return snapshot

    def outlook(self, market: Market) -> float:
        """Estimate how many seconds a snapshot requested now would wait for its turn."""
        return self._rest.pools.of(market).request_queue.outlook()

    def silent_for(self, market: Market) -> float:
        """Return for how many seconds the exchange has forbidden requests; 0 if it hasn't."""
        return self._rest.pools.of(market).silent_for(asyncio.get_running_loop().time())

    def banned_until(self, market: Market) -> datetime | None:
        """Return until when the exchange has banned this address, in UTC; None if it hasn't."""
        return self._rest.pools.of(market).banned_until(asyncio.get_running_loop().time())

    async def exchange_info(self, market: Market) -> ExchangeInfo:
        """Fetch all symbols of a market, and its request limit; up to three tries.

        Raises:
            ExchangeError: the exchange refused; the subclass says how.
            UnreachableError: no response.
            BadMessageError: the response isn't an exchange info.
        """
        info = await self._info(market, {})
        now = asyncio.get_running_loop().time()
        self._infos[market.name] = (now, {entry.symbol: entry for entry in info.listed}, info)
        return info

    async def symbol_info(self, market: Market, symbol: str) -> SymbolInfo | None:
        """Return the exchange's entry for a symbol, at most a minute old; None if it isn't listed.

        Many such calls share one request.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as for `exchange_info`.
        """
        clock = asyncio.get_running_loop().time
        async with self._info_locks[market.name]:
            asked, _, _ = self._infos.get(market.name, (-INFO_AGE, {}, None))
            fresh = clock() - asked < INFO_AGE
            if fresh or not market.narrows_info or self._single_lookups.delay(clock()):
                if not fresh:
                    await self.exchange_info(market)
                _, known, info = self._infos[market.name]
                _check_readable([symbol], info)
                return known.get(symbol)
            self._single_lookups.note(clock())
            try:
                info = await self._narrow_info(market, [symbol])
            except ExchangeError as error:
                if error.code not in NO_SUCH_SYMBOL:
                    raise
                return None
            _check_readable([symbol], info)
            return next(iter(info.listed), None)

    async def server_time(self, market: Market) -> int:
        """Return the exchange's clock, in ms since the epoch; up to three tries.

        Raises:
            ExchangeError, UnreachableError, BadMessageError: as for `exchange_info`.
        """
        url = f"{self.rest_origin(market)}{market.rest_prefix}/time"
        return (await self._rest.look_up(market, url, {}, 1, decode_server_time)).server_time

    async def look_up(self, market: Market, symbols: Sequence[str]) -> list[SymbolInfo]:
        """Return the exchange's entries for some symbols, in order.

        Requests only these if the market supports it. Requests the full list if there are many, or
        one is unknown and similar names are needed.

        Raises:
            UnknownSymbolError: one doesn't exist; the error carries similar names.
            ExchangeError, UnreachableError, BadMessageError: as for `exchange_info`.
        """
        info = None
        if market.narrows_info and len(symbols) <= MOST_NAMED:
            try:
                info = await self._narrow_info(market, symbols)
            except ExchangeError as error:
                if error.code not in NO_SUCH_SYMBOL:
                    raise
        if info is None:
            info = await self.exchange_info(market)
        _check_readable(symbols, info)
        return select_symbols(symbols, info.listed, market.name)

    async def _narrow_info(self, market: Market, symbols: Sequence[str]) -> ExchangeInfo:
        names = ",".join(f'"{symbol}"' for symbol in symbols)
        return await self._info(market, {"symbols": f"[{names}]"})

    async def _info(self, market: Market, parameters: Mapping[str, str]) -> ExchangeInfo:
        url = self.rest_origin(market) + market.info_path()
        weight = market.info_weight
        info = await self._rest.look_up(market, url, parameters, weight, decode_exchange_info)
        return self._learn(market, info)

    def _origins(self, market: Market, other: str | None) -> Origins:
        if other is not None:
            raise UsageError(
                f"only {other} is given: give both origins of an exchange, with --rest-url and"
                " --ws-url, or DEPTHCLI_REST_URL and DEPTHCLI_WS_URL"
            )
        try:
            return market.origins[self._environment]
        except KeyError:
            known = ", ".join(market.origins)
            raise UsageError(
                f"{market.title} isn't available in {self._environment!r}: choose one of {known}"
            ) from None

    def _learn(self, market: Market, info: ExchangeInfo) -> ExchangeInfo:
        if info.weight_per_minute:
            self._rest.pools.of(market).learn(market, info.weight_per_minute)
        for symbol, why in info.unreadable.items():
            if (market.name, symbol) not in self._warned:
                self._warned.add((market.name, symbol))
                logger.warning("%s: symbol %r is left out: %s", market.name, symbol, why)
        return info


def _check_readable(symbols: Sequence[str], info: ExchangeInfo) -> None:
    """Raise BadMessageError if one of the symbols is listed, but its entry is damaged."""
    for symbol in symbols:
        if symbol in info.unreadable:
            why = info.unreadable[symbol]
            raise BadMessageError(f"{symbol} is listed, but its entry can't be read: {why}")
