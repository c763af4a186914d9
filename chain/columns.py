"""Reads many transactions, or all receipts of a block, at once, several times as fast as one by one.

Whoever checks whole histories, or takes in what clients send, reads millions of them, nearly all alike and nearly all
good. What is here takes them in columns and either vouches for every one of them or says nothing. Invariant: something
is returned only where decoding each by itself succeeds and gives the very same. Why something is refused is not told
here: whoever wants to know decodes one by one (chain.transaction, chain.receipt).
"""

import hashlib
from collections.abc import Sequence
from itertools import chain
from types import NoneType
from typing import Any, Final, cast

from chain.batch import Batch
from chain.block import Block
from chain.crypto import DIGEST_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, domain
from chain.encoding import DEPTH_MAX, INT_MAX, DecodeError, are_encodings, check_values, unpack_many
from chain.identity import is_name
from chain.receipt import FAILED, SUCCEEDED
from chain.transaction import (
    CALLS_MAX,
    IDEMPOTENCY_KEY_CHARACTERS_MAX,
    MEMO_CHARACTERS_MAX,
    NONCE_BYTES,
    Call,
    Transaction,
    TransactionBody,
    bodies_and_signatures,
    is_method_name,
)
from chain.types import Digest, Milliseconds, PublicKey, Signature
from chain.values import dataclass

_BODY_KINDS: Final = (int, bytes, bytes, bytes, int, list, int)
_RECEIPT_KINDS: Final = (int, bytes, int, int, int)
_CALL: Final = (str, str, list)
_EVENT: Final = (str, str, dict)
_DEPTH_OF_ARGUMENTS: Final = 4
"""Lists around an argument: the body, its calls, the call, its arguments."""
_DEPTH_OF_FIELDS: Final = 4
"""What stands around a value of an event: the receipt, its events, the event, its fields."""
_DEPTH_OF_RETURNED: Final = 2


@dataclass(frozen=True, slots=True)
class TransactionColumns:
    """The transactions of a block, decoded, and their signatures, which nobody has checked yet."""

    batch: Batch
    signatures: Sequence[Signature]

    @property
    def merkle_leaves(self) -> list[bytes]:
        """The leaves of the block's tree of transactions."""
        return [id_ + signature for id_, signature in zip(self.batch.ids, self.signatures, strict=True)]


@dataclass(frozen=True, slots=True)
class ReceiptColumns:
    """Of each receipt of a block what ties it to its transaction."""

    ids: Sequence[Digest]
    heights: Sequence[int]
    indices: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Bodies:
    """Raw transactions taken apart, checked for form; each column has a value for each of them."""

    encoded: Sequence[bytes]
    signatures: Sequence[Signature]
    chain_ids: Sequence[Digest]
    keys: Sequence[PublicKey]
    nonces: Sequence[bytes]
    valid_until: Sequence[Milliseconds]
    calls: Sequence[list[Any]]
    gas_limits: Sequence[int]
    memos: Sequence[str | None]
    idempotency_keys: Sequence[str | None]

    def ids(self) -> list[Digest]:
        """Return the ids of all."""
        prefix, sha256 = domain("transaction"), hashlib.sha256
        return [Digest(sha256(prefix + body).digest()) for body in self.encoded]


def decode_transactions(raws: Sequence[bytes], *, size_max: int) -> list[Transaction] | None:
    """Return what chain.transaction.decode_transaction makes of each, if it would refuse none."""
    bodies = _read_bodies(raws, size_max)
    if bodies is None:
        return None
    calls = [tuple([Call(name, method, tuple(args)) for name, method, args in row]) for row in bodies.calls]
    rest = (bodies.gas_limits, bodies.memos, bodies.idempotency_keys)
    made = map(TransactionBody, bodies.chain_ids, bodies.keys, bodies.nonces, bodies.valid_until, calls, *rest)
    return list(map(Transaction, raws, bodies.ids(), made, bodies.signatures))


def read_transactions(block: Block, *, size_max: int) -> TransactionColumns | None:
    """Return a block's transactions if each is canonical, of this block's chain, and at most `size_max` long."""
    bodies = _read_bodies(block.transactions, size_max)
    if bodies is None or {*bodies.chain_ids} != {block.header.chain_id}:
        return None
    places = {key: place for place, key in enumerate(dict.fromkeys(bodies.keys))}
    batch = Batch(
        block.header,
        block.block_hash,
        len(block.raw),
        bodies.ids(),
        list(places),
        [places[key] for key in bodies.keys],
        bodies.valid_until,
        bodies.gas_limits,
        [*map(len, block.transactions)],
        bodies.calls,
        bodies.idempotency_keys,
    )
    return TransactionColumns(batch, bodies.signatures)


