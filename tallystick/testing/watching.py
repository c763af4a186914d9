"""The state of a test's ledger as one call sees it: remembers what the call read, to tell of it if the call fails."""

from collections import deque
from typing import Final

from chain.runtime import PlainValues, Values
from contracts.engine.testkit import MemoryState

READS_MAX: Final = 8
"""The latest reads of a call that are remembered."""


class WatchedState:
    """Implements chain.runtime.StateAccess."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self.reads: deque[tuple[str, bytes, bytes | None]] = deque(maxlen=READS_MAX)
        """Contract, key and value, the latest last."""

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        value = self._state.get(contract, key)
        self.reads.append((contract, key, value))
        return value

    def values(self, contract: str) -> Values:
        """Return the values of a contract."""
        return PlainValues(self, contract)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        self._state.put(contract, key, value)

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        return self._state.scan(contract, start, end, limit, reverse)
