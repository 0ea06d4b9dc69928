"""Many streams over few shared WebSocket connections.

A connection carries the streams of one market, decoded to one number type. Each stream has
listeners, which are notified when it opens, of its events, and when it breaks off.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic
from urllib.parse import urlsplit

from depthcli.core.messages import N
from depthcli.errors import ClosedError
from depthcli.exchange.network import connect_directly
from depthcli.exchange.stream_pool import StreamPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.core.markets import Market
    from depthcli.exchange.client import AsyncClient
    from depthcli.exchange.network import Routes
    from depthcli.exchange.stream_pool import StreamListener


class Subscription(Generic[N]):
    """One listener's subscription to one stream."""

    def __init__(
        self, stream_pool: StreamPool[N], stream: str, listener: StreamListener[N]
    ) -> None:
        self._stream_pool: StreamPool[N] = stream_pool
        self._stream = stream
        self._listener: StreamListener[N] = listener

    @property
    def last_frame(self) -> float:
        """When the last frame of any stream of the connection arrived, on the loop's clock."""
        return self._stream_pool.last_frame

    def suspect(self, reason: str) -> None:
        """Abort the connection, which looks alive but isn't. A new one is opened."""
        self._stream_pool.drop(reason)

    def close(self) -> None:
        """Stop listening; the stream is unsubscribed after its last listener."""
        self._stream_pool.remove(self._stream, self._listener)


class BinanceSocketManager:
    """Keeps WebSocket connections and shares them among depth cache managers.

    Args:
        client: knows the exchange's addresses.
        user_timeout, max_queue_size, verbose: not used; accepted for python-binance's sake.
        max_reconnects: failed attempts in a row before a stream is lost for good, some fifteen
            seconds with the default; None: keep trying.
        connector: opens a WebSocket like `websockets.asyncio.client.connect`. For tests.
    """

    def __init__(
        self,
        client: AsyncClient,
        user_timeout: float | None = None,  # noqa: ARG002
        max_queue_size: int | None = None,  # noqa: ARG002
        verbose: bool = False,  # noqa: ARG002
        *,
        max_reconnects: int | None = 5,
        connector: Callable[..., Any] = connect_directly,
    ) -> None:
        self._client = client
        self._max_reconnects = max_reconnects
        self._connector = _routed(client.routes, connector)
        self._stream_pools: list[StreamPool[Any]] = []
        self._closed = False

    def subscribe(
        self, market: Market, stream: str, conv_type: type[N], listener: StreamListener[N]
    ) -> Subscription[N]:
        """Subscribe a listener to a stream, over a connection that has room.

        Raises:
            ClosedError: the socket manager was closed.
            UsageError: the market doesn't exist in the client's environment.
        """
        if self._closed:
            raise ClosedError("this socket manager was closed: make a new one")
        stream_pool = next(
            (known for known in self._stream_pools if known.takes(market, conv_type, stream)), None
        )
        if stream_pool is None:
            stream_pool = StreamPool(
                market,
                self._client.websocket_origin(market),
                conv_type,
                self._max_reconnects,
                self._connector,
                self._client.connection_limiter,
            )
            stream_pool.start(on_end=self._forget)
            self._stream_pools.append(stream_pool)
        stream_pool.add(stream, listener)
        return Subscription(stream_pool, stream, listener)

    async def close(self) -> None:
        """Close all connections, without notifying listeners. It can't be used again."""
        self._closed = True
        await asyncio.gather(*(stream_pool.close() for stream_pool in [*self._stream_pools]))

    @property
    def connection_count(self) -> int:
        """How many WebSocket connections are kept, not counting successors during a handover."""
        return len(self._stream_pools)

    def _forget(self, stream_pool: StreamPool[Any]) -> None:
        self._stream_pools.remove(stream_pool)


def _routed(routes: Routes, connector: Callable[..., Any]) -> Callable[..., Any]:
    def connect_over_route(url: str, **options: Any) -> Any:
        parts = urlsplit(url)
        route = routes.to(f"{parts.scheme}://{parts.netloc}")
        return connector(url, **options, **route.websocket_options())

    return connect_over_route
