import asyncio

from depthcli import AsyncClient, DepthCacheManager


async def main():
    client = await AsyncClient.create()
    dcm = DepthCacheManager(client, "BNBBTC")

    async with dcm as dcm_socket:
        while True:
            depth_cache = await dcm_socket.recv()
            print("symbol {}".format(depth_cache.symbol))
            print("bids", depth_cache.get_bids()[:5])
            print("asks", depth_cache.get_asks()[:5])
            print("last update time {}".format(depth_cache.update_time), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
