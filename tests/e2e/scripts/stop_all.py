import time

from depthcli import ThreadedDepthCacheManager

symbol = "BNBBTC"

dcm = ThreadedDepthCacheManager()
dcm.start()
updates = []


def handle_depth_cache(depth_cache):
    updates.append(depth_cache.update_time)


dcm_name = dcm.start_depth_cache(handle_depth_cache, symbol=symbol, ws_interval=100)
while len(updates) < 5:
    time.sleep(0.05)

dcm.stop()
dcm.join()
print("updates:", len(updates) >= 5)
print("alive:", dcm.is_alive())
try:
    dcm.start_depth_cache(handle_depth_cache, symbol=symbol)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
