"""Who is measured: the limit, depthcli, what anybody would write first, and the peers.

Each keeps one book in floats, or in what it keeps books in, from the same bytes. The peers' own
functions decode nothing: their messages are decoded by orjson where it is installed, as they do it
themselves (cryptofeed by yapic), and what they do with a message is called directly, without their
sockets.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
from decimal import Decimal
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from depthcli.core.messages import frame_decoder, snapshot_decoder
from depthcli.core.python_side import PythonSide
from depthcli.core.state import State
from depthcli.core.synchronizer import Synchronizer

if TYPE_CHECKING:
    from benchmarks.feeds import Feed
    from depthcli.core.side import BookSide

try:
    loads: Any = import_module("orjson").loads
except ImportError:
    loads = json.loads

Top = tuple[list[Any], list[Any]]


class Contender:
    """One way to keep a book; made from a feed's snapshot."""

    name: ClassVar[str]
    needs: ClassVar[str] = ""
    """The module that must be importable."""

    def __init__(self, feed: Feed) -> None:
        raise NotImplementedError

    def event(self, frame: bytes) -> None:
        """Decode a frame and put it into the book."""
        raise NotImplementedError

    def top(self, count: int) -> Top:
        """Return the best levels of both sides, best first."""
        raise NotImplementedError

    def full(self) -> Top:
        """Return all levels of both sides, best first."""
        return self.top(10**6)

    def play(self, frames: list[bytes], every: int) -> float:
        """Take in all frames, reading the top 5 after each so many; return seconds an event.

        A first read isn't counted, for it sorts what the snapshot brought.
        """
        event, top = self.event, self.top
        top(5)
        started = perf_counter()
        for number, frame in enumerate(frames, 1):
            event(frame)
            if number % every == 0:
                top(5)
        return (perf_counter() - started) / len(frames)


class Depthcli(Contender):
    """The real path: the decoder of frames, the synchroniser, the book."""

    name = "depthcli"
    side: ClassVar[type[BookSide[float]] | None] = None
    """The kind of side; None: the one that there is."""

    def __init__(self, feed: Feed) -> None:
        self.decode = frame_decoder(float)
        self.synchronizer = Synchronizer(feed.symbol, float)
        if self.side is not None:
            cache = self.synchronizer.cache
            cache.bids, cache.asks = self.side(falling=True), self.side(falling=False)
        self.synchronizer.opened()
        self.event(feed.frames[0])
        self.synchronizer.offer(snapshot_decoder(float)(feed.snapshot), 1_000)
        while self.synchronizer.advance():
            pass

    def event(self, frame: bytes) -> None:
        self.synchronizer.receive(self.decode(frame).data)
        self.synchronizer.advance()

    def top(self, count: int) -> Top:
        return self.synchronizer.cache.top(count)

    def full(self) -> Top:
        cache = self.synchronizer.cache
        return cache.bids.levels(), cache.asks.levels()

    def play(self, frames: list[bytes], every: int) -> float:
        decode, top = self.decode, self.synchronizer.cache.top
        receive, advance = self.synchronizer.receive, self.synchronizer.advance
        number = 0
        top(5)
        started = perf_counter()
        for frame in frames:
            receive(decode(frame).data)
            if advance():
                number += 1
                if number == every:
                    number = 0
                    top(5)
        taken = perf_counter() - started
        if self.synchronizer.state is not State.LIVE or self.synchronizer.pending:
            raise RuntimeError(f"the book isn't live: {self.synchronizer.reason}")
        return taken / len(frames)


class DepthcliInPython(Depthcli):
    """The same where nothing could be compiled."""

    name = "depthcli, without C"
    side = PythonSide


class SortedDicts(Contender):
    """What anybody would write first: JSON to dicts, and a SortedDict a side."""

    name = "plain SortedDict"
    needs = "sortedcontainers"

    def __init__(self, feed: Feed) -> None:
        sorted_dict = import_module("sortedcontainers").SortedDict
        data = loads(feed.snapshot)
        self.bids, self.asks = sorted_dict(), sorted_dict()
        self.put({"b": data["bids"], "a": data["asks"]})

    def put(self, data: dict[str, Any]) -> None:
        for side, name in ((self.bids, "b"), (self.asks, "a")):
            for text, amount in data[name]:
                price, quantity = float(text), float(amount)
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def event(self, frame: bytes) -> None:
        self.put(loads(frame)["data"])

    def top(self, count: int) -> Top:
        bids, asks = self.bids, self.asks
        return (
            [(price, bids[price]) for price in itertools.islice(reversed(bids), count)],
            [(price, asks[price]) for price in itertools.islice(asks, count)],
        )


