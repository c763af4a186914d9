"""The search for the highest rate that a network sustains; it knows nothing of how a rate is tried."""

from collections.abc import Callable
from typing import Final

GROWTH: Final = 1.3
"""From one rate to the next while all are sustained."""
PRECISION: Final = 0.05
"""The search ends when the lowest rate that failed is this close to the highest that did not."""
RATE_MIN: Final = 10


def find_capacity(sustained: Callable[[int], bool], first: int) -> int:
    """Return the highest rate found that is sustained, 0 if not even the lowest is."""
    good, bad = 0, 0
    rate = max(first, RATE_MIN)
    while bad == 0 or bad - good > max(1.0, PRECISION * bad):
        if sustained(rate):
            good = rate
        else:
            bad = rate
            if rate <= RATE_MIN:
                return 0
        if bad == 0:
            rate = int(good * GROWTH) + 1
        elif good == 0:
            rate = max(RATE_MIN, bad // 2)
        else:
            rate = (good + bad) // 2
    return good


def confirm_capacity(sustained: Callable[[int], bool], found: int, runs: int) -> int:
    """Return the rate that so many runs in a row sustain, going down from the one that was found."""
    rate = found
    while rate >= RATE_MIN:
        if all(sustained(rate) for _ in range(runs)):
            return rate
        rate = int(rate * (1 - PRECISION))
    return 0
