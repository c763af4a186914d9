"""What a node does for consensus: executes, proposes, fetches, stores and applies blocks, and says what it saw.

It owns the way of a decided block: first the node's own database, then the executor's state. Who waits for the block is
told when the executor has the order to write, not when it has written: questions are answered behind that order, and
a crash leaves the state behind, never ahead, which the next start makes up for (docs/adr/0026-lone-transactions.md).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, Protocol

from assembly.failures import Diverged
from assembly.left_out import LeftOutWatch
from assembly.members import MemberDirectory
from assembly.proposals import Proposals
from assembly.protocol_watch import check_known
from assembly.signatures import SignatureVerifier, signatures_good
from chain.batch import Batch
from chain.block import Block
from chain.block_store import BlockRecord, BlockStore
from chain.certificate import Certificate, join_certified_block
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.mempool import Mempool
from chain.protocol import ProtocolUnknown
from chain.receipt import BlockResult
from chain.runtime import LocalFault
from chain.transaction import Transaction
from chain.types import Digest, Height, ValidatorId, View
from chain.validity import Head as LedgerHead
from chain.validity import InvalidBlock
from chain.values import dataclass
from consensus.pbft.events import CatchUp, Decide, FetchBody, Head, Report
from consensus.pbft.messages import Message
from consensus.verifier_queue import VerifierBusy, VerifierFault
from contracts.executor.errors import ExecutionUnknown
from contracts.executor.protocol import Applying

LOG = logging.getLogger("tallystick.consensus")

VERIFIER_ATTEMPTS_MAX: Final = 100
VERIFIER_PAUSE_SECONDS: Final = 0.05


class Executor(Protocol):
    """The executor process as consensus uses it."""

    @property
    def versions(self) -> Collection[int]:
        """Versions of the protocol that it can execute."""
        ...

    async def execute(self, raw: bytes) -> "ExecutedBlock":
        """Check and execute a block."""
        ...

    async def execute_batch(self, batch: Batch) -> "ExecutedBlock":
        """Do the same for a block whose transactions are decoded and were checked as far as that needs no state."""
        ...

    def begin_apply(self, block_hash: Digest) -> Applying:
        """Have an executed block's outcome written; whatever is asked from now on is answered on it."""
        ...


class ExecutedBlock(Protocol):
    """The outcome of a block."""

    @property
    def result(self) -> BlockResult:
        """What votes sign."""
        ...

    @property
    def receipts(self) -> tuple[bytes, ...]:
        """Encoded receipts in order."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """A block that was just stored; whoever asks for the state from now on gets this one's."""

    block: Block
    head: LedgerHead
    certificate: Certificate
    receipts: tuple[bytes, ...]
    transaction_ids: tuple[Digest, ...]
    transactions: Sequence[Transaction]
    """Decoded, where they were decoded here; otherwise none."""


@dataclass(frozen=True, slots=True)
class HostPorts:
    """What the host works with."""

    genesis: Genesis
    executor: Executor
    blocks: BlockStore
    mempool: Mempool
    members: MemberDirectory
    proposals: Proposals
    verifier: SignatureVerifier
    send_message: Callable[[ValidatorId, bytes], bool]
    send_block: Callable[[ValidatorId, bytes], bool]
    fetch_body: Callable[[Digest, Sequence[ValidatorId]], Awaitable[bytes | None]]
    catch_up: Callable[[], None]
    on_applied: Callable[[Applied], None]
    on_report: Callable[[Report], None]
    on_refused: Callable[[Message], None]


