"""What the commands that follow books share: these symbols, on that exchange."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from depthcli.commands.caching_client import client_of
from depthcli.core.messages import N
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.group import DepthCacheGroup, GroupMember
from depthcli.managers.symbol_lookup import by_market
from depthcli.settings.environment import Environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from depthcli.core.book import DepthCache
    from depthcli.core.markets import Market
    from depthcli.core.state import State
    from depthcli.core.symbols import Target


class Listener(Generic[N]):
    """What a command does when books change; by itself nothing."""

    def book(self, target: Target, cache: DepthCache[N]) -> None:
        """The book is live and has changed, by one event or by a snapshot."""

    def state(self, target: Target, cache: DepthCache[N], state: State, reason: str) -> None:
        """The state of the book, or its reason, has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a command follows.

    Attributes:
        targets: what is followed, each once.
        depth: levels a side that are shown; None: all.
        limit: levels a side of a snapshot; None: chosen from `depth` and the weight budget.
        speed: update speed of the streams, ms; None: the fastest of each market.
        refresh_interval: seconds between two refreshes; 0: never.
        environment: where the exchange is.
    """

    targets: tuple[Target, ...]
    depth: int | None
    limit: int | None = None
    speed: int | None = None
    refresh_interval: float
    environment: Environment = field(default_factory=Environment)

    @property
    def wanted(self) -> dict[Market, list[str]]:
        """The symbols of each market, in the order in which they were typed."""
        return by_market(self.targets)

    def label(self, target: Target) -> str:
        """Return what a target is called: by its symbol alone if all are of one market."""
        return str(target) if len(self.wanted) > 1 else target.symbol


@asynccontextmanager
async def follow(
    following: Following, conv_type: type[N], listener: Listener[N]
) -> AsyncIterator[DepthCacheGroup[N]]:
    """Keep the books of all targets over shared connections; stop in the end.

    A connection that broke off is never given up.

    Raises:
        UnknownSymbolError: the exchange has no such symbol.
        UsageError: a market isn't there in this environment, or has no such speed.
        ExchangeError, UnreachableError, BadMessageError: the symbols couldn't be looked up.
    """

    def changed(member: GroupMember[N]) -> None:
        listener.book(member.target, member.cache)

    def turned(member: GroupMember[N], state: State, reason: str) -> None:
        listener.state(member.target, member.cache, state, reason)

    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(client_of(following.environment))
        sockets = BinanceSocketManager(client, max_reconnects=None)
        stack.push_async_callback(sockets.close)
        group = DepthCacheGroup(
            client,
            following.targets,
            refresh_interval=following.refresh_interval,
            bm=sockets,
            limit=following.limit,
            conv_type=conv_type,
            ws_interval=following.speed,
            callback=changed,
            on_state=turned,
            depth=following.depth or 0,
        )
        yield await stack.enter_async_context(group)
