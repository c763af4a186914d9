"""Builds proposals from the mempool, and puts the bodies of others' proposals together from it."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from assembly.admission import clock
from chain.batch import Batch, batch_of
from chain.block import Block, decode_block, decode_header, make_block
from chain.block_store import BlockStore
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.mempool import Mempool
from chain.merkle import merkle_root
from chain.next_block import Parent, block_behind
from chain.prices import LEDGER_PRICES
from chain.rules import Rules
from chain.transaction import Transaction, decode_transaction, transaction_id_of_raw
from chain.types import Digest, Milliseconds, ValidatorId
from chain.values import dataclass
from consensus.pacing import Gathering
from consensus.pbft.events import Head

LOG = logging.getLogger("tallystick.consensus")

BODIES_MAX: Final = 8
"""Undecided bodies kept for peers that ask for them."""

LOOK_SECONDS: Final = 0.02
"""While transactions are gathered, this often it is looked whether they fill a block by now."""


@dataclass(frozen=True, slots=True)
class _Body:
    """A kept block with its transactions, decoded once."""

    block: Block
    transactions: tuple[Transaction, ...]
    checked: bool
    """Whether these are the mempool's transactions, whose signatures were checked at admission."""


class Proposals:
    """Owns the pace of proposing and the bodies of proposals that peers may ask for."""

    def __init__(self, genesis: Genesis, own_id: ValidatorId, blocks: BlockStore, mempool: Mempool) -> None:
        self._genesis = genesis
        self._chain_id = genesis.genesis_hash
        self.own_id: Final = own_id
        self._blocks = blocks
        self._mempool = mempool
        self._bodies: dict[Digest, _Body] = {}
        parameters = genesis.parameters
        self._gathering = Gathering(parameters.block_interval_min / 1000, parameters.view_timeout_base / 1000)
        self._transactions_max = genesis.parameters.block_transactions_max
        """Fewer after a block over which this machine failed, until the transaction that did it stands alone."""

    async def gather(self) -> None:
        """Return when it is time to propose (consensus.pacing)."""
        parameters, mempool = self._genesis.parameters, self._mempool
        while True:
            is_full = mempool.fills_block(parameters)
            wait_seconds = self._gathering.wait_seconds(time.monotonic(), len(mempool), is_full=is_full)
            if wait_seconds == 0.0:
                return
            await asyncio.sleep(min(wait_seconds, LOOK_SECONDS))

    def build(self, head: Head, version: int) -> Block | None:
        """Return a fresh block of a protocol version on `head`, or None when nothing valid waits."""
        parameters = self._genesis.parameters
        block_time = Milliseconds(max(clock(), head.time + 1))
        self._mempool.expire(block_time)
        transactions = self._mempool.select(Rules(parameters, LEDGER_PRICES[version]), block_time)[
            : self._transactions_max
        ]
        if not transactions:
            return None
        self._gathering.proposed(time.monotonic())
        block = self._block(head, version, block_time, transactions)
        self._keep(block, transactions, checked=True)
        return block

    def failed(self, block: Block) -> None:
        """Note that this machine could not execute a block, or that its own proposal was not valid.

        Blocks of one transaction follow until the one that does it stands alone; that one is kept out of proposals,
        so that it cannot keep all others from being committed.
        """
        ids = self.transaction_ids(block)
        if len(ids) == 1:
            LOG.error("transaction %s is kept out of this node's proposals", ids[0].hex())
            self._mempool.quarantine(ids)
        self._transactions_max = 1

    def applied(self, block: Block) -> None:
        """Note that a block was decided and is stored: blocks may grow again."""
        self._gathering.applied(time.monotonic(), is_own=block.header.proposer == self.own_id)
        self._transactions_max = min(2 * self._transactions_max, self._genesis.parameters.block_transactions_max)

    def forget_expired(self) -> None:
        """Drop what no block may hold any more by any clock that peers accept; nobody need wait for it."""
        self._mempool.expire(Milliseconds(clock() - self._genesis.parameters.clock_drift_max))

    def assemble(self, encoded_header: bytes, transaction_ids: list[Digest]) -> Block | None:
        """Return the block of a header if all its transactions wait here and are the very ones it commits to.

        Raises:
            DecodeError: when the header is malformed.
        """
        header = decode_header(encoded_header)
        transactions: list[Transaction] = []
        for transaction_id in transaction_ids:
            pending = self._mempool.get(transaction_id)
            if pending is None:
                return None
            transactions.append(pending.transaction)
        # An id does not cover its signature, so the root decides whether these are the proposer's bytes.
        if merkle_root(transaction.merkle_leaf for transaction in transactions) != header.transactions_root:
            return None
        block = make_block(header, [transaction.raw for transaction in transactions])
        self._keep(block, transactions, checked=True)
        return block

    def take(self, raw: bytes, block_hash: Digest) -> Block | None:
        """Return the block that a peer sent if it is the one asked for, body and all; keep it for others."""
        try:
            block = decode_block(raw, size_max=self._genesis.parameters.block_bytes_max)
            known = self._mempool.decoded
            decoded = [known(item) or decode_transaction(item, size_max=len(item)) for item in block.transactions]
        except DecodeError:
            return None
        root = merkle_root(transaction.merkle_leaf for transaction in decoded)
        if block.block_hash != block_hash or root != block.header.transactions_root:
            return None
        self._keep(block, decoded, checked=False)
        return block

    def signatures_checked(self, block_hash: Digest) -> bool:
        """Tell whether a body is made of transactions whose signatures were checked at admission."""
        kept = self._bodies.get(block_hash)
        return kept is not None and kept.checked

    def transactions(self, block: Block) -> tuple[Transaction, ...]:
        """Return a block's transactions, decoded once where its body is kept here.

        Raises:
            DecodeError: when one is malformed.
        """
        kept = self._bodies.get(block.block_hash)
        if kept is not None:
            return kept.transactions
        size_max = self._genesis.parameters.transaction_bytes_max
        return tuple(decode_transaction(raw, size_max=size_max) for raw in block.transactions)

    def kept(self, block: Block) -> Sequence[Transaction]:
        """Return a block's transactions where its body is kept here, otherwise none."""
        kept = self._bodies.get(block.block_hash)
        return () if kept is None else kept.transactions

    def batch(self, block: Block) -> Batch | None:
        """Return the transactions of a block as they were decoded here, if nothing is left to check but the state.

        None where something is amiss, or where the body is not kept: then the executor looks at the bytes itself.
        """
        kept = self._bodies.get(block.block_hash)
        if kept is None:
            return None
        if not kept.checked:
            size_max = self._genesis.parameters.transaction_bytes_max
            if any(
                len(transaction.raw) > size_max or transaction.body.chain_id != block.header.chain_id
                for transaction in kept.transactions
            ):
                return None
        return batch_of(block, kept.transactions)

    def transaction_ids(self, block: Block) -> tuple[Digest, ...]:
        """Return the ids of a block's transactions in order."""
        kept = self._bodies.get(block.block_hash)
        if kept is not None:
            return tuple(transaction.transaction_id for transaction in kept.transactions)
        return tuple(transaction_id_of_raw(raw) for raw in block.transactions)

    def concatenated_ids(self, block: Block) -> bytes:
        """Return the ids that travel beside a proposal in place of its body."""
        return b"".join(self.transaction_ids(block))

    def _keep(self, block: Block, transactions: list[Transaction], *, checked: bool) -> None:
        self._bodies[block.block_hash] = _Body(block, tuple(transactions), checked)
        while len(self._bodies) > BODIES_MAX:
            del self._bodies[next(iter(self._bodies))]

    def body(self, block_hash: Digest) -> bytes | None:
        """Return the raw block with this hash if it is undecided or decided here."""
        kept = self._bodies.get(block_hash)
        if kept is not None:
            return kept.block.raw
        height = self._blocks.height_of(block_hash)
        return None if height is None else self._blocks.block(height)

    def _block(self, head: Head, version: int, block_time: Milliseconds, transactions: list[Transaction]) -> Block:
        assert self._blocks.history.size == head.height + 1, "the history covers exactly the decided blocks"
        links = (head.block_hash, head.result_hash, self._blocks.history.root())
        parent = Parent(self._chain_id, head.height, *links, head.validators, version)
        return block_behind(parent, transactions, block_time, self.own_id)
