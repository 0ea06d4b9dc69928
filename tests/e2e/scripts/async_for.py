import asyncio

from depthcli import AsyncClient, DepthCacheManager


async def main(api_key, api_secret):
    client = await AsyncClient.create(api_key, api_secret, tld="com", testnet=False)
    try:
        async with DepthCacheManager(client, symbol="ETHBTC", limit=100, ws_interval=100) as dcm:
            seen = 0
            async for depth_cache in dcm:
                best_bid = depth_cache.get_bids()[0]
                best_ask = depth_cache.get_asks()[0]
                print(f"{dcm.get_symbol()} spread {best_ask[0] - best_bid[0]:.8f}", flush=True)
                assert depth_cache is dcm.get_depth_cache()
                seen += 1
                if seen == 5:
                    break
    finally:
        await client.close_connection()
    print("closed")


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main("my key", "my secret"))
