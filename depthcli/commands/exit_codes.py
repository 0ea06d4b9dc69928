"""The exit codes of the commands."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""An error on this machine, such as a full disk."""
NOTHING_FOUND: Final = 1
"""A search without a match, as with `grep`."""
DIFFERENT: Final = 1
"""A book differs from the exchange's, as with `diff`."""
USAGE: Final = 2
"""Wrong usage, or an unknown symbol."""
EXCHANGE: Final = 3
"""The exchange can't be reached, or refuses the request."""
INTERRUPTED: Final = 130
"""Ended by Ctrl-C; by another signal: 128 and its number, so 143 by `kill`, 129 by a terminal that
went away."""
