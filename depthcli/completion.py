"""What the shell offers when Tab is pressed: names from the lists on disk, never from the network.

A list is there once a command has seen all symbols of a market: `depthcli symbols` always does,
`watch` does it in the background when the list is older than a day.
"""

import typer

from depthcli.environment import environment_of
from depthcli.errors import UsageError
from depthcli.markets import MARKETS, OPTIONS, market_named
from depthcli.symbol_cache import remembered
from depthcli.symbols import split_market


def complete_market(incomplete: str) -> list[str]:
    """Return the markets that begin so."""
    return [name for name in MARKETS if name.startswith(incomplete.lower())]


def complete_symbol(context: typer.Context, incomplete: str) -> list[str]:
    """Return the symbols that begin so, of the market that is named before them or by an option.

    Symbols that stand on the line already aren't offered again.
    """
    options = context.params
    typed = list(options.get("symbols") or ())
    market = OPTIONS.name if options.get("options") else options.get("market") or "spot"
    # bash makes words of its own of the colon in usdm:BTCUSDT and of the sign in --market=usdm.
    if market == "=":
        if not typed:
            return complete_market(incomplete)
        market = typed.pop(0)
    prefix, beginning = "", incomplete
    if incomplete == ":" and typed:
        market, beginning = typed.pop(), ""
    elif typed[1:] and typed[-1] == ":":
        market = typed[-2]
    else:
        named, beginning = split_market(incomplete)
        if named is not None:
            market, prefix = named, f"{named}:"
    try:
        known = market_named(market)
        origin = environment_of(context).rest_origin(known)
    except UsageError:
        return []
    beginning = beginning.upper().replace("/", "")
    names = remembered(known.name, origin) if origin else []
    return [
        prefix + name for name in names if name.startswith(beginning) and prefix + name not in typed
    ]
