"""A database that survives kills and power cuts, and fails when it is told to: the promises of chain.storage, no more.

A batch is durable with its head once `write` returns. A write that fails may have happened or not, and the process has
to end; what the disk then holds is one of the two, never half of a batch.
"""

from collections.abc import Iterable, Iterator

from chain.storage import Head, MemoryStore, StoreUnusable, Write
from consensus.simulation.chance import Chance
from consensus.simulation.disk import ProcessKilled


class SimulatedStore:
    """What the disk holds of one database; implements chain.storage.Store."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._kept = MemoryStore()
        self.kill_in: int | None = None
        """The process dies at the so manyth write from now."""
        self.fail_in: int | None = None
        """The so manyth write from now fails."""

    @property
    def head(self) -> Head | None:
        """The head that was written last, None in an empty store."""
        return self._kept.head

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        return self._kept.get(key)

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order."""
        return self._kept.scan(start, end, reverse)

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Carry out all writes or none, and with them the new head.

        Raises:
            StoreUnusable: when the disk fails, whether or not the batch is there.
        """
        self.kill_in, is_killed = _count_down(self.kill_in)
        self.fail_in, fails = _count_down(self.fail_in)
        if not (is_killed or fails) or self._chance.randrange(2):
            self._kept.write(writes, head)
        if is_killed:
            raise ProcessKilled(power_cut=True)
        if fails:
            raise StoreUnusable("the simulated disk failed")

    def close(self) -> None:
        """Do nothing: what is kept is on the disk."""


def _count_down(count: int | None) -> tuple[int | None, bool]:
    if count is None:
        return None, False
    return (None, True) if count <= 1 else (count - 1, False)
