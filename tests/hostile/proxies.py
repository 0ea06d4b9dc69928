"""Proxies on loopback that know where `exchange.test` is, and tell what they were asked for."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from depthcli.simulator import Simulator, source_for
from tests.hostile.servers import pipe, serving

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

WANTS_USER = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n'
)


@asynccontextmanager
async def exchange(*, tls: bool) -> AsyncIterator[int]:
    """Run an exchange behind TLS, or without; give its port."""
    async with Simulator(source_for("spot", ["BNBBTC"])) as simulator:
        end = int(simulator.rest_url.rpartition(":")[2])

        async def unwrap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await pipe(reader, writer, "127.0.0.1", end)

        async with serving(unwrap, tls=tls) as port:
            yield port


@asynccontextmanager
async def proxied(
    *, tls: bool, refusal: bytes = b"", user: str = "", proxy_tls: bool = False
) -> AsyncIterator[tuple[str, list[str]]]:
    """Run an HTTP proxy; give its URL, and the first line of each request that it gets.

    Args:
        tls: whether the exchange speaks TLS.
        refusal: what it answers, whatever it is asked.
        user: `USER:PASSWORD` that it wants.
        proxy_tls: whether the proxy itself speaks TLS.
    """
    asked: list[str] = []
    async with exchange(tls=tls) as port:

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(head.partition(b"\r\n")[0].decode())
            known = b"proxy-authorization: basic " + base64.b64encode(user.encode()).lower()
            answer = refusal or (WANTS_USER if user and known not in head.lower() else b"")
            if answer:
                writer.write(answer)
                await writer.drain()
            elif head.startswith(b"CONNECT"):
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await pipe(reader, writer, "127.0.0.1", port)
            else:
                direct = head.replace(b"http://exchange.test", b"", 1)
                await pipe(reader, writer, "127.0.0.1", port, direct)

        async with serving(proxy, tls=proxy_tls) as proxy_port:
            yield f"http{'s' if proxy_tls else ''}://127.0.0.1:{proxy_port}", asked


@asynccontextmanager
async def socks_proxied(
    *, tls: bool, user: str = "", code: int = 0
) -> AsyncIterator[tuple[int, list[str]]]:
    """Run a SOCKS proxy, of versions 4, 4a and 5; give its port, and what it is asked for.

    Args:
        tls: whether the exchange speaks TLS.
        user: `USER:PASSWORD` that it wants; version 5 only.
        code: with what it refuses (RFC 1928, section 6).
    """
    asked: list[str] = []
    async with exchange(tls=tls) as port:

        async def version_4(reader: asyncio.StreamReader) -> tuple[str, bytes]:
            _, *wanted, a, b, c, d = await reader.readexactly(7)
            await reader.readuntil(b"\0")
            host = f"{a}.{b}.{c}.{d}"
            if (a, b, c) == (0, 0, 0):
                host = (await reader.readuntil(b"\0"))[:-1].decode()
            return f"4 {host}:{int.from_bytes(wanted)}", b"\0\x5a" + bytes(6)

        async def version_5(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> tuple[str, bytes]:
            offered = await reader.readexactly((await reader.readexactly(1))[0])
            method = 2 if user else 0
            writer.write(bytes([5, method if method in offered else 255]))
            if method == 2:
                await reader.readexactly(1)
                parts = [(await reader.readexactly((await reader.readexactly(1))[0])) for _ in "up"]
                writer.write(bytes([1, b":".join(parts).decode() != user]))
            *_, kind = await reader.readexactly(4)
            if kind == 3:
                host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            else:
                host = ".".join(map(str, await reader.readexactly(4)))
            wanted = int.from_bytes(await reader.readexactly(2))
            return f"5 {host}:{wanted}", bytes([5, code, 0, 1]) + bytes(6)

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            version = (await reader.readexactly(1))[0]
            target, answer = await (
                version_4(reader) if version == 4 else version_5(reader, writer)
            )
            asked.append(target)
            writer.write(answer)
            await writer.drain()
            if not code:
                await pipe(reader, writer, "127.0.0.1", port)

        async with serving(proxy) as proxy_port:
            yield proxy_port, asked
