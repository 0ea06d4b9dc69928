"""The differences between markets, as data: hosts, paths, limits, weights, streams.

The facts come from the exchange's public documentation. How events link isn't here: each event says
which update it follows (`DepthEvent.follows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from depthcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of one environment of a market: `scheme://host[:port]`, without a path."""

    rest: str
    websocket: str


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One market of the exchange. Each has a single instance; markets compare by identity.

    Attributes:
        name: the name that users type: `spot`, `usdm`, `coinm`, `options`.
        title: the market's name in messages.
        origins: the environments: `com`, `us`, `vision` (market data only), `testnet`, `demo`.
        rest_prefix: the path before `/depth`, `/exchangeInfo`, `/time` and `/ping`.
        websocket_prefix: the path before `/ws` and `/stream`.
        limits: the snapshot limits that the exchange accepts, ascending.
        any_limit: whether limits between the listed ones, and larger ones, are accepted.
        default_limit: the snapshot limit if a request names none.
        wrong_limit_code: the exchange's error code for a limit that it doesn't accept.
        weights: `(limit, weight)`: a snapshot of at most `limit` levels costs `weight`.
        info_weight: the request weight of the full exchange info.
        weight_pool: the pool from which its request weight is drawn; USD-M and COIN-M share one
            (the exchange's notice of their integration of 2026-06).
        weight_per_minute: the pool's weight per address and minute, until exchangeInfo states it.
        narrows_info: whether exchangeInfo accepts a list of symbols.
        speeds: update speed in ms to the suffix of the diff stream; None: the default stream.
        partial_levels: the numbers of levels per side for which there are streams whose events hold
            the whole top, in the format of diff events.
        streams_per_connection: how many streams to open on one WebSocket. The futures' newer
            documents allow 1,024, older ones 200; the smaller number is used.
        messages_per_second: how many messages (requests, pings and pongs) a WebSocket may send.
        snapshot_lag: seconds by which a cached snapshot may lag behind the stream.
        ping_interval: seconds between two pings from the exchange on a WebSocket.
        pong_timeout: seconds that the exchange waits for a pong before it closes the connection.
        wraps_failures: whether a refused WebSocket request is answered with `{"error": ...}`.
        ids_are_shared: whether update ids are counted across all symbols of the engine, so that a
            snapshot's id grows even if its symbol doesn't change.
        event_at_snapshot_id_applies: whether an event whose last id equals the snapshot's must be
            applied to the snapshot. The derivatives' rule is to drop events with `u` below
            `lastUpdateId`, and real COIN-M snapshots have lacked levels of the event with `u` equal
            to it. On spot the snapshot contains that event.
    """

    name: str
    title: str
    origins: Mapping[str, Origins]
    rest_prefix: str
    websocket_prefix: str
    limits: tuple[int, ...]
    any_limit: bool
    default_limit: int
    wrong_limit_code: int
    weights: tuple[tuple[int, int], ...]
    info_weight: int
    weight_pool: str
    weight_per_minute: int
    narrows_info: bool
    speeds: Mapping[int | None, str]
    partial_levels: tuple[int, ...]
    streams_per_connection: int
    messages_per_second: int
    snapshot_lag: float
    ping_interval: float
    pong_timeout: float
    wraps_failures: bool
    ids_are_shared: bool
    event_at_snapshot_id_applies: bool

    def depth_path(self) -> str:
        """Return the path of snapshots."""
        return f"{self.rest_prefix}/depth"

    def info_path(self) -> str:
        """Return the path of the exchange info."""
        return f"{self.rest_prefix}/exchangeInfo"

    def fit_limit(self, levels: int) -> int:
        """Return the smallest snapshot limit of at least so many levels, or else the largest."""
        if self.any_limit:
            return max(1, min(levels, self.limits[-1]))
        return next((limit for limit in self.limits if limit >= levels), self.limits[-1])

    def generous_limit(self, levels: int) -> int:
        """Return the largest snapshot limit that costs no more weight than so many levels."""
        weight = self.weight(self.fit_limit(levels))
        return max(limit for limit in self.limits if self.weight(limit) <= weight)

    def weight(self, limit: int) -> int:
        """Return the request weight of a snapshot with that limit."""
        return next((weight for most, weight in self.weights if limit <= most), self.weights[-1][1])

    def stream(self, symbol: str, speed: int | None = None) -> str:
        """Return the name of a symbol's diff stream.

        Args:
            symbol: in upper or lower case.
            speed: update speed in ms; None for the exchange's default stream.

        Raises:
            UsageError: the market has no stream of that speed.
        """
        try:
            return symbol.lower() + self.speeds[speed]
        except KeyError:
            known = ", ".join(str(known) for known in self.speeds if known is not None)
            raise UsageError(
                f"{self.title} has no depth stream of {speed} ms: choose one of {known}"
            ) from None

    def partial_stream(self, symbol: str, levels: int, speed: int | None = None) -> str:
        """Return the name of the partial stream, whose events are a symbol's best levels.

        Args:
            symbol: in upper or lower case.
            levels: how many per side.
            speed: update speed in ms; None for the exchange's default stream.

        Raises:
            UsageError: the market has no such stream.
        """
        if levels not in self.partial_levels:
            known = ", ".join(map(str, self.partial_levels)) or "none"
            raise UsageError(
                f"{self.title} has no stream of the best {levels} levels that names its symbol;"
                f" available: {known}"
            )
        return self.stream(symbol, speed).replace("@depth", f"@depth{levels}")

    @property
    def fastest(self) -> int:
        """The fastest update speed, ms."""
        return min(speed for speed in self.speeds if speed is not None)


_FUTURES_LIMITS: Final = (5, 10, 20, 50, 100, 500, 1000)
_FUTURES_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))
_FUTURES_SPEEDS: Final = MappingProxyType(
    {None: "@depth", 100: "@depth@100ms", 250: "@depth", 500: "@depth@500ms"}
)

SPOT: Final = Market(
    name="spot",
    title="spot",
    origins=MappingProxyType(
        {
            "com": Origins("https://api.binance.com", "wss://stream.binance.com:9443"),
            "us": Origins("https://api.binance.us", "wss://stream.binance.us:9443"),
            "vision": Origins(
                "https://data-api.binance.vision", "wss://data-stream.binance.vision"
            ),
            "testnet": Origins(
                "https://testnet.binance.vision", "wss://stream.testnet.binance.vision"
            ),
            "demo": Origins("https://demo-api.binance.com", "wss://demo-stream.binance.com:9443"),
        }
    ),
    rest_prefix="/api/v3",
    websocket_prefix="",
    limits=(100, 500, 1000, 5000),
    any_limit=True,
    default_limit=100,
    wrong_limit_code=-1130,
    weights=((100, 5), (500, 25), (1000, 50), (5000, 250)),
    info_weight=20,
    weight_pool="spot",
    weight_per_minute=6000,
    narrows_info=True,
    speeds=MappingProxyType({None: "@depth", 100: "@depth@100ms", 1000: "@depth"}),
    partial_levels=(),
    streams_per_connection=1024,
    messages_per_second=5,
    snapshot_lag=0.0,
    ping_interval=20.0,
    pong_timeout=60.0,
    wraps_failures=False,
    ids_are_shared=False,
    event_at_snapshot_id_applies=False,
)

USDM: Final = Market(
    name="usdm",
    title="USD-M futures",
    origins=MappingProxyType(
        {
            "com": Origins("https://fapi.binance.com", "wss://fstream.binance.com"),
            "testnet": Origins(
                "https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"
            ),
            "demo": Origins("https://demo-fapi.binance.com", "wss://fstream.binancefuture.com"),
        }
    ),
    rest_prefix="/fapi/v1",
    websocket_prefix="/public",
    limits=_FUTURES_LIMITS,
    any_limit=False,
    default_limit=500,
    wrong_limit_code=-4021,
    weights=_FUTURES_WEIGHTS,
    info_weight=1,
    weight_pool="futures",
    weight_per_minute=2400,
    narrows_info=False,
    speeds=_FUTURES_SPEEDS,
    partial_levels=(5, 10, 20),
    streams_per_connection=200,
    messages_per_second=10,
    snapshot_lag=0.0,
    ping_interval=180.0,
    pong_timeout=600.0,
    wraps_failures=True,
    ids_are_shared=True,
    event_at_snapshot_id_applies=True,
)

COINM: Final = Market(
    name="coinm",
    title="COIN-M futures",
    origins=MappingProxyType(
        {
            "com": Origins("https://dapi.binance.com", "wss://dstream.binance.com"),
            "testnet": Origins(
                "https://testnet.binancefuture.com", "wss://dstream.binancefuture.com"
            ),
        }
    ),
    rest_prefix="/dapi/v1",
    websocket_prefix="",
    limits=_FUTURES_LIMITS,
    any_limit=False,
    default_limit=500,
    wrong_limit_code=-4021,
    weights=_FUTURES_WEIGHTS,
    info_weight=1,
    weight_pool="futures",
    weight_per_minute=2400,
    narrows_info=False,
    speeds=_FUTURES_SPEEDS,
    partial_levels=(5, 10, 20),
    streams_per_connection=200,
    messages_per_second=10,
    snapshot_lag=0.0,
    ping_interval=180.0,
    pong_timeout=600.0,
    wraps_failures=True,
    ids_are_shared=True,
    event_at_snapshot_id_applies=True,
)

OPTIONS: Final = Market(
    name="options",
    title="European options",
    origins=MappingProxyType(
        {
            "com": Origins("https://eapi.binance.com", "wss://fstream.binance.com"),
            "testnet": Origins(
                "https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"
            ),
        }
    ),
    rest_prefix="/eapi/v1",
    websocket_prefix="/public",
    limits=(10, 20, 50, 100, 500, 1000),
    any_limit=False,
    default_limit=100,
    wrong_limit_code=-1130,
    weights=((50, 1), (100, 5), (500, 10), (1000, 20)),
    info_weight=1,
    weight_pool="options",
    weight_per_minute=2400,
    narrows_info=False,
    speeds=MappingProxyType({None: "@depth@500ms", 100: "@depth@100ms", 500: "@depth@500ms"}),
    partial_levels=(5, 10, 20),
    streams_per_connection=200,
    messages_per_second=10,
    snapshot_lag=30.0,
    ping_interval=180.0,
    pong_timeout=600.0,
    wraps_failures=True,
    ids_are_shared=True,
    event_at_snapshot_id_applies=True,
)

MARKETS: Final[Mapping[str, Market]] = MappingProxyType(
    {market.name: market for market in (SPOT, USDM, COINM, OPTIONS)}
)


def market_named(name: str) -> Market:
    """Return the market of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    try:
        return MARKETS[name.lower()]
    except KeyError:
        raise UsageError(f"no market {name!r}: choose one of {', '.join(MARKETS)}") from None