class PythonBinance(Contender):
    name = "python-binance"
    needs = "binance"

    def __init__(self, feed: Feed) -> None:
        module = import_module("binance.ws.depthcache")
        self.manager = module.DepthCacheManager.__new__(module.DepthCacheManager)
        self.manager._depth_cache = module.DepthCache(feed.symbol)  # noqa: SLF001
        self.cache = self.manager._depth_cache  # noqa: SLF001
        self.apply = self.manager._apply_orders  # noqa: SLF001
        self.apply(loads(feed.snapshot))

    def event(self, frame: bytes) -> None:
        self.apply(loads(frame)["data"])

    def top(self, count: int) -> Top:
        return self.cache.get_bids()[:count], self.cache.get_asks()[:count]


class Unicorn(Contender):
    name = "unicorn local depth cache"
    needs = "unicorn_binance_local_depth_cache"

    def __init__(self, feed: Feed) -> None:
        kind = import_module(self.needs).BinanceLocalDepthCacheManager
        logging.getLogger(self.needs).setLevel(logging.CRITICAL)
        self.manager = kind.__new__(kind)
        self.market = feed.symbol.lower()
        self.manager.stop_request = False
        self.manager.depth_caches = {
            self.market: {"asks": {}, "bids": {}, "is_synchronized": True, "stop_request": False}
        }
        self.manager.threading_lock_ask = {self.market: threading.Lock()}
        self.manager.threading_lock_bid = {self.market: threading.Lock()}
        data = loads(feed.snapshot)
        self.put({"b": data["bids"], "a": data["asks"]})

    def put(self, data: dict[str, Any]) -> None:
        self.manager._apply_updates(asks=data["a"], bids=data["b"], market=self.market)  # noqa: SLF001

    def event(self, frame: bytes) -> None:
        self.put(loads(frame)["data"])

    def top(self, count: int) -> Top:
        return (
            self.manager.get_bids(market=self.market, limit_count=count),
            self.manager.get_asks(market=self.market, limit_count=count),
        )


class Ccxt(Contender):
    name = "ccxt pro"
    needs = "ccxt.pro"

    def __init__(self, feed: Feed) -> None:
        self.exchange = import_module("ccxt.pro").binance()
        data = loads(feed.snapshot)
        self.book = self.exchange.order_book({}, 10_000)
        self.book.reset(self.exchange.parse_order_book(data, feed.symbol))

    def event(self, frame: bytes) -> None:
        data = loads(frame)["data"]
        self.exchange.handle_order_book_message(None, data, self.book)

    def top(self, count: int) -> Top:
        self.book.limit()
        return self.book["bids"][:count], self.book["asks"][:count]


class Cryptofeed(Contender):
    """The loop of cryptofeed's Binance feed over its `order_book`, in Decimals as it keeps them."""

    name = "cryptofeed, order_book"
    needs = "order_book"

    def __init__(self, feed: Feed) -> None:
        self.book = import_module("order_book").OrderBook()
        try:
            self.loads = import_module("yapic.json").loads
        except ImportError:
            self.loads = loads
        data = loads(feed.snapshot)
        self.put({"b": data["bids"], "a": data["asks"]})

    def put(self, data: dict[str, Any]) -> None:
        for name, side in (("b", self.book.bids), ("a", self.book.asks)):
            for update in data[name]:
                price, amount = Decimal(update[0]), Decimal(update[1])
                if amount == 0:
                    if price in side:
                        del side[price]
                else:
                    side[price] = amount

    def event(self, frame: bytes) -> None:
        self.put(self.loads(frame)["data"])

    def top(self, count: int) -> Top:
        bids, asks = self.book.bids, self.book.asks
        return (
            [bids.index(place) for place in range(min(count, len(bids)))],
            [asks.index(place) for place in range(min(count, len(asks)))],
        )


CONTENDERS: tuple[type[Contender], ...] = (
    Depthcli,
    DepthcliInPython,
    SortedDicts,
    Cryptofeed,
    Ccxt,
    Unicorn,
    PythonBinance,
)


def present() -> tuple[list[type[Contender]], list[str]]:
    """Return the contenders that are installed, and the names of those that aren't."""
    found, absent = [], []
    for kind in CONTENDERS:
        try:
            if kind.needs:
                import_module(kind.needs)
        except ImportError:
            absent.append(kind.name)
        else:
            found.append(kind)
    return found, absent


class _Levels(msgspec.Struct, gc=False):
    event_time: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    first: int = msgspec.field(name="U")
    last: int = msgspec.field(name="u")
    bids: list[tuple[float, float]] = msgspec.field(name="b")
    asks: list[tuple[float, float]] = msgspec.field(name="a")


class _Message(msgspec.Struct, gc=False):
    stream: str
    data: _Levels


class _LevelsAlone(msgspec.Struct, gc=False):
    b: list[tuple[float, float]]
    a: list[tuple[float, float]]


class _Bare(msgspec.Struct, gc=False):
    data: _LevelsAlone


decode_event = msgspec.json.Decoder(_Message, strict=False).decode
"""The limit for Python: each event with its ids, its time and its levels, and nothing checked."""

decode_levels = msgspec.json.Decoder(_Bare, strict=False).decode
"""The levels alone: not enough to keep a book, but less is not possible."""
