"""A database that lives through crashes: implements chain.storage.Store, whose promises it keeps and no more.

A batch is whole and durable with its head once `write` returns. A write that fails may have happened or not, and the
process has to end; what the disk then holds is one of the two, never half of a batch. Entries may rot, which shows when
they are read, as the checksums of the product's databases show it.
"""

from collections.abc import Iterable, Iterator

from chain.storage import Head, StoreDamaged, StoreUnusable, Write
from consensus.simulation.chance import Chance, between
from consensus.simulation.disk import ProcessKilled


class SimulatedStore:
    """What the disk holds of one database; implements chain.storage.Store."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._values: dict[bytes, bytes] = {}
        self._head: Head | None = None
        self._rotten: set[bytes] = set()
        self.found_rotten = False
        """Somebody has read damaged bytes: whoever starts next sets the database aside."""
        self.kill_in: int | None = None
        """The process dies at the so manyth write from now."""
        self.fail_in: int | None = None
        """The so manyth write from now fails."""
        self.is_full = False
        """The file system has no room: no write happens, and the process has to end at the first that it tries."""

    @property
    def head(self) -> Head | None:
        """The head that was written last, None in an empty store."""
        return self._head

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key.

        Raises:
            StoreDamaged: when it has rotted.
        """
        if self._rotten:
            self._refuse_rotten(key)
        return self._values.get(key)

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries with start <= key < end in ascending or descending order.

        Raises:
            StoreDamaged: when one has rotted.
        """
        for key in sorted((key for key in self._values if start <= key < end), reverse=reverse):
            self._refuse_rotten(key)
            yield key, self._values[key]

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        """Carry out all writes or none, and with them the new head.

        Raises:
            StoreUnusable: when the disk is full, or fails, whether or not the batch is there.
        """
        if self.is_full:
            raise StoreUnusable("the simulated disk is full")
        self.kill_in, is_killed = _count_down(self.kill_in)
        self.fail_in, fails = _count_down(self.fail_in)
        if not (is_killed or fails) or between(self._chance, 0, 2):
            self._keep(writes, head)
        if is_killed:
            raise ProcessKilled(power_cut=True)
        if fails:
            raise StoreUnusable("the simulated disk failed")

    def close(self) -> None:
        """Do nothing: what is kept is on the disk."""

    def rot(self, chance: Chance) -> None:
        """Damage a few entries."""
        keys = sorted(self._values)
        self._rotten.update(chance.choice(keys) for _ in range(between(chance, 1, 4)) if keys)

    def fill_from(self, other: "SimulatedStore") -> None:
        """Hold what another store holds."""
        self._values, self._head = dict(other._values), other._head

    def copy(self) -> "SimulatedStore":
        """Return a copy, without the faults that are about to happen."""
        other = SimulatedStore(self._chance)
        other._values, other._head, other._rotten = dict(self._values), self._head, set(self._rotten)
        return other

    def _keep(self, writes: Iterable[Write], head: Head | None) -> None:
        for key, value in writes:
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
            self._rotten.discard(key)
        self._head = self._head if head is None else head

    def _refuse_rotten(self, key: bytes) -> None:
        if key in self._rotten:
            self.found_rotten = True
            raise StoreDamaged(f"the entry {key.hex()} has rotted")


def _count_down(count: int | None) -> tuple[int | None, bool]:
    if count is None:
        return None, False
    return (None, True) if count <= 1 else (count - 1, False)
