"""Figures computed from the levels of a book: price groups, the cost to trade, the imbalance.

Pure functions of levels: `(price, quantity)`, best first, as returned by `BookSide.levels` and
`BookSide.top`. They see only the levels passed in, and report when an answer would need deeper
ones: `Cost.complete`, `reaches_past`.

With Decimals everything except quotients is exact. Floats are taken as the decimal that they print
as, so that 0.3 is three times 0.1, and sums are rounded once, not at every step.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from math import fsum, inf
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple

from depthcli.core.messages import N

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Side = Literal["bid", "ask"]

DUST: Final = 1e-12
"""With floats, the share of a quantity that counts as a rounding error."""

MOST_STEPS: Final = 1e9
"""The most group steps in a price for which its group is computed without Decimals."""

NEAR: Final = 1e-5
"""How close to a group's edge, in steps, a float price may be before Decimals decide: ten times the
largest rounding error within `MOST_STEPS`."""

_EXACT: Final = Context(prec=800)
"""Exact for the product of any two numbers from the exchange; only quotients are rounded."""


class Cost(NamedTuple, Generic[N]):
    """How a market order would be filled.

    Attributes:
        filled: the quantity that the levels fill; less than requested if they run out.
        notional: what it costs or yields, in the quote asset.
        average_price: `notional / filled`; None if nothing is filled.
        worst_price: the price of the last level reached; None if nothing is filled.
        slippage: how much worse the average is than the reference, in basis points; None if nothing
            is filled.
        complete: whether the levels were enough. If not, the order would go past the horizon.
    """

    filled: N
    notional: N
    average_price: N | None
    worst_price: N | None
    slippage: N | None
    complete: bool


def cost_to_trade(
    levels: Iterable[tuple[N, N]], quantity: N, *, reference: N | None = None
) -> Cost[N]:
    """Return how a market order of that quantity would be filled. O(k) for k levels consumed.

    Args:
        levels: the asks to buy from or the bids to sell to, best first.
        quantity: in the base asset, of the same number type as the levels.
        reference: the price from which slippage is measured, such as the mid; by default the best
            level's. It must not be worse than the best level.

    Raises:
        ValueError: the quantity isn't a positive number.
    """
    nothing = quantity - quantity
    if not quantity > 0 or nothing != 0:
        raise ValueError(f"the quantity to trade must be a positive number, not {quantity}")
    dust: Any = quantity * DUST if isinstance(quantity, float) else nothing
    quantities: list[N] = []
    notionals: list[N] = []
    touch = worst = None
    left = quantity
    with localcontext(_EXACT):
        for worst, available in levels:
            if touch is None:
                touch = worst
            rest = left - available
            taken = available if rest > nothing else left
            quantities.append(taken)
            notionals.append(worst * taken)
            left = rest
            if left <= dust:
                break
        complete = left <= dust
        filled = quantity if complete else _sum(quantities, nothing)
        notional = _sum(notionals, nothing)
    if not filled or touch is None:
        return Cost(filled, notional, None, None, None, complete)
    average = notional / filled
    reference = touch if reference is None else reference
    slippage = abs(average - reference) / reference * 10_000
    return Cost(filled, notional, average, worst, slippage, complete)


def group_levels(
    levels: Iterable[tuple[N, N]], step: Decimal | float, *, side: Side
) -> list[tuple[N, N]]:
    """Aggregate levels into price groups, best first. O(n).

    A group's price is a multiple of the step: rounded down for bids and up for asks, so that a
    group never looks better than its levels. `reaches_past` tells whether the last group is
    incomplete.

    Args:
        levels: best first.
        step: between two groups, in the quote asset; a float is taken as the decimal it prints as.
        side: `"bid"` or `"ask"`.

    Raises:
        ValueError: the step isn't a positive number, or there is no such side.
    """
    exact_step = Decimal(str(step))
    if not (exact_step.is_finite() and exact_step > 0):
        raise ValueError(f"the step of a group must be a positive number, not {step}")
    _check_side(side)
    falling = side == "bid"
    groups: list[tuple[N, N]] = []
    members: list[N] = []
    edge: N | None = None
    with localcontext(_EXACT):
        for price, quantity in levels:
            if edge is None or (price < edge if falling else price > edge):
                if edge is None:
                    edge_of = _edges(exact_step, side, type(price))
                else:
                    groups.append((edge, _sum(members)))
                edge = edge_of(price)
                members = []
            members.append(quantity)
        if edge is not None:
            groups.append((edge, _sum(members)))
    return groups


def reaches_past(price: N, horizon: N | None, *, side: Side) -> bool:
    """Return whether a price, such as that of a group, lies beyond the horizon of its side.

    Args:
        price: a level's or a group's.
        horizon: the deepest price up to which the side is complete (`BookSide.horizon`); None if
            all of it is.
        side: `"bid"` or `"ask"`.

    Raises:
        ValueError: there is no such side.
    """
    _check_side(side)
    if horizon is None:
        return False
    return price < horizon if side == "bid" else price > horizon


def imbalance(bids: Iterable[tuple[N, N]], asks: Iterable[tuple[N, N]]) -> N | None:
    """Return `(bids - asks) / (bids + asks)` of the quantities, -1 to 1; None if there are none.

    Pass the same number of levels of both sides, or the same distance from the mid.
    """
    with localcontext(_EXACT):
        bid, ask = (_sum([quantity for _, quantity in side]) for side in (bids, asks))
        difference, total = bid - ask, bid + ask
    return difference / total if total else None


def micro_price(bid: tuple[N, N] | None, ask: tuple[N, N] | None) -> N | None:
    """Return the mid weighted by the other side's quantity; None if a side is empty.

    With much bid and little offered, the next trade is likely at the ask, and the micro-price is
    close to it.
    """
    if bid is None or ask is None or not bid[1] + ask[1]:
        return None
    with localcontext(_EXACT):
        weighted = bid[0] * ask[1] + ask[0] * bid[1]
        total = bid[1] + ask[1]
    return weighted / total


def _edges(step: Decimal, side: Side, kind: type[Any]) -> Callable[[Any], Any]:
    """Return a function that rounds a price to a multiple of the step, away from the best price."""

    def exact(price: float | Decimal) -> Any:
        number = price if isinstance(price, Decimal) else Decimal(str(price))
        count = number // step
        if side == "ask" and count * step != number:
            count += 1
        return kind(count * step)

    size = float(step)
    if kind is not float or not 0 < size < inf:
        return exact
    numerator, denominator = step.as_integer_ratio()
    deeper = 1 if side == "ask" else 0

    def quick(price: float) -> Any:
        count = price / size
        if count > MOST_STEPS or abs(count - round(count)) <= NEAR:
            return exact(price)
        # As exact as `exact`: a quotient of integers is rounded only once.
        return (int(count) + deeper) * numerator / denominator

    return quick


def _sum(numbers: Sequence[N], nothing: Any = 0) -> N:
    total: Any = fsum(numbers) if numbers and isinstance(numbers[0], float) else None
    return sum(numbers, start=nothing) if total is None else total


def _check_side(side: str) -> None:
    if side not in {"bid", "ask"}:
        raise ValueError(f"a side is 'bid' or 'ask', not {side!r}")
