"""Environments as people have them, and what curl does in each: which proxy it goes to, and how.

What curl does was seen, not read: `python -m tests.proxy_environments` runs curl in each of them,
before proxies on loopback that note what comes, and tells where it isn't what stands here. It needs
Linux, and the right to listen on port 443. Last seen with curl 7.88.1.

What is done is written as the way of speaking (`CONNECT` and `GET`: an HTTP proxy, for TLS and
without; `TLS`: an HTTPS proxy; `SOCKS4`, `SOCKS5`: names are resolved here; `SOCKS4a`, `SOCKS5h`:
by the proxy), then user and password, if any, and the address; or it is `direct` or `refused`.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass

HTTPS = "https://exchange.test"
HTTP = "http://exchange.test"
A, B = "127.8.0.1", "127.8.0.2"


@dataclass(frozen=True)
class Case:
    """One environment.

    Attributes:
        variables: what is set.
        curl: what curl does.
        ours: what depthcli does, where that is something else on purpose.
        why: the reason.
        origin: what is asked for.
    """

    variables: dict[str, str]
    curl: str
    ours: str = ""
    why: str = ""
    origin: str = HTTPS

    @property
    def expected(self) -> str:
        return self.ours or self.curl


def behind(listed: str, curl: str, ours: str = "", why: str = "", origin: str = HTTPS) -> Case:
    """A proxy for all, and a list of those that need none."""
    return Case({"ALL_PROXY": f"http://{A}:3128", "NO_PROXY": listed}, curl, ours, why, origin)


THROUGH = f"CONNECT {A}:3128"
IPV4, IPV6 = "https://192.0.2.7", "https://[2001:db8::7]"

VARIABLES = [
    Case({}, "direct"),
    Case({"https_proxy": f"http://{A}:3128"}, THROUGH),
    Case({"HTTPS_PROXY": f"http://{A}:3128"}, THROUGH),
    Case({"all_proxy": f"http://{A}:3128"}, THROUGH),
    Case({"ALL_PROXY": f"http://{A}:3128"}, THROUGH),
    Case({"https_proxy": f"http://{A}:3128", "HTTPS_PROXY": f"http://{B}:1"}, THROUGH),
    Case({"all_proxy": f"http://{A}:3128", "ALL_PROXY": f"http://{B}:1"}, THROUGH),
    Case({"HTTPS_PROXY": f"http://{A}:3128", "all_proxy": f"http://{B}:1"}, THROUGH),
    Case({"https_proxy": "", "HTTPS_PROXY": f"http://{A}:3128"}, THROUGH),
    Case({"HTTPS_PROXY": "", "ALL_PROXY": f"http://{A}:3128"}, THROUGH),
    Case({"http_proxy": f"http://{A}:3128"}, "direct"),
    Case({"http_proxy": f"http://{A}:3128"}, f"GET {A}:3128", origin=HTTP),
    Case({"HTTP_PROXY": f"http://{A}:3128"}, "direct", origin=HTTP),
    Case({"HTTPS_PROXY": f"http://{A}:3128"}, "direct", origin=HTTP),
    Case({"ALL_PROXY": f"http://{A}:3128"}, f"GET {A}:3128", origin=HTTP),
    # As Clash and GNOME set them: what isn't needed does no harm.
    Case({"HTTPS_PROXY": f"http://{A}:3128", "ALL_PROXY": f"socks5://{B}:1080"}, THROUGH),
    Case({"https_proxy": f"http://{A}:3128/", "ALL_PROXY": f"socks://{B}:1080/"}, THROUGH),
    Case({"HTTPS_PROXY": f"http://{A}:3128", "ALL_PROXY": "nonsense://x:99999"}, THROUGH),
    Case(
        {"ALL_PROXY": f"http://{A}:3128"},
        THROUGH,
        "direct",
        "nobody means an exchange on this machine to be asked from elsewhere",
        origin="https://127.0.0.1:8901",
    ),
]

ADDRESSES = [
    Case({"HTTPS_PROXY": f"{A}:3128"}, THROUGH),
    Case({"HTTPS_PROXY": A}, f"CONNECT {A}:1080"),
    Case({"HTTPS_PROXY": f"http://{A}"}, f"CONNECT {A}:1080"),
    Case({"HTTPS_PROXY": f"HTTP://{A}:3128"}, THROUGH),
    Case({"HTTPS_PROXY": "http://[::1]:3128"}, "CONNECT [::1]:3128"),
    Case({"HTTPS_PROXY": "[::1]:3128"}, "CONNECT [::1]:3128"),
    Case({"HTTPS_PROXY": f"http://user:pass@{A}:3128"}, f"CONNECT user:pass@{A}:3128"),
    Case({"HTTPS_PROXY": f"http://user@{A}:3128"}, f"CONNECT user:@{A}:3128"),
    Case({"HTTPS_PROXY": f"user:pass@{A}:3128"}, f"CONNECT user:pass@{A}:3128"),
    Case({"HTTPS_PROXY": f"http://us%40er:p%3Aa%2Fss@{A}:3128"}, f"CONNECT us@er:p:a/ss@{A}:3128"),
    Case(
        {"HTTPS_PROXY": f"http://us@er:pa@ss@{A}:3128"},
        "refused",
        f"CONNECT us@er:pa@ss@{A}:3128",
        "no host has an @: it can mean nothing else",
    ),
    Case({"HTTPS_PROXY": f"https://{A}:3129"}, f"TLS {A}:3129"),
    Case({"HTTPS_PROXY": f"https://{A}"}, f"TLS {A}:443"),
    Case({"HTTPS_PROXY": f"http://{A}:70000"}, "refused"),
    Case({"HTTPS_PROXY": f"http://{A}:port"}, "refused"),
    Case({"HTTPS_PROXY": f"nonsense://{A}:3128"}, "refused"),
    Case({"HTTPS_PROXY": "http://user:pass@"}, "refused"),
]

SOCKS = [
    Case({"ALL_PROXY": f"socks4://{A}:1080"}, f"SOCKS4 {A}:1080"),
    Case({"ALL_PROXY": f"socks4a://{A}:1080"}, f"SOCKS4a {A}:1080"),
    Case({"ALL_PROXY": f"socks5://{A}:1080"}, f"SOCKS5 {A}:1080"),
    Case({"ALL_PROXY": f"socks5h://{A}:1080"}, f"SOCKS5h {A}:1080"),
    Case({"HTTPS_PROXY": f"socks5h://{A}"}, f"SOCKS5h {A}:1080"),
    Case({"ALL_PROXY": f"socks5h://user:p%40ss@{A}:1080"}, f"SOCKS5h user:p@ss@{A}:1080"),
    Case(
        {"ALL_PROXY": f"socks://{A}:1080/"},
        f"SOCKS4 {A}:1080",
        f"SOCKS5h {A}:1080",
        "GNOME writes it, and GNOME tries SOCKS5 first and lets the proxy resolve names",
    ),
]

EXEMPTIONS = [
    behind("exchange.test", "direct"),
    behind("test", "direct"),
    behind(".test", "direct"),
    behind("EXCHANGE.Test", "direct"),
    behind("exchange.test.", "direct"),
    behind("change.test", THROUGH),
    behind("api.exchange.test", THROUGH),
    behind("a.example, exchange.test ,b.example", "direct"),
    behind("a.example exchange.test", "direct"),
    behind(",,a.example,,exchange.test", "direct"),
    behind("*", "direct"),
    behind("*,a.example", THROUGH),
    behind("*.test", THROUGH),
    behind("http://exchange.test", THROUGH),
    behind("fe80::/10,[::1],::1,localhost,127.0.0.0/8", THROUGH),
    behind("%,/,:,[,]:1,//,10.0.0.0/99,-,☃", THROUGH),
    behind(
        "exchange.test:443", THROUGH, "direct", "what an entry with a port means is plain, and kept"
    ),
    behind("exchange.test:80", THROUGH),
    behind("192.0.2.7", "direct", origin=IPV4),
    behind("192.0.2.0/24", "direct", origin=IPV4),
    behind("192.0.3.0/24", THROUGH, origin=IPV4),
    behind("192.0.2.7/33", THROUGH, origin=IPV4),
    behind("2.7", THROUGH, origin=IPV4),
    behind("2001:db8::7", "direct", origin=IPV6),
    behind("2001:db8::/32", THROUGH, "direct", "as curl's manual has it", origin=IPV6),
    behind("2001:0DB8:0::7", THROUGH, "direct", "it is the same address", origin=IPV6),
    behind("[2001:db8::7]", THROUGH, "direct", "a URL writes it so", origin=IPV6),
    Case({"ALL_PROXY": f"http://{A}:3128", "no_proxy": "a.b", "NO_PROXY": "*"}, THROUGH),
    Case({"ALL_PROXY": f"http://{A}:3128", "no_proxy": "", "NO_PROXY": "*"}, "direct"),
    Case({"ALL_PROXY": "http://x:99999", "NO_PROXY": "exchange.test"}, "direct"),
    Case({"NO_PROXY": "fe80::/10"}, "direct"),
]

CASES = [*VARIABLES, *ADDRESSES, *SOCKS, *EXEMPTIONS]


def received(connection: socket.socket, address: str) -> str:
    """Play a proxy until it is clear what is wanted of it, and say what that is."""
    start = connection.recv(4096)
    if start[:1] == b"\x16":
        return f"TLS {address}"
    if start[:1] == b"\x04":
        return f"{'SOCKS4a' if start[4:7] == bytes(3) else 'SOCKS4'} {address}"
    if start[:1] != b"\x05":
        head = start.decode().split("\r\n")
        given = next((line for line in head if line.lower().startswith("proxy-auth")), "")
        who = f"{base64.b64decode(given.split()[-1]).decode()}@" if given else ""
        return f"{head[0].split()[0]} {who}{address}"
    who = ""
    if 2 in start[2:]:
        connection.sendall(b"\x05\x02")
        _, size, *rest = connection.recv(4096)
        who = f"{bytes(rest[:size]).decode()}:{bytes(rest[size + 1 :]).decode()}@"
        connection.sendall(b"\x01\x00")
    else:
        connection.sendall(b"\x05\x00")
    by_name = connection.recv(4096)[3] == 3
    return f"{'SOCKS5h' if by_name else 'SOCKS5'} {who}{address}"


def notes(server: socket.socket, address: str, seen: list[str]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            seen.append(received(connection, address))


def curl_does(case: Case, seen: list[str]) -> str:
    """Run curl in that environment, and return what it does."""
    del seen[:]
    names = [f"exchange.test:{port}:192.0.2.8" for port in (80, 443)]
    resolved = [word for name in names for word in ("--resolve", name)]
    ended = subprocess.run(
        ["curl", "-sv", "--max-time", "1", *resolved, case.origin],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **case.variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if seen:
        return seen[0]
    tried = any(f"Trying {host}" in ended.stderr for host in ("192.0.2.", "2001:", "[2001:"))
    return "direct" if tried else "refused"


def main() -> int:
    """Tell where curl does something else than stands above."""
    if shutil.which("curl") is None:
        print("curl isn't installed")
        return 1
    seen: list[str] = []
    wrong = 0
    with ExitStack() as stack:
        for host, port in [(A, 3128), (A, 3129), (A, 1080), (A, 443), (B, 1080), ("::1", 3128)]:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            server = stack.enter_context(socket.create_server((host, port), family=family))
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            threading.Thread(target=notes, args=(server, address, seen), daemon=True).start()
        for case in CASES:
            does = curl_does(case, seen)
            if does != case.curl:
                wrong += 1
                print(f"{case.variables} {case.origin}: {does}, not {case.curl}")
    print(f"{len(CASES)} environments, {wrong} in which curl does something else")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
