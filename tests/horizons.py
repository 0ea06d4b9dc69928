"""Sides of books whose snapshot ends earlier than it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthcli.core.side import BookSide


def end_at(side: BookSide[Any], price: Any) -> None:
    """Let a side be known up to that price only, with the same levels."""
    side.load([*side.levels(), *side.beyond()], price)
