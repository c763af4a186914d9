"""The values of one contract within a block that executes: what its transactions, one after the other, read and wrote.

A read is one look-up in a dictionary, which finds what is missing in the parent's state. The running transaction writes
in place and leaves behind what it has replaced, so that it can be undone.
"""

from collections.abc import Callable, Iterator
from typing import Final

from chain.key_gaps import KeyGaps
from chain.sorted_keys import SortedKeys
from chain.state_leaf import Held
from chain.state_versions import Change

Load = Callable[[str, bytes], Held | None]
"""Returns a contract's leaf in the parent's state, None where there is none."""

ScanParent = Callable[[str, bytes, bytes, bool], Iterator[tuple[bytes, bytes]]]
"""Yields keys and leaves of a contract in the parent's state, in a range and in ascending or descending order."""

GAP_KEYS_MIN: Final = 16
"""Written keys in a row that are remembered: to begin behind them costs as much as to step over about as many."""


class _Passed:
    """What a scan has stepped over since it last found something: keys from `low` on and below `high`."""

    __slots__ = ("count", "high", "low")

    def __init__(self) -> None:
        self.low = self.high = b""
        self.count = 0

    def take(self, low: bytes, high: bytes, count: int) -> None:
        """Step over a range that lies next to the ones before."""
        self.low = min(self.low, low) if self.count else low
        self.high = max(self.high, high)
        self.count += count


class ContractValues(dict[bytes, bytes | None]):
    """Values by key, None where there is none; implements chain.runtime.Values.

    It inherits from `dict` because `__missing__` makes reading cost a look-up and no call. Whoever writes uses `put`.
    """

    __slots__ = ("_gaps", "_load", "_touched", "changes", "contract", "order", "parents", "replaced", "written")

    def __init__(self, contract: str, load: Load, touched: "list[ContractValues]") -> None:
        """`touched` takes what the running transaction has written to."""
        super().__init__()
        self.contract: Final = contract
        self._load = load
        self._touched = touched
        self.parents: dict[bytes, Held | None] = {}
        """Leaves that were read from the parent's state."""
        self.replaced: dict[bytes, bytes | None] = {}
        """What everything that the running transaction has put had as its value before."""
        self.changes: list[Change] = []
        """What committed transactions have left, in their order."""
        self.order: SortedKeys | None = None
        """Keys that were written and have a value, once somebody has asked for their order: most contracts are never
        scanned. Deleted ones are left out, or a scan would step over any number of them for the price of one."""
        self.written: set[bytes] = set()
        """Keys to which committed transactions have written, kept only beside an order."""
        self._gaps = KeyGaps()
        """Where scans have found nothing of the parent's state but keys that were written since."""

    def __missing__(self, key: bytes) -> bytes | None:
        """Read from the parent's state."""
        held = self.parents[key] = self._load(self.contract, key)
        value = self[key] = None if held is None else held[1]
        return value

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value for the running transaction, or delete it with None."""
        replaced = self.replaced
        if self.order is not None:
            self._place(key, self._is_written(key), value is not None)
        if key not in replaced:
            if not replaced:
                self._touched.append(self)
            replaced[key] = self[key]
        self[key] = value

    def keep(self, index: int) -> bool:
        """Keep what the running transaction, which is at `index`, has put; tell whether anything changes.

        Deleting a key that has no value changes nothing.
        """
        before = len(self.changes)
        for key, replaced in self.replaced.items():
            value = self[key]
            if value is None and replaced is None:
                continue
            self.changes.append((index, key, value))
            if self.order is not None:
                self.written.add(key)
        self.replaced = {}
        return len(self.changes) > before

    def undo(self) -> None:
        """Put back everything that the running transaction has replaced."""
        for key, value in self.replaced.items():
            if self.order is not None:
                stays = key in self.written
                self._place(key, True, stays and value is not None)
                if not stays:
                    self._gaps.split(key)
            self[key] = value
        self.replaced = {}

    def ordered(self) -> SortedKeys:
        """Return the keys that were written and have a value."""
        if self.order is None:
            self.order = SortedKeys()
            self.written = {key for _, key, _ in self.changes}
            for key in sorted(self.written.union(self.replaced)):
                if self[key] is not None:
                    self.order.add(key)
        return self.order

    def unwritten(self, scan: ScanParent, start: bytes, end: bytes, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield the parent's keys from start to end, and what it has there, that nothing was written over.

        Written ones are stepped over once: whoever comes by again, from whichever side, begins behind them. Only valid
        beside an order, and until the next `put`.
        """
        assert self.order is not None, "what was written is known beside an order alone"
        passed = _Passed()
        while start < end:
            gap = None
            for key, leaf in scan(self.contract, start, end, reverse):
                if not self._is_written(key):
                    self._remember(passed)
                    passed = _Passed()
                    yield key, leaf
                    continue
                gap = self._gaps.around(key)
                if gap is not None:
                    passed.take(*gap, GAP_KEYS_MIN)
                    break
                passed.take(key, key + b"\x00", 1)
            if gap is None:
                break
            start, end = (start, gap[0]) if reverse else (gap[1], end)
        self._remember(passed)

    def _remember(self, passed: "_Passed") -> None:
        """Keep what a scan has stepped over, where that is worth a new beginning."""
        if passed.count >= GAP_KEYS_MIN:
            self._gaps.add(passed.low, passed.high)

    def _is_written(self, key: bytes) -> bool:
        """Tell, beside an order, whether a committed transaction or the running one has written to a key."""
        return key in self.written or key in self.replaced

    def _place(self, key: bytes, is_written: bool, belongs: bool) -> None:
        """Give a key a place in the order, or take it away, before its value changes."""
        assert self.order is not None
        has_place = is_written and self[key] is not None
        if belongs and not has_place:
            self.order.add(key)
        elif has_place and not belongs:
            self.order.remove(key)
