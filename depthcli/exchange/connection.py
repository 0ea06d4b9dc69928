"""A single WebSocket connection, from opening to close: it subscribes to streams and reads them."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol
from urllib.parse import quote, urlsplit

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from depthcli.core.messages import DepthEvent, Frame, N, ServerShutdown, beginning_of, frame_decoder
from depthcli.errors import STATUS_HINTS, BadMessageError, UnreachableError, printable
from depthcli.exchange.failures import cause_of
from depthcli.exchange.network import NOT_FOLLOWED, HandingConnection
from depthcli.exchange.rest import CONNECT_TIMEOUT, TOTAL_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from websockets.asyncio.client import ClientConnection
    from websockets.typing import BytesLike

    from depthcli.core.markets import Market

logger = logging.getLogger(__name__)

STREAMS_PER_REQUEST: Final = 100
"""The most streams in one URL or one SUBSCRIBE, to limit the length of both."""

LARGEST_FRAME: Final = 8 * 2**20
"""Bytes; a longer frame can't be market depth, and ends the connection."""

PING_INTERVAL: Final = 20.0
"""Seconds between our pings, and to wait for each pong, to detect a dead connection."""

MOST_UNATTRIBUTED: Final = 3
"""After so many unreadable frames in a row that don't name a stream, all streams of the connection
count as unreadable."""

NO_EVENT: Final = "there is no event in it"

MOST_KINDS: Final = 50
"""The most kinds of unreadable frames that are counted separately."""


class Owner(Protocol[N]):
    """The owner of a connection: decides on its streams and is notified of what happens."""

    @property
    def wanted(self) -> Collection[str]:
        """The streams to subscribe to, the most important first."""

    def confirmed(self, connection: Connection[N], streams: list[str]) -> None:
        """The connection is now subscribed to these streams."""

    def refused(self, streams: list[str], reason: str) -> None:
        """The exchange refused these streams."""

    def unreadable(self, connection: Connection[N], streams: Collection[str], why: str) -> None:
        """An unreadable frame of one of these streams arrived; `why` says what is wrong with it."""

    def leaving(self, connection: Connection[N]) -> None:
        """The exchange announced that it will soon close the connection."""


