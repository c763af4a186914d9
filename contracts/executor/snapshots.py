"""Makes a snapshot of the state beside the execution of blocks, in steps as short as the node asks for.

A block never waits for more than one step. What is written down is the state as it was when the snapshot was begun: the
database keeps that for us, whatever blocks change meanwhile. A snapshot that was begun is lost with this process, one
that was finished stays in the state's folder, where the node reads it.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from chain.database_keys import TABLE_LIVE, TABLE_TOMBSTONE
from chain.ledger import Ledger
from chain.snapshot_files import heights_held, remove_snapshot, snapshot_folder
from chain.snapshot_writer import UNFINISHED, SnapshotHead, SnapshotTooLargeError, SnapshotWriter, remove_flat
from chain.storage import FrozenView
from contracts.executor.protocol import Outcome

SNAPSHOTS_FOLDER: Final = "snapshots"
"""Beneath the state's folder."""
SNAPSHOTS_KEPT: Final = 2
"""Finished snapshots on disk; a peer that fetches the older one is not cut off by the newer."""

_NAME_AT: Final = 3
"""Place of the contract's name in the database key of a leaf, after the table and the name's length."""


class SnapshotMaker:
    """Owns the snapshot that is being made, at most one."""

    def __init__(self, ledger: Ledger, folder: Path, freeze: Callable[[], FrozenView]) -> None:
        """`folder` is the state's, `freeze` returns a view of its database at the head."""
        self._ledger = ledger
        self._folder = folder / SNAPSHOTS_FOLDER
        self._freeze = freeze
        self._align = 0
        """Begin at the next height that this divides; 0 when nothing is to be begun."""
        self._view: FrozenView | None = None
        self._writer: SnapshotWriter | None = None
        self._steps: Iterator[None] = iter(())
        self._height = 0
        self._failure: str | None = None
        for left in self._folder.glob(f"*{UNFINISHED}"):
            remove_flat(left)

    def begin(self, align: int) -> list[Any]:
        """Have a snapshot made at the head if `align` divides its height, or else at the next such height.

        While one is being made this changes nothing.
        """
        self._failure = None
        if self._writer is None:
            self._align = max(1, align)
            self.applied()
        return self._report()

    def applied(self) -> None:
        """Note that a block was applied, and freeze the state if a snapshot is to be made of it."""
        head = self._ledger.head
        if not self._align or head.height % self._align or head.height == 0:
            return
        self._align = 0
        self._height = head.height
        if self._height in heights_held(self._folder):
            return
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            # A block has just been applied, which is none of the snapshot's business.
            self._failure = f"{type(error).__name__}: {error}"
            return
        self._view = self._freeze()
        place = SnapshotHead(head.chain_id, head.height, head.block_hash, head.result.state_root)
        self._writer = SnapshotWriter(snapshot_folder(self._folder, head.height), place)
        self._steps = self._writer.steps(_leaves(self._view))

    def step(self, microseconds: int) -> list[Any]:
        """Work for about this long and tell how far it is.

        Raises:
            StoreError: when the state cannot be read, or is not what its root says.
        """
        deadline = time.perf_counter_ns() + microseconds * 1000
        try:
            while self._writer is not None and time.perf_counter_ns() < deadline:
                if next(self._steps, self) is self:
                    self._end()
                    self._drop_old()
        except (OSError, SnapshotTooLargeError) as error:
            # Neither says anything about the state: the node goes on without a snapshot, and says why.
            self._failure = f"{type(error).__name__}: {error}"
            if self._writer is not None:
                self._writer.discard()
            self._end()
        return self._report()

    def _report(self) -> list[Any]:
        """Return the values of a reply: whether one is being made or waited for, its height, bytes, and a failure."""
        writer = self._writer
        dealt, written = (0, 0) if writer is None else (writer.leaf_bytes, writer.written_bytes)
        is_open = writer is not None or self._align > 0
        return [Outcome.DONE, is_open, self._height, dealt, written, self._failure]

    def _end(self) -> None:
        self._writer, self._steps = None, iter(())
        if self._view is not None:
            self._view.close()
            self._view = None

    def _drop_old(self) -> None:
        for height in heights_held(self._folder)[:-SNAPSHOTS_KEPT]:
            remove_snapshot(self._folder, height)


def _leaves(view: FrozenView) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield contract, key and encoded leaf of the whole state, deleted keys too."""
    for table in (TABLE_LIVE, TABLE_TOMBSTONE):
        for key, encoded in view.scan(table, bytes([table[0] + 1])):
            end = _NAME_AT + int.from_bytes(key[1:_NAME_AT], "big")
            yield key[_NAME_AT:end].decode(), key[end:], encoded
