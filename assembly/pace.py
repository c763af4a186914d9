"""How fast this network commits while there is enough to do, and so how long what is sent now would wait.

Owns a running mean over the blocks between which transactions waited all the time: what an idle network commits says
nothing of what it could. Local policy alone: it decides what is asked of clients, never what is valid.
"""

from typing import Final

WAIT_SECONDS_MAX: Final = 5.0
"""Clients are asked to come back later when what they send would wait longer than this."""
WAITING_MIN: Final = 2_000
"""So many transactions may always wait, whatever was measured."""
MEMORY: Final = 0.9
"""Weight of what was measured before, when a block is added; the last ten or so count."""


class Pace:
    """Owns what the last busy blocks took."""

    def __init__(self) -> None:
        self._busy_since: float | None = None
        self._transactions = 0.0
        self._seconds = 0.0

    def applied(self, now: float, transactions: int, left: int) -> None:
        """Note a block with so many transactions, after which so many were left waiting; `now` is monotonic seconds."""
        if self._busy_since is not None:
            self._transactions = MEMORY * self._transactions + transactions
            self._seconds = MEMORY * self._seconds + now - self._busy_since
        self._busy_since = now if left else None

    def wait_seconds(self, waiting: int) -> float:
        """Return how long the last of so many transactions waits, 0 while that is unknown or too few to matter."""
        if waiting < WAITING_MIN or self._transactions == 0.0:
            return 0.0
        return waiting * self._seconds / self._transactions
