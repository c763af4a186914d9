"""The rows that a ledger keeps beside the state: its head, its window, and since when it holds all versions of keys."""

import functools
from typing import Any, Final

from chain.encoding import decode, decode_own, encode, fields_of
from chain.merkle import Frontier, decode_frontier
from chain.protocol import Schedule
from chain.receipt import decode_result
from chain.types import Digest, Height, Milliseconds, ValidatorId
from chain.validators import ValidatorSet, validator_set_from_value
from chain.validity import Head

HEAD_ROW: Final = b"head"
WINDOW_ROW: Final = b"window/"
"""Followed by the height in 8 bytes, big-endian."""
ORIGIN_ROW: Final = b"origin"
"""Height, in 8 bytes, of the snapshot that the state was made from; absent where it was executed from genesis on."""

SETS_KEPT: Final = 8
"""Validator sets that are remembered: making one costs more than all else of a row, and it hardly ever changes."""


def window_row(height: int) -> bytes:
    """Return the name of the row that a block leaves in the window."""
    return WINDOW_ROW + height.to_bytes(8, "big")


def height_of_window_row(name: bytes) -> Height:
    """Return the height in a name made by `window_row`."""
    return Height(int.from_bytes(name[len(WINDOW_ROW) :], "big"))


def encode_head_row(head: Head, frontier: Frontier) -> bytes:
    """Return the head row of a block and the tree over all blocks up to it."""
    fields: list[Any] = [head.chain_id, head.height, head.block_hash, head.result.encoded(), head.time, head.proposer]
    return encode([1, *fields, head.validators.as_value(), frontier.encoded()])


def decode_head_row(data: bytes, schedule: Schedule) -> tuple[Head, Frontier]:
    """Return head and tree of a head row; the schedule of protocol versions is a record of the state.

    Raises:
        DecodeError: when the bytes are none.
    """
    kinds = (1, bytes, int, bytes, bytes, int, None, list, bytes)
    _, chain_id, height, block_hash, result, time, proposer, validators, frontier_bytes = fields_of(
        decode(data), "head row", *kinds
    )
    frontier = decode_frontier(frontier_bytes)
    head = Head(
        Digest(chain_id),
        Height(height),
        Digest(block_hash),
        decode_result(result),
        Milliseconds(time),
        None if proposer is None else ValidatorId(proposer),
        _validators(encode(validators)),
        frontier.root(),
        schedule,
    )
    return head, frontier


@functools.lru_cache(maxsize=SETS_KEPT)
def _validators(encoded: bytes) -> ValidatorSet:
    return validator_set_from_value(decode_own(encoded))
