"""Follows symbols on an exchange, for the commands that keep books."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from depthcli.commands.caching_client import client_of
from depthcli.core.messages import N
from depthcli.exchange.sockets import BinanceSocketManager
from depthcli.managers.group import DepthCacheGroup, GroupMember
from depthcli.managers.targets import by_market
from depthcli.settings.environment import Environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from depthcli.core.book import DepthCache
    from depthcli.core.markets import Market
    from depthcli.core.state import State
    from depthcli.core.symbols import Target


class Listener(Generic[N]):
    """Callbacks of a command for changes of books; they do nothing by default."""

    def book(self, target: Target, cache: DepthCache[N]) -> None:
        """Called when a live book has changed, by an event or a snapshot."""

    def state(self, target: Target, cache: DepthCache[N], state: State, reason: str) -> None:
        """Called when the state of a book, or its reason, has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a command follows, and how.

    Attributes:
        targets: the symbols, each once.
        depth: levels per side to show; None: all.
        limit: levels per side of a snapshot; None: chosen from `depth` and the request weight.
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
        """Return the name of a target: its symbol alone if all are of one market."""
        return str(target) if len(self.wanted) > 1 else target.symbol


@asynccontextmanager
async def follow(
    following: Following, conv_type: type[N], listener: Listener[N]
) -> AsyncIterator[DepthCacheGroup[N]]:
    """Keep the books of all targets over shared connections.

    Lost connections are retried for ever.

    Raises:
        UnknownSymbolError: the exchange has no such symbol.
        UsageError: a market isn't there in this environment, or has no such speed.
        ExchangeError, UnreachableError, BadMessageError: the symbols couldn't be looked up.
    """

    def changed(member: GroupMember[N]) -> None:
        listener.book(member.target, member.cache)

    def state_changed(member: GroupMember[N], state: State, reason: str) -> None:
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
            on_state=state_changed,
            depth=following.depth or 0,
        )
        yield await stack.enter_async_context(group)
