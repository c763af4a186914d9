"""Makes the block that follows a head: what its header says is given by the head, but for time and proposer.

Nodes, the simulator, tests and measurements all make their blocks here. Consensus keeps less of the last block than
the ledger does: `Parent` is what both have.
"""

from collections.abc import Sequence

from chain.block import Block, Header, make_block
from chain.merkle import merkle_root
from chain.transaction import Transaction
from chain.types import Digest, Height, Milliseconds, ValidatorId
from chain.validators import ValidatorSet
from chain.validity import Head
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Parent:
    """What the header of the next block repeats of everything before it."""

    chain_id: Digest
    height: Height
    block_hash: Digest
    """The genesis hash at height 0."""
    result_hash: Digest
    history_root: Digest
    """Over the genesis hash and all block hashes up to this height."""
    validators: ValidatorSet
    """The set that certifies the next block."""
    next_version: int
    """The version of the protocol that the next block has."""


def parent_of(head: Head) -> Parent:
    """Return what the next header repeats of a ledger's head."""
    links = (head.block_hash, head.result.result_hash, head.history_root)
    return Parent(head.chain_id, head.height, *links, head.validators, head.next_version)


def block_behind(
    parent: Parent, transactions: Sequence[Transaction], time: Milliseconds, proposer: ValidatorId
) -> Block:
    """Return the block of these transactions; whether they are valid in it, executing it tells."""
    header = header_behind(parent, transactions, time, proposer)
    return make_block(header, [transaction.raw for transaction in transactions])


def header_behind(
    parent: Parent, transactions: Sequence[Transaction], time: Milliseconds, proposer: ValidatorId
) -> Header:
    """Return the header of a block of these transactions at a block time."""
    return Header(
        parent.next_version,
        parent.chain_id,
        Height(parent.height + 1),
        parent.block_hash,
        parent.result_hash,
        parent.history_root,
        time,
        proposer,
        merkle_root(transaction.merkle_leaf for transaction in transactions),
        parent.validators.validators_hash,
        parent.validators.epoch,
    )


def next_header(
    head: Head, transactions: Sequence[Transaction], time: int, proposer: ValidatorId | None = None
) -> Header:
    """Return the header of a block behind a ledger's head; by default the first validator proposes."""
    who = head.validators.ids[0] if proposer is None else proposer
    return header_behind(parent_of(head), transactions, Milliseconds(time), who)


def next_block(
    head: Head, transactions: Sequence[Transaction], time: int, proposer: ValidatorId | None = None
) -> Block:
    """Return the block behind a ledger's head; by default the first validator proposes."""
    who = head.validators.ids[0] if proposer is None else proposer
    return block_behind(parent_of(head), transactions, Milliseconds(time), who)
