"""What all tests share."""

from __future__ import annotations

import gc

import pytest


def pytest_collection_finish():
    """What is imported by now stays: no look for garbage need go through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """The test that leaves a socket or a transport open fails, not one that the collector meets.

    What is found warns when it goes, and each warning is an error.
    """
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _own_directories(tmp_path_factory):
    """The tests, and the processes that they start, leave the user's files alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(tmp_path_factory.mktemp(name.lower())))
        yield
