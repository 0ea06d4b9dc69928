"""What all tests share."""

from __future__ import annotations

import gc

import pytest


def look_for_garbage() -> None:
    """Collect it, and let the next look leave out what stays: most of it is modules."""
    gc.collect()
    gc.freeze()


def pytest_collection_finish():
    look_for_garbage()


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """The test that leaves a socket or a transport open fails, not one that the collector meets.

    What is found warns when it goes, and each warning is an error.
    """
    yield
    look_for_garbage()


@pytest.fixture(scope="session", autouse=True)
def _own_directories(tmp_path_factory):
    """The tests, and the processes that they start, leave the user's files alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(tmp_path_factory.mktemp(name.lower())))
        yield
