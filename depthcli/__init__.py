"""Depth cache managers for asyncio: order books kept verifiably equal to the exchange's.

>>> from depthcli import AsyncClient, DepthCacheManager
>>> async def main():
...     async with await AsyncClient.create() as client:
...         async with DepthCacheManager(client, "BNBBTC") as manager:
...             async for cache in manager:
...                 print(cache.get_bids()[:5], cache.get_asks()[:5], cache.update_time)

Names are loaded on first use, so that `depthcli --help` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthcli.core.book import DepthCache
    from depthcli.errors import (
        BadMessageError as BinanceRequestException,
        ExchangeError as BinanceAPIException,
    )
    from depthcli.exchange.client import AsyncClient
    from depthcli.exchange.sockets import BinanceSocketManager
    from depthcli.managers.depth_cache import (
        DepthCacheManager,
        FuturesDepthCacheManager,
        OptionsDepthCacheManager,
    )
    from depthcli.managers.group import DepthCacheGroup
    from depthcli.managers.threaded import ThreadedDepthCacheManager

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "BinanceAPIException",
    "BinanceRequestException",
    "BinanceSocketManager",
    "DepthCache",
    "DepthCacheGroup",
    "DepthCacheManager",
    "FuturesDepthCacheManager",
    "OptionsDepthCacheManager",
    "ThreadedDepthCacheManager",
    "__version__",
]

_HOMES = {
    "AsyncClient": "depthcli.exchange.client:AsyncClient",
    "BinanceAPIException": "depthcli.errors:ExchangeError",
    "BinanceRequestException": "depthcli.errors:BadMessageError",
    "BinanceSocketManager": "depthcli.exchange.sockets:BinanceSocketManager",
    "DepthCache": "depthcli.core.book:DepthCache",
    "DepthCacheGroup": "depthcli.managers.group:DepthCacheGroup",
    "DepthCacheManager": "depthcli.managers.depth_cache:DepthCacheManager",
    "FuturesDepthCacheManager": "depthcli.managers.depth_cache:FuturesDepthCacheManager",
    "OptionsDepthCacheManager": "depthcli.managers.depth_cache:OptionsDepthCacheManager",
    "ThreadedDepthCacheManager": "depthcli.managers.threaded:ThreadedDepthCacheManager",
}


def __getattr__(name: str) -> Any:
    try:
        module, own_name = _HOMES[name].split(":")
    except KeyError:
        raise AttributeError(f"module 'depthcli' has no attribute {name!r}") from None
    return getattr(import_module(module), own_name)
