"""What the node and its executor say to each other.

A request is [number, kind, argument, ...], its reply [number, outcome, value, ...]; replies come in the order of the
requests. The node checks the form of every reply, because the process at the other end runs what members deploy.
"""

from collections.abc import Awaitable
from enum import StrEnum
from types import NoneType
from typing import Any

from chain.encoding import DecodeError, EncodeError, encode, fields_of
from chain.protocol import schedule_from_value
from chain.receipt import BlockResult, decode_result
from chain.types import Digest, Height, Milliseconds, ValidatorId
from chain.validators import ValidatorSet, validator_set_from_value
from chain.validity import Head
from chain.values import dataclass


class Kind(StrEnum):
    """What is asked."""

    OPEN = "open"
    EXECUTE = "execute"
    EXECUTE_BATCH = "execute_batch"
    """The same for a block whose transactions the node has decoded; chain.batch.Batch says what it has checked."""
    APPLY = "apply"
    DISCARD = "discard"
    REPLAY = "replay"
    VIEW = "view"
    READ = "read"
    SCAN = "scan"
    PROOF = "proof"
    HISTORY = "history"
    STATISTICS = "statistics"
    SNAPSHOT_BEGIN = "snapshot-begin"
    SNAPSHOT_STEP = "snapshot-step"


EXIT_LINK_LOST = 4
"""Exit status of a reader whose executor is gone, which is no fault of whoever was asking."""

BLOCK_KINDS = frozenset({Kind.EXECUTE, Kind.EXECUTE_BATCH, Kind.APPLY, Kind.DISCARD, Kind.REPLAY})
"""Requests on which consensus waits; the others are queries and stand back for them."""


class Outcome(StrEnum):
    """How a request went; each is followed by its own values."""

    DONE = "done"
    INVALID = "invalid"
    """Code and detail of chain.validity.InvalidBlock."""
    FAULT = "fault"
    """A text for the log; the executor exits after it."""
    DIFFERS = "differs"
    """Height, certified and own result hash."""
    UNKNOWN = "unknown"
    """Nothing follows: the block to be applied was not executed."""
    STORE = "store"
    """Name and text of one of chain.storage's errors; the executor exits after it."""
    GENESIS = "genesis"
    """A text: genesis cannot be executed; the executor exits after it."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What the executor is told before it locks itself in."""

    folder: str
    genesis: bytes
    cache_bytes: int
    memory_bytes_max: int
    lock_wait_seconds: int
    """Time that a predecessor has to let go of the state."""

    def as_value(self) -> list[Any]:
        """Return the arguments of an OPEN request."""
        return [self.folder, self.genesis, self.cache_bytes, self.memory_bytes_max, self.lock_wait_seconds]


@dataclass(frozen=True, slots=True)
class Ready:
    """What the executor reports once it is locked in and its state is open."""

    head: Head
    versions: frozenset[int]
    """Versions of the protocol that it can execute."""
    walls_missing: tuple[str, ...]
    """Each a sentence: which wall this kernel lacks; empty when all stand."""
    origin: Height
    """Of the snapshot that the state was made from; 0 if it was executed from genesis on."""


@dataclass(frozen=True, slots=True)
class Executed:
    """The outcome of a block that waits in the executor for its decision."""

    block_hash: Digest
    result: BlockResult
    receipts: tuple[bytes, ...]
    head: Head | None
    """What the head will be once the block is decided; None where only the state that is written will tell."""


@dataclass(frozen=True, slots=True)
class Applying:
    """A decided block whose state the executor was told to write."""

    head: Head | None
    """What the head will be, where that is known before the state is written."""
    written: Awaitable[Head]
    """The head, once the state is written and durable."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """The outcome of a view."""

    height: Height
    code: str | None
    value: Any
    gas_used: int


@dataclass(frozen=True, slots=True)
class Values:
    """Values under several keys of a contract."""

    height: Height
    values: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys of a contract in a range, with their values."""

    height: Height
    entries: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """What the state holds under a key, for chain.state_proof.verify_proof."""

    height: Height
    block_hash: Digest
    state_root: Digest
    leaf: bytes | None
    """The encoded leaf; None if the key never existed."""
    proof: bytes


@dataclass(frozen=True, slots=True)
class Versions:
    """Encoded leaves of a key, the newest first."""

    height: Height
    leaves: tuple[bytes, ...]
    complete: bool
    """False when older versions exist: beyond the limit asked for, or no longer held."""


@dataclass(frozen=True, slots=True)
class SnapshotMaking:
    """How far the snapshot is that the executor makes."""

    is_open: bool
    """Whether one is being made, or waits for the height at which it is to be made."""
    height: Height
    """Of the last one that was begun."""
    dealt_bytes: int
    """Bytes of leaves that were dealt out, which is the first half of the work."""
    written_bytes: int
    """Bytes of leaves that stand in chunks; as many in the end."""
    failure: str | None
    """Why the last one was given up, if it was."""


