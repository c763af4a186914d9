"""How blocks hang together, held against the last one as it was shown; needs no state.

An auditor who cannot run contracts, or no longer can because the history has gone wrong, still checks that each block
continues the one before. After a block that cannot even be read, the next one is taken as it is.
"""

from dataclasses import replace
from typing import Final

from audit.block_checks import DecodedRecord
from audit.mismatch import Level, Mismatch
from chain.block import Header
from chain.execution import Execution
from chain.genesis import Genesis
from chain.ledger import Ledger
from chain.merkle import Frontier
from chain.protocol import first_schedule
from chain.receipt import BlockResult
from chain.transaction import verify_transaction
from chain.types import Digest
from chain.validity import Head, InvalidBlock, check_header_of

FIELDS: Final = {
    "wrong_version": "header.version",
    "wrong_chain": "header.chain_id",
    "wrong_height": "header.height",
    "wrong_parent": "header.parent_hash",
    "wrong_parent_result": "header.parent_result_hash",
    "wrong_history_root": "header.history_root",
    "wrong_validators": "header.validators_hash",
    "wrong_epoch": "header.epoch",
    "time_not_increasing": "header.time",
    "unknown_proposer": "header.proposer",
    "too_many_transactions": "transactions",
    "block_too_large": "block",
    "block_gas_exceeded": "transactions.gas_limit",
    "foreign_transaction": "transaction.chain_id",
    "expired_transaction": "transaction.valid_until",
    "transaction_too_early": "transaction.valid_until",
    "transaction_gas_exceeded": "transaction.gas_limit",
    "transaction_gas_too_low": "transaction.gas_limit",
    "unknown_sender": "transaction.sender_key",
    "repeated_transaction": "transaction.id",
    "malformed_transaction": "transaction",
    "bad_signature": "transaction.signature",
    "wrong_transactions_root": "header.transactions_root",
}
"""The field that each rule of validity is about."""


class Links:
    """Owns the last block as it was shown, and the tree over all blocks before it."""

    def __init__(self, head: Head | None, frontier: Frontier | None) -> None:
        self.head = head
        """None behind a block that could not be read."""
        self.frontier = frontier
        """The tree over all blocks up to the head, None once a block could not be read."""
        self.before: Frontier | None = None
        """The tree over all blocks before the head."""

    @classmethod
    def unknown(cls) -> "Links":
        """Return links at a place of which nothing is known."""
        return cls(None, None)

    def check(self, header: Header) -> None:
        """Check that a header continues the last block, as far as that can be told without the state.

        Raises:
            InvalidBlock: naming the first field that does not.
        """
        if self.head is None:
            return
        head = self.head
        if self.frontier is None:
            head = replace(head, history_root=header.history_root)
        check_header_of(header, head)
        if header.version < head.next_version:
            detail = f"{header.version} after {head.next_version}"
            raise InvalidBlock("wrong_version", detail, found=header.version, expected=f"at least {head.next_version}")

    def take(self, genesis: Genesis, header: Header, block_hash: Digest, result: BlockResult) -> None:
        """Make a block, right or wrong, the last one."""
        self.before = self.frontier
        self.frontier = None if self.frontier is None else self.frontier.append(block_hash)
        root = Digest(bytes(32)) if self.frontier is None else self.frontier.root()
        schedule = first_schedule(header.version)
        links = (result, header.time, header.proposer, genesis.validators, root, schedule)
        self.head = Head(genesis.genesis_hash, header.height, block_hash, *links)

    def lose(self) -> None:
        """Pass over a block that cannot be read."""
        self.head = self.frontier = None


def invalid(error: InvalidBlock, decoded: DecodedRecord, level: Level) -> Mismatch:
    """Return the mismatch that a broken rule of validity is."""
    field = FIELDS[error.code]
    mismatch = Mismatch(level, decoded.height, field, error.expected, error.found, error.index, detail=str(error))
    if error.index is None:
        return mismatch
    transaction = decoded.transactions[error.index]
    contract = transaction.body.calls[0].contract
    return replace(mismatch, transaction_id=transaction.transaction_id.hex(), contract=contract)


def executed_again(decoded: DecodedRecord, ledger: Ledger) -> Execution | None:
    """Return what running a block gives, None if it cannot be run here."""
    try:
        return ledger.execute(decoded.block, verify_transaction)
    except InvalidBlock:
        return None
