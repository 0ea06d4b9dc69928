"""A command of depthcli that also writes down how old events are as they go into their books.

`python -m benchmarks.aged FILE watch BNBBTC ...` writes doubles to the file in the end: when, and
how many ms after the exchange's time of the event, turn by turn.
"""

from __future__ import annotations

import sys
from array import array
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from depthcli.commands.main import main
from depthcli.core.book import DepthCache

if TYPE_CHECKING:
    from depthcli.core.messages import DepthEvent

EVERY = 10
"""Of so many events the age of one is noted."""


def run(file: Path, words: list[str]) -> None:
    """Run the command, and write the file."""
    noted = array("d")
    apply = DepthCache.apply
    count = 0

    def apply_and_note(cache: DepthCache[Any], event: DepthEvent[Any]) -> None:
        nonlocal count
        apply(cache, event)
        count += 1
        if count % EVERY == 0:
            now = time()
            noted.extend((now, now * 1_000 - event.event_time))

    DepthCache.apply = apply_and_note  # type: ignore[method-assign]
    sys.argv[1:] = words
    try:
        main()
    finally:
        file.write_bytes(noted.tobytes())


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
