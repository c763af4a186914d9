"""A block's transactions in columns, decoded and checked for form: what executing a block begins with.

Columns let a whole block be checked by a few operations, and let the process that has decoded the transactions hand
them to the one that executes them, without any of them being decoded again.
"""

from collections.abc import Sequence
from typing import Any

from chain.block import Block, Header, block_hash_of, decode_header
from chain.transaction import Transaction
from chain.types import Digest, Milliseconds, PublicKey
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """The transactions of one block, in its order, beside its header."""

    header: Header
    block_hash: Digest
    block_bytes: int
    """Size of the whole encoded block."""
    ids: Sequence[Digest]
    senders: Sequence[PublicKey]
    """Distinct sender keys."""
    sender_of: Sequence[int]
    """Place in `senders` of each transaction's sender."""
    valid_until: Sequence[Milliseconds]
    gas_limits: Sequence[int]
    sizes: Sequence[int]
    """Bytes of each raw transaction."""
    calls: Sequence[Sequence[Sequence[Any]]]
    """Contract, method and arguments of each call of each transaction."""
    idempotency_keys: Sequence[str | None]

    def __len__(self) -> int:
        """Return the number of transactions."""
        return len(self.ids)

    def as_value(self) -> list[Any]:
        """Return what `batch_from_value` takes back."""
        columns = [self.ids, self.senders, self.sender_of, self.valid_until, self.gas_limits, self.sizes, self.calls]
        return [self.header.encoded(), self.block_bytes, *map(list, columns), list(self.idempotency_keys)]


def batch_of(block: Block, transactions: Sequence[Transaction]) -> Batch:
    """Return the decoded transactions of a block in columns."""
    bodies = [transaction.body for transaction in transactions]
    places: dict[PublicKey, int] = {}
    sender_of = [places.setdefault(body.sender_key, len(places)) for body in bodies]
    return Batch(
        block.header,
        block.block_hash,
        len(block.raw),
        [transaction.transaction_id for transaction in transactions],
        list(places),
        sender_of,
        [body.valid_until for body in bodies],
        [body.gas_limit for body in bodies],
        [len(transaction.raw) for transaction in transactions],
        [body.calls for body in bodies],
        [body.idempotency_key for body in bodies],
    )


def batch_from_value(value: Sequence[Any]) -> Batch:
    """Return the batch that another process of this node sent; its columns are taken as they are.

    Raises:
        DecodeError: when the header is malformed.
    """
    header, block_bytes, ids, senders, sender_of, valid_until, gas_limits, sizes, calls, idempotency_keys = value
    return Batch(
        decode_header(header),
        block_hash_of(header),
        block_bytes,
        ids,
        senders,
        sender_of,
        valid_until,
        gas_limits,
        sizes,
        calls,
        idempotency_keys,
    )
