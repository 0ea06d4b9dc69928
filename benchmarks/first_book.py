"""From the command to the first true book, with a network of a given latency in between."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.report import Section
from benchmarks.timing import take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCIES = (0, 20, 200)
"""Round trips, ms."""

PYTHON_BINANCE = """
import asyncio, sys
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from binance.base_client import BaseClient
port = sys.argv[1]
BaseClient.API_URL = f"http://127.0.0.1:{port}/api"
BinanceSocketManager.STREAM_URL = f"ws://127.0.0.1:{port}/"
async def main():
    client = await AsyncClient.create()
    async with DepthCacheManager(client, "BNBBTC", ws_interval=100) as manager:
        cache = await manager.recv()
        print(cache.get_bids()[:5], cache.get_asks()[:5])
    await client.close_connection()
asyncio.run(main())
"""


def measure(*, tiny: bool) -> Section:
    """Measure the commands by turns, at each latency."""
    latencies = (0,) if tiny else LATENCIES
    section = Section(
        "The first book",
        "Seconds from the command to the first book on standard output, the exchange being"
        " `depthcli simulate` behind a proxy that holds everything back; the round trips are those"
        " that the slowest latency costs. A WebSocket takes two of them to open, and so does the"
        " first request; depthcli makes both at once, and then asks for the snapshot.",
        ["", *(f"{latency} ms" for latency in latencies), "round trips"],
    )
    commands = {"depthcli dump": _dump}
    if find_spec("binance") is None:
        section.notes.append("Not installed, and so skipped: python-binance.")
    else:
        commands["python-binance"] = _python_binance
    found = {name: [] for name in commands}
    with _simulator() as port:
        for latency in latencies:
            with _held_back(port, latency / 2_000) as far:
                runs = {
                    name: lambda command=command, far=far: _seconds(command(far))
                    for name, command in commands.items()
                }
                for name, seconds in take_turns(runs, rounds=1 if tiny else 5).items():
                    found[name].append(seconds)
    for name, line in found.items():
        trips = (line[-1] - line[0]) * 1_000 / latencies[-1] if latencies[-1] else 0.0
        section.rows.append([name, *(f"{seconds:.2f}" for seconds in line), f"{trips:.1f}"])
    return section


def _dump(port: int) -> list[str]:
    there = ["--rest-url", f"http://127.0.0.1:{port}", "--ws-url", f"ws://127.0.0.1:{port}"]
    dump = [sys.executable, "-m", "depthcli", "dump", "--json", "--depth", "5"]
    return [*dump, *there, "BNBBTC"]


def _python_binance(port: int) -> list[str]:
    return [sys.executable, "-c", PYTHON_BINANCE, str(port)]


def _seconds(command: list[str]) -> float:
    started = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken = perf_counter() - started
        if not line:
            _, errors = process.communicate()
            raise RuntimeError(f"{command} gave no book: {errors.decode()[-2_000:]}")
        process.communicate(timeout=30)
    return taken


@contextmanager
def _simulator() -> Iterator[int]:
    command = [sys.executable, "-m", "depthcli", "simulate", "BNBBTC"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(json.loads(process.stdout.readline())["rest_url"].rpartition(":")[2])
        finally:
            process.terminate()


@contextmanager
def _held_back(port: int, delay: float) -> Iterator[int]:
    """Run a proxy before a port, in a thread of its own, that brings everything so much later.

    That a connection is made takes a round trip as well: its first bytes are held back for it.
    """
    loop = asyncio.new_event_loop()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def put(data: bytes) -> None:
            if not writer.is_closing():
                writer.write(data) if data else writer.close()

        while data := await reader.read(2**16):
            loop.call_later(delay, put, data)
        loop.call_later(delay, put, b"")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            carry(reader, far_writer), carry(far_reader, writer), return_exceptions=True
        )

    server = loop.run_until_complete(asyncio.start_server(talk, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
