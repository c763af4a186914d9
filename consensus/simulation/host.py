"""What a node does for its replica: executes, proposes, stores, writes state, serves; as the product's host does.

Block execution, validity, databases and mempool are the product's own code; only time and failures are simulated. The
order of a decided block is the product's: first the node's blocks, then everybody is told, then the state is written.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from chain.batch import batch_of
from chain.block import Block, decode_block, decode_header, make_block
from chain.block_store import BlockRecord, BlockStore
from chain.certificate import Certificate, decode_certificate, join_certified_block
from chain.encoding import DecodeError
from chain.evidence import ShownTransaction
from chain.execution import Execution
from chain.ledger import Ledger
from chain.mempool import AdmissionError, Mempool, MempoolLimits, check_admissible
from chain.merkle import merkle_root
from chain.next_block import Parent, block_behind
from chain.proofs import CertifiedHeader
from chain.receipt import BlockResult
from chain.rules import Rules
from chain.runtime import LocalFault
from chain.transaction import Transaction
from chain.types import Digest, Height, Milliseconds, ValidatorId, View
from chain.validity import Head as LedgerHead
from chain.validity import InvalidBlock
from consensus.evidence import shown_transaction
from consensus.pacing import Gathering
from consensus.pbft.bounds import Kept
from consensus.pbft.events import (
    Applied,
    Decide,
    Event,
    Executed,
    ExecutionFault,
    ExecutionInvalid,
    Head,
    PendingChanged,
    Proposal,
)
from consensus.simulation.chance import between
from consensus.simulation.clock import SECOND
from consensus.simulation.contract import VERSIONS
from consensus.simulation.machine import Machine
from consensus.simulation.opening import ledger_on, replay
from consensus.simulation.packet import Channel, Packet
from consensus.simulation.patience import Complainer
from consensus.simulation.words import short
from consensus.simulation.world import World

if TYPE_CHECKING:
    from consensus.simulation.process import Process

BODIES_MAX: Final = 8
EXECUTIONS_MAX: Final = 16
WAITING_MAX: Final = 64
EXECUTE_US: Final = (150, 2_000)
WRITE_US: Final = (100, 1_500)
PROPOSE_US: Final = (50, 500)
MEMPOOL: Final = MempoolLimits(transactions_max=400, organisation_share_percent=100)

Then = Callable[[], None]


class Host:
    """Owns the ledger, the mempool and the bodies of one process."""

    def __init__(self, world: World, machine: Machine, process: "Process") -> None:
        """Open both databases, and replay blocks that the state misses; set aside what was found damaged before."""
        self._world = world
        self._machine = machine
        self._process = process
        if machine.blocks.found_rotten:
            machine.lose_blocks()
            world.checker.forget(machine.name)
        if machine.state.found_rotten:
            machine.lose_state()
        self.blocks = BlockStore(machine.blocks)
        self.ledger = self._open_state()
        self.mempool = Mempool(MEMPOOL)
        self._complainer = Complainer(world, machine, process, self.mempool)
        self._bodies: dict[Digest, Block] = {}
        self._executions: dict[Digest, Execution] = {}
        self._invalid: dict[Digest, int | None] = {}
        """Blocks of the present height that are not valid, with the place of the transaction that makes them so."""
        self._executor_free_at = 0
        parameters = world.genesis.parameters
        self._gathering = Gathering(parameters.block_interval_min / 1000, parameters.view_timeout_base / 1000)
        self._waiting: list[tuple[Height, Then]] = []
        self.head = self._read_head()
        """The last applied block."""

    @property
    def kept(self) -> tuple[Kept, ...]:
        """How much is kept in memory of each kind, beside how much may be."""
        return (
            ("bodies of proposals", len(self._bodies), BODIES_MAX),
            ("executions", len(self._executions), EXECUTIONS_MAX),
            ("invalid blocks of the height", len(self._invalid), WAITING_MAX),
            ("waiting for a height", len(self._waiting), WAITING_MAX),
            ("transactions", len(self.mempool), MEMPOOL.transactions_max),
        )

    def admit(self, raws: list[bytes]) -> list[bytes]:
        """Take transactions into the mempool; return those that are new here."""
        new = [raw for raw in raws if self._admit(self._world.edge.transaction(raw))]
        if new:
            self._process.pending_changed(True)
        return new

    def assemble(self, encoded_header: bytes, ids: list[Digest]) -> Block | None:
        """Put a proposal's body together from the mempool."""
        header = decode_header(encoded_header)
        found = [self.mempool.get(transaction_id) for transaction_id in ids]
        transactions = [pending.transaction for pending in found if pending is not None]
        if len(transactions) < len(ids):
            return None
        if merkle_root(transaction.merkle_leaf for transaction in transactions) != header.transactions_root:
            return None
        return self.keep(make_block(header, [transaction.raw for transaction in transactions]))

    def take_body(self, raw: bytes, block_hash: Digest) -> Block | None:
        """Return a block that a peer sent if it is the one asked for."""
        try:
            block = decode_block(raw)
            decoded = [self._world.edge.transaction(item) for item in block.transactions]
        except DecodeError:
            return None
        root = merkle_root(transaction.merkle_leaf for transaction in decoded)
        is_it = block.block_hash == block_hash and root == block.header.transactions_root
        return self.keep(block) if is_it else None

    def body(self, block_hash: Digest) -> bytes | None:
        """Return the raw block with this hash if it is undecided or decided here."""
        kept = self._bodies.get(block_hash)
        if kept is not None:
            return kept.raw
        height = self.blocks.height_of(block_hash)
        return None if height is None else self.blocks.block(height)

    def certified(self, height: Height) -> bytes | None:
        """Return a decided block with result and certificate."""
        block, result = self.blocks.block(height), self.blocks.result(height)
        certificate = self.blocks.certificate(height)
        if height == 0 or block is None or result is None or certificate is None:
            return None
        return join_certified_block(block, result, certificate)

    def parent_of(self, height: Height) -> CertifiedHeader | None:
        """Return the decided block below a height with its certificate, if it is here."""
        block, result = self.blocks.block(height - 1), self.blocks.result(height - 1)
        certificate = self.blocks.certificate(height - 1)
        if height <= 1 or block is None or result is None or certificate is None:
            return None
        return CertifiedHeader(decode_block(block).header.encoded(), result, certificate)

    def culprit_of(self, block_hash: Digest) -> ShownTransaction | None:
        """Return the transaction that makes a block invalid, with its path to the root."""
        body, index = self._bodies.get(block_hash), self._invalid.get(block_hash)
        return None if body is None or index is None else shown_transaction(body, index)

    def serve(self, height: Height, peer: ValidatorId) -> None:
        """Send a decided block to a peer that still talks about its height."""
        data = self.certified(height)
        if data is not None:
            self._world.note(self._machine.name, lambda: f"-> {peer} block {height}")
            self._process.send(peer, Packet(Channel.BLOCK, data))

    def executed(self, block_hash: Digest) -> tuple[Block, BlockResult] | None:
        """Return an undecided block that was executed here, and what came out."""
        execution, block = self._executions.get(block_hash), self._bodies.get(block_hash)
        return None if execution is None or block is None else (block, execution.result)

    def old_transaction(self, height: Height) -> bytes | None:
        """Return some transaction of a decided block."""
        block = self.blocks.block(height) if height else None
        return None if block is None else decode_block(block).transactions[0]

    def transaction_ids(self, block: Block) -> list[Digest]:
        """Return the ids of a block's transactions.

        Raises:
            DecodeError: when one is no transaction, as a liar's may be.
        """
        return [self._world.edge.transaction(raw).transaction_id for raw in block.transactions]

    def propose(self, height: Height, view: View, done: Then) -> None:
        """Build a fresh block on the head when it is time to."""
        is_full = self.mempool.fills_block(self._world.genesis.parameters)
        wait_seconds = self._gathering.wait_seconds(self._seconds(), len(self.mempool), is_full=is_full)

        def build() -> None:
            done()
            block = self._build(height)
            self._process.offer(PendingChanged(False) if block is None else Proposal(height, view, block))

        build_us = between(self._world.chance, *PROPOSE_US)
        self._process.later(round(wait_seconds * SECOND) + build_us, build)

    def execute(self, block: Block, done: Then) -> None:
        """Check and execute a block."""

        def run() -> None:
            done()
            event: Event
            try:
                event = Executed(block.block_hash, self._execute(block).result)
            except InvalidBlock as error:
                self._invalid[block.block_hash] = error.index
                event = ExecutionInvalid(block.block_hash, error.code)
            except LocalFault:
                event = ExecutionFault(block.block_hash)
            self._world.note(self._machine.name, lambda: f"{type(event).__name__} {short(block.block_hash)}")
            self._process.offer(event)

        self._on_executor(run)

    def apply(self, decided: Decide, done: Then) -> None:
        """Store a decided block, then write its state, then let everybody know."""
        if decided.block.block_hash in self._executions:
            self._process.later(0, lambda: self._store(decided, done))
            return

        def run() -> None:
            self._execute(decided.block)
            self._store(decided, done)

        self._on_executor(run)

    def when_applied(self, height: Height, then: Then) -> None:
        """Do something once a height is applied."""
        if self.head.height >= height:
            then()
        else:
            self._waiting.append((height, then))

    def _store(self, decided: Decide, done: Then) -> None:
        block, execution = decided.block, self._executions[decided.block.block_hash]
        record = BlockRecord(
            block.header.height,
            block.block_hash,
            block.raw,
            decided.certificate.encoded(),
            decided.result.encoded(),
            execution.receipts,
            self.transaction_ids(block),
            block.header.encoded(),
        )
        self.blocks.append(record)
        # The own database is written on the event loop, the state by the executor's process.
        write_us = between(self._world.chance, *WRITE_US)
        self._process.block(write_us, lambda: self._have_written(decided, execution, done))

    def _have_written(self, decided: Decide, execution: Execution, done: Then) -> None:
        """Have the state written; everybody is told before it is, where it is known what the head will be."""
        after, floor = self.ledger.head_after(execution), Height(decided.block.header.height + 1)

        def write() -> None:
            self.ledger.apply(execution)
            if after is None:
                self._tell(decided, execution, self.ledger.head, done)
            self._world.checker.written(self._machine, decided.block.header.height)
            self._process.log.drop_below(floor)

        if after is not None:
            self._tell(decided, execution, after, done)
        self._on_executor(write)

    def _tell(self, decided: Decide, execution: Execution, after: LedgerHead, done: Then) -> None:
        block = decided.block
        self._gathering.applied(self._seconds(), is_own=block.header.proposer == self._machine.validator_id)
        self.head = _consensus_head(after, decided.certificate)
        self._executions.clear()
        self._invalid.clear()
        ids = self.transaction_ids(block)
        self._world.checker.applied(self._machine, block, execution)
        height, block_hash = block.header.height, block.block_hash
        self._world.note(self._machine.name, lambda: f"has block {height} {short(block_hash)}")
        self._complainer.decided(block)
        self.mempool.remove(ids)
        self.mempool.expire(block.header.time)
        self.look_for_left_out()
        self._process.pending_changed(len(self.mempool) > 0)
        self._process.offer(Applied(self.head))
        self._world.on_applied(self._machine.name, height, ids)
        done()
        ready = [then for waited, then in self._waiting if waited <= height]
        self._waiting = [(waited, then) for waited, then in self._waiting if waited > height]
        for then in ready:
            then()

    def _execute(self, block: Block) -> Execution:
        if self._machine.executor_faults > 0:
            self._machine.executor_faults -= 1
            self._machine.executor_failed = True
            raise LocalFault("the simulated executor failed")
        execution = self._executed(block)
        self._executions[block.block_hash] = execution
        while len(self._executions) > EXECUTIONS_MAX:
            del self._executions[next(iter(self._executions))]
        return execution

    def _executed(self, block: Block) -> Execution:
        """Execute a block as the product does: decoded and checked once, if nothing is amiss with its transactions."""
        edge, parameters = self._world.edge, self._world.genesis.parameters
        try:
            transactions = [edge.transaction(raw) for raw in block.transactions]
        except DecodeError:
            return self.ledger.execute(block, edge.signature_good)
        for transaction in transactions:
            is_large = len(transaction.raw) > parameters.transaction_bytes_max
            is_ours = transaction.body.chain_id == block.header.chain_id
            if is_large or not is_ours or not edge.signature_good(transaction):
                return self.ledger.execute(block, edge.signature_good)
        return self.ledger.execute_batch(batch_of(block, transactions))

    def _on_executor(self, work: Then) -> None:
        """One block after the other, each for a while."""
        world = self._world
        begins = max(world.schedule.now, self._executor_free_at)
        self._executor_free_at = begins + between(world.chance, *EXECUTE_US) + self._machine.executor_slow_us
        self._process.later(self._executor_free_at - world.schedule.now, work)

    def _seconds(self) -> float:
        return self._world.schedule.now / SECOND

    def _admit(self, transaction: Transaction) -> bool:
        world = self._world
        transaction_id = transaction.transaction_id
        if transaction_id in self.mempool or self.blocks.find_transaction(transaction_id) is not None:
            return False
        member = self.ledger.find_member(transaction.body.sender_key)
        if member is None or not world.edge.signature_good(transaction):
            return False
        try:
            check_admissible(transaction, world.chain_id, self._rules(), self._process.clock())
            return self.mempool.add(transaction, member, world.schedule.now)
        except AdmissionError:
            return False

    def look_for_left_out(self) -> None:
        """Look whether primaries leave out the oldest transaction that waits here."""
        self._complainer.look(self._rules())

    def _rules(self) -> Rules:
        return Rules(self._world.genesis.parameters, VERSIONS[self.ledger.head.next_version])

    def _build(self, height: Height) -> Block | None:
        head = self.head
        if head.height + 1 != height:
            return None
        time = Milliseconds(max(self._process.clock(), head.time + 1))
        self.mempool.expire(time)
        rules, liar = self._rules(), self._machine.liar
        chosen = self.mempool.select(rules, time) if liar is None else liar.chosen(self.mempool, rules, time)
        if not chosen:
            return None
        self._gathering.proposed(self._seconds())
        links = (head.block_hash, head.result_hash, self.blocks.history.root())
        parent = Parent(self._world.chain_id, head.height, *links, head.validators, self.ledger.head.next_version)
        return self.keep(block_behind(parent, chosen, time, self._machine.validator_id))

    def keep(self, block: Block) -> Block:
        """Keep a body for peers that ask for it."""
        self._bodies[block.block_hash] = block
        while len(self._bodies) > BODIES_MAX:
            del self._bodies[next(iter(self._bodies))]
        return block

    def _read_head(self) -> Head:
        head = self.ledger.head
        stored = self.blocks.certificate(head.height) if head.height else None
        return _consensus_head(head, None if stored is None else decode_certificate(stored))

    def _open_state(self) -> Ledger:
        """Open the state, rebuild it if it is ahead of the blocks, and replay what it misses."""
        world, machine = self._world, self._machine
        ledger = ledger_on(world, machine.state)
        stored = self.blocks.block_hash(ledger.head.height)
        if self.blocks.head is not None and stored != ledger.head.block_hash:
            machine.lose_state()
            ledger = ledger_on(world, machine.state)
        if self.blocks.head is None:
            result = ledger.head.result.encoded()
            self.blocks.append(BlockRecord(Height(0), world.chain_id, b"", b"", result, (), (), b""))
        assert self.blocks.head is not None, "genesis is stored"
        for height in range(ledger.head.height + 1, self.blocks.head.height + 1):
            replay(ledger, self.blocks, height, world.edge)
        world.checker.restored(machine, ledger.head.height, ledger.head.block_hash)
        return ledger


def _consensus_head(head: LedgerHead, certificate: Certificate | None) -> Head:
    links = (head.block_hash, head.result.result_hash, head.time, head.proposer)
    return Head(head.height, *links, certificate, head.validators)