def _read_bodies(raws: Sequence[bytes], size_max: int) -> _Bodies | None:
    """Take raw transactions apart if each is canonical and at most `size_max` long."""
    if not raws or max(map(len, raws)) > size_max:
        return None
    try:
        encoded, signed = bodies_and_signatures(raws)
        values = unpack_many(encoded)
    except DecodeError:
        return None
    signatures = cast(list[Signature], signed)
    if {*map(len, signatures)} != {SIGNATURE_BYTES} or not _are_lists(values, 9):
        return None
    versions, chain_ids, keys, nonces, valid_until, calls, gas_limits, memos, idempotency_keys = zip(
        *values, strict=True
    )
    if not _are_kinds((versions, chain_ids, keys, nonces, valid_until, calls, gas_limits), _BODY_KINDS):
        return None
    if not (
        {*versions} == {1}
        and {*map(len, chain_ids)} == {DIGEST_BYTES}
        and {*map(len, keys)} == {PUBLIC_KEY_BYTES}
        and {*map(len, nonces)} == {NONCE_BYTES}
        and min(valid_until) >= 0
        and min(gas_limits) >= 1
        and max(max(valid_until), max(gas_limits)) <= INT_MAX
        and _are_texts(memos, MEMO_CHARACTERS_MAX)
        and _are_texts(idempotency_keys, IDEMPOTENCY_KEY_CHARACTERS_MAX)
        and _are_calls(calls)
        and are_encodings(encoded, values)
    ):
        return None
    return _Bodies(
        encoded, signatures, chain_ids, keys, nonces, valid_until, calls, gas_limits, memos, idempotency_keys
    )


def read_receipts(raws: Sequence[bytes]) -> ReceiptColumns | None:
    """Return what ties receipts to their transactions if each receipt is in canonical form."""
    if not raws:
        return None
    try:
        values = unpack_many(raws)
    except DecodeError:
        return None
    if not _are_lists(values, 9):
        return None
    versions, ids, heights, indices, statuses, codes, events, gas_used, returned = zip(*values, strict=True)
    columns = (versions, ids, heights, indices, statuses, events, gas_used, returned)
    if not _are_kinds(columns, (*_RECEIPT_KINDS, list, int, list)):
        return None
    outcomes = {*zip(statuses, map(type, codes), strict=True)}
    if not (
        {*versions} == {1}
        and {*map(len, ids)} == {DIGEST_BYTES}
        and max(max(heights), max(indices), max(gas_used)) <= INT_MAX
        and outcomes <= {(SUCCEEDED, NoneType), (FAILED, str)}
        and _are_events([*chain.from_iterable(events)])
        and _are_values([*chain.from_iterable(returned)], DEPTH_MAX - _DEPTH_OF_RETURNED)
        and are_encodings(raws, values)
    ):
        return None
    return ReceiptColumns(ids, heights, indices)


def _are_lists(values: Sequence[Any], length: int) -> bool:
    return {*map(type, values)} == {list} and {*map(len, values)} == {length}


def _are_kinds(columns: Sequence[Sequence[Any]], kinds: Sequence[type]) -> bool:
    """Tell whether all values of each column are exactly of its kind."""
    return all({*map(type, column)} == {kind} for column, kind in zip(columns, kinds, strict=True))


def _are_texts(column: Sequence[Any], characters_max: int) -> bool:
    """Tell whether each value is nil or text of an allowed length."""
    present = {*column} - {None} if {*map(type, column)} <= {str, NoneType} else {None}
    return all(text is not None and 1 <= len(text) <= characters_max for text in present)


def _are_calls(calls: Sequence[list[Any]]) -> bool:
    """Tell whether each list holds calls, in an allowed number."""
    if min(map(len, calls)) < 1 or max(map(len, calls)) > CALLS_MAX:
        return False
    every = [*chain.from_iterable(calls)]
    if not _are_lists(every, len(_CALL)):
        return False
    contracts, methods, arguments = zip(*every, strict=True)
    # The same few methods are called again and again.
    return (
        _are_kinds((contracts, methods, arguments), _CALL)
        and all(map(is_name, {*contracts}))
        and all(map(is_method_name, {*methods}))
        and _are_values([*chain.from_iterable(arguments)], DEPTH_MAX - _DEPTH_OF_ARGUMENTS)
    )


def _are_events(events: Sequence[Any]) -> bool:
    """Tell whether each value is an event; its encoding is still to be compared."""
    if not events:
        return True
    if not _are_lists(events, len(_EVENT)):
        return False
    contracts, names, fields = zip(*events, strict=True)
    if not _are_kinds((contracts, names, fields), _EVENT):
        return False
    # The same few events are announced again and again: their keys are checked once, without the values.
    keys = [dict.fromkeys(each) for each in {*map(tuple, fields)}]
    values = [*chain.from_iterable(map(dict.values, fields))]
    return _are_values(keys, 1) and _are_values(values, DEPTH_MAX - _DEPTH_OF_FIELDS)


def _are_values(values: Sequence[Any], depth: int) -> bool:
    """Tell whether each value is one of the data model that nests at most so deep."""
    try:
        check_values(values, depth)
    except DecodeError:
        return False
    return True
