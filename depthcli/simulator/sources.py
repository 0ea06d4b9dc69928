"""Ready-made sources: a market of simulated symbols, and an exchange around it."""

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
        symbols: what is traded, in any case; none: some twenty well-known ones.
        seed: of everything random.
        keep_history: so that `Exchange.book_at` can be asked; for tests, not for long runs.
        snapshot_age_ms: for so long a snapshot is served again as it was; None for the market's.

    Raises:
        UsageError: there's no such market, or a symbol can't have such a name there.
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
    """Return a simulator, not yet running, of some markets with these and their usual symbols.

    Raises:
        UsageError: a symbol can't have such a name in that market.
    """
    sources = [
        source_for(market, dict.fromkeys([*symbols, *default_symbols(market)]), seed)
        for market, symbols in wanted.items()
    ]
    return Simulator(*sources, seed=seed)
