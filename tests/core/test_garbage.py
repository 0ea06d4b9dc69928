"""Collections of garbage run code of anybody's; when they start depends on the Python.

Up to CPython 3.11 a collection starts wherever a container is allocated, also in the middle of a
call of C; from 3.12 on only between two bytecodes, thus before or after such a call.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

WITHIN_A_CALL = sys.version_info < (3, 12)


@contextmanager
def collection_due(job: Callable[[], object]):
    """Let a collection that runs this job start as soon as one can."""

    class Running:
        def __init__(self):
            self.me = self

        def __del__(self):
            job()

    before = gc.get_threshold()
    gc.disable()
    try:
        for _ in range(3):
            Running()
        stored: list[Any] = [[] for _ in range(200)]  # none is left in store: the next is allocated
        gc.set_threshold(1)
        gc.enable()
        yield
        del stored
    finally:
        gc.enable()
        gc.set_threshold(*before)
    gc.collect()


def pause() -> list[list[None]]:
    """Allocate, and let some bytecodes go by: a collection that is due has run by then."""
    return [[] for _ in range(10)]


def test_one_call_of_c_is_interrupted_by_a_collection_up_to_python_3_11_alone():
    ran: list[None] = []
    seen: list[tuple[int, int]] = []
    rows = zip(iter(ran.__len__, -1), range(300), strict=False)
    with collection_due(lambda: ran.append(None)):
        seen.extend(rows)
        pause()
        assert ran
    assert len({count for count, _ in seen}) == (2 if WITHIN_A_CALL else 1)


@pytest.mark.parametrize("read", ["levels", "beyond", "top"])
def test_a_read_in_c_is_whole_though_a_collection_empties_the_side(read):
    """On each version it is the side from before the collection or from after it."""
    compiled = pytest.importorskip("depthcli.core.native_side", reason="the side in C wasn't built")
    side = compiled.NativeSide(falling=True)
    full = [(float(price), 1.0) for price in range(1, 2_001)]
    side.load(full, 1_000.0)
    reads = {"levels": side.levels, "beyond": side.beyond, "top": lambda: side.top(1_500)}
    wholes = [*(tuple(each()) for each in reads.values()), ()]
    assert [len(each) for each in wholes] == [1_001, 999, 1_001, 0]
    with collection_due(lambda: side.load([])):
        found = reads[read]()
        pause()
        assert side.levels() == []
    assert tuple(found) in wholes
