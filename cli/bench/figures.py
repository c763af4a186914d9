"""Figures that every measurement needs: quantiles, and how many signatures this machine checks in a second."""

import time
from collections.abc import Sequence

from chain.crypto import public_key_of, sign, verify

CHECKS_AT_ONCE = 100


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of all lies; not a number when there is none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def signature_checks_per_second(seconds: float = 1.0) -> float:
    """Return how many Ed25519 signatures a core checks in a second of processor time, here and now."""
    seed = bytes(range(32))
    key, payload = public_key_of(seed), b"x" * 32
    signature = sign(seed, "benchmark", payload)
    count, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        for _ in range(CHECKS_AT_ONCE):
            verify(key, "benchmark", payload, signature)
        count += CHECKS_AT_ONCE
    return count / (time.process_time() - started)
