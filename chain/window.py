"""The window: ids of recent transactions and recently used idempotency keys, so that nothing happens twice.

A transaction may be in a block only up to its `valid_until`, so its id has to be remembered exactly until then; block
time never goes back. Memory is bounded by what fits into blocks within `validity_window_max`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import Digest, Milliseconds
from chain.values import dataclass

BUCKET_MILLISECONDS: Final = 1000
"""Entries expire together with the bucket of the second in which they end."""


@dataclass(frozen=True, slots=True)
class WindowEntries:
    """What a block's transactions leave in the window, in columns."""

    ids: Sequence[Digest] = ()
    valid_until: Sequence[Milliseconds] = ()
    organisations: Sequence[str] = ()
    idempotency_keys: Sequence[str | None] = ()


class Window:
    """Owns the ids and keys of the window. Invariant: holds every id whose `valid_until` is not before block time."""

    def __init__(self, validity_window_max: int) -> None:
        self._validity_window_max = validity_window_max
        self._ids: set[Digest] = set()
        self._keys: dict[tuple[str, str], Milliseconds] = {}
        self._id_buckets: defaultdict[int, list[Digest]] = defaultdict(list)
        self._key_buckets: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)

    def __contains__(self, transaction_id: Digest) -> bool:
        """Tell whether a transaction with this id was committed and might still be sent again."""
        return transaction_id in self._ids

    def holds_none(self, transaction_ids: Iterable[Digest]) -> bool:
        """Tell whether none of these was committed and might still be sent again."""
        return self._ids.isdisjoint(transaction_ids)

    def key_in_use(self, organisation: str, idempotency_key: str, time: Milliseconds) -> bool:
        """Tell whether the organisation used the key less than a window before `time`."""
        last = self._keys.get((organisation, idempotency_key))
        return last is not None and last >= time

    def add_block(self, time: Milliseconds, entries: WindowEntries) -> None:
        """Take in a committed block's transactions and forget what expired before its time."""
        self._ids.update(entries.ids)
        for transaction_id, valid_until in zip(entries.ids, entries.valid_until, strict=True):
            self._id_buckets[valid_until // BUCKET_MILLISECONDS].append(transaction_id)
        last = Milliseconds(time + self._validity_window_max)
        for organisation, idempotency_key in zip(entries.organisations, entries.idempotency_keys, strict=True):
            if idempotency_key is not None:
                key = (organisation, idempotency_key)
                self._keys[key] = last
                self._key_buckets[last // BUCKET_MILLISECONDS].append(key)
        self._expire(time)

    def _expire(self, time: Milliseconds) -> None:
        current = time // BUCKET_MILLISECONDS
        for bucket in [number for number in self._id_buckets if number < current]:
            self._ids.difference_update(self._id_buckets.pop(bucket))
        for bucket in [number for number in self._key_buckets if number < current]:
            for key in self._key_buckets.pop(bucket):
                # A key may have been used again since; only its latest use keeps it.
                if self._keys.get(key, time) < time:
                    del self._keys[key]


def encode_entries(time: Milliseconds, entries: WindowEntries) -> bytes:
    """Return the row that lets a restarted node rebuild its window without reading whole blocks."""
    columns = [list(entries.valid_until), list(entries.organisations), list(entries.idempotency_keys)]
    return encode([1, time, b"".join(entries.ids), *columns])


def decode_entries(data: bytes) -> tuple[Milliseconds, WindowEntries]:
    """Return block time and entries of a stored row.

    Raises:
        DecodeError: when the bytes are no such row.
    """
    _, time, ids, *columns = fields_of(decode(data), "window row", 1, int, bytes, list, list, list)
    if any(len(column) * DIGEST_BYTES != len(ids) for column in columns):
        raise DecodeError("not a window row: its columns differ in length")
    starts = range(0, len(ids), DIGEST_BYTES)
    return Milliseconds(time), WindowEntries([Digest(ids[start : start + DIGEST_BYTES]) for start in starts], *columns)
