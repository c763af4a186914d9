"""The window: ids of recent transactions and recently used idempotency keys, so that nothing happens twice.

A transaction may be in a block only up to its `valid_until`, so its id has to be remembered exactly until then; block
time never goes back. Memory is bounded by what fits into blocks within `validity_window_max`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import Digest, Milliseconds

BUCKET_MILLISECONDS: Final = 1000
"""Entries expire together with the bucket of the second in which they end."""


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """What a block's transaction leaves in the window."""

    transaction_id: Digest
    valid_until: Milliseconds
    organisation: str
    idempotency_key: str | None


class Window:
    """Owns the ids and keys of the window. Invariant: holds every id whose `valid_until` is not before block time."""

    def __init__(self, validity_window_max: int) -> None:
        self._validity_window_max = validity_window_max
        self._ids: dict[Digest, Milliseconds] = {}
        self._keys: dict[tuple[str, str], Milliseconds] = {}
        self._id_buckets: dict[int, list[Digest]] = {}
        self._key_buckets: dict[int, list[tuple[str, str]]] = {}

    def __contains__(self, transaction_id: Digest) -> bool:
        """Tell whether a transaction with this id was committed and might still be sent again."""
        return transaction_id in self._ids

    def key_in_use(self, organisation: str, idempotency_key: str, time: Milliseconds) -> bool:
        """Tell whether the organisation used the key less than a window before `time`."""
        last = self._keys.get((organisation, idempotency_key))
        return last is not None and last >= time

    def add_block(self, time: Milliseconds, entries: Iterable[WindowEntry]) -> None:
        """Take in a committed block's transactions and forget what expired before its time."""
        for entry in entries:
            self._ids[entry.transaction_id] = entry.valid_until
            self._id_buckets.setdefault(entry.valid_until // BUCKET_MILLISECONDS, []).append(entry.transaction_id)
            if entry.idempotency_key is not None:
                key = (entry.organisation, entry.idempotency_key)
                last = Milliseconds(time + self._validity_window_max)
                self._keys[key] = last
                self._key_buckets.setdefault(last // BUCKET_MILLISECONDS, []).append(key)
        self._expire(time)

    def _expire(self, time: Milliseconds) -> None:
        current = time // BUCKET_MILLISECONDS
        for bucket in [number for number in self._id_buckets if number < current]:
            for transaction_id in self._id_buckets.pop(bucket):
                del self._ids[transaction_id]
        for bucket in [number for number in self._key_buckets if number < current]:
            for key in self._key_buckets.pop(bucket):
                # A key may have been used again since; only its latest use keeps it.
                if self._keys.get(key, time) < time:
                    del self._keys[key]


def encode_entries(time: Milliseconds, entries: Sequence[WindowEntry]) -> bytes:
    """Return the row that lets a restarted node rebuild its window without reading whole blocks.

    It holds columns, because a node that starts reads hundreds of thousands of entries.
    """
    ids = b"".join(entry.transaction_id for entry in entries)
    valid_until = [entry.valid_until for entry in entries]
    organisations = [entry.organisation for entry in entries]
    return encode([1, time, ids, valid_until, organisations, [entry.idempotency_key for entry in entries]])


def decode_entries(data: bytes) -> tuple[Milliseconds, list[WindowEntry]]:
    """Return block time and entries of a stored row.

    Raises:
        DecodeError: when the bytes are no such row.
    """
    _, time, ids, *columns = fields_of(decode(data), "window row", 1, int, bytes, list, list, list)
    if any(len(column) * DIGEST_BYTES != len(ids) for column in columns):
        raise DecodeError("not a window row: its columns differ in length")
    starts = range(0, len(ids), DIGEST_BYTES)
    digests = [ids[start : start + DIGEST_BYTES] for start in starts]
    return Milliseconds(time), [WindowEntry(*row) for row in zip(digests, *columns, strict=True)]
