"""How far a node is that gets what it missed: counted, put at a pace, and told in status and log."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from api.ports import CatchUpStatus

LOG = logging.getLogger("tallystick.catch_up")

SAMPLE_SECONDS: Final = 0.5
LOG_SECONDS: Final = 10.0
PACE_SECONDS: Final = 15.0
"""The pace is that of the last so many seconds."""


class Pace:
    """Owns the recent counts of one phase."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._phase = ""
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, phase: str, done: int) -> None:
        """Take a count; those of another phase are forgotten."""
        if phase != self._phase or (self._samples and done < self._samples[-1][1]):
            self._phase = phase
            self._samples.clear()
        now = self._clock()
        self._samples.append((now, done))
        while now - self._samples[0][0] > PACE_SECONDS and len(self._samples) > 2:
            self._samples.popleft()

    def per_second(self) -> float | None:
        """Return the pace, None before it can be told."""
        if len(self._samples) < 2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - start) if end > start else None

    def remaining_seconds(self, left: int) -> float | None:
        """Return how long the rest takes at this pace."""
        pace = self.per_second()
        return None if not pace else left / pace


class ProgressWatch:
    """Owns the pace of what `read` tells, and writes it to the log now and then."""

    def __init__(self, read: Callable[[], CatchUpStatus | None], pace: Pace, clock: Callable[[], float]) -> None:
        """`read` returns None while there is nothing to catch up with."""
        self._read = read
        self._pace = pace
        self._clock = clock

    async def run(self) -> None:
        """Take counts and write lines until cancelled."""
        told_at = self._clock()
        while True:
            status = self._read()
            if status is None:
                told_at = self._clock()
            else:
                self._pace.note(status.phase, status.done)
                if self._clock() - told_at >= LOG_SECONDS:
                    told_at = self._clock()
                    LOG.info("%s", line_of(self._read() or status))
            await asyncio.sleep(SAMPLE_SECONDS)


def line_of(status: CatchUpStatus) -> str:
    """Return a status as one line for the log."""
    parts = [f"catching up, {status.phase}: at height {status.height} of {status.target or '?'}"]
    if status.unit:
        parts.append(f"{status.done} of {status.total} {status.unit}")
    if status.per_second is not None:
        parts.append(f"{status.per_second:.0f} {status.unit} a second")
    if status.remaining_seconds is not None:
        parts.append(f"{status.remaining_seconds:.0f} s remain")
    parts.append(f"from {', '.join(status.sources)}" if status.sources else "nobody can be asked right now")
    parts.extend(f"{peer} is not asked ({reason})" for peer, reason in status.set_aside)
    return "; ".join(parts)
