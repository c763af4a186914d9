"""Answers the node's requests about blocks on an open ledger, one after the other.

Owns the ledger and the executions that wait for their block's decision. Invariant: every waiting execution was made on
the present head. A fault of this machine leaves as an exception: what it may have left behind in this process is
unknown, so the worker reports it and ends.
"""

import resource
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from chain.batch import batch_from_value
from chain.block import decode_block
from chain.encoding import DecodeError
from chain.execution import Execution
from chain.ledger import Ledger
from chain.protocol import ProtocolUnknown
from chain.receipt import decode_result
from chain.transaction import Transaction
from chain.types import Digest
from chain.validity import InvalidBlock
from chain.values import dataclass
from contracts.executor.protocol import Kind, Outcome, head_as_value
from contracts.executor.snapshots import SnapshotMaker
from contracts.executor.state_link import StateLink

EXECUTIONS_MAX: Final = 4
"""Undecided blocks of one height whose outcome is kept; beyond that the oldest is forgotten and executed anew."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What came of a block that waits for its decision."""

    asked: object
    """The request's arguments."""
    execution: Execution


class Service:
    """Owns an open ledger and what was executed on its head."""

    def __init__(
        self,
        ledger: Ledger,
        snapshots: SnapshotMaker,
        state: StateLink,
        between_blocks: Callable[[], None],
    ) -> None:
        """`state` is what the reader looks into; `between_blocks` is called between many blocks of one request."""
        self._ledger = ledger
        self._snapshots = snapshots
        self._state = state
        self._between_blocks = between_blocks
        self._executions: dict[bytes, _Waiting] = {}
        self._statistics = dict.fromkeys(("blocks", "transactions", "execute_us", "applied", "apply_us"), 0)
        self._handlers: dict[str, Callable[..., list[Any]]] = {
            Kind.EXECUTE: self._execute,
            Kind.EXECUTE_BATCH: self._execute_batch,
            Kind.APPLY: self._apply,
            Kind.DISCARD: self._discard,
            Kind.REPLAY: self._replay,
            Kind.STATISTICS: self._report,
            Kind.SNAPSHOT_BEGIN: snapshots.begin,
            Kind.SNAPSHOT_STEP: snapshots.step,
        }

    def answer(self, kind: str, arguments: Sequence[Any]) -> list[Any]:
        """Return outcome and values for a request.

        Raises:
            LocalFault: when this machine could not finish; so do MemoryError and RecursionError.
            StoreError: when the state cannot be read or written.
        """
        started = time.perf_counter_ns()
        try:
            values = self._handlers[kind](*arguments)
        except InvalidBlock as error:
            return [Outcome.INVALID, error.code, error.detail, error.index]
        elapsed = (time.perf_counter_ns() - started) // 1000
        if kind in (Kind.EXECUTE, Kind.EXECUTE_BATCH):
            self._statistics["execute_us"] += elapsed
        elif kind == Kind.APPLY:
            self._statistics["apply_us"] += elapsed
        return values

    def _execute(self, raw: bytes) -> list[Any]:
        return self._reply(raw, self._executed(raw))

    def _execute_batch(self, *columns: Any) -> list[Any]:
        batch = batch_from_value(columns)
        return self._reply(columns, self._kept(batch.block_hash, columns, lambda: self._ledger.execute_batch(batch)))

    def _executed(self, raw: bytes) -> Execution:
        try:
            block = decode_block(raw)
        except DecodeError as error:
            raise InvalidBlock("malformed_block", str(error)) from error
        return self._kept(block.block_hash, raw, lambda: self._ledger.execute(block, _checked_by_the_node))

    def _kept(self, block_hash: Digest, asked: object, execute: Callable[[], Execution]) -> Execution:
        """Return what waits for the decision of this very block, or execute it."""
        waiting = self._executions.get(block_hash)
        # The hash covers the header alone; another body under it is another block, and not a valid one.
        if waiting is not None and waiting.asked == asked:
            return waiting.execution
        execution = execute()
        self._statistics["blocks"] += 1
        self._statistics["transactions"] += len(execution.receipts)
        return execution

    def _reply(self, asked: object, execution: Execution) -> list[Any]:
        head = self._ledger.head_after(execution)
        self._executions[execution.block_hash] = _Waiting(asked, execution)
        if len(self._executions) > EXECUTIONS_MAX:
            del self._executions[next(iter(self._executions))]
        after = None if head is None else head_as_value(head)
        return [Outcome.DONE, execution.block_hash, execution.result.encoded(), list(execution.receipts), after]

    def _apply(self, block_hash: bytes) -> list[Any]:
        if self._ledger.head.block_hash != block_hash:
            waiting = self._executions.get(block_hash)
            if waiting is None:
                return [Outcome.UNKNOWN]
            self._make_head(waiting.execution)
            if not waiting.execution.writes_system:
                # The reply to its execution has told it.
                return [Outcome.DONE, None]
        return [Outcome.DONE, head_as_value(self._ledger.head)]

    def _make_head(self, execution: Execution) -> None:
        self._ledger.apply(execution)
        self._executions.clear()
        self._statistics["applied"] += 1
        self._snapshots.applied()
        self._state.applied()

    def _discard(self, block_hash: bytes) -> list[Any]:
        self._executions.pop(block_hash, None)
        return [Outcome.DONE]

    def _replay(self, pairs: list[list[bytes]]) -> list[Any]:
        """Execute decided blocks, compare with their certified results, and apply them."""
        for raw, certified in pairs:
            try:
                expected = decode_result(certified).result_hash
                height = decode_block(raw).header.height
            except DecodeError as error:
                raise InvalidBlock("malformed_block", str(error)) from error
            if height <= self._ledger.head.height:
                # The request is sent again when a predecessor died over it, perhaps after some of its blocks.
                continue
            try:
                execution = self._executed(raw)
            except ProtocolUnknown:
                # The head that is returned says how far this program's rules go.
                break
            if execution.result.result_hash != expected:
                return [Outcome.DIFFERS, height, expected, execution.result.result_hash]
            self._make_head(execution)
            self._between_blocks()
        return [Outcome.DONE, head_as_value(self._ledger.head)]

    def _report(self) -> list[Any]:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        own = {
            "height": self._ledger.head.height,
            "memory_bytes_peak": memory,
            "looks": self._state.looks,
            "cpu_us": time.process_time_ns() // 1000,
        }
        return [Outcome.DONE, {**self._statistics, **own}]


def _checked_by_the_node(transaction: Transaction) -> bool:
    """Accept: the node has every signature checked in its verifier processes before it sends a block here."""
    return True
