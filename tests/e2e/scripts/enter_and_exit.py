import asyncio

from depthcli import AsyncClient, DepthCacheManager


async def main():
    client = await AsyncClient.create()
    dcm = DepthCacheManager(client, "BNBBTC")

    await dcm.__aenter__()
    depth_cache = await dcm.recv()
    print("symbol {}".format(depth_cache.symbol))
    print("bids", depth_cache.get_bids()[:5])
    print("asks", depth_cache.get_asks()[:5])
    print("last update time {}".format(depth_cache.update_time))

    # exit the context manager
    await dcm.__aexit__(None, None, None)
    await client.close_connection()


asyncio.run(main())
