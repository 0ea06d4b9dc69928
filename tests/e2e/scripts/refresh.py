import asyncio

from depthcli import AsyncClient, DepthCacheManager


async def first(dcm):
    async with dcm as socket:
        depth_cache = await socket.recv()
        print(depth_cache.symbol, len(depth_cache.get_bids()) > 0, len(depth_cache.get_asks()) > 0)


async def main():
    client = await AsyncClient.create()

    # 1 hour interval refresh
    await first(DepthCacheManager(client, "BNBBTC", refresh_interval=60 * 60))

    # disable refreshing
    await first(DepthCacheManager(client, "BNBBTC", refresh_interval=0))
    await first(DepthCacheManager(client, "ETHBTC", refresh_interval=None))

    await client.close_connection()


asyncio.run(main())
