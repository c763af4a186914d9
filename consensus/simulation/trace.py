"""What happened in a run, as lines: a digest over all of them, and the last ones for people.

The digest is how two runs of one seed are compared; the tail is what a failing run shows.
"""

import hashlib
from collections import deque
from typing import Final

from consensus.simulation.clock import SECOND

TAIL_LINES: Final = 400

WORLD: Final = "-"
"""Stands where a line belongs to no node."""


class Violation(Exception):
    """A run broke a promise of the protocol."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        """Stable name of the broken promise."""
        self.detail = detail


class Trace:
    """Owns the lines of one run."""

    def __init__(self) -> None:
        self._tail: deque[tuple[int, str, str]] = deque(maxlen=TAIL_LINES)
        self._digest = hashlib.sha256()
        self.lines = 0

    def note(self, now: int, node: str, text: str) -> None:
        """Add a line."""
        self.lines += 1
        self._tail.append((now, node, text))
        self._digest.update(f"{now} {node} {text}\n".encode())

    @property
    def digest(self) -> str:
        """SHA-256 over all lines."""
        return self._digest.hexdigest()

    def tail(self, count: int) -> list[str]:
        """Return the last lines, with seconds in front."""
        lines = list(self._tail)[-count:]
        return [f"{now / SECOND:12.6f} {node:>6} {text}" for now, node, text in lines]
