"""Socket to book: frames from another process, over a real WebSocket on loopback, to the books.

The same frames are received by the WebSocket library alone; decoded, too; applied to bare books,
too; and by depth cache managers that share a socket manager and call a function after each event.
What counts is the processor time of the receiving process for each event, for the machine is shared
with the sender. Then the managers get the frames at an even pace.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from benchmarks.feeds import synthetic
from benchmarks.report import Section
from benchmarks.timing import take_turns
from depthcli.core.book import DepthCache
from depthcli.core.markets import SPOT
from depthcli.core.messages import frame_decoder, snapshot_decoder
from depthcli.core.rate_limit import RateLimiter
from depthcli.exchange.client import CONNECTION_ATTEMPTS
from depthcli.exchange.network import Routes
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.depth_cache import DepthCacheManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.server import ServerConnection

FEW, MANY = (20, 2_000), (1_500, 40)
"""Books, and events of each."""

PACE, PACED = 20_000, (1_500, 100)
"""Events a second, and how many books and events of each at that pace."""

AT_ONCE, WAITING = 50, 4_000_000
"""Messages that are handed to the system at once, and bytes that may wait to be: the receiver is
quicker than a library that sends message by message, and would be measured waiting."""

LEVELS, CHANGES = 500, 10
RECEIVERS = ("alone", "decoded", "applied", "books")
WHAT = {
    "alone": "received",
    "decoded": "and decoded",
    "applied": "and applied to bare books",
    "books": "kept by managers",
}


def measure(*, tiny: bool) -> Section:
    """Measure the receivers by turns, and then the managers at a pace."""
    section = Section(
        "Socket to book",
        f"Events of {CHANGES} levels, books of {LEVELS} levels a side; processor time of the"
        " receiving process. As fast as they come:",
        ["books", "", "µs an event", "ratio", "events a second of one core"],
    )
    for books, events in [(2, 10)] if tiny else [FEW, MANY]:
        runs = {
            name: lambda name=name, size=(books, events): _in_processes(name, *size)["cpu"]
            for name in RECEIVERS
        }
        section.rows.extend(_rows(f"{books:,}", take_turns(runs, rounds=1 if tiny else 5)))
    books, events = (2, 10) if tiny else PACED
    paced = {name: _in_processes(name, books, events, PACE) for name in ("alone", "books")}
    taken = {name: found["cpu"] for name, found in paced.items()}
    section.rows.extend(_rows(f"{books:,} at {PACE:,} a second", taken))
    section.notes.append(
        f"{books:,} books, {PACE:,} events a second for {books * events / PACE:.1f} s:"
        f" {taken['books'] * PACE:.0%} of one core;"
        f" {1 / paced['books']['wall']:,.0f} events a second arrived. An event that is waited for"
        " costs more than one of many that are there."
    )
    return section


def _rows(which: str, taken: dict[str, float]) -> list[list[str]]:
    """Return the rows of some receivers, by the seconds of processor time that each event took."""
    return [
        [
            which,
            WHAT[name],
            f"{seconds * 1e6:.1f}",
            f"{seconds / taken['alone']:.2f}",
            f"{1 / seconds:,.0f}",
        ]
        for name, seconds in taken.items()
    ]


def _in_processes(name: str, books: int, events: int, pace: int = 0) -> dict[str, float]:
    """Let one process send and another receive; return what the receiver took for an event."""
    module = [sys.executable, "-m", "benchmarks.stream"]
    numbers = [str(books), str(events)]
    sending = [*module, "send", *numbers, str(pace)]
    with subprocess.Popen(sending, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        port = sender.stdout.readline().strip()
        command = [*module, name, *numbers, port]
        try:
            answer = subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=300
            )
            sender.wait(timeout=30)
        finally:
            sender.kill()  # it waits for good if its receiver failed
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def _symbols(books: int) -> list[str]:
    return [f"S{number:04}BTC" for number in range(books)]


def _stream(symbol: str) -> str:
    return f"{symbol.lower()}@depth@100ms"


async def send(books: int, events: int, pace: int) -> None:
    """Answer requests, and once all streams are wanted send each connection its frames.

    Args:
        books: how many streams.
        events: of each.
        pace: events a second; 0: as fast as they go.
    """
    frames = synthetic(LEVELS, events + 1, CHANGES).frames
    connections: dict[ServerConnection, list[str]] = {}
    all_wanted = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        names = connection.request.path.partition("streams=")[2]
        wanted = connections[connection] = names.split("/") if names else []
        if sum(map(len, connections.values())) == books:
            all_wanted.set()
        async for request in connection:
            asked = json.loads(request)
            wanted += asked["params"]
            await connection.send(json.dumps({"result": None, "id": asked["id"]}))
            if sum(map(len, connections.values())) == books:
                all_wanted.set()

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await all_wanted.wait()
        await asyncio.sleep(1)  # until all books are live
        await _send_all(frames, connections, pace)


async def _send_all(
    frames: list[bytes], connections: dict[ServerConnection, list[str]], pace: int
) -> None:
    """Send each connection the frames of its streams, made ready before: nobody waits for them."""
    ready = [
        (connection.transport, [_on_the_wire(frame, stream) for stream in streams])
        for frame in frames
        for connection, streams in connections.items()
    ]
    started, sent = perf_counter(), 0
    for transport, wired in ready:
        for at in range(0, len(wired), AT_ONCE):
            some = wired[at : at + AT_ONCE]
            transport.write(b"".join(some))
            sent += len(some)
            await asyncio.sleep(started + sent / pace - perf_counter() if pace else 0)
            while transport.get_write_buffer_size() > WAITING:  # noqa: ASYNC110, nothing tells
                await asyncio.sleep(0.001)
    for connection in connections:
        await connection.close()


def _on_the_wire(frame: bytes, stream: str) -> bytes:
    """Return the bytes of a WebSocket message with a frame of that stream."""
    name = stream.partition("@")[0].encode()
    named = frame.replace(b"bnbbtc", name).replace(b"BNBBTC", name.upper())
    return Frame(Opcode.TEXT, named).serialize(mask=False)


async def alone(books: int, events: int, port: int) -> dict[str, float]:
    """Receive all frames with the WebSocket library, and do nothing with them."""
    return await _receive(books, events, port, None)


async def decoded(books: int, events: int, port: int) -> dict[str, float]:
    """Decode them, too."""
    return await _receive(books, events, port, frame_decoder(float))


async def applied(books: int, events: int, port: int) -> dict[str, float]:
    """Apply them to bare books, too: nothing is checked, nobody is told."""
    decode = frame_decoder(float)
    snapshot = snapshot_decoder(float)(synthetic(LEVELS, events + 1, CHANGES).snapshot)
    caches: dict[str, DepthCache[float]] = {}
    for symbol in _symbols(books):
        cache = caches[_stream(symbol)] = DepthCache(symbol)
        cache.load(snapshot, LEVELS)

    def take(raw: bytes) -> None:
        frame = decode(raw)
        caches[frame.stream].apply(frame.data)

    return await _receive(books, events, port, take)


async def _receive(
    books: int, events: int, port: int, take: Callable[[bytes], object] | None
) -> dict[str, float]:
    streams = [_stream(symbol) for symbol in _symbols(books)]
    most = SPOT.streams_per_connection
    websockets = []
    for start in range(0, books, most):
        url = f"ws://127.0.0.1:{port}/stream"
        websocket = await connect(url, compression=None, max_size=None, proxy=None)
        request = {"method": "SUBSCRIBE", "params": streams[start : start + most], "id": 1}
        await websocket.send(json.dumps(request))
        await websocket.recv()
        websockets.append(websocket)
    measured = _measured(books * (events + 1))

    async def read(websocket: Any) -> None:
        try:
            if take is None:
                while True:
                    await websocket.recv(decode=False)
            while True:
                take(await websocket.recv(decode=False))
        except ConnectionClosed:
            return

    await asyncio.gather(*map(read, websockets))
    return measured()


class _Client:
    """What managers ask of a client, without a network for the snapshots."""

    routes = Routes()
    connection_limiter = RateLimiter(CONNECTION_ATTEMPTS, 300.0)

    def __init__(self, port: int, snapshot: bytes) -> None:
        self._origin = f"ws://127.0.0.1:{port}"
        self._snapshot = snapshot_decoder(float)(snapshot)

    def rest_origin(self, _market: Any) -> str:
        return self._origin

    def websocket_origin(self, _market: Any) -> str:
        return self._origin

    async def snapshot(self, *_arguments: Any) -> Any:
        await asyncio.sleep(0)
        return self._snapshot

    def outlook(self, _market: Any) -> float:
        return 0.0

    def silent_for(self, _market: Any) -> float:
        return 0.0


class _Progress:
    """Measures from when all books took their first event until all took their last."""

    def __init__(self, books: int, events: int) -> None:
        frames = synthetic(LEVELS, events + 1, CHANGES).frames
        self._first, self._last = (json.loads(frames[at])["data"]["u"] for at in (0, -1))
        self._missing_first = self._missing_last = books
        self._events = books * events
        self._measured: Callable[[], dict[str, float]] | None = None
        self.found: asyncio.Future[dict[str, float]] = asyncio.Future()

    def changed(self, cache: Any) -> None:
        """Take note of a change of a book."""
        if cache is None or self.found.done():
            return
        if cache.last_update_id == self._first:
            self._missing_first -= 1
            if not self._missing_first:
                self._measured = _measured(self._events)
        elif cache.last_update_id == self._last:
            self._missing_last -= 1
            if not self._missing_last and self._measured is not None:
                self.found.set_result(self._measured())


async def books(books: int, events: int, port: int) -> dict[str, float]:
    """Keep all books by depth cache managers, which call a function after each event."""
    client: Any = _Client(port, synthetic(LEVELS, events + 1, CHANGES).snapshot)
    progress = _Progress(books, events)
    sockets = BinanceSocketManager(client, max_reconnects=0)
    managers = [
        DepthCacheManager(client, symbol, bm=sockets, ws_interval=100, callback=progress.changed)
        for symbol in _symbols(books)
    ]
    for manager in managers:
        await manager.__aenter__()
    found = await progress.found
    for manager in managers:
        await manager.close()
    await sockets.close()
    return found


def _measured(events: int) -> Callable[[], dict[str, float]]:
    cpu, wall = process_time(), perf_counter()
    return lambda: {
        "cpu": (process_time() - cpu) / events,
        "wall": (perf_counter() - wall) / events,
    }


async def main(name: str, *numbers: str) -> None:
    """Be the sender, or one of the receivers, which print what they took."""
    found = await globals()[name](*map(int, numbers))
    if found:
        print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
