"""Has the database forget deleted entries that scans step over again and again.

LevelDB keeps what was deleted as markers until it merges the files that hold them, and a scan that begins before
markers steps over all of them each time. A contract can leave a hundred thousand in a row, pay for each once, and then
scan there as often as a block's gas pays for scans of nothing. So the time that scans lose is added up, and when it is
worth a merge, the places where it was lost are merged. This is about speed alone: what scans find does not depend on
it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final, Protocol

STEP_SECONDS: Final = 100e-6
"""A step from one entry to the next that takes longer has stepped over some hundred markers, or was interrupted."""
SWEEP_AFTER_SECONDS: Final = 0.02
"""So much lost time is worth a merge, which takes about as long for ten thousand markers."""
PATIENCE_SECONDS_MAX: Final = 10.0
"""Bound on how much has to be lost when merges do not help, because a snapshot of the database needs the markers."""
PLACES_MAX: Final = 64
"""Places that are remembered; of more, the later ones are met again after the sweep."""


class Sweepable(Protocol):
    """A store on disk that keeps markers of what was deleted."""

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order."""
        ...

    def forget_deleted(self, start: bytes, end: bytes) -> None:
        """Merge the files around the entries from `start` to `end`, and as far as there is nothing beyond."""
        ...


class StateSweeping:
    """Owns where scans of a store have lost time, and how much."""

    def __init__(
        self,
        store: Sweepable,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """Take two clocks in seconds: one that is cheap to read, one that stands still while the thread does."""
        self._store = store
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._lost_seconds = 0.0
        self._patience_seconds = SWEEP_AFTER_SECONDS
        self._places: set[tuple[bytes, bytes]] = set()

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield what the store's own scan does.

        Raises:
            StoreError: as the store's own.
        """
        if self._lost_seconds > self._patience_seconds:
            self._sweep()
        clock = self._clock
        at, last = (end, start) if reverse else (start, end)
        with closing(self._store.scan(start, end, reverse)) as entries:  # type: ignore[type-var]
            while True:
                began = clock()
                entry = next(entries, None)
                seconds = clock() - began
                key = last if entry is None else entry[0]
                if seconds > STEP_SECONDS:
                    self._lost(min(at, key), max(at, key), seconds)
                if entry is None:
                    return
                yield entry
                at = key

    def _lost(self, low: bytes, high: bytes, seconds: float) -> None:
        self._lost_seconds += seconds
        if len(self._places) < PLACES_MAX:
            self._places.add((low, high))

    def _sweep(self) -> None:
        """Merge where a step still takes long; be more patient if that does not help."""
        places, self._places, self._lost_seconds = sorted(self._places), set(), 0.0
        left = False
        for low, high in places:
            if self._is_slow(low, high):
                self._store.forget_deleted(low, high)
                left = left or self._is_slow(low, high)
        self._patience_seconds = min(2 * self._patience_seconds, PATIENCE_SECONDS_MAX) if left else SWEEP_AFTER_SECONDS

    def _is_slow(self, low: bytes, high: bytes) -> bool:
        began = self._cpu_clock()
        # What stands at `low` itself may be an entry, behind which the markers are.
        with closing(self._store.scan(low + b"\x00", high)) as entries:  # type: ignore[type-var]
            next(entries, None)
        return self._cpu_clock() - began > STEP_SECONDS
