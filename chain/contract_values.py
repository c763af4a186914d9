"""The values of one contract within a block that executes: what its transactions, one after the other, read and wrote.

A read is one look-up in a dictionary, which finds what is missing in the parent's state. The running transaction writes
in place and leaves behind what it has replaced, so that it can be undone.
"""

from collections.abc import Callable
from typing import Final

from chain.sorted_keys import SortedKeys
from chain.state_leaf import Held
from chain.state_versions import Change

Load = Callable[[str, bytes], Held | None]
"""Returns a contract's leaf in the parent's state, None where there is none."""


class ContractValues(dict[bytes, bytes | None]):
    """Values by key, None where there is none; implements chain.runtime.Values.

    It inherits from `dict` because `__missing__` makes reading cost a look-up and no call. Whoever writes uses `put`.
    """

    __slots__ = ("_load", "_touched", "changes", "contract", "order", "parents", "replaced", "written")

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
        """Keys that were written, once somebody has asked for their order: most contracts are never scanned."""
        self.written: set[bytes] = set()
        """Keys to which committed transactions have written, kept only beside an order."""

    def __missing__(self, key: bytes) -> bytes | None:
        """Read from the parent's state."""
        held = self.parents[key] = self._load(self.contract, key)
        value = self[key] = None if held is None else held[1]
        return value

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value for the running transaction, or delete it with None."""
        replaced = self.replaced
        if key not in replaced:
            if not replaced:
                self._touched.append(self)
            replaced[key] = self[key]
            if self.order is not None and key not in self.written:
                self.order.add(key)
        self[key] = value

    def keep(self, index: int) -> bool:
        """Keep what the running transaction, which is at `index`, has put; tell whether anything changes.

        Deleting a key that has no value changes nothing.
        """
        before = len(self.changes)
        for key, replaced in self.replaced.items():
            value = self[key]
            if value is None and replaced is None:
                self._forget(key)
                continue
            self.changes.append((index, key, value))
            if self.order is not None:
                self.written.add(key)
        self.replaced = {}
        return len(self.changes) > before

    def undo(self) -> None:
        """Put back everything that the running transaction has replaced."""
        for key, value in self.replaced.items():
            self[key] = value
            self._forget(key)
        self.replaced = {}

    def ordered(self) -> SortedKeys:
        """Return the keys that were written, and with them some that have their old value again or none."""
        if self.order is None:
            self.order = SortedKeys()
            self.written = {key for _, key, _ in self.changes}
            for key in sorted(self.written.union(self.replaced)):
                self.order.add(key)
        return self.order

    def _forget(self, key: bytes) -> None:
        """Take a key out of the order that the transaction which ends has not changed after all."""
        if self.order is not None and key not in self.written:
            self.order.remove(key)
