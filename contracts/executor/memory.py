"""How the processes that run contracts treat Python's collector of structures that contain themselves."""

import gc
from typing import Final

GC_THRESHOLDS: Final = (20_000, 20, 50)
"""A block makes thousands of objects that live until it is decided; the default would look at them time and again."""


def settle() -> None:
    """Take what is loaded by now for good: the collector need not walk over it again and again."""
    sweep()
    gc.set_threshold(*GC_THRESHOLDS)


def sweep() -> None:
    """Free what contracts left behind; what lives between two calls is the process's own, and not looked at again."""
    gc.collect()
    gc.freeze()
