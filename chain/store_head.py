"""The copy of a store's head outside of its database, by which a rollback of the database is noticed.

It is written after each batch and may lag behind after a crash, but never runs ahead of the database.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from chain.storage import Head, StoreDamaged, StoreRolledBack
from chain.types import Digest, Height

HEAD_COPY: Final = "head"

_CHECKSUM_BYTES: Final = 8


def check_head_copy(folder: Path, head: Head | None) -> None:
    """Compare the head in the database with the copy outside.

    Raises:
        StoreDamaged: when the copy is damaged; StoreRolledBack when the database has fallen behind it.
    """
    try:
        content = (folder / HEAD_COPY).read_bytes()
    except FileNotFoundError:
        return
    body = content[:-_CHECKSUM_BYTES]
    if content != with_checksum(body):
        raise StoreDamaged(f"{folder}: the copy of the head is damaged")
    copy = parse_head(folder, body)
    if head is None or head.height < copy.height or (head.height == copy.height and head != copy):
        held = "nothing" if head is None else f"block {head.height} {head.block_hash.hex()}"
        raise StoreRolledBack(
            f"{folder}: the database holds {held}, but held block {copy.height} {copy.block_hash.hex()}"
        )


def open_head_copy(folder: Path, head: Head) -> int:
    """Open the copy of the head, creating it whole, so that no crash leaves a torn one."""
    path = folder / HEAD_COPY
    if not path.exists():
        fresh = folder / f"{HEAD_COPY}.new"
        with fresh.open("wb") as file:
            file.write(with_checksum(head_bytes(head)))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def head_bytes(head: Head) -> bytes:
    """Return a head as it stands in the database."""
    return head.height.to_bytes(8, "big") + head.block_hash


def parse_head(folder: Path, data: bytes) -> Head:
    """Return the head in bytes made by `head_bytes`.

    Raises:
        StoreDamaged: when they have another length.
    """
    if len(data) != 40:
        raise StoreDamaged(f"{folder}: a head has 40 bytes, not {len(data)}")
    return Head(Height(int.from_bytes(data[:8], "big")), Digest(data[8:]))


def with_checksum(body: bytes) -> bytes:
    """Return bytes with what shows that they are whole."""
    return body + hashlib.sha256(body).digest()[:_CHECKSUM_BYTES]
