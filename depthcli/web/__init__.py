"""`depthcli watch --web`: the same screens in a browser, each tab with a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


async def serve(arguments: Sequence[str], host: str, port: int) -> None:
    """Serve screens to browsers until it is cancelled.

    Args:
        arguments: of `depthcli watch`, for each screen.
        host: the address to listen on.
        port: the port to listen on; 0: any free port.

    Raises:
        UsageError: what it takes isn't installed, or nothing can listen there.
    """
    try:
        from depthcli.web.serving import serve_screens  # noqa: PLC0415, it may be absent
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("depthcli"):
            raise
        raise UsageError("--web needs what isn't installed: pip install 'depthcli[web]'") from error
    await serve_screens(arguments, host, port)
