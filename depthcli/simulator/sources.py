"""Ready-made simulated markets and simulators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthcli.core.markets import Market, market_named
from depthcli.simulator.market.exchange import Exchange
from depthcli.simulator.market.instruments import default_symbols, instrument_named
from depthcli.simulator.server import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def source_for(
    market: Market | str,
    symbols: Iterable[str] = (),
    seed: int = 0,
    *,
    keep_history: bool = False,
    snapshot_age_ms: float | None = None,
) -> Exchange:
    """Return a simulated exchange.

    Args:
        market: a market or its name.
        symbols: what is traded, in upper or lower case; none: some twenty well-known symbols.
        seed: of all random numbers.
        keep_history: record everything for `Exchange.book_at`; for tests, not for long runs.
        snapshot_age_ms: how long snapshots are cached; None for the market's default.

    Raises:
        UsageError: there is no such market, or a symbol can't have such a name there.
    """
    chosen = market if isinstance(market, Market) else market_named(market)
    names = list(symbols) or default_symbols(chosen)
    instruments = [instrument_named(chosen, name, seed) for name in names]
    return Exchange(
        chosen,
        instruments,
        seed=seed,
        keep_history=keep_history,
        snapshot_age_ms=snapshot_age_ms,
    )


def embedded_exchange(wanted: Mapping[Market, Iterable[str]], seed: int) -> Simulator:
    """Return a simulator of some markets with their default symbols and the given ones.

    It isn't running yet.

    Raises:
        UsageError: a symbol can't have such a name in that market.
    """
    sources = [
        source_for(market, dict.fromkeys([*symbols, *default_symbols(market)]), seed)
        for market, symbols in wanted.items()
    ]
    return Simulator(*sources, seed=seed)