class Connection(Generic[N]):
    """One WebSocket. Call `start`, then wait for `task`, whose result says why it ended.

    Args:
        market: the market whose streams it carries.
        origin: `scheme://host` of the market's streams.
        conv_type: the number type of the events.
        connector: opens a WebSocket like `websockets.asyncio.client.connect`, over any proxy.
        owner: decides on the streams and is notified of what happens.
        deliver: called with a stream's name, an event of it, and its time of arrival on the loop's
            clock.

    Attributes:
        deliver: as above; may be changed at any time.
        opened_at: when it was opened, on the loop's clock; None before.
        last_frame: when the last frame of any stream arrived, on the loop's clock.
        worked: whether any readable frame has arrived.
        carried: the streams that it is subscribed to.
        location_refused: whether the exchange refused our location (HTTP 451).
    """

    def __init__(  # noqa: PLR0917, what it carries, then its callbacks
        self,
        market: Market,
        origin: str,
        conv_type: type[N],
        connector: Callable[..., Any],
        owner: Owner[N],
        deliver: Callable[[str, DepthEvent[N], float], None],
    ) -> None:
        self.deliver: Callable[[str, DepthEvent[N], float], None] = deliver
        self.opened_at: float | None = None
        self._clock = asyncio.get_running_loop().time
        self.last_frame = self._clock()
        self.worked = False
        self.carried: set[str] = set()
        self._market = market
        self.location_refused = False
        self._unreadable: Counter[str] = Counter()
        self._unattributed = 0  # unreadable frames in a row that don't name a stream
        self._host = urlsplit(origin).netloc
        self._url = f"{origin}{market.websocket_prefix}/stream"
        self._decode: Callable[[Any], Frame[N]] = frame_decoder(conv_type)
        self._connector = connector
        self._owner: Owner[N] = owner
        self._requested: set[str] = set()
        self._changed = asyncio.Event()
        self._request_ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Frame[N]]] = {}
        self._websocket: ClientConnection | None = None
        self._drop_reason = ""
        self.task: asyncio.Task[str] | None = None

    def start(self) -> asyncio.Task[str]:
        """Connect and read in a new task, whose result says why the connection ended."""
        self.task = asyncio.create_task(self._serve(), name=f"connection {self._market.name}")
        return self.task

    async def close(self) -> None:
        """Close it with a closing handshake."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    def drop(self, reason: str) -> None:
        """Abort it without a closing handshake, if it is open."""
        if self._websocket is not None:
            self._drop_reason = reason
            self._websocket.transport.abort()

    def wants_changed(self) -> None:
        """Notify the connection that `owner.wanted` has changed."""
        self._changed.set()

    async def _serve(self) -> str:
        first = list(itertools.islice(self._owner.wanted, STREAMS_PER_REQUEST))
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
            ) as websocket:
                self._websocket = websocket
                self.opened_at = self.last_frame = self._clock()
                self._requested.update(first)
                self._confirm(first)
                self._changed.set()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._request(websocket))
                    group.create_task(self._read(websocket))
        except* (OSError, WebSocketException, UnreachableError, ImportError) as group_error:
            reason = self._drop_reason or _why(group_error)
            if self.opened_at is None:
                self.location_refused = (
                    _status(group_error) == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS
                )
                reason = f"{self._host}: {reason}"
        finally:
            self._websocket = None
            for kind, count in self._unreadable.items():
                logger.info("%d frames that can't be read: %s", count, kind)
        return reason

    async def _read(self, websocket: ClientConnection) -> None:
        """Read frames until the connection ends and `recv` raises."""
        handing = websocket if isinstance(websocket, HandingConnection) else None
        if handing is not None:
            handing.hand_over(self._take)
        try:
            while True:
                self._take(await websocket.recv(decode=False), self._clock())
        finally:
            if handing is not None:
                handing.hand_over(lambda *_: None)

    def _take(self, raw: BytesLike, now: float) -> None:
        self.last_frame = now
        try:
            frame = self._decode(raw)
        except BadMessageError as error:
            self._refuse(raw, error)
            return
        data = frame.data
        if isinstance(data, DepthEvent):
            self.worked = True
            self._unattributed = 0
            self.deliver(frame.stream, data, now)
        elif isinstance(data, ServerShutdown):
            self.worked = True
            self._owner.leaving(self)
        elif frame.stream or (frame.is_empty and b'"result"' not in bytes(raw)):
            message = printable(f"{NO_EVENT}: {beginning_of(raw)}")
            self._refuse(raw, BadMessageError(message, NO_EVENT))
        else:
            self.worked = True
            self._resolve(frame)

    async def _request(self, websocket: ClientConnection) -> None:
        """Subscribe and unsubscribe when `wanted` changes, within the exchange's message limit."""
        # Two messages a second are reserved for a ping and a pong.
        pause = 1 / (self._market.messages_per_second - 2)
        while True:
            await self._changed.wait()
            self._changed.clear()
            for method, streams in self._due():
                if method == "UNSUBSCRIBE":
                    self.carried.difference_update(streams)
                frame = await self._ask(websocket, method, streams)
                self._handle_reply(method, streams, frame)
                await asyncio.sleep(pause)

    async def _ask(self, websocket: ClientConnection, method: str, streams: list[str]) -> Frame[N]:
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
        return frame

    def _due(self) -> Iterator[tuple[str, list[str]]]:
        wanted = self._owner.wanted
        for method, streams in (
            ("UNSUBSCRIBE", [stream for stream in self._requested if stream not in wanted]),
            ("SUBSCRIBE", [stream for stream in wanted if stream not in self._requested]),
        ):
            for start in range(0, len(streams), STREAMS_PER_REQUEST):
                yield method, streams[start : start + STREAMS_PER_REQUEST]

    def _handle_reply(self, method: str, streams: list[str], frame: Frame[N]) -> None:
        failure = frame.failure
        if failure is not None:
            logger.warning("%s refused: code %s, %s", method, failure.code, printable(failure.msg))
        if method == "UNSUBSCRIBE":
            self._requested.difference_update(streams)
        elif failure is None:
            self._requested.update(streams)
            self._confirm(streams)
        else:
            self._owner.refused(streams, printable(failure.msg))

    def _confirm(self, streams: list[str]) -> None:
        wanted = self._owner.wanted
        present = [stream for stream in streams if stream in wanted]
        self.carried.update(present)
        self._owner.confirmed(self, present)

    def _resolve(self, frame: Frame[N]) -> None:
        future = self._replies.get(frame.id) if isinstance(frame.id, int) else None
        if future is not None and not future.done():
            future.set_result(frame)
        elif frame.failure is not None:
            logger.warning("the exchange reported an error: %s", printable(frame.failure.msg))

    def _refuse(self, raw: BytesLike, error: BadMessageError) -> None:
        self._log(error)
        streams: Collection[str] = self.carried
        if stream := self._stream_of(raw):
            streams = [stream]
            self._unattributed = 0
        else:
            self._unattributed += 1
        if len(streams) == 1 or self._unattributed >= MOST_UNATTRIBUTED:
            self._owner.unreadable(self, list(streams), error.what)

    def _stream_of(self, raw: BytesLike) -> str:
        """Return the stream of an unreadable frame; empty if the frame doesn't name it."""
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            if stream := msgspec.json.decode(raw, type=_StreamName).stream:
                return stream
        head = bytes(raw[:300])
        if found := _STREAM.search(head):
            return found[1].decode("utf-8", "replace")
        if found := _SYMBOL.search(head):
            name = found[1].decode("utf-8", "replace").lower()
            return next((one for one in self.carried if one.partition("@")[0] == name), "")
        return ""

    def _log(self, error: BadMessageError) -> None:
        # Once per kind: a broken stream sends many of them per second.
        kind = re.sub(r"\d+", "0", error.what)
        known = kind in self._unreadable
        if known or len(self._unreadable) < MOST_KINDS:
            self._unreadable[kind] += 1
        if not known and len(self._unreadable) <= MOST_KINDS and kind in self._unreadable:
            logger.warning("a frame that can't be read: %s (others like it are counted)", error)


class _StreamName(msgspec.Struct):
    """The part of a frame that names its stream, for frames that can't be decoded as a whole."""

    stream: str = ""


_STREAM: Final = re.compile(rb'"stream"\s*:\s*"([^"\\]{1,100})"')
_SYMBOL: Final = re.compile(rb'"s"\s*:\s*"([^"\\]{1,100})"')
"""The same for a frame that isn't valid JSON, or an event without its wrapper."""


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _status(group: BaseExceptionGroup[BaseException]) -> int | None:
    """Return the HTTP status that refused the upgrade, or None."""
    error = _first(group)
    return error.response.status_code if isinstance(error, InvalidStatus) else None


def _why(group: BaseExceptionGroup[BaseException]) -> str:
    error = _first(group)
    if isinstance(error, ConnectionClosed):
        closing = error.rcvd or error.sent
        if closing is None:
            return "the connection broke off"
        words = printable(closing.reason)
        return f"closed with code {closing.code}" + (f", {words}" if words else "")
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if 300 <= status < 400:
            return f"redirected, {NOT_FOLLOWED}"
        if status in STATUS_HINTS:
            return f"{STATUS_HINTS[status]} (HTTP {status})"
        return f"refused with HTTP {status}"
    return cause_of(error)
