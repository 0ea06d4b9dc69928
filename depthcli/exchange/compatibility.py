"""Options of python-binance's client, and how they are handled here.

Options with a meaning here are used. Those without one are ignored if they would have no visible
effect; for all others a `UserWarning` is issued, so that nothing is dropped silently.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from depthcli.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Options:
    """Options, by python-binance's names."""

    requests_params: Mapping[str, Any] | None = None
    session_params: Mapping[str, Any] | None = None
    base_endpoint: str = ""
    time_unit: str | None = None
    https_proxy: str | None = None

    def settle(self) -> str | None:
        """Return the URL of the proxy, or None; warn about unused options.

        Raises:
            UsageError: the proxy isn't the URL of an HTTP proxy, or the time unit isn't
                milliseconds.
        """
        if self.time_unit not in {None, "MILLISECOND"}:
            raise UsageError(
                f"time_unit {printable(str(self.time_unit))!r} isn't supported: all times are ms"
                " since the epoch; leave it out"
            )
        unused = self._unused()
        if unused:
            warnings.warn(
                f"depthcli doesn't use {', '.join(unused)}: leave it out", UserWarning, stacklevel=4
            )
        return self._proxy()

    def _unused(self) -> list[str]:
        unused = [
            f"requests_params[{name!r}]" for name in self.requests_params or {} if name != "proxies"
        ]
        unused += [f"session_params[{name!r}]" for name in self.session_params or {}]
        if self.base_endpoint:
            unused.append(f"base_endpoint={self.base_endpoint!r}")
        return unused

    def _proxy(self) -> str | None:
        proxies = (self.requests_params or {}).get("proxies") or {}
        proxy = self.https_proxy or proxies.get("https") or proxies.get("http")
        if not proxy:
            return None
        try:
            parts = urlsplit(str(proxy))
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole:
            # The URL isn't quoted: it may hold a password.
            raise UsageError("the proxy isn't an HTTP proxy's URL: give http://HOST:PORT")
        return str(proxy)
