"""Shell completion, from lists on disk and never from the network.

A list is there once a command has seen all symbols of a market: `depthcli symbols` always does,
`watch` does it in the background when the list is older than a day. Every command knows what
completes its arguments, so what that takes is imported only when Tab is pressed.
"""

from collections.abc import Iterable, MutableMapping

import typer

from depthcli.errors import UsageError


def complete_market(incomplete: str) -> list[str]:
    """Return the markets with this beginning."""
    from depthcli.core.markets import MARKETS

    return [name for name in MARKETS if name.startswith(incomplete.lower())]


def complete_symbol(context: typer.Context, incomplete: str) -> list[str]:
    """Return the symbols with this beginning, of the market in their prefix or in an option.

    What was typed stays as it is, for shells want only the rest of a word: `bnb` becomes `bnbbtc`.
    Symbols already on the line aren't offered again.
    """
    from depthcli.commands.context import environment_of
    from depthcli.core.markets import OPTIONS, market_named
    from depthcli.core.symbols import split_market
    from depthcli.settings.symbol_cache import remembered

    options = context.params
    typed = list(options.get("symbols") or ())
    default = OPTIONS.name if options.get("options") else options.get("market") or "spot"
    if default == "=":  # bash makes three words of --market=usdm
        if not typed:
            return complete_market(incomplete)
        default = typed.pop(0)
    typed = _glued(typed)
    before = typed.pop() if typed and typed[-1].endswith(":") else ""
    named, beginning = split_market(before + incomplete)
    market = default if named is None else named
    try:
        known = market_named(market)
        origin = environment_of(context).rest_origin(known)
    except UsageError:
        return []
    there = {
        symbol.upper()
        for name, symbol in map(split_market, typed)
        if (default if name is None else name) == market
    }
    start = beginning.upper().replace("/", "")
    rests = [
        name[len(start) :]
        for name in (remembered(known.name, origin) if origin else ())
        if name.startswith(start) and name not in there
    ]
    return [incomplete + (rest.lower() if beginning.islower() else rest) for rest in rests]


def _glued(words: Iterable[str]) -> list[str]:
    """Return the words with `usdm`, `:` and `BTCUSDT` as one, for bash makes three of it."""
    glued: list[str] = []
    for word in words:
        if glued and (word == ":" or glued[-1].endswith(":")):
            glued[-1] += word
        else:
            glued.append(word)
    return glued


def end_word(environ: MutableMapping[str, str]) -> None:
    """Tell the completion that bash's word of one colon or equals sign is complete.

    At the end of `usdm:` or `--market=` bash calls the sign the word to complete, but it puts what
    is offered behind it.
    """
    try:
        place = int(environ["COMP_CWORD"])
        if environ["COMP_WORDS"].split("\n")[place] in {":", "="}:
            environ["COMP_CWORD"] = str(place + 1)
    except (LookupError, ValueError):
        pass
