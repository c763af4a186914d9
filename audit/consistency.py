"""Compares a history with other sources and with earlier audits: the same genesis, and the same block at each height.

A block's hash stands for all blocks before it, so two histories that agree at a height agree below; where they do not,
halving finds the first height at which they part. A source that contradicts itself is found by auditing that source.
"""

import json
from typing import Any

from audit.mismatch import Level, Mismatch, SourceUnreadable
from audit.source import BlockSource
from chain.block import Block
from chain.certificate import decode_certificate
from chain.crypto import tagged_hash
from chain.encoding import DecodeError
from chain.recorded_block import RecordedBlock, decode_recorded_block
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class EarlierAudit:
    """What an earlier audit, of any source, has found true."""

    genesis_hash: str
    height: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing with one other source."""

    label: str
    mismatch: Mismatch | None
    statement: str
    """Up to where they agree, in a sentence; empty if they do not."""
    agreed: int | None = None
    """The last height up to which the other side is known to have the same blocks."""
    excluded: str = ""
    """What is excluded by that, beginning with "that"; empty if nothing is."""


def decode_earlier_audit(data: bytes) -> EarlierAudit:
    """Return the place that a verdict in JSON vouches for.

    Raises:
        ValueError: when it is no verdict.
    """
    try:
        document: Any = json.loads(data)
        genesis_hash, height, head = document["genesis_hash"], document["blocks"], document["head_hash"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("this is neither a signed head nor a verdict of `tally audit --json`") from error
    if not (isinstance(genesis_hash, str) and isinstance(head, str) and type(height) is int and height >= 0):
        raise ValueError("this is a verdict of an audit that could not read the history")
    return EarlierAudit(genesis_hash, height, head)


def compare_with_audit(source: BlockSource, earlier: EarlierAudit, label: str) -> Comparison:
    """Hold a history against what an earlier audit has found."""
    genesis_hash = genesis_hash_of(source)
    if genesis_hash != earlier.genesis_hash:
        return parted(label, 0, "genesis_hash", earlier.genesis_hash, genesis_hash, "the earlier audit was of another")
    if earlier.height > source.head_height():
        detail = f"{label} has seen block {earlier.height}; this history ends before it"
        height = source.head_height()
        expected = f"at least {earlier.height}"
        mismatch = Mismatch(Level.CONSISTENCY, height, "height", expected, f"{height}", detail=detail)
        return Comparison(label, mismatch, "")
    found = genesis_hash if earlier.height == 0 else _block(source, earlier.height).block_hash.hex()
    if found != earlier.block_hash:
        detail = "the earlier audit has found another block at this height"
        return parted(label, earlier.height, "block_hash", earlier.block_hash, found, detail)
    excluded = f"that blocks up to {earlier.height} were changed since the audit {label}"
    return Comparison(label, None, f"{label}: the same block at height {earlier.height}", earlier.height, excluded)


def compare_with_source(source: BlockSource, other: BlockSource, label: str) -> Comparison:
    """Hold a history against another source of it.

    Raises:
        SourceUnreadable: when either cannot be read.
        AuditMismatch: when a source finds something false itself.
    """
    ours, theirs = genesis_hash_of(source), genesis_hash_of(other)
    if ours != theirs:
        return parted(label, 0, "genesis_hash", theirs, ours, "the other source is of another network")
    common = min(source.head_height(), other.head_height())
    height = first_difference(source, other, common)
    if height is not None:
        return _fork(source, other, height, label)
    ahead = other.head_height() - source.head_height()
    more = f"; it shows {ahead} blocks more" if ahead > 0 else f"; it shows {-ahead} blocks fewer" if ahead else ""
    excluded = f"that {label} shows another history up to block {common}"
    return Comparison(label, None, f"{label}: the same blocks up to height {common}{more}", common, excluded)


def first_difference(source: BlockSource, other: BlockSource, common: int) -> int | None:
    """Return the first height up to `common` at which two sources show different blocks, by halving."""
    low, high = 0, common + 1
    if common == 0 or _block(source, common).block_hash == _block(other, common).block_hash:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if middle <= common and _block(source, middle).block_hash == _block(other, middle).block_hash:
            low = middle
        else:
            high = middle
    return high


def genesis_hash_of(source: BlockSource) -> str:
    """Return the hash of a source's genesis in hexadecimal."""
    return tagged_hash("genesis", source.genesis()).hex()


def record_at(source: BlockSource, height: int) -> RecordedBlock:
    """Return one recorded block of a source.

    Raises:
        SourceUnreadable: when it shows none there, or what is no block.
    """
    data = next(source.blocks(height, height), None)
    if data is None:
        raise SourceUnreadable(f"a source does not show block {height}")
    try:
        return decode_recorded_block(data)
    except DecodeError as error:
        raise SourceUnreadable(f"what a source shows as block {height} is none: {error}") from error


def _block(source: BlockSource, height: int) -> Block:
    try:
        return record_at(source, height).decoded_block()
    except DecodeError as error:
        raise SourceUnreadable(f"what a source shows as block {height} is none: {error}") from error


def _fork(source: BlockSource, other: BlockSource, height: int, label: str) -> Comparison:
    """Return what differs at the first height, and who signed both sides."""
    ours, theirs = _block(source, height).block_hash.hex(), _block(other, height).block_hash.hex()
    both = sorted(_signers(source, height) & _signers(other, height))
    who = f"both blocks bear signatures of {', '.join(both)}" if both else "nobody has signed both blocks"
    return parted(label, height, "block_hash", theirs, ours, f"{who}; check each certificate by auditing both sources")


def _signers(source: BlockSource, height: int) -> set[str]:
    try:
        certificate = decode_certificate(record_at(source, height).certificate)
    except DecodeError:
        return set()
    return {str(validator) for validator, _ in certificate.signatures}


def parted(label: str, height: int, field: str, expected: str, found: str, detail: str) -> Comparison:
    """Return what it means that a history differs from another one at a height."""
    mismatch = Mismatch(Level.CONSISTENCY, height, field, expected, found, detail=f"{label}: {detail}")
    return Comparison(label, mismatch, "")
