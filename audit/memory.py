"""How an audit treats Python's collector of structures that contain themselves, of which it makes none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.executor.memory import GC_THRESHOLDS


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Have the collector look seldom at the thousands of values of a block, which by default it does all the time."""
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def collect_seldom() -> None:
    """Do the same for the rest of a process."""
    gc.set_threshold(*GC_THRESHOLDS)
