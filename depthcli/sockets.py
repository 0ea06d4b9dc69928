"""Many streams over few WebSocket connections, which are kept up and shared.

A connection carries the streams of one market, decoded to one number type. Each stream has
listeners; they're told when the stream is open, what comes, and when it broke off. After a loss the
connection is made anew, the first try at once, with all its streams.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from depthcli.backoff import Backoff
from depthcli.client import CONNECT_TIMEOUT, TOTAL_TIMEOUT, is_loopback
from depthcli.errors import BadMessageError, ClosedError, UnreachableError, printable
from depthcli.messages import DepthEvent, Frame, N, ServerShutdown, frame_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from depthcli.client import AsyncClient
    from depthcli.markets import Market

logger = logging.getLogger(__name__)

STREAMS_A_REQUEST: Final = 100
"""Streams that one URL or one SUBSCRIBE names, so that neither grows too long."""

LARGEST_FRAME: Final = 8 * 2**20
"""Bytes; a longer frame is not market depth, and ends the connection."""

PING_INTERVAL: Final = 20.0
"""Seconds between our pings, and for the pong: a connection whose other end is gone is noticed."""

STEADY: Final = 10.0
"""Seconds after which a connection counts as having worked, though nothing came."""


class StreamListener(Protocol[N]):
    """What wants to know of a stream."""

    def opened(self) -> None:
        """The stream is open: what comes from now on comes without holes."""

    def receive(self, event: DepthEvent[N]) -> None:
        """An event came."""

    def refuse(self) -> None:
        """A frame came that can't be decoded."""

    def lost(self, reason: str) -> None:
        """The stream broke off; it will be opened anew."""

    def gone(self, reason: str) -> None:
        """The stream is lost for good."""


class Subscription(Generic[N]):
    """One listener's hold on one stream."""

    def __init__(
        self, connection: _Connection[N], stream: str, listener: StreamListener[N]
    ) -> None:
        self._connection: _Connection[N] = connection
        self._stream = stream
        self._listener: StreamListener[N] = listener

    @property
    def last_frame(self) -> float:
        """When the connection last brought anything, for whatever stream; the loop's clock."""
        return self._connection.last_frame

    def suspect(self, reason: str) -> None:
        """Give up the connection under the stream: it pretends to be alive. A new one is made."""
        self._connection.drop(reason)

    def close(self) -> None:
        """Listen no longer; the stream is unsubscribed when nobody listens to it."""
        self._connection.remove(self._stream, self._listener)


class BinanceSocketManager:
    """Keeps WebSocket connections and shares them among depth cache managers.

    Args:
        client: tells where the exchange is.
        max_reconnects: tries in a row that may fail before a stream is lost for good, some fifteen
            seconds with the default; None: it goes on trying.
        connector: opens a WebSocket as `websockets.asyncio.client.connect` does, which it is by
            default. For tests.
    """

    def __init__(
        self,
        client: AsyncClient,
        max_reconnects: int | None = 5,
        connector: Callable[..., Any] = connect,
    ) -> None:
        self._client = client
        self._max_reconnects = max_reconnects
        self._connector = connector
        self._connections: list[_Connection[Any]] = []
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
        connection = next(
            (known for known in self._connections if known.takes(market, conv_type, stream)), None
        )
        if connection is None:
            connection = _Connection(
                market,
                self._client.websocket_origin(market),
                conv_type,
                self._max_reconnects,
                self._connector,
            )
            connection.start(on_end=self._forget)
            self._connections.append(connection)
        connection.add(stream, listener)
        return Subscription(connection, stream, listener)

    async def close(self) -> None:
        """Close all connections; listeners aren't told. It can't be used again."""
        self._closed = True
        await asyncio.gather(*(connection.close() for connection in [*self._connections]))

    @property
    def connection_count(self) -> int:
        """How many WebSocket connections are kept at this moment."""
        return len(self._connections)

    def _forget(self, connection: _Connection[Any]) -> None:
        self._connections.remove(connection)


