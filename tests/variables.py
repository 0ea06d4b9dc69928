"""The environment variables of the processes that tests start."""

from __future__ import annotations

import os


def variables(**more: str) -> dict[str, str]:
    """Return those of this process and some more; nobody's settings of depthcli are among them.

    Nor are anybody's proxies, nor PYTHONUNBUFFERED, which hides what buffers hold at the end.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if "DEPTHCLI" not in name
        and not name.lower().endswith("_proxy")
        and name != "PYTHONUNBUFFERED"
    }
    return {**clean, **more}
