"""Proxies from environment variables, by curl's rules.

The rules are those of curl's manual (section "Proxy environment variables") and of its
`CURLOPT_NOPROXY`. Functions that go beyond them say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

import httpx

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOR_SCHEME: Final = {
    # Upper-case HTTP_PROXY isn't read: in a CGI program, a visitor can set it with a header.
    "http": ("http_proxy",),
    "https": ("https_proxy", "HTTPS_PROXY"),
}
FOR_ALL: Final = ("all_proxy", "ALL_PROXY")
EXEMPT: Final = ("no_proxy", "NO_PROXY")

SCHEMES: Final = {
    "http": "http",
    "https": "https",
    "socks": "socks5h",
    "socks4": "socks4",
    "socks4a": "socks4a",
    "socks5": "socks5",
    "socks5h": "socks5h",
}
"""The schemes of proxy URLs, and what they mean.

GNOME writes `socks`, tries SOCKS5 first and lets the proxy resolve names, as here. curl takes it
for SOCKS4, but hardly any proxy supports only that.
"""

HTTP_PORT: Final = 1080
HTTPS_PORT: Final = 443

LONGEST_SOCKS_FIELD: Final = 255
"""The most bytes in a user name or a password (RFC 1929)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, parsed from its URL.

    Attributes:
        scheme: `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`.
        host: a name or an address; an IPv6 address without brackets.
        port: from 1 to 65535.
        credentials: user and password, decoded; None: without.
        source: where it was specified, such as `HTTPS_PROXY`.
    """

    scheme: str
    host: str
    port: int
    credentials: tuple[str, str] | None = field(repr=False)
    source: str

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy, of any version."""
        return self.scheme.startswith("socks")

    @property
    def resolves_names(self) -> bool:
        """Whether host names are resolved by the SOCKS proxy, not by this machine."""
        return self.scheme in {"socks4a", "socks5h"}

    @property
    def address(self) -> str:
        """Its URL, without user and password."""
        return self._url("")

    @property
    def url(self) -> str:
        """Its URL, with user and password if it has them."""
        if self.credentials is None:
            return self.address
        user, password = (quote(part, safe="") for part in self.credentials)
        return self._url(f"{user}:{password}@")

    def _url(self, before: str) -> str:
        return f"{self.scheme}://{before}{_bracketed(self.host)}:{self.port}"


def names_one(variables: Mapping[str, str]) -> bool:
    """Return whether any of the variables names a proxy, for any scheme."""
    names = [*FOR_SCHEME["http"], *FOR_SCHEME["https"], *FOR_ALL]
    return bool(_first(names, variables)[1])


def proxy_for(origin: str, variables: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that the variables specify for an origin; None: connect directly.

    Only the variable that applies to the origin is read, so errors in others don't matter.

    Args:
        origin: `scheme://host` or `scheme://host:port`; `wss` counts as `https`, `ws` as `http`.
        variables: the environment's.

    Raises:
        UsageError: the variable doesn't name a proxy; the message names the variable.
    """
    if is_exempt(origin, variables):
        return None
    kind = "https" if urlsplit(origin).scheme in {"https", "wss"} else "http"
    name, value = _first([*FOR_SCHEME[kind], *FOR_ALL], variables)
    return read_proxy(value, name) if value else None


def is_exempt(origin: str, variables: Mapping[str, str]) -> bool:
    """Return whether `no_proxy`, or else `NO_PROXY`, exempts an origin from the proxy.

    A single `*` exempts everything. Otherwise it is a list, separated by commas or blanks, of host
    names, which include their subdomains, of addresses, and of networks such as `10.0.0.0/8`. Other
    entries are ignored. Unlike curl's, an entry may have a port, which must then match the
    origin's, and an IPv6 address may be in brackets.
    """
    _, listed = _first(EXEMPT, variables)
    if listed == "*":
        return True
    parts = urlsplit(origin)
    host = (parts.hostname or "").removesuffix(".")
    port = parts.port or (443 if parts.scheme in {"https", "wss"} else 80)
    return any(_exempts(entry, host, port) for entry in re.split(r"[,\s]+", listed) if entry)


def read_proxy(text: str, source: str, http_port: int = HTTP_PORT) -> Proxy:
    """Parse the URL of a proxy; without a scheme it is an HTTP proxy.

    Args:
        text: such as `http://user:password@proxy.example:3128` or `proxy.example:3128`; user and
            password may be percent-encoded.
        source: where it was specified, for messages.
        http_port: the default port of an HTTP proxy.

    Raises:
        UsageError: it isn't a proxy's URL. The message doesn't quote the text, which may hold a
            password.
    """
    before, mark, after = text.strip().partition("://")
    written, rest = (before.lower(), after) if mark else ("http", before)
    if written not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise _unusable(source, f"{printable(written)}:// isn't a proxy's scheme: give {known}")
    scheme = SCHEMES[written]
    default_port = HTTPS_PORT if scheme == "https" else http_port if scheme == "http" else HTTP_PORT
    example = f"give {written}://HOST:PORT"
    try:
        parts = urlsplit(f"http://{rest}")
        host = httpx.URL(f"http://{_bracketed(parts.hostname or '')}").raw_host.decode("ascii")
    except (ValueError, httpx.InvalidURL):
        raise _unusable(source, f"its host can't be read: {example}") from None
    if not host or set("% ") & set(host):
        raise _unusable(source, f"it has no host: {example}")
    try:
        port = default_port if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port:
        raise _unusable(source, f"its port isn't a number from 1 to 65535: {example}")
    try:
        credentials = _credentials(parts.username, parts.password)
    except ValueError:
        raise _unusable(source, "its user or password isn't UTF-8, percent-encoded") from None
    proxy = Proxy(scheme, host, port, credentials, source)
    longest = max(len(part.encode()) for part in credentials or ("",))
    if proxy.is_socks and longest > LONGEST_SOCKS_FIELD:
        raise _unusable(source, f"SOCKS has no user or password over {LONGEST_SOCKS_FIELD} bytes")
    return proxy


def _first(names: Iterable[str], variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and value of the first variable that isn't empty; else two empty strings."""
    for name in names:
        if value := variables.get(name, "").strip():
            return name, value
    return "", ""


def _exempts(entry: str, host: str, port: int) -> bool:
    name, entry_port = _split_port(entry)
    if entry_port and int(entry_port) != port:
        return False
    address = _address(host)
    if address is None:
        suffix = name.lower().removeprefix(".").removesuffix(".")
        return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, str]:
    """Split an entry into its host, without brackets, and its port, or an empty string."""
    found = re.fullmatch(r"\[([^\]]*)\](?::([0-9]{1,5}))?|([^:]*):([0-9]{1,5})", entry)
    if found is None:
        return entry, ""
    bracketed, its_port, name, port = found.groups()
    return (name, port) if bracketed is None else (bracketed, its_port or "")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _credentials(user: str | None, password: str | None) -> tuple[str, str] | None:
    if not user and not password:
        return None
    decoded = tuple(unquote(part or "", errors="strict") for part in (user, password))
    for part in decoded:
        part.encode()
    return decoded[0], decoded[1]


def _unusable(source: str, why: str) -> UsageError:
    return UsageError(f"the proxy that {source} names can't be used: {why}")
