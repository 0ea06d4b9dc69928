import asyncio

from depthcli import AsyncClient, BinanceSocketManager, DepthCacheManager


async def follow(dcm):
    async with dcm as socket:
        for _ in range(5):
            depth_cache = await socket.recv()
        print(depth_cache.symbol, depth_cache.get_bids()[0][0] < depth_cache.get_asks()[0][0])


async def main():
    client = await AsyncClient.create()
    bm = BinanceSocketManager(client, user_timeout=60)
    dcm1 = DepthCacheManager(client, "BNBBTC", bm=bm, ws_interval=100)
    dcm2 = DepthCacheManager(client, "ETHBTC", bm=bm, ws_interval=100)
    await asyncio.gather(follow(dcm1), follow(dcm2))
    await client.close_connection()


asyncio.run(main())
