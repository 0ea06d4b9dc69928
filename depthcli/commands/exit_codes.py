"""What the commands end with."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Something on this machine, such as a full disk."""
NOTHING_FOUND: Final = 1
"""A search without a match, as `grep` has it."""
DIFFERENT: Final = 1
"""A book that was checked isn't the exchange's, as `diff` has it."""
USAGE: Final = 2
"""Wrong usage; also an unknown symbol."""
EXCHANGE: Final = 3
"""The exchange can't be reached, or refuses."""
INTERRUPTED: Final = 130
"""Ended by Ctrl-C; by another signal: 128 and its number, so 143 by `kill`, 129 by a terminal that
went away."""
