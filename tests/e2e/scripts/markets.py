import threading

from depthcli import ThreadedDepthCacheManager

dcm = ThreadedDepthCacheManager(testnet=False)
dcm.daemon = True
dcm.start()
depth = {}
everything = threading.Event()


def handle(market):
    def callback(depth_cache):
        depth[market] = (depth_cache.get_bids()[0][0], depth_cache.get_asks()[0][0])
        if len(depth) == 3:
            everything.set()

    return callback


dcm.start_depth_cache(callback=handle("spot"), symbol="BNBBTC", refresh_interval=0)
dcm.start_futures_depth_socket(callback=handle("futures"), symbol="BTCUSDT")
dcm.start_options_depth_socket(callback=handle("options"), symbol="BTC-261225-110000-C")
assert everything.wait(30)
for market, (bid, ask) in sorted(depth.items()):
    print(market, 0 < bid < ask)
