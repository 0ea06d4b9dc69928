import threading

from depthcli import ThreadedDepthCacheManager

dcm = ThreadedDepthCacheManager(api_key="my key", api_secret="my secret")
dcm.start()
counts = {"BNBBTC": 0, "ETHBTC": 0}
some_time_later = threading.Event()


def handle_depth_cache(depth_cache):
    counts[depth_cache.symbol] += 1
    if counts["BNBBTC"] >= 3 and counts["ETHBTC"] >= 3:
        some_time_later.set()


bnb = dcm.start_depth_cache(handle_depth_cache, symbol="BNBBTC", ws_interval=100)
eth = dcm.start_depth_cache(handle_depth_cache, symbol="ETHBTC", ws_interval=100)
assert some_time_later.wait(30)

dcm.stop_socket(bnb)
stopped_at = dict(counts)
some_time_later.clear()
while counts["ETHBTC"] < stopped_at["ETHBTC"] + 5:
    assert some_time_later.wait(30)
    some_time_later.clear()

print("names differ:", bnb != eth)
# one call may have been under way when it was stopped
print("BNBBTC stopped:", counts["BNBBTC"] <= stopped_at["BNBBTC"] + 1)
print("ETHBTC goes on:", counts["ETHBTC"] > stopped_at["ETHBTC"])
dcm.stop()
