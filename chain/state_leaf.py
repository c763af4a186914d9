"""Leaves of the state: one version of one key, which names the version before it.

A leaf commits to the value, to where it was written, and to the previous leaf's hash, so that one proven leaf proves
the whole history of its key. Deletion writes a leaf without a value (a tombstone): leaves never vanish.
"""

import hashlib
from typing import Final

import msgpack

from chain.crypto import DIGEST_BYTES, domain
from chain.encoding import DecodeError, decode, fields_of, pack_flat
from chain.types import Digest, Height
from chain.values import dataclass

LEAF_VERSION: Final = 1

_VALUES: Final = 8
"""The array and its seven fields."""

LEAF_DOMAIN: Final = domain("leaf")
_PATH_DOMAIN: Final = domain("path")


Held = tuple[bytes, bytes | None, bytes | None, bytes | None]
"""An encoded leaf at hand with what was found out about it: its value, its hash, and its path in the state tree, each
of the latter two None if nobody has asked for it yet. Hashing them anew costs more than everything else of a write."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One version of a key."""

    contract: str
    key: bytes
    value: bytes | None
    """None marks a deletion."""
    height: Height
    """Block that wrote this version; 0 for genesis."""
    index: int
    """Position in that block of the transaction that wrote it."""
    previous: Digest | None
    """Hash of the version before, None for a key's first one."""


def path_of(contract: str, key: bytes) -> Digest:
    """Return the place of a key in the state tree."""
    return Digest(hashlib.sha256(_PATH_DOMAIN + pack_flat([contract, key])).digest())


def leaf_hash(encoded: bytes) -> Digest:
    """Return the hash of an encoded leaf."""
    return Digest(hashlib.sha256(LEAF_DOMAIN + encoded).digest())


def encode_leaf(
    contract: str, key: bytes, value: bytes | None, height: int, index: int, previous: bytes | None
) -> bytes:
    """Return the canonical bytes of a leaf."""
    return pack_flat([LEAF_VERSION, contract, key, value, height, index, previous])


def decode_leaf(data: bytes) -> Leaf:
    """Return the leaf that canonical bytes from anywhere stand for.

    Raises:
        DecodeError: when they stand for none.
    """
    _, contract, key, value, height, index, previous = fields_of(
        decode(data, values_max=_VALUES), "state leaf", LEAF_VERSION, str, bytes, None, int, int, None
    )
    if not (value is None or type(value) is bytes) or height < 0 or index < 0:
        raise DecodeError("not a state leaf: its value, height or index is impossible")
    if previous is not None and (type(previous) is not bytes or len(previous) != DIGEST_BYTES):
        raise DecodeError("not a state leaf: the previous leaf's hash has 32 bytes")
    return Leaf(contract, key, value, Height(height), index, None if previous is None else Digest(previous))


def stored_value(encoded: bytes) -> bytes | None:
    """Return the value in a leaf of our own database, whose form the database's checksums vouch for."""
    return msgpack.unpackb(encoded, raw=False)[3]  # type: ignore[no-any-return]


def hold_leaf(encoded: bytes | None) -> Held | None:
    """Return a leaf of our own database with its value; None if there is none."""
    return None if encoded is None else (encoded, stored_value(encoded), None, None)
