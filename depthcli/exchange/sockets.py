"""Many streams over few WebSocket connections, which are shared.

A connection carries the streams of one market, decoded to one number type. Each stream has
listeners; they're told when the stream is open, what comes, and when it broke off.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic
from urllib.parse import urlsplit

from depthcli.errors import ClosedError
from depthcli.messages import N
from depthcli.network import connect_directly
from depthcli.trunk import Trunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthcli.client import AsyncClient
    from depthcli.markets import Market
    from depthcli.network import Routes
    from depthcli.trunk import StreamListener


class Subscription(Generic[N]):
    """One listener's hold on one stream."""

    def __init__(self, trunk: Trunk[N], stream: str, listener: StreamListener[N]) -> None:
        self._trunk: Trunk[N] = trunk
        self._stream = stream
        self._listener: StreamListener[N] = listener

    @property
    def last_frame(self) -> float:
        """When the connection last brought anything, for whatever stream; the loop's clock."""
        return self._trunk.last_frame

    def suspect(self, reason: str) -> None:
        """Give up the connection under the stream: it pretends to be alive. A new one is made."""
        self._trunk.drop(reason)

    def close(self) -> None:
        """Listen no longer; the stream is unsubscribed when nobody listens to it."""
        self._trunk.remove(self._stream, self._listener)


class BinanceSocketManager:
    """Keeps WebSocket connections and shares them among depth cache managers.

    Args:
        client: tells where the exchange is.
        user_timeout, max_queue_size, verbose: not used; python-binance's takes them.
        max_reconnects: tries in a row that may fail before a stream is lost for good, some fifteen
            seconds with the default; None: it goes on trying.
        connector: opens a WebSocket as `websockets.asyncio.client.connect` does. For tests.
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
        self._trunks: list[Trunk[Any]] = []
        self._closed = False

    def subscribe(
        self, market: Market, stream: str, conv_type: type[N], listener: StreamListener[N]
    ) -> Subscription[N]:
        """Open a stream for a listener, over a connection that has room.

        Raises:
            ClosedError: the socket manager was closed.
            UsageError: the market doesn't exist where the client is.
        """
        if self._closed:
            raise ClosedError("this socket manager was closed: make a new one")
        trunk = next(
            (known for known in self._trunks if known.takes(market, conv_type, stream)), None
        )
        if trunk is None:
            trunk = Trunk(
                market,
                self._client.websocket_origin(market),
                conv_type,
                self._max_reconnects,
                self._connector,
                self._client.connection_pace,
            )
            trunk.start(on_end=self._forget)
            self._trunks.append(trunk)
        trunk.add(stream, listener)
        return Subscription(trunk, stream, listener)

    async def close(self) -> None:
        """Close all connections; listeners aren't told. It can't be used again."""
        self._closed = True
        await asyncio.gather(*(trunk.close() for trunk in [*self._trunks]))

    @property
    def connection_count(self) -> int:
        """How many WebSocket connections are kept, successors that take over not counted."""
        return len(self._trunks)

    def _forget(self, trunk: Trunk[Any]) -> None:
        self._trunks.remove(trunk)


def _routed(routes: Routes, connector: Callable[..., Any]) -> Callable[..., Any]:
    def connect_over_route(url: str, **options: Any) -> Any:
        parts = urlsplit(url)
        route = routes.to(f"{parts.scheme}://{parts.netloc}")
        return connector(url, **options, **route.websocket_options())

    return connect_over_route
