"""The bounds of the peer network in one place, and the two small meters that enforce rates."""

import logging
import math
from collections.abc import Callable

from chain.values import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """Local bounds; none of them can make nodes disagree, only slow."""

    handshake_seconds_max: float = 5.0
    """From the accepted or opened socket to the end of the greeting."""
    unauthenticated_max: int = 32
    """Inbound connections that have not proven who they are; one more crowds out the oldest."""
    accepts_per_second: int = 100
    """Inbound connections taken from the kernel's queue."""
    ping_interval_seconds: float = 1.0
    silence_seconds_max: float = 5.0
    """A peer from which nothing at all arrives for this long is disconnected."""
    backoff_seconds_first: float = 0.05
    backoff_seconds_max: float = 1.0
    stable_seconds: float = 2.0
    """A connection that lived this long resets the backoff; a younger one is not replaced by a duplicate."""
    urgent_bytes_max: int = 32 * MIB
    answers_bytes_max: int = 32 * MIB
    bulk_bytes_max: int = 16 * MIB
    write_batch_bytes: int = 256 * KIB
    """Frames that wait are joined up to about this size for one write."""
    inbound_bytes_per_second: int = 64 * MIB
    inbound_frames_per_second: int = 20_000
    requests_open_max: int = 32
    """Requests of ours that wait for one peer's answer."""
    answers_open_max: int = 32
    """Requests of one peer that are being answered; further ones are refused."""
    answer_seconds_max: float = 30.0


class TokenBucket:
    """Meters a rate: amounts are taken at once, and what exceeds the rate is owed as a delay."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._tokens = per_second
        self._updated = now

    def take(self, amount: float, now: float) -> float:
        """Take an amount and return the seconds to wait until the debt is paid; 0.0 when there is none."""
        self._tokens = min(self._per_second, self._tokens + (now - self._updated) * self._per_second) - amount
        self._updated = now
        return max(0.0, -self._tokens / self._per_second)


class LimitedLog:
    """Writes at most one line per kind and interval and says how many it kept back."""

    def __init__(self, logger: logging.Logger, interval_seconds: float, clock: Callable[[], float]) -> None:
        self._logger = logger
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._last: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def write(self, level: int, kind: str, message: str, *, failure: BaseException | None = None) -> None:
        """Log `message`, or count it when a line of this kind was written within the interval.

        Kinds are names from our own code, never text from a peer, so the tables stay small.
        """
        now = self._clock()
        if now - self._last.get(kind, -math.inf) < self._interval_seconds:
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return
        self._last[kind] = now
        suppressed = self._suppressed.pop(kind, 0)
        suffix = f" ({suppressed} more like this were not logged)" if suppressed else ""
        self._logger.log(level, "%s%s", message, suffix, exc_info=failure)
