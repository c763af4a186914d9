"""What a replica writes to its log before it speaks: whole values in their exact bytes (rule 10).

After a restart the stored bytes are sent again and never made anew, so that one key can never sign two messages for
one slot. A record's payload is opaque to the log; this file alone says what it means.
"""

from enum import IntEnum
from typing import Final

from chain.encoding import INT_MAX, DecodeError, decode, fields_of, pack_flat
from chain.types import Height
from chain.values import dataclass

EVER: Final = Height(INT_MAX)
"""The height of records that outlive every height."""


class RecordKind(IntEnum):
    """Kinds of records."""

    MESSAGE = 1
    """A message that this replica signed: the encoded message."""
    BODY = 2
    """The raw block of a proposal."""
    RESULT = 3
    """The own result of a block: encode([block hash, encoded result])."""
    PREPARED = 4
    """A PREPARE certificate: the encoded certificate. A higher one replaces it."""
    AMNESIA = 5
    """This replica lost votes under this consensus key (the payload) and stays a learner until the key is replaced."""
    HEARD = 6
    """A message of another validator on which an own vote rests, so that a testimony can show it after a restart."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the log; it may be dropped once its height is decided and stored."""

    kind: RecordKind
    height: Height
    payload: bytes


def amnesia(consensus_key: bytes) -> Record:
    """Return the record that makes a validator a learner for as long as it has this key."""
    return Record(RecordKind.AMNESIA, EVER, consensus_key)


def encode_record(record: Record) -> bytes:
    """Return the canonical bytes of a record."""
    return pack_flat([int(record.kind), record.height, record.payload])


def decode_record(data: bytes) -> Record:
    """Return the record in canonical bytes.

    Raises:
        DecodeError: when the bytes are no record.
    """
    kind, height, payload = fields_of(decode(data, depth_max=1), "log record", int, int, bytes)
    if kind not in tuple(RecordKind) or height < 1:
        raise DecodeError(f"log record of kind {kind} at height {height}")
    return Record(RecordKind(kind), Height(height), payload)
