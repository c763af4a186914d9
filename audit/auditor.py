"""The audit: from the genesis on, every block is checked completely and every contract is run again.

Blocks come in order. Most checks need no order and are spread over processes (audit.batches); here each block is held
against the ledger that grew from the genesis by executing all blocks before it. So the first mismatch that is
reported is the one at the lowest height, and of its block the one at the first level.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from audit.batches import checked_batches
from audit.block_checks import Agreement, DecodedRecord, decode_record
from audit.differences import outcome_difference
from audit.mismatch import AuditMismatch, Level, Mismatch
from audit.source import BlockSource
from audit.state_store import working_store
from audit.verdict import Verdict
from chain.encoding import DecodeError
from chain.execution import GenesisExecutionError
from chain.genesis import Genesis, GenesisError, decode_genesis
from chain.ledger import Ledger, open_ledger
from chain.recorded_block import decode_recorded_block
from chain.runtime import ContractRuntime
from chain.state_database import StateDatabase
from chain.transaction import Transaction, verify_transaction
from chain.validity import InvalidBlock, check_header
from contracts.engine.runtime import Engine


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit has come."""

    height: int
    head_height: int
    transactions: int
    seconds: float


ProgressListener = Callable[[Progress], None]

_FIELDS = {
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


def run_audit(
    source: BlockSource,
    *,
    genesis_hash: bytes | None = None,
    processes: int = 1,
    on_progress: ProgressListener | None = None,
    runtime: ContractRuntime | None = None,
) -> Verdict:
    """Audit a history from the genesis to its head; contracts run in `runtime`, by default this program's engine.

    Raises:
        SourceUnreadable: when the history cannot be read.
        ProtocolUnknown: when a block needs a version of the protocol that the runtime does not know.
        LocalFault, StoreError: when this machine could not finish.
    """
    return Auditor(source, genesis_hash, processes, on_progress or _ignore, runtime or Engine()).run()


class Auditor:
    """Owns the state of one audit."""

    def __init__(
        self,
        source: BlockSource,
        anchor: bytes | None,
        processes: int,
        on_progress: ProgressListener,
        runtime: ContractRuntime,
    ) -> None:
        self._source = source
        self._anchor = anchor
        self._processes = processes
        self._on_progress = on_progress
        self._runtime = runtime
        self._started = time.monotonic()
        self._genesis_hash: bytes | None = None
        self._head_height = 0
        self._transactions = 0
        self._ledger: Ledger | None = None

    def run(self) -> Verdict:
        """Check everything and return the verdict."""
        mismatch: Mismatch | None = None
        try:
            self._head_height = self._source.head_height()
            genesis = self._check_genesis()
            with working_store(self._head_height, genesis.genesis_hash) as store:
                self._ledger = _execute_genesis(genesis, StateDatabase(store), self._runtime)
                self._check_blocks(genesis)
        except AuditMismatch as error:
            mismatch = error.mismatch
        return self._verdict(mismatch)

    def _check_genesis(self) -> Genesis:
        data = self._source.genesis()
        try:
            genesis = decode_genesis(data)
        except (DecodeError, GenesisError) as error:
            mismatch = Mismatch(Level.FORM, 0, "genesis", "a genesis in canonical form", str(error))
            raise AuditMismatch(mismatch) from error
        assert genesis.encoded() == data, "a genesis has one encoding"
        self._genesis_hash = genesis.genesis_hash
        if self._anchor is not None and self._anchor != genesis.genesis_hash:
            found = genesis.genesis_hash.hex()
            raise AuditMismatch(Mismatch(Level.HEADERS, 0, "genesis_hash", self._anchor.hex(), found))
        return genesis

    def _check_blocks(self, genesis: Genesis) -> None:
        agreement = Agreement(genesis.genesis_hash, genesis.validators)
        expected = 1
        for checked in checked_batches(self._source, self._head_height, agreement, self._processes):
            for data, mismatch in zip(checked.batch.blocks, checked.mismatches, strict=False):
                self._check_block(expected, data, mismatch)
                expected += 1
        if expected <= self._head_height:
            found = f"blocks up to {expected - 1}"
            raise AuditMismatch(Mismatch(Level.FORM, expected, "block", "a block at this height", found))

    def _check_block(self, height: int, data: bytes, mismatch: Mismatch | None) -> None:
        """Check one block on the ledger; `mismatch` is what was found in it alone."""
        assert self._ledger is not None, "the genesis is executed first"
        if mismatch is not None and mismatch.level is Level.FORM:
            raise AuditMismatch(mismatch)
        # Only what is needed in the good case is decoded here; the rest was, where the block was checked by itself.
        record = decode_recorded_block(data)
        block = record.decoded_block()
        try:
            check_header(block.header, self._ledger.head)
        except InvalidBlock as error:
            raise AuditMismatch(_invalid(error, decode_record(height, data), Level.HEADERS)) from error
        if mismatch is not None:
            raise AuditMismatch(_refined(mismatch, decode_record(height, data), self._ledger))
        try:
            execution = self._ledger.execute(block, _verified_before)
        except InvalidBlock as error:
            raise AuditMismatch(_invalid(error, decode_record(height, data), Level.EXECUTION)) from error
        if execution.receipts != record.receipts or execution.result.encoded() != record.result:
            raise AuditMismatch(outcome_difference(decode_record(height, data), execution))
        self._ledger.apply(execution)
        self._transactions += len(block.transactions)
        self._on_progress(Progress(height, self._head_height, self._transactions, time.monotonic() - self._started))

    def _verdict(self, mismatch: Mismatch | None) -> Verdict:
        head = None if self._ledger is None else self._ledger.head
        return Verdict(
            None if self._genesis_hash is None else self._genesis_hash.hex(),
            self._anchor is not None,
            self._head_height,
            0 if head is None else head.height,
            self._transactions,
            None if head is None else head.block_hash.hex(),
            None if head is None else head.result.state_root.hex(),
            mismatch,
            time.monotonic() - self._started,
        )


def _execute_genesis(genesis: Genesis, database: StateDatabase, runtime: ContractRuntime) -> Ledger:
    try:
        return open_ledger(genesis, database, runtime)
    except GenesisExecutionError as error:
        mismatch = Mismatch(Level.EXECUTION, 0, "genesis.contracts", "contracts that can be deployed", str(error))
        raise AuditMismatch(mismatch) from error


def _verified_before(transaction: Transaction) -> bool:
    """Accept: every signature was verified where its block was checked by itself, perhaps in another process."""
    return True


def _invalid(error: InvalidBlock, decoded: DecodedRecord, level: Level) -> Mismatch:
    field = _FIELDS[error.code]
    mismatch = Mismatch(level, decoded.height, field, error.expected, error.found, error.index, detail=str(error))
    if error.index is None:
        return mismatch
    transaction = decoded.transactions[error.index]
    contract = transaction.body.calls[0].contract
    return replace(mismatch, transaction_id=transaction.transaction_id.hex(), contract=contract)


def _refined(mismatch: Mismatch, decoded: DecodedRecord, ledger: Ledger) -> Mismatch:
    """Say more of a wrong result or root: running the block again may tell which receipt and field it is."""
    if mismatch.field not in ("result.receipts_root", "certificate.result_hash"):
        return mismatch
    try:
        execution = ledger.execute(decoded.block, verify_transaction)
    except InvalidBlock:
        return mismatch
    if execution.receipts == decoded.record.receipts and execution.result == decoded.result:
        return mismatch
    detail = f"{mismatch.field} is {mismatch.found}, not {mismatch.expected}"
    return replace(outcome_difference(decoded, execution), level=mismatch.level, detail=detail)


def _ignore(progress: Progress) -> None:
    """Listen to nothing."""