class ConsensusHostService:
    """Owns the head as consensus sees it, and the receipts of undecided blocks."""

    def __init__(self, ports: HostPorts, head: Head, version: int) -> None:
        """`version` is that of the protocol for the block after `head`."""
        self._ports = ports
        self._head = head
        self._version = version
        self._outcomes: dict[Digest, ExecutedBlock] = {}
        self._culprits: dict[Digest, int] = {}
        """The place of the transaction that makes a block of the present height invalid."""
        self._writing: tuple[Decide, Applying] | None = None
        """The last decided block, until its state is written."""
        self._settled = asyncio.Event()
        """Set while there is none."""
        self._settled.set()
        self.left_out: Final = LeftOutWatch(ports.genesis.parameters, ports.mempool, ports.members)

    @property
    def head(self) -> Head:
        """The last applied block."""
        return self._head

    def send(self, peer: ValidatorId, payload: bytes) -> None:
        """Hand a message to the network."""
        self._ports.send_message(peer, payload)

    def serve(self, height: Height, peer: ValidatorId) -> None:
        """Send a decided block to a peer that still talks about its height."""
        stored = read_certified(self._ports.blocks, height)
        if stored is not None:
            self._ports.send_block(peer, stored)

    def assemble(self, header: bytes, transaction_ids: list[Digest]) -> Block | None:
        """Put a proposal's body together from the mempool."""
        return self._ports.proposals.assemble(header, transaction_ids)

    async def execute(self, block: Block) -> BlockResult:
        """Check all signatures and execute.

        Raises:
            InvalidBlock: when the block breaks a rule.
            LocalFault: when this machine could not tell.
        """
        proposals = self._ports.proposals
        await self._settled.wait()
        try:
            if not proposals.signatures_checked(block.block_hash):
                await self._check_signatures(block)
            executed = await self._executed(block)
        except InvalidBlock as error:
            if block.header.proposer == proposals.own_id:
                LOG.error("this node's own proposal is not valid: %s", error)
                proposals.failed(block)
            if error.index is not None:
                self._culprits[block.block_hash] = error.index
            raise
        self._outcomes[block.block_hash] = executed
        return executed.result

    async def propose(self, height: Height, view: View) -> Block | None:
        """Build a fresh block when it is time to, unless the height has been decided meanwhile."""
        await self._ports.proposals.gather()
        # Stored is decided, too, though the head may follow only when the state is written.
        if self._head.height + 1 != height or self._ports.blocks.history.size != height:
            return None
        return self._ports.proposals.build(self._head, self._version)

    async def fetch_body(self, request: FetchBody) -> Block | None:
        """Get a body from the candidates; bytes that are not the block asked for are passed over."""
        raw = await self._ports.fetch_body(request.block_hash, request.candidates)
        if raw is None:
            return None
        return self._ports.proposals.take(raw, request.block_hash)

    async def apply(self, decided: Decide) -> Head:
        """Store a decided block, begin to have the state written, and let everybody know; `settle` is for the rest.

        Raises:
            Diverged: when this node's own result is not the certified one; then nothing was written.
            ProtocolUnknown: when this program lacks the rules of the block after this one, which is applied.
        """
        await self._settled.wait()
        ports = self._ports
        block = decided.block
        receipts = (await self._own_outcome(decided)).receipts
        ids = ports.proposals.transaction_ids(block)
        header = block.header
        record = BlockRecord(
            header.height,
            block.block_hash,
            block.raw,
            decided.certificate.encoded(),
            decided.result.encoded(),
            receipts,
            ids,
            header.encoded(),
        )
        ports.blocks.append(record)
        # Only now that the block is durable: the state must never be ahead of it.
        applying = ports.executor.begin_apply(block.block_hash)
        self._writing = (decided, applying)
        self._settled.clear()
        ledger_head = applying.head
        if ledger_head is None:
            ledger_head = await self._written(decided, applying)
            self._writing = None
            self._settled.set()
        self._outcomes.clear()
        self._culprits.clear()
        ports.proposals.applied(block)
        self.left_out.decided(header, ports.proposals.kept(block))
        ports.mempool.remove(ids)
        ports.mempool.expire(header.time)
        ports.members.block_applied(receipts)
        self._head = consensus_head(ledger_head, decided.certificate)
        self._version = ledger_head.next_version
        transactions = ports.proposals.kept(block)
        ports.on_applied(Applied(block, ledger_head, decided.certificate, receipts, ids, transactions))
        try:
            check_known(ledger_head, ports.executor.versions)
        except ProtocolUnknown:
            await self.settle()
            raise
        return self._head

    async def settle(self) -> None:
        """Return once the state of the last decided block is written; until then no other block is looked at.

        Raises:
            LocalFault: when this machine cannot write it.
        """
        if self._writing is not None:
            await self._written(*self._writing)
            self._writing = None
            self._settled.set()

    def catch_up(self, request: CatchUp) -> None:
        """Start getting certified blocks."""
        self._ports.catch_up()

    def report(self, report: Report) -> None:
        """Write a fact down and pass it on."""
        LOG.info("%s", report)
        self._ports.on_report(report)

    def refused(self, message: Message) -> None:
        """Pass on a message that the edge has refused."""
        self._ports.on_refused(message)

    async def look_for_left_out(self) -> bool:
        """Tell whether primaries leave out a transaction that they should have taken."""
        await self.left_out.look(self._version)
        return self.left_out.complains

    def culprit(self, block_hash: Digest) -> int | None:
        """Return the place of the transaction for which an undecided block was found invalid, if it was for one."""
        return self._culprits.get(block_hash)

    async def _own_outcome(self, decided: Decide) -> ExecutedBlock:
        """Return what this node itself makes of a decided block, which must be what was certified."""
        block, certified = decided.block, decided.result.result_hash
        outcome = self._outcomes.get(block.block_hash)
        if outcome is None:
            try:
                outcome = await self._asked(block)
            except InvalidBlock as error:
                raise Diverged(f"height {block.header.height} is decided and not valid here: {error}") from error
        own = outcome.result.result_hash
        if own != certified:
            raise Diverged(f"height {block.header.height}: own result {own.hex()}, certified {certified.hex()}")
        return outcome

    async def _written(self, decided: Decide, applying: Applying) -> LedgerHead:
        try:
            return await applying.written
        except ExecutionUnknown:
            # It holds only the last few undecided blocks of a height.
            self._outcomes.pop(decided.block.block_hash, None)
            await self._own_outcome(decided)
            return await self._ports.executor.begin_apply(decided.block.block_hash).written

    async def _executed(self, block: Block) -> ExecutedBlock:
        try:
            return await self._asked(block)
        except LocalFault as error:
            LOG.error("this machine cannot tell the result of block %s: %s", block.block_hash.hex(), error)
            self._ports.proposals.failed(block)
            raise

    async def _asked(self, block: Block) -> ExecutedBlock:
        batch = self._ports.proposals.batch(block)
        if batch is None:
            return await self._ports.executor.execute(block.raw)
        return await self._ports.executor.execute_batch(batch)

    async def _check_signatures(self, block: Block) -> None:
        try:
            decoded = self._ports.proposals.transactions(block)
        except DecodeError as error:
            raise InvalidBlock("malformed_transaction", str(error)) from error
        unchecked = [(index, item) for index, item in enumerate(decoded) if not self._is_checked(item)]
        verified = await self._verified([transaction for _, transaction in unchecked])
        for (index, transaction), good in zip(unchecked, verified, strict=True):
            if not good:
                raise InvalidBlock("bad_signature", transaction.transaction_id.hex(), index=index)

    def _is_checked(self, transaction: Transaction) -> bool:
        waiting = self._ports.mempool.get(transaction.transaction_id)
        return waiting is not None and waiting.transaction.signature == transaction.signature

    async def _verified(self, transactions: Sequence[Transaction]) -> list[bool]:
        """Have signatures checked, however busy the verifiers are with what clients send.

        Raises:
            LocalFault: when this machine cannot check them.
        """
        for _ in range(VERIFIER_ATTEMPTS_MAX):
            try:
                return await signatures_good(self._ports.verifier, transactions)
            except VerifierBusy:
                await asyncio.sleep(VERIFIER_PAUSE_SECONDS)
            except VerifierFault as error:
                raise LocalFault(str(error)) from error
        raise LocalFault("the verifiers stay too busy to check a block")


def consensus_head(head: LedgerHead, certificate: Certificate | None) -> Head:
    """Return the ledger's head as the PBFT core sees it."""
    return Head(
        head.height,
        head.block_hash,
        head.result.result_hash,
        head.time,
        head.proposer,
        certificate,
        head.validators,
    )


def read_certified(blocks: BlockStore, height: Height) -> bytes | None:
    """Return the certified block of a height in its canonical bytes, or None if it is not decided here."""
    block, result, certificate = blocks.block(height), blocks.result(height), blocks.certificate(height)
    if height == 0 or block is None or result is None or certificate is None:
        return None
    return join_certified_block(block, result, certificate)