class _Connection(Generic[N]):
    """One WebSocket connection that is made anew as long as somebody listens."""

    def __init__(
        self,
        market: Market,
        origin: str,
        conv_type: type[N],
        max_reconnects: int | None,
        connector: Callable[..., Any],
    ) -> None:
        self.last_frame: float = asyncio.get_running_loop().time()
        self._market = market
        self._conv_type: type[N] = conv_type
        self._url = f"{origin}{market.websocket_prefix}/stream"
        self._proxy: Literal[True] | None = None if is_loopback(origin) else True
        self._decode: Callable[[bytes | str], Frame[N]] = frame_decoder(conv_type)
        self._max_reconnects = max_reconnects
        self._connector = connector
        self._listeners: dict[str, list[StreamListener[N]]] = {}
        self._asked: set[str] = set()
        self._open: set[str] = set()
        self._changed = asyncio.Event()
        self._request_ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Frame[N]]] = {}
        self._websocket: ClientConnection | None = None
        self._drop_reason = ""
        self._worked = False
        self._task: asyncio.Task[None] | None = None

    def takes(self, market: Market, conv_type: type[Any], stream: str) -> bool:
        """Return whether the stream belongs here and there is room for it."""
        if self._task is None or self._task.done() or self._task.cancelling():
            return False
        return (market.name, conv_type) == (self._market.name, self._conv_type) and (
            stream in self._listeners or len(self._listeners) < market.streams_per_connection
        )

    def start(self, on_end: Callable[[_Connection[N]], None]) -> None:
        """Connect, in a task of its own; `on_end` is called when that ends for good."""
        self._task = asyncio.create_task(self._run(), name=f"connection {self._market.name}")
        self._task.add_done_callback(lambda _: on_end(self))

    async def close(self) -> None:
        """Close the connection for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, stream: str, listener: StreamListener[N]) -> None:
        """Let a listener hear a stream."""
        self._listeners.setdefault(stream, []).append(listener)
        if stream in self._open:
            listener.opened()
        self._changed.set()

    def remove(self, stream: str, listener: StreamListener[N]) -> None:
        """Let a listener no longer hear a stream."""
        listeners = self._listeners.get(stream, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners:
            self._listeners.pop(stream, None)
        if not self._listeners and self._task is not None:
            self._task.cancel()
        self._changed.set()

    def drop(self, reason: str) -> None:
        """Cut the connection that there is, without a goodbye; a new one is made."""
        if self._websocket is not None:
            self._drop_reason = reason
            self._websocket.transport.abort()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        while True:
            started = clock()
            self._worked = False
            try:
                reason = await self._connect_and_serve()
            finally:
                self._websocket = None
                self._asked.clear()
                self._open.clear()
            if self._worked or clock() - started > STEADY:
                backoff.reset()
            if self._max_reconnects is not None and backoff.tries >= self._max_reconnects:
                logger.warning("%s: lost for good: %s", self._market.name, reason)
                for listener in self._listening(self._listeners):
                    listener.gone(f"socket lost for good: {reason}")
                return
            delay = backoff.next()
            logger.info("%s: %s; connecting again in %.1f s", self._market.name, reason, delay)
            when = f", next try in {delay:.1f} s" if delay else ""
            for listener in self._listening(self._listeners):
                listener.lost(f"socket lost: {reason}{when}")
            await asyncio.sleep(delay)

    async def _connect_and_serve(self) -> str:
        """Make one connection and serve its streams until it ends; return why it ended."""
        self._drop_reason = ""
        first = tuple(itertools.islice(self._listeners, STREAMS_A_REQUEST))
        names = "/".join(quote(stream, safe="@") for stream in first)
        reason = ""
        try:
            async with self._connector(
                f"{self._url}?streams={names}" if names else self._url,
                compression=None,
                open_timeout=CONNECT_TIMEOUT,
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_INTERVAL,
                close_timeout=1,
                max_size=LARGEST_FRAME,
                proxy=self._proxy,
            ) as websocket:
                self._websocket = websocket
                self.last_frame = asyncio.get_running_loop().time()
                self._asked.update(first)
                self._confirm(first)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._request(websocket))
                    group.create_task(self._read(websocket))
        except* (OSError, WebSocketException, UnreachableError) as group_error:
            reason = self._drop_reason or _why(group_error)
        return reason

    async def _read(self, websocket: ClientConnection) -> None:
        clock = asyncio.get_running_loop().time
        decode = self._decode
        while True:
            raw: Any = await websocket.recv(decode=False)
            self.last_frame = clock()
            try:
                frame = decode(raw)
            except BadMessageError as error:
                self._refuse(raw, error)
                continue
            self._worked = True
            data = frame.data
            if isinstance(data, DepthEvent):
                # A copy: a listener may close itself, or another, while it takes the event.
                for listener in tuple(self._listeners.get(frame.stream, ())):
                    listener.receive(data)
            elif isinstance(data, ServerShutdown):
                self.drop("the exchange's server is shutting down")
            else:
                self._reply(frame)

    async def _request(self, websocket: ClientConnection) -> None:
        """Subscribe and unsubscribe as listeners come and go, within the exchange's pace."""
        # One message a second is left for pongs.
        pause = 1 / (self._market.messages_per_second - 1)
        while True:
            await self._changed.wait()
            self._changed.clear()
            for method, streams in self._due():
                if method == "UNSUBSCRIBE":
                    self._open.difference_update(streams)
                request_id = next(self._request_ids)
                reply = asyncio.get_running_loop().create_future()
                self._replies[request_id] = reply
                request = {"method": method, "params": streams, "id": request_id}
                try:
                    await websocket.send(msgspec.json.encode(request), text=True)
                    async with asyncio.timeout(TOTAL_TIMEOUT):
                        frame: Frame[N] = await reply
                except TimeoutError:
                    raise UnreachableError(f"no reply to {method}") from None
                finally:
                    del self._replies[request_id]
                self._settle(method, streams, frame)
                await asyncio.sleep(pause)

    def _due(self) -> Iterator[tuple[str, list[str]]]:
        for method, streams in (
            ("UNSUBSCRIBE", [stream for stream in self._asked if stream not in self._listeners]),
            ("SUBSCRIBE", [stream for stream in self._listeners if stream not in self._asked]),
        ):
            for start in range(0, len(streams), STREAMS_A_REQUEST):
                yield method, streams[start : start + STREAMS_A_REQUEST]

    def _settle(self, method: str, streams: list[str], frame: Frame[N]) -> None:
        failure = frame.failure
        if failure is not None:
            logger.warning("%s refused: code %s, %s", method, failure.code, printable(failure.msg))
        if method == "UNSUBSCRIBE":
            self._asked.difference_update(streams)
        elif failure is None:
            self._asked.update(streams)
            self._confirm(streams)
        else:
            for listener in self._listening(streams):
                listener.gone(f"the exchange refused the stream: {printable(failure.msg)}")

    def _reply(self, frame: Frame[N]) -> None:
        future = self._replies.get(frame.id) if isinstance(frame.id, int) else None
        if future is not None and not future.done():
            future.set_result(frame)
        elif frame.failure is not None:
            logger.warning("the exchange complains: %s", printable(frame.failure.msg))

    def _confirm(self, streams: Iterable[str]) -> None:
        present = [stream for stream in streams if stream in self._listeners]
        self._open.update(present)
        for listener in self._listening(present):
            listener.opened()

    def _listening(self, streams: Iterable[str]) -> list[StreamListener[N]]:
        return [listener for stream in streams for listener in self._listeners.get(stream, ())]

    def _refuse(self, raw: bytes, error: BadMessageError) -> None:
        logger.warning("a frame that can't be read: %s", error)
        try:
            stream: str = msgspec.json.decode(raw, type=_StreamName).stream
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return
        for listener in self._listening([stream]):
            listener.refuse()


class _StreamName(msgspec.Struct):
    """Of a frame that can't be decoded as a whole, the part that tells whose it was."""

    stream: str


def _why(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ConnectionClosed):
        closing = error.rcvd or error.sent
        if closing is None:
            return "the connection broke off"
        words = printable(closing.reason)
        return f"closed with code {closing.code}" + (f", {words}" if words else "")
    if isinstance(error, InvalidStatus):
        return f"refused with HTTP {error.response.status_code}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return printable(str(error)) or type(error).__name__
