"""When a primary proposes: a lone transaction at once, a full block at once, otherwise after gathering for a while.

Agreeing on a block takes every node about the same work whatever is in it, some ten milliseconds. Under load a primary
therefore gathers for half as long as its last block took from the proposal to the state, so that blocks grow with the
load by themselves and fewer are needed; the time is bounded by a part of the view timeout, so that no replica takes
gathering for a fault. This is the primary's own liberty: nobody checks it, and it can neither split the ledger nor
hold it up.
"""

from typing import Final

FEW_TRANSACTIONS: Final = 4
"""Up to so many waiting transactions are proposed at once: waiting for more would only delay them."""
GATHER_SHARE: Final = 0.5
"""Part of the last block's time for which the next one is gathered. As long as it took, instead of half as long, saves
another tenth of the work and adds a third to the latency (docs/adr/0019-fast-path.md)."""
TIMEOUT_PARTS: Final = 8
"""Gathering takes at most the view timeout, divided by this."""


def gather_seconds(waiting: int, *, is_full: bool, block_seconds: float, timeout_seconds: float) -> float:
    """Return how long after the last block a primary waits for more transactions before it proposes.

    `waiting` transactions wait, which fill a block or not; the primary's last block took `block_seconds`, 0 if there
    was none; the view timeout of genesis is `timeout_seconds`.
    """
    if is_full or waiting <= FEW_TRANSACTIONS:
        return 0.0
    return min(GATHER_SHARE * block_seconds, timeout_seconds / TIMEOUT_PARTS)


class Gathering:
    """Owns when the last blocks were proposed and applied; times are seconds of a clock that the caller reads."""

    def __init__(self, interval_seconds: float, timeout_seconds: float) -> None:
        """Take genesis' least time between two proposals under load, and its view timeout."""
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._proposed_at = 0.0
        self._applied_at = 0.0
        self._block_seconds = 0.0

    def proposed(self, now: float) -> None:
        """Note that a block was proposed here."""
        self._proposed_at = now

    def applied(self, now: float, *, is_own: bool) -> None:
        """Note that the state of a decided block is written, which was proposed here or not."""
        self._applied_at = now
        self._block_seconds = now - self._proposed_at if is_own else 0.0

    def wait_seconds(self, now: float, waiting: int, *, is_full: bool) -> float:
        """Return how long to wait yet before proposing, if nothing comes in meanwhile; 0 when it is time."""
        gathering = gather_seconds(
            waiting, is_full=is_full, block_seconds=self._block_seconds, timeout_seconds=self._timeout_seconds
        )
        if gathering == 0.0:
            return 0.0
        return max(0.0, self._applied_at + gathering - now, self._proposed_at + self._interval_seconds - now)
