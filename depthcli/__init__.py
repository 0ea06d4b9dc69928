"""Market depth that is provably the exchange's: depth cache managers for asyncio.

>>> from depthcli import AsyncClient, DepthCacheManager
>>> async def main():
...     async with await AsyncClient.create() as client:
...         async with DepthCacheManager(client, "BNBBTC") as manager:
...             async for cache in manager:
...                 print(cache.get_bids()[:5], cache.get_asks()[:5], cache.update_time)

The names are loaded when they are first used, so that `depthcli --help` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthcli.book import DepthCache
    from depthcli.client import AsyncClient
    from depthcli.managers import (
        DepthCacheManager,
        FuturesDepthCacheManager,
        OptionsDepthCacheManager,
    )
    from depthcli.sockets import BinanceSocketManager

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "BinanceSocketManager",
    "DepthCache",
    "DepthCacheManager",
    "FuturesDepthCacheManager",
    "OptionsDepthCacheManager",
    "__version__",
]

_HOMES = {
    "AsyncClient": "depthcli.client",
    "BinanceSocketManager": "depthcli.sockets",
    "DepthCache": "depthcli.book",
    "DepthCacheManager": "depthcli.managers",
    "FuturesDepthCacheManager": "depthcli.managers",
    "OptionsDepthCacheManager": "depthcli.managers",
}


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'depthcli' has no attribute {name!r}") from None
    return getattr(import_module(home), name)
