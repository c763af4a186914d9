"""Makes the block that follows a head: what its header says is given by the head, but for time and proposer.

Whoever makes a history in one piece, for measuring or for tests, does it here. Nodes propose in assembly.proposals,
which has only what consensus keeps of a head.
"""

from collections.abc import Sequence

from chain.block import Block, Header, make_block
from chain.merkle import merkle_root
from chain.transaction import Transaction
from chain.types import Height, Milliseconds, ValidatorId
from chain.validity import Head


def next_header(
    head: Head, transactions: Sequence[Transaction], time: int, proposer: ValidatorId | None = None
) -> Header:
    """Return the header of a block of these transactions at a block time; by default the first validator proposes."""
    validators = head.validators
    return Header(
        head.next_version,
        head.chain_id,
        Height(head.height + 1),
        head.block_hash,
        head.result.result_hash,
        head.history_root,
        Milliseconds(time),
        validators.ids[0] if proposer is None else proposer,
        merkle_root(transaction.merkle_leaf for transaction in transactions),
        validators.validators_hash,
        validators.epoch,
    )


def next_block(
    head: Head, transactions: Sequence[Transaction], time: int, proposer: ValidatorId | None = None
) -> Block:
    """Return the block of these transactions; whether they are valid in it, executing it tells."""
    header = next_header(head, transactions, time, proposer)
    return make_block(header, [transaction.raw for transaction in transactions])
