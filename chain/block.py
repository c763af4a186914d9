"""Blocks: a header that commits to everything before it, and the raw transactions in their order.

A block's bytes hold neither the view nor the result, so that a re-proposal in a later view is the same block.
"""

import functools
from collections.abc import Sequence
from typing import Any, Final

from chain.crypto import DIGEST_BYTES, tagged_hash
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.identity import is_name
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from chain.values import dataclass

HEADER_BYTES_MAX: Final = 512
_HEADER_KINDS: Final = (int, bytes, int, bytes, bytes, bytes, int, str, bytes, bytes, int)
HEADERS_KEPT: Final = 128
BLOCK_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bound on any block before genesis' own, tighter limit is known."""
FEW_TRANSACTIONS: Final = 4096
"""So many are read however small they are; of more, each has to take as many bytes as a transaction at least does."""
TRANSACTION_BYTES_MIN: Final = 100
"""A transaction is longer: its signature, chain id and sender's key alone have 128 bytes."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a block hash covers."""

    version: int
    chain_id: Digest
    height: Height
    parent_hash: Digest
    """Hash of block height-1; the genesis hash at height 1."""
    parent_result_hash: Digest
    history_root: Digest
    """RFC 6962 root over the genesis hash and the hashes of blocks 1 to height-1."""
    time: Milliseconds
    proposer: ValidatorId
    transactions_root: Digest
    """RFC 6962 root over id and signature of each transaction."""
    validators_hash: Digest
    """Hash of the set that certifies this block, as the parent's result announced it."""
    epoch: Epoch

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        links: list[Any] = [self.chain_id, self.height, self.parent_hash, self.parent_result_hash, self.history_root]
        own: list[Any] = [self.time, self.proposer, self.transactions_root, self.validators_hash, self.epoch]
        return encode([self.version, *links, *own])

    @property
    def block_hash(self) -> Digest:
        """The hash of the block with this header."""
        return block_hash_of(self.encoded())


@dataclass(frozen=True, slots=True)
class Block:
    """A decoded header beside the block's raw transactions and the bytes of the whole."""

    raw: bytes
    block_hash: Digest
    header: Header
    transactions: tuple[bytes, ...]
    """Raw transactions, not decoded."""


def block_hash_of(header: bytes) -> Digest:
    """Return the block hash of an encoded header."""
    return tagged_hash("block", header)


def make_block(header: Header, transactions: Sequence[bytes]) -> Block:
    """Return the block of a header and its raw transactions; the caller has put the right root into the header."""
    encoded = header.encoded()
    return Block(encode([1, encoded, list(transactions)]), block_hash_of(encoded), header, tuple(transactions))


def decode_block(raw: bytes, *, size_max: int = BLOCK_BYTES_MAX) -> Block:
    """Return the block in `raw`, checked for form alone.

    Raises:
        DecodeError: when the bytes are no block in canonical form or exceed `size_max`.
    """
    # Whoever sends millions of empty arrays in place of transactions must not have them made first.
    values_max = FEW_TRANSACTIONS + len(raw) // TRANSACTION_BYTES_MIN
    value = decode(raw, size_max=size_max, depth_max=2, values_max=values_max)
    _, header, transactions = fields_of(value, "block", 1, bytes, list)
    if {*map(type, transactions)} - {bytes}:
        raise DecodeError("a block's transactions are byte strings")
    return Block(raw, block_hash_of(header), decode_header(header), tuple(transactions))


@functools.lru_cache(maxsize=HEADERS_KEPT)
def decode_header(data: bytes) -> Header:
    """Return the header in canonical bytes, checked for form alone.

    The last ones are kept: each proposal's is asked for by the edge, by consensus, and when its body is put together.

    Raises:
        DecodeError: when the bytes are no header.
    """
    value = fields_of(decode(data, size_max=HEADER_BYTES_MAX, depth_max=1), "header", *_HEADER_KINDS)
    version, chain_id, height, parent, parent_result, history, time, proposer, transactions, validators, epoch = value
    digests = (chain_id, parent, parent_result, history, transactions, validators)
    if any(len(digest) != DIGEST_BYTES for digest in digests) or not is_name(proposer):
        raise DecodeError("header with a digest that is not 32 bytes or a proposer that is no name")
    if min(version, time, epoch) < 0 or height < 1:
        raise DecodeError("header with a negative number or height 0")
    return Header(
        version,
        Digest(chain_id),
        Height(height),
        Digest(parent),
        Digest(parent_result),
        Digest(history),
        Milliseconds(time),
        ValidatorId(proposer),
        Digest(transactions),
        Digest(validators),
        Epoch(epoch),
    )
