"""Where an audit gets a history from: three methods, implemented for exports, nodes and whatever comes later.

A source is not trusted. It hands out bytes; everything that they claim is checked.
"""

from collections.abc import Iterator
from typing import Protocol


class BlockSource(Protocol):
    """A history as bytes. Every method may raise SourceUnreadable, or AuditMismatch for what is plainly false."""

    def genesis(self) -> bytes:
        """Return the canonical bytes of the genesis."""
        ...

    def head_height(self) -> int:
        """Return the height of the last block, 0 if there is none; it does not change afterwards."""
        ...

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the encoded recorded blocks (chain.recorded_block) from height `first` to `last`, both included."""
        ...
