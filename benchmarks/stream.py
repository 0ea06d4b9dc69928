"""Socket to book: frames from another process, over a real WebSocket on loopback, to the books.

The same frames are received by the WebSocket library alone, and by depth cache managers that share
a socket manager and call a function after each event. What counts is the processor time of the
receiving process for each event, for the machine is shared with the sender.
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

from benchmarks.feeds import synthetic
from benchmarks.report import Section
from benchmarks.timing import take_turns
from depthcli.client import CONNECTION_ATTEMPTS
from depthcli.managers import DepthCacheManager
from depthcli.messages import snapshot_decoder
from depthcli.pace import Pace
from depthcli.sockets import BinanceSocketManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.server import ServerConnection

BOOKS = 1_000
"""As many as one connection carries."""

LEVELS, CHANGES = 500, 10
RECEIVERS = ("alone", "books")


def measure(*, tiny: bool) -> Section:
    """Measure both receivers by turns."""
    books, events = (5, 10) if tiny else (BOOKS, 60)
    section = Section(
        "Socket to book",
        f"{books:,} books, {books * events:,} events of {CHANGES} levels, as fast as they come;"
        " processor time of the receiving process.",
        ["", "µs an event", "ratio", "events a second of one core"],
    )
    runs = {
        name: lambda name=name: _in_its_own_process(name, books, events)["cpu"]
        for name in RECEIVERS
    }
    found = take_turns(runs, rounds=1 if tiny else 5)
    for name, seconds in found.items():
        ratio = f"{seconds / found['alone']:.2f}"
        section.rows.append([name, f"{seconds * 1e6:.1f}", ratio, f"{1 / seconds:,.0f}"])
    return section


def _in_its_own_process(name: str, books: int, events: int) -> dict[str, float]:
    module = [sys.executable, "-m", "benchmarks.stream"]
    numbers = [str(books), str(events)]
    with subprocess.Popen([*module, "send", *numbers], stdout=subprocess.PIPE, text=True) as sender:
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


async def send(books: int, events: int) -> None:
    """Serve one client: answer its requests, and send all frames once it has all streams."""
    frames = synthetic(LEVELS, events + 1, CHANGES).frames
    done = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        wanted = {*(connection.request.path.partition("streams=")[2].split("/") or ())} - {""}
        while len(wanted) < books:
            request = json.loads(await connection.recv())
            wanted.update(request["params"])
            await connection.send(json.dumps({"result": None, "id": request["id"]}))
        await asyncio.sleep(1)
        for frame in frames:
            for symbol in _symbols(books):
                named = frame.replace(b"bnbbtc", symbol.lower().encode())
                await connection.send(named.replace(b"BNBBTC", symbol.encode()), text=True)
        await connection.close()
        done.set()

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await done.wait()


async def alone(books: int, events: int, port: int) -> dict[str, float]:
    """Receive all frames with the WebSocket library, and do nothing with them."""
    url = f"ws://127.0.0.1:{port}/stream"
    async with connect(url, compression=None, max_size=None, proxy=None) as websocket:
        streams = [f"{symbol.lower()}@depth@100ms" for symbol in _symbols(books)]
        await websocket.send(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
        await websocket.recv()
        for _ in range(books):
            await websocket.recv(decode=False)
        measured = _measured(books * events)
        try:
            while True:
                await websocket.recv(decode=False)
        except ConnectionClosed:
            return measured()


class _Client:
    """What managers ask of a client, without a network for the snapshots."""

    proxy = None
    connection_pace = Pace(CONNECTION_ATTEMPTS, 300.0)

    def __init__(self, port: int, snapshot: bytes) -> None:
        self._origin = f"ws://127.0.0.1:{port}"
        self._snapshot = snapshot_decoder(float)(snapshot)

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
