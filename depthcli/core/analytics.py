"""What is read off the levels of a book: price groups, the cost to trade, who leans which way.

Pure functions of levels, `(price, quantity)` best first, as `BookSide.levels` and `BookSide.top`
give them. They know the levels that they are given and nothing deeper, and say so where an answer
would need more: `Cost.complete`, `reaches_past`.

With Decimals everything but a quotient is exact. With floats prices count as the decimal that they
print as, so that 0.3 is three times 0.1, and sums are rounded once, not at every step.
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
"""With floats, the part of a quantity that rounding may leave over and that isn't traded."""

MOST_STEPS: Final = 1e9
"""Up to so many steps of a group lie below a price whose group is found without Decimals."""

NEAR: Final = 1e-5
"""Steps by which a float must be off a multiple for its group to be certain: ten times what
rounding can make of `MOST_STEPS`."""

_EXACT: Final = Context(prec=800)
"""Room for any product of a number of the wire with another; only quotients are rounded."""


class Cost(NamedTuple, Generic[N]):
    """What a market order would meet.

    Attributes:
        filled: the quantity that the levels give; less than was asked for if they run out.
        notional: what it costs or brings, in the quote asset.
        average_price: `notional / filled`; None if nothing is filled.
        worst_price: the price of the last level that is touched; None if nothing is filled.
        slippage: how much worse than the reference the average is, in basis points; None if nothing
            is filled.
        complete: whether the levels were enough. If not, the true cost is past the horizon.
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
    """Return what it takes to trade a quantity at once. O(k) for the k levels that it eats.

    Args:
        levels: the asks to buy from or the bids to sell to, best first.
        quantity: in the base asset, of the type that the levels have.
        reference: the price that the slippage is measured from, such as the mid; by default the
            best level's. At the touch or on its better side.

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
    """Return the levels put together by price, best first. O(n).

    A group's price is a multiple of the step: of a bid the next one down, of an ask the next one
    up, so that a group never looks better than what is in it. `reaches_past` tells whether the last
    group is known whole.

    Args:
        levels: best first.
        step: between two groups, in the quote asset; as a float it counts as what it prints as.
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
    """Return whether a price, such as that of a group, is deeper than the horizon of its side.

    Args:
        price: a level's or a group's.
        horizon: the deepest price up to which the side is known (`BookSide.horizon`); None: all.
        side: `"bid"` or `"ask"`.

    Raises:
        ValueError: there is no such side.
    """
    _check_side(side)
    if horizon is None:
        return False
    return price < horizon if side == "bid" else price > horizon


def imbalance(bids: Iterable[tuple[N, N]], asks: Iterable[tuple[N, N]]) -> N | None:
    """Return how the quantities lean, from -1 (only asks) to 1 (only bids); None without any.

    Compare sides of the same number of levels, or of the same distance from the mid.
    """
    with localcontext(_EXACT):
        bid, ask = (_sum([quantity for _, quantity in side]) for side in (bids, asks))
        difference, total = bid - ask, bid + ask
    return difference / total if total else None


def micro_price(bid: tuple[N, N] | None, ask: tuple[N, N] | None) -> N | None:
    """Return the mid weighted by the other side's quantity; None if a side is empty.

    Where much is bid and little is asked, the next trade is likely at the ask, and the micro-price
    lies near it.
    """
    if bid is None or ask is None or not bid[1] + ask[1]:
        return None
    with localcontext(_EXACT):
        weighted = bid[0] * ask[1] + ask[0] * bid[1]
        total = bid[1] + ask[1]
    return weighted / total


def _edges(step: Decimal, side: Side, kind: type[Any]) -> Callable[[Any], Any]:
    """Return what gives the multiple of the step at or next to a price, on the deeper side."""

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
        # As exact: whole numbers are divided so that only the quotient is rounded.
        return (int(count) + deeper) * numerator / denominator

    return quick


def _sum(numbers: Sequence[N], nothing: Any = 0) -> N:
    total: Any = fsum(numbers) if numbers and isinstance(numbers[0], float) else None
    return sum(numbers, start=nothing) if total is None else total


def _check_side(side: str) -> None:
    if side not in {"bid", "ask"}:
        raise ValueError(f"a side is 'bid' or 'ask', not {side!r}")
