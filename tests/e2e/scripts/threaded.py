from depthcli import ThreadedDepthCacheManager


def main():
    dcm = ThreadedDepthCacheManager()
    # start is required to initialise its internal loop
    dcm.start()

    def handle_depth_cache(depth_cache):
        if isinstance(depth_cache, dict) and depth_cache.get("e") == "error":
            dcm.stop()
            return
        print(f"symbol {depth_cache.symbol}")
        print("bids", depth_cache.get_bids()[:5])
        print("asks", depth_cache.get_asks()[:5])
        print("last update time {}".format(depth_cache.update_time), flush=True)

    dcm.start_depth_cache(handle_depth_cache, symbol="BNBBTC")
    # multiple depth caches can be started
    dcm.start_depth_cache(callback=handle_depth_cache, symbol="ETHBTC")

    dcm.join()


if __name__ == "__main__":
    main()
