"""The audit: from the genesis on, every block is checked completely and every contract is run again.

Blocks come in order. Most checks need no order and are spread over processes (audit.batches); here each block is held
against the ledger that grew from the genesis by executing all blocks before it. So the first mismatch that is
reported is the one at the lowest height, and of its block the one at the first level.

Behind a mismatch the audit goes on. Contracts are run as long as running the block at fault gives the state that its
result names; from then on the blocks are still checked one by one, and each against the one before as it was shown.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from audit.batches import checked_batches
from audit.block_checks import Agreement, DecodedRecord, decode_record
from audit.differences import outcome_difference
from audit.links import Links, executed_again, invalid
from audit.memory import collecting_seldom
from audit.mismatch import AuditMismatch, Level, Mismatch, is_same_damage, levels_up_to
from audit.quick_checks import Opened, Vouched, left_mismatch, opened
from audit.seeing import AuditStopped, Point, Progress, ProgressListener, Saver, Seen, Watcher
from audit.source import BlockSource
from audit.state_store import working_store
from audit.verdict import FINDINGS_MAX, Verdict
from chain.block import Block
from chain.encoding import DecodeError
from chain.execution import GenesisExecutionError
from chain.genesis import Genesis, GenesisError, decode_genesis
from chain.ledger import Ledger, genesis_head, open_ledger
from chain.recorded_block import RecordedBlock
from chain.runtime import ContractRuntime
from chain.state_database import StateDatabase
from chain.transaction import Transaction
from chain.types import Height
from chain.validity import Head, InvalidBlock, check_header
from contracts.engine.runtime import Engine

__all__ = ["Auditor", "Progress", "run_audit"]


class _Ended(Exception):
    """As many mismatches were found as are reported."""


def run_audit(
    source: BlockSource,
    *,
    genesis_hash: bytes | None = None,
    processes: int = 1,
    on_progress: ProgressListener | None = None,
    runtime: ContractRuntime | None = None,
    level: Level = Level.EXECUTION,
    watchers: Sequence[Watcher] = (),
    saver: Saver | None = None,
    start: Point | None = None,
    alone: Level | None = None,
) -> Verdict:
    """Audit a history from the genesis to its head; contracts run in `runtime`, by default this program's engine.

    `level` is the last level to check, `start` the place that an earlier audit of the same history kept. `alone` is the
    last level to check of what needs no other block, where somebody else checks the rest.

    Raises:
        SourceUnreadable: when the history cannot be read.
        AuditStopped: when `saver` asked for it.
        ProtocolUnknown: when a block needs a version of the protocol that the runtime does not know.
        LocalFault, StoreError: when this machine could not finish.
    """
    auditor = Auditor(
        source, genesis_hash, processes, on_progress or _ignore, runtime or Engine(), level, alone or level
    )
    auditor.attach(watchers, saver, start)
    with collecting_seldom():
        return auditor.run()


class Auditor:
    """Owns the state of one audit."""

    def __init__(
        self,
        source: BlockSource,
        anchor: bytes | None,
        processes: int,
        on_progress: ProgressListener,
        runtime: ContractRuntime,
        level: Level,
        alone: Level,
    ) -> None:
        self._source = source
        self._anchor = anchor
        self._processes = processes
        self._on_progress = on_progress
        self._runtime = runtime
        self._level = level
        self._alone = alone
        self._watchers: Sequence[Watcher] = ()
        self._saver: Saver | None = None
        self._start: Point | None = None
        self._began = time.monotonic()
        self._genesis: Genesis | None = None
        self._head_height = 0
        self._next = 1
        """Height of the block that is checked next."""
        self._transactions = 0
        self._ledger: Ledger | None = None
        """While contracts run."""
        self._links: Links | None = None
        self._passed: Head | None = None
        """The last block before the first mismatch."""
        self._transactions_passed = 0
        self._mismatches: list[Mismatch] = []
        self._execution_ended: int | None = None

    def attach(self, watchers: Sequence[Watcher], saver: Saver | None, start: Point | None) -> None:
        """Take whoever looks on, keeps the place, and the place from which to go on."""
        self._watchers, self._saver, self._start = watchers, saver, start

    def run(self) -> Verdict:
        """Check everything and return the verdict."""
        try:
            self._head_height = self._source.head_height()
            genesis = self._genesis = self._check_genesis()
            with working_store(0 if self._start else self._head_height, genesis.genesis_hash) as store:
                self._open(genesis, self._start, StateDatabase(store, seeker=store.seeker))
                self._check_blocks(genesis)
        except AuditMismatch as error:
            if error.mismatch not in self._mismatches:
                self._mismatches.append(error.mismatch)
        except _Ended:
            pass
        return self._verdict()

    def _check_genesis(self) -> Genesis:
        data = self._source.genesis()
        try:
            genesis = decode_genesis(data)
        except (DecodeError, GenesisError) as error:
            mismatch = Mismatch(Level.FORM, 0, "genesis", "a genesis in canonical form", str(error))
            raise AuditMismatch(mismatch) from error
        assert genesis.encoded() == data, "a genesis has one encoding"
        self._genesis = genesis
        if self._anchor is not None and self._anchor != genesis.genesis_hash:
            found = genesis.genesis_hash.hex()
            raise AuditMismatch(Mismatch(Level.HEADERS, 0, "genesis_hash", self._anchor.hex(), found))
        return genesis

    def _open(self, genesis: Genesis, start: Point | None, database: StateDatabase) -> None:
        """Begin behind genesis, or where an earlier audit stopped."""
        if start is not None:
            self._ledger, self._links = start.ledger, Links(start.head, start.frontier)
            self._passed, self._transactions = start.head, start.transactions
            self._transactions_passed = start.transactions
            return
        ledger = _execute_genesis(genesis, database, self._runtime)
        _, frontier = genesis_head(genesis, ledger.head.result.state_root)
        self._ledger = ledger if self._level is Level.EXECUTION else None
        self._links, self._passed = Links(ledger.head, frontier), ledger.head

    def _check_blocks(self, genesis: Genesis) -> None:
        running, bytes_max = self._ledger is not None, genesis.parameters.transaction_bytes_max
        agreement = Agreement(genesis.genesis_hash, genesis.validators, self._alone, running, bytes_max)
        self._next = 1 if self._start is None else self._start.head.height + 1
        while True:
            began = self._next
            try:
                self._check_on(genesis, agreement)
                break
            except AuditMismatch as error:
                if began == self._next or self._next > self._head_height:
                    raise
                # What a source finds of a whole file, it finds behind the file's last block: the next one is read.
                self._note(error.mismatch)
        if self._next <= self._head_height:
            found = f"blocks up to {self._next - 1}"
            raise AuditMismatch(Mismatch(Level.FORM, self._next, "block", "a block at this height", found))

    def _check_on(self, genesis: Genesis, agreement: Agreement) -> None:
        """Check all blocks from the next one on.

        Raises:
            AuditMismatch: when the source finds something false that is none of one block.
        """
        for checked in checked_batches(self._source, self._head_height, agreement, self._processes, start=self._next):
            for data, mismatch, vouched in zip(checked.batch.blocks, checked.mismatches, checked.vouched, strict=True):
                height = self._next
                if vouched is None:
                    self._check_block(genesis, height, data, mismatch)
                elif not self._passes(genesis, height, data, vouched):
                    left = left_mismatch(height, data, vouched, agreement)
                    self._check_block(genesis, height, data, left, vouched)
                self._next += 1

    def _passes(self, genesis: Genesis, height: int, data: bytes, vouched: Vouched) -> bool:
        """Tell whether running a block that is good by itself gives what it says; then the block was taken."""
        if self._ledger is None or vouched.batch is None:
            return False
        parts = opened(data, vouched)
        try:
            execution = self._ledger.execute_batch(vouched.batch)
        except InvalidBlock:
            return False
        if execution.receipts != parts.record.receipts or execution.result.encoded() != parts.record.result:
            return False
        self._ledger.apply(execution)
        self._take(genesis, height, parts, None)
        return True

    def _check_block(
        self, genesis: Genesis, height: int, data: bytes, mismatch: Mismatch | None, vouched: Vouched | None = None
    ) -> None:
        """Check one block where it stands; `mismatch` is what was found in it alone."""
        assert self._links is not None, "the genesis comes first"
        if mismatch is not None and mismatch.level is Level.FORM:
            self._links.lose()
            self._end_execution(height)
            self._note(mismatch)
            return
        # Only what is needed in the good case is decoded here; the rest was, where the block was checked by itself.
        parts = opened(data, vouched)
        found = self._difference(height, parts.record, parts.block, data, mismatch)
        if found is not None:
            self._go_on(height, data)
        self._take(genesis, height, parts, found)

    def _take(self, genesis: Genesis, height: int, parts: Opened, found: Mismatch | None) -> None:
        """Make a block, right or wrong, the last one."""
        assert self._links is not None, "the genesis comes first"
        record, block = parts.record, parts.block
        self._links.take(genesis, block.header, block.block_hash, parts.result)
        self._transactions += len(block.transactions)
        if found is not None:
            self._note(found)
        elif not self._mismatches:
            self._passed = self._links.head if self._ledger is None else self._ledger.head
            self._transactions_passed = self._transactions
        self._tell(height, record, block)

    def _difference(
        self, height: int, record: RecordedBlock, block: Block, data: bytes, mismatch: Mismatch | None
    ) -> Mismatch | None:
        """Return the first mismatch of a block; if there is none, the ledger was moved on by it."""
        assert self._links is not None, "the genesis comes first"
        if Level.HEADERS not in levels_up_to(self._level):
            return mismatch
        ledger = self._ledger
        try:
            if ledger is None:
                self._links.check(block.header)
            else:
                check_header(block.header, ledger.head)
        except InvalidBlock as error:
            return invalid(error, decode_record(height, data), Level.HEADERS)
        if mismatch is not None:
            return mismatch if ledger is None else _refined(mismatch, decode_record(height, data), ledger)
        if ledger is None:
            return None
        try:
            execution = ledger.execute(block, _verified_before)
        except InvalidBlock as error:
            return invalid(error, decode_record(height, data), Level.EXECUTION)
        if execution.receipts != record.receipts or execution.result.encoded() != record.result:
            return outcome_difference(decode_record(height, data), execution)
        ledger.apply(execution)
        return None

    def _go_on(self, height: int, data: bytes) -> None:
        """Move the ledger on by a block at fault, if running it gives the result that is stated; or run no more."""
        if self._ledger is None:
            return
        decoded = decode_record(height, data)
        try:
            execution = self._ledger.execute(decoded.block, _verified_before)
        except InvalidBlock:
            self._end_execution(height)
            return
        if execution.result.encoded() == decoded.record.result:
            self._ledger.apply(execution)
        else:
            self._end_execution(height)

    def _end_execution(self, height: int) -> None:
        if self._ledger is not None:
            self._execution_ended, self._ledger = height, None

    def _note(self, mismatch: Mismatch) -> None:
        if self._mismatches and is_same_damage(self._mismatches[-1], mismatch):
            return
        self._mismatches.append(mismatch)
        if len(self._mismatches) >= FINDINGS_MAX:
            raise _Ended

    def _tell(self, height: int, record: RecordedBlock, block: Block) -> None:
        """Let the watchers see the block, tell how far the audit is, and keep its place if that is due."""
        seen = Seen(Height(height), self._head_height, record, block, self._ledger, not self._mismatches)
        for watcher in self._watchers:
            for mismatch in watcher.see(seen):
                self._note(mismatch)
        start = 0 if self._start is None else self._start.head.height
        seconds = time.monotonic() - self._began
        self._on_progress(Progress(height, self._head_height, self._transactions, seconds, start))
        saver = self._saver
        if saver is None or self._mismatches or height == self._head_height:
            # What was found is told at the end of this run; behind a mismatch there is no place worth keeping.
            return
        stopping = saver.must_stop()
        if stopping or saver.is_due():
            links = self._links
            assert links is not None and links.head is not None, "a block was taken"
            assert links.before is not None and links.frontier is not None, "without a mismatch the tree is whole"
            head = links.head if self._ledger is None else self._ledger.head
            saver.save(Point(head, links.before, links.frontier, self._ledger, self._transactions))
        if stopping:
            raise AuditStopped(height)

    def _verdict(self) -> Verdict:
        passed = self._passed
        return Verdict(
            None if self._genesis is None else self._genesis.genesis_hash.hex(),
            self._anchor is not None,
            self._head_height,
            0 if passed is None else passed.height,
            self._transactions_passed,
            None if passed is None else passed.block_hash.hex(),
            None if passed is None else passed.result.state_root.hex(),
            self._mismatches[0] if self._mismatches else None,
            time.monotonic() - self._began,
            levels_up_to(self._level),
            tuple(self._mismatches[1:]),
            self._execution_ended,
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


def _refined(mismatch: Mismatch, decoded: DecodedRecord, ledger: Ledger) -> Mismatch:
    """Say more of a wrong result or root: running the block again may tell which receipt and field it is."""
    if mismatch.field not in ("result.receipts_root", "certificate.result_hash"):
        return mismatch
    execution = executed_again(decoded, ledger)
    if execution is None:
        return mismatch
    if execution.receipts == decoded.record.receipts and execution.result == decoded.result:
        return mismatch
    detail = f"{mismatch.field} is {mismatch.found}, not {mismatch.expected}"
    return replace(outcome_difference(decoded, execution), level=mismatch.level, detail=detail)


def _ignore(progress: Progress) -> None:
    """Listen to nothing."""
