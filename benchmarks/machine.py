"""How fast this machine is just now, so that figures from busy or slower machines can be compared.

Figures are CPU time, best of several, as multiples of a call of an empty Python function that is timed beside them;
they are written as the nanoseconds that they would be on the reference machine when it is idle.
"""

import time
from collections.abc import Callable
from typing import Final

REFERENCE_NANOSECONDS: Final = 35.0
"""An empty call on the reference machine, two cores of an AMD EPYC, when nothing else runs."""

REFERENCE_CALLS: Final = 20_000


def reference() -> float:
    """Return the nanoseconds that an empty call takes now."""
    started = time.process_time_ns()
    for _ in range(REFERENCE_CALLS):
        _empty()
    return (time.process_time_ns() - started) / REFERENCE_CALLS


def _empty() -> None:
    """Do nothing."""


def adjusted_nanoseconds(action: Callable[[], object], repetitions: int) -> float:
    """Return what an action takes, best of several, adjusted to the reference machine."""
    best, fastest = float("inf"), reference()
    for _ in range(repetitions):
        started = time.process_time_ns()
        action()
        best = min(best, time.process_time_ns() - started)
        fastest = min(fastest, reference())
    return best * REFERENCE_NANOSECONDS / fastest
