"""Virtual time: one heap of what is to happen, and nothing else moves time on.

Time is whole microseconds since the start. Things planned for the same moment happen in the order of planning, so that
a run is a function of its seed alone.
"""

import heapq
from collections.abc import Callable
from typing import Final

MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000

Work = Callable[[], None]


class Schedule:
    """Owns the time and what is planned."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Work]] = []
        self._planned = 0
        self.now = 0
        """Microseconds since the start of the run."""
        self.done = 0
        """How many things have happened."""

    def after(self, delay_us: int, work: Work) -> None:
        """Plan work for `delay_us` from now."""
        assert delay_us >= 0, "time does not go back"
        self._planned += 1
        heapq.heappush(self._heap, (self.now + delay_us, self._planned, work))

    def run_next(self) -> bool:
        """Let time pass to the next planned thing and do it; return False when nothing is planned."""
        if not self._heap:
            return False
        self.now, _, work = heapq.heappop(self._heap)
        self.done += 1
        work()
        return True
