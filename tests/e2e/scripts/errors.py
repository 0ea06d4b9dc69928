import asyncio
from decimal import Decimal

from depthcli import AsyncClient, BinanceAPIException, DepthCache, DepthCacheManager


async def main():
    client = await AsyncClient.create(requests_params={"timeout": 20})
    try:
        async with DepthCacheManager(client, "NOSUCH") as dcm:
            await dcm.recv()
    except BinanceAPIException as e:
        print(e.status_code, e.code, e.message)
    finally:
        await client.close_connection()


asyncio.run(main())

cache = DepthCache("BNBBTC", conv_type=Decimal)
cache.add_bid(["0.0024", "10.5"])
cache.add_bid(["0.0025", "1"])
cache.add_bid(["0.0025", "0.00000000"])
cache.add_ask(["0.0026", "100"])
print(cache.get_bids(), cache.get_asks())
print(DepthCache.sort_depth({"10.0": "1", "9.0": "2"}, reverse=True))