def head_as_value(head: Head) -> list[Any]:
    """Return a head as a value of a message."""
    proof: list[Any] = [head.chain_id, head.height, head.block_hash, head.result.encoded(), head.time, head.proposer]
    return [*proof, head.validators.as_value(), head.history_root, head.schedule.as_value()]


def head_from_value(value: Any, before: Head | None = None) -> Head:
    """Return the head in a value of a message; the validators of the one `before`, mostly the same, serve again.

    Raises:
        DecodeError: when it is none.
    """
    kinds = (bytes, int, bytes, bytes, int, None, list, bytes, list)
    parts = fields_of(value, "head", *kinds)
    chain_id, height, block_hash, result, time, proposer, validators, history, schedule = parts
    return Head(
        Digest(chain_id),
        Height(height),
        Digest(block_hash),
        decode_result(result),
        Milliseconds(time),
        None if proposer is None else ValidatorId(proposer),
        _same_validators(validators, before) or validator_set_from_value(validators),
        Digest(history),
        schedule_from_value(schedule),
    )


def _same_validators(value: list[Any], before: Head | None) -> ValidatorSet | None:
    return before.validators if before is not None and before.validators.as_value() == value else None


def ready_from(values: list[Any]) -> Ready:
    """Return what the executor's OPEN request's reply says.

    Raises:
        DecodeError: when it has another form; so do all functions below.
    """
    head, versions, walls, origin = fields_of(values, "open reply", list, list, list, int)
    known, missing = frozenset(_all_of(versions, int)), tuple(_all_of(walls, str))
    return Ready(head_from_value(head), known, missing, Height(origin))


def reader_walls_from(values: list[Any]) -> tuple[str, ...]:
    """Return which walls the reader lacks, as the reply to its OPEN request says."""
    (walls,) = fields_of(values, "open reply", list)
    return tuple(_all_of(walls, str))


def executed_from(values: list[Any], before: Head | None) -> Executed:
    """Return what an EXECUTE request's reply says; `before` is the head that the block was executed on."""
    block_hash, result, receipts, after = fields_of(values, "execute reply", bytes, bytes, list, None)
    head = None if after is None else head_from_value(after, before)
    return Executed(Digest(block_hash), decode_result(result), tuple(_all_of(receipts, bytes)), head)


def viewed_from(values: list[Any]) -> Viewed:
    """Return what a VIEW request's reply says."""
    height, code, value, gas_used = fields_of(values, "view reply", int, None, None, int)
    _all_of([code], str, NoneType)
    try:
        encode(value)
    except EncodeError as error:
        raise DecodeError(f"a view returned what is no value: {error}") from error
    return Viewed(Height(height), code, value, gas_used)


def values_from(values: list[Any]) -> Values:
    """Return what a READ request's reply says."""
    height, found = fields_of(values, "read reply", int, list)
    return Values(Height(height), tuple(_all_of(found, bytes, NoneType)))


def entries_from(values: list[Any]) -> Entries:
    """Return what a SCAN request's reply says."""
    height, entries = fields_of(values, "scan reply", int, list)
    pairs = [fields_of(entry, "scan entry", bytes, bytes) for entry in entries]
    return Entries(Height(height), tuple((key, value) for key, value in pairs))


def proven_from(values: list[Any]) -> Proven:
    """Return what a PROOF request's reply says."""
    kinds = (int, bytes, bytes, None, bytes)
    height, block_hash, root, leaf, proof = fields_of(values, "proof reply", *kinds)
    _all_of([leaf], bytes, NoneType)
    return Proven(Height(height), Digest(block_hash), Digest(root), leaf, proof)


def versions_from(values: list[Any]) -> Versions:
    """Return what a HISTORY request's reply says."""
    height, leaves, complete = fields_of(values, "history reply", int, list, bool)
    return Versions(Height(height), tuple(_all_of(leaves, bytes)), complete)


def making_from(values: list[Any]) -> SnapshotMaking:
    """Return what the reply to a SNAPSHOT request says."""
    is_open, height, dealt, written, failure = fields_of(values, "snapshot reply", bool, int, int, int, None)
    _all_of([failure], str, NoneType)
    return SnapshotMaking(is_open, Height(height), dealt, written, failure)


def statistics_from(values: list[Any]) -> dict[str, int]:
    """Return what a STATISTICS request's reply says."""
    (numbers,) = fields_of(values, "statistics reply", dict)
    _all_of(list(numbers.values()), int)
    return dict(numbers)


def _all_of(items: list[Any], *kinds: type) -> list[Any]:
    for item in items:
        if type(item) not in kinds:
            raise DecodeError(f"a reply holds {type(item).__name__} where it must not")
    return items
