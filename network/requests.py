"""What one node may ask another: request kinds, the bytes of question and answer, and answering from the node's data.

The answer is evidence, not truth: a certified block carries its proof, and the asker hashes bodies and transactions.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import Digest, Height
from chain.values import dataclass
from network.errors import PeerFaultError, RefusalError
from network.limits import MIB

BLOCKS_MAX: Final = 256
"""Certified blocks of one answer."""
ANSWER_BYTES_MAX: Final = 4 * MIB
"""Bytes after which an answer takes no further item; the first item may be larger."""
IDS_MAX: Final = 4096
"""Transaction ids of one question."""
_ANSWER_DEPTH: Final = 2


class RequestKind(IntEnum):
    """The number is the byte on the wire."""

    BLOCKS = 1
    """Certified blocks of consecutive heights."""
    BODY = 2
    """The bytes of one block by its hash."""
    TRANSACTIONS = 3
    """Raw transactions by their ids."""


@dataclass(frozen=True, slots=True)
class BlocksRequest:
    """Asks for certified blocks from `first` on, at most so many and about so many bytes."""

    first: Height
    blocks_max: int
    bytes_max: int

    def encoded(self) -> bytes:
        """Return the question's payload."""
        return encode([1, self.first, self.blocks_max, self.bytes_max])


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from; each returns None for what this node does not have, or raises RefusalError."""

    certified_block: Callable[[Height], bytes | None]
    body: Callable[[Digest], bytes | None]
    transaction: Callable[[Digest], bytes | None]


async def answer(sources: Sources, kind: int, payload: bytes) -> bytes:
    """Return the answer to a peer's question; yields to other tasks between items.

    Raises:
        PeerFaultError: when the question is malformed.
        RefusalError: when the kind is unknown.
    """
    try:
        if kind == RequestKind.BLOCKS:
            return encode([1, await _blocks(sources, decode_blocks_request(payload))])
        if kind == RequestKind.BODY:
            return encode([1, sources.body(decode_body_request(payload))])
        if kind == RequestKind.TRANSACTIONS:
            return encode([1, await _transactions(sources, decode_transactions_request(payload))])
    except DecodeError as error:
        raise PeerFaultError(f"request of kind {kind}: {error}") from error
    raise RefusalError(f"unknown request kind {kind}")


def decode_blocks_request(payload: bytes) -> BlocksRequest:
    """Return the question for certified blocks; raises DecodeError."""
    _, first, blocks_max, bytes_max = fields_of(decode(payload, depth_max=1), "request for blocks", 1, int, int, int)
    if first < 1 or blocks_max < 1 or bytes_max < 1:
        raise DecodeError("a request for blocks starts at height 1 or higher and wants something")
    return BlocksRequest(Height(first), min(blocks_max, BLOCKS_MAX), min(bytes_max, ANSWER_BYTES_MAX))


def decode_blocks(payload: bytes) -> list[bytes]:
    """Return the certified blocks of an answer, not decoded; raises DecodeError."""
    _, blocks = fields_of(
        decode(payload, depth_max=_ANSWER_DEPTH, values_max=2 * BLOCKS_MAX + 16), "answer with blocks", 1, list
    )
    if len(blocks) > BLOCKS_MAX or any(type(block) is not bytes for block in blocks):
        raise DecodeError(f"an answer with blocks has at most {BLOCKS_MAX} byte strings")
    return list(blocks)


def encode_body_request(block_hash: Digest) -> bytes:
    """Return the payload that asks for a block's bytes."""
    return encode([1, block_hash])


def decode_body_request(payload: bytes) -> Digest:
    """Return the hash that is asked for; raises DecodeError."""
    return _digest(fields_of(decode(payload, depth_max=1), "request for a body", 1, bytes)[1])


def decode_body(payload: bytes) -> bytes | None:
    """Return the block's bytes in an answer, unchecked, or None if the peer has none; raises DecodeError."""
    return _optional_bytes(fields_of(decode(payload, depth_max=1, values_max=16), "answer with a body", 1, None)[1])


def encode_transactions_request(ids: Sequence[Digest]) -> bytes:
    """Return the payload that asks for transactions, at most IDS_MAX."""
    assert 1 <= len(ids) <= IDS_MAX, f"{len(ids)} ids"
    return encode([1, list(ids)])


def decode_transactions_request(payload: bytes) -> list[Digest]:
    """Return the ids that are asked for; raises DecodeError."""
    _, ids = fields_of(decode(payload, depth_max=2), "request for transactions", 1, list)
    if not 1 <= len(ids) <= IDS_MAX:
        raise DecodeError(f"a request for transactions has 1 to {IDS_MAX} ids, not {len(ids)}")
    return [_digest(item) for item in ids]


def decode_transactions(payload: bytes, count: int) -> list[bytes | None]:
    """Return the raw transactions of an answer in the order asked, unchecked; raises DecodeError.

    None stands for what the peer does not have and for what no longer fitted into the answer.
    """
    _, raws = fields_of(
        decode(payload, depth_max=_ANSWER_DEPTH, values_max=2 * count + 16), "answer with transactions", 1, list
    )
    if len(raws) != count:
        raise DecodeError(f"{len(raws)} transactions where {count} were asked for")
    return [_optional_bytes(raw) for raw in raws]


async def _blocks(sources: Sources, wanted: BlocksRequest) -> list[bytes]:
    blocks: list[bytes] = []
    size = 0
    while len(blocks) < wanted.blocks_max and size < wanted.bytes_max:
        try:
            block = sources.certified_block(Height(wanted.first + len(blocks)))
        except RefusalError:
            # What stands before the gap is served; the next question learns of it.
            if blocks:
                break
            raise
        if block is None or (blocks and size + len(block) > wanted.bytes_max):
            break
        blocks.append(block)
        size += len(block)
        await asyncio.sleep(0)
    return blocks


async def _transactions(sources: Sources, ids: list[Digest]) -> list[bytes | None]:
    found: list[bytes | None] = []
    size = 0
    for position, transaction_id in enumerate(ids):
        raw = sources.transaction(transaction_id)
        if raw is not None and size and size + len(raw) > ANSWER_BYTES_MAX:
            raw = None
        size += len(raw or b"")
        found.append(raw)
        if position % 64 == 63:
            await asyncio.sleep(0)
    return found


def _digest(value: object) -> Digest:
    if type(value) is not bytes or len(value) != DIGEST_BYTES:
        raise DecodeError(f"a digest has {DIGEST_BYTES} bytes")
    return Digest(value)


def _optional_bytes(value: object) -> bytes | None:
    if value is not None and type(value) is not bytes:
        raise DecodeError("neither bytes nor nil")
    return value
