"""A watchdog that a pause of the whole machine does not fool.

A deadline is counted in ticks of the loop's timer, not read from a clock: after a suspension all of it lies in one
tick, and the one that is watched gets the others to catch up.
"""

import asyncio
from collections.abc import Callable
from typing import Final

TICKS: Final = 8


class Watchdog:
    """Owns at most one running deadline."""

    def __init__(self, on_expiry: Callable[[str], None]) -> None:
        self._on_expiry = on_expiry
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, seconds: float, what: str) -> None:
        """Start a deadline in place of the present one; `what` names it to whoever is told of its expiry."""
        self.disarm()
        self._schedule(seconds / TICKS, TICKS, f"{what} took longer than {seconds} s")

    def disarm(self) -> None:
        """Forget the deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, tick_seconds: float, ticks: int, text: str) -> None:
        self._timer = asyncio.get_running_loop().call_later(tick_seconds, self._tick, tick_seconds, ticks - 1, text)

    def _tick(self, tick_seconds: float, ticks: int, text: str) -> None:
        self._timer = None
        if ticks:
            self._schedule(tick_seconds, ticks, text)
        else:
            self._on_expiry(text)
