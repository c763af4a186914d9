"""How fast this machine is just now, so that figures from busy or slower machines can be compared.

Figures are CPU time as multiples of a call of an empty Python function that is timed right before and after; of several
such ratios the one counts below which a quarter of them lie. They are written as the nanoseconds that they would be on
the reference machine when it is idle. What else the machine does slows both: the least time of all beside the least
reference of all would compare a moment with another one.
"""

import time
from collections.abc import Callable
from typing import Final

REFERENCE_NANOSECONDS: Final = 35.0
"""An empty call on the reference machine, two cores of an AMD EPYC, when nothing else runs."""

REFERENCE_CALLS: Final = 20_000
BESIDE_CALLS: Final = 1_000
"""Empty calls before and after each repetition: few, so that they see the machine as the repetition does."""


def reference(calls: int = REFERENCE_CALLS) -> float:
    """Return the nanoseconds that an empty call takes now."""
    started = time.process_time_ns()
    for _ in range(calls):
        _empty()
    return (time.process_time_ns() - started) / calls


def _empty() -> None:
    """Do nothing."""


def adjusted_nanoseconds(action: Callable[[], object], repetitions: int) -> float:
    """Return what an action takes, the first quarter of several, adjusted to the reference machine."""
    ratios = []
    before = reference(BESIDE_CALLS)
    for _ in range(repetitions):
        started = time.process_time_ns()
        action()
        taken = time.process_time_ns() - started
        after = reference(BESIDE_CALLS)
        ratios.append(2 * taken / (before + after))
        before = after
    return sorted(ratios)[repetitions // 4] * REFERENCE_NANOSECONDS
