"""Where an audit gets a history from: three methods, implemented for exports, nodes and whatever comes later.

A source is not trusted. It hands out bytes; everything that they claim is checked.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from chain.values import dataclass

_UNREADABLE: Final = b"unreadable\x00"
"""Begins no recorded block, which is an array."""
_TEXT_CHARACTERS_MAX: Final = 300


class BlockSource(Protocol):
    """A history as bytes. Every method may raise SourceUnreadable, or AuditMismatch for what is plainly false."""

    def genesis(self) -> bytes:
        """Return the canonical bytes of the genesis."""
        ...

    def head_height(self) -> int:
        """Return the height of the last block, 0 if there is none; it does not change afterwards."""
        ...

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the encoded recorded blocks (chain.recorded_block) from height `first` to `last`, both included.

        In the place of a block that cannot be read, while others behind it can, stands the encoded Unreadable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in the place of a block that a source cannot read, so that the audit can go on behind it."""

    field: str
    """What cannot be read, such as the name of a file."""
    expected: str
    found: str
    """The same for all blocks that are lost by the same damage."""

    def encoded(self) -> bytes:
        """Return what a source hands out instead of the block."""
        return _UNREADABLE + "\x00".join((self.field, self.expected, self.found)).encode()


def unreadable_in(data: bytes) -> Unreadable | None:
    """Return what stands in the place of a block, None if it is not this; sources are not trusted to mean it."""
    if not data.startswith(_UNREADABLE):
        return None
    parts = data[len(_UNREADABLE) :].decode("ascii", "replace").split("\x00", 2)
    texts = ["".join(filter(str.isprintable, part))[:_TEXT_CHARACTERS_MAX] for part in parts]
    return Unreadable(*texts, *[""] * (3 - len(texts)))
