"""What happened in a run, as lines: a digest over all of them, and the last ones for people.

The digest is how two runs of one seed are compared; the tail is what a failing run shows. Lines cost as much as the
events that they tell of, so that a campaign runs without them and runs a seed that fails once more with them.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Final

from consensus.simulation.clock import SECOND

TAIL_LINES: Final = 400

WORLD: Final = "-"
"""Stands where a line belongs to no node."""

Line = Callable[[], str]


class Violation(Exception):
    """A run broke a promise of the protocol."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        """Stable name of the broken promise."""
        self.detail = detail


class Trace:
    """Owns the lines of one run."""

    def __init__(self, *, is_kept: bool) -> None:
        self._is_kept = is_kept
        self._tail: deque[tuple[int, str, str]] = deque(maxlen=TAIL_LINES)
        self._digest = hashlib.sha256()

    def note(self, now: int, node: str, line: Line) -> None:
        """Add a line, which is made only if lines are kept."""
        if self._is_kept:
            text = line()
            self._tail.append((now, node, text))
            self._digest.update(f"{now} {node} {text}\n".encode())

    @property
    def digest(self) -> str | None:
        """SHA-256 over all lines; None where none are kept."""
        return self._digest.hexdigest() if self._is_kept else None

    def tail(self, count: int) -> list[str]:
        """Return the last lines, with seconds in front."""
        lines = list(self._tail)[-count:]
        return [f"{now / SECOND:12.6f} {node:>6} {text}" for now, node, text in lines]
