"""Waiting for other processes."""

import time
from collections.abc import Callable


def wait_for(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return once it holds; fail where it does not within the time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not hold within {seconds:g} s")
        time.sleep(0.005)
