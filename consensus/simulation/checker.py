"""Checks every promise of the ledger after every event, knowing what no node knows: the whole run.

It computes quorums, results and durability by itself, so that a wrong quorum, a wrong execution or a message that was
not on disk cannot hide behind the code that is wrong. The first broken promise ends the run with a Violation.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

from chain.block import Block
from chain.certificate import VOTE_TAG, Certificate
from chain.evidence import Evidence, decode_evidence
from chain.evidence_check import Finding
from chain.execution import Execution
from chain.genesis import Genesis
from chain.proofs import CertifiedHeader
from chain.storage import StoreDamaged
from chain.types import Digest, Height, Milliseconds, Signature, ValidatorId
from consensus.pbft.events import CannotExecute, Decide, Diverged, LostVotes, Report
from consensus.pbft.messages import Inquiry, Kind, Message, PrePrepare, Ranked, Testimony, Vote
from consensus.simulation.amnesia import Amnesia
from consensus.simulation.clock import MILLISECOND
from consensus.simulation.disk import SimulatedDisk
from consensus.simulation.edge import Edge
from consensus.simulation.framing import Framer
from consensus.simulation.machine import Machine
from consensus.simulation.reference import Reference
from consensus.simulation.settings import DRIFT_MS_MAX, GENESIS_TIME
from consensus.simulation.trace import Violation
from consensus.simulation.votes import VoteRules, is_quorum, quorum_of
from consensus.simulation.words import message_words, report_words, short

if TYPE_CHECKING:
    from consensus.simulation.process import Process

GENESIS: Final = Height(0)


class Checker:
    """Owns what is known of the run: the one history, what was acknowledged, and who said what."""

    def __init__(
        self, genesis: Genesis, chain_id: Digest, edge: Edge, liars: Collection[str], now: Callable[[], int]
    ) -> None:
        """`now` returns the virtual time in microseconds."""
        self._now = now
        self._validators = genesis.validators
        self._framer = Framer(genesis, chain_id, genesis.validators, edge.verifies)
        self._liars = frozenset(liars)
        self._poisoned: dict[Digest, str] = {}
        self._edge = edge
        self._excused: frozenset[str] = frozenset()
        """Validators whose disk lost votes: that they contradict themselves proves nothing about the program."""
        self._amnesia = Amnesia(genesis.validators.size, quorum_of(genesis.validators.size))
        self.machines: Sequence[Machine] = ()
        """All machines; set once they are made."""
        self._timely: dict[tuple[str, Digest], bool] = {}
        """Whether a proposal's time was within the drift when a machine first got it, by its own clock."""
        self._votes = VoteRules(genesis.validators.size, self._signed_unsent)
        self._reference = Reference()
        self.history: list[Block] = []
        """The decided blocks, whoever decided them first."""
        self._decided: dict[Height, tuple[Digest, Digest]] = {}
        self._receipts: dict[Height, tuple[bytes, ...]] = {}
        self._places: dict[Digest, Height] = {}
        """Height of every committed transaction."""
        self._heights: dict[str, Height] = {}
        """What each machine has stored now."""
        self._stored: dict[str, Height] = {}
        """What each machine has ever stored: votes below are needed no more, even if the blocks are lost again."""
        self.acknowledged: dict[Digest, Height] = {}
        self._seen: dict[str, tuple[SimulatedDisk, int, Height]] = {}
        """For which disk, after how many losses and at which height a machine was found to hold what it had said."""
        self.checks = 0
        self.evidence: dict[str, int] = {}
        """What liars were convicted of, once a height."""
        self._findings: set[tuple[ValidatorId, str, Height]] = set()
        self.floods = 0
        """Messages of liars that were not read, because they had used more than their share."""
        self.refusals = 0
        """Messages of liars that the edges refused."""

    def said(self, machine: Machine, message: Message, encoded: bytes, body: bytes | None) -> bool:
        """A machine sends a message, for the first time or again; `body` is the block that a vote is about.

        Return whether it is an honest machine's first message for its slot.
        """
        self.checks += 1
        if not machine.is_faulty and not isinstance(message, Inquiry | Testimony):
            self._amnesia.speaks(machine, message, self._heights)
        is_new = self._votes.said(message, encoded, None if machine.is_faulty else machine.disk.holds_before)
        if is_new and not isinstance(message, Inquiry | Testimony):
            self._amnesia.signed(message, encoded)
        if is_new and isinstance(message, Vote) and message.kind is Kind.PREPARE:
            self._check_time(machine, message)
        if is_new and isinstance(message, Vote) and message.subject.block_hash in self._poisoned:
            code = self._poisoned[message.subject.block_hash]
            raise Violation("voted for an invalid block", f"{machine.name}: {message_words(message)}, {code}")
        if is_new and not machine.disk.holds(encoded):
            raise Violation("sent before it was durable", f"{machine.name}: {message.kind.name}")
        if is_new and message.kind is Kind.PREPARE and (body is None or not machine.disk.holds(body)):
            raise Violation("voted before the body was durable", machine.name)
        return is_new

    def cannot_be_framed(self, message: Ranked, parent: CertifiedHeader | None, block: Block | None) -> None:
        """An honest machine has signed a message, and whoever gets it looks for evidence in it."""
        finding = self._framer.frame(message, parent, block)
        if finding is not None and finding.validator not in self._liars | self._excused:
            raise Violation("evidence against an honest validator", f"{message_words(message)}: {finding}")

    def refused(self, machine: Machine, sender: ValidatorId, error: Exception) -> None:
        """The edge of a machine refused a message."""
        if sender not in self._liars:
            raise Violation("an honest message was refused", f"{machine.name} refused {sender}: {error}")
        self.refusals += 1

    def unread(self, machine: Machine, sender: ValidatorId, is_overdrawn: bool) -> None:
        """A machine did not read a message: a repetition, or of a peer that has used more than its share."""
        if is_overdrawn and sender not in self._liars:
            raise Violation("an honest peer over its share", f"{machine.name} reads {sender} no more")
        self.floods += is_overdrawn

    def unstored(self, machine: Machine) -> list[bytes]:
        """Return what a machine has said about the height that it has not stored yet."""
        height = Height(self._stored.get(machine.name, GENESIS) + 1)
        return self._votes.said_at(machine.validator_id, height)

    def signed_by(self, machine: Machine) -> int:
        """Return how many messages a machine's key has signed so far."""
        return self._amnesia.count(machine.validator_id)

    def loses_votes(self, machine: Machine, first: int = 0, above: Height = GENESIS) -> bool:
        """A machine's disk lost what it had signed from the so manyth message on, at heights above one, if it did.

        It must notice if enough others know. If it does not, it is held to all rules as one who begins anew; only that
        it contradicts what it has forgotten is excused.
        """
        machine.may_have_lost_votes = True
        self._excused |= {machine.validator_id}
        loses_some = self._amnesia.loses(machine, self.machines, first, above)
        self._votes.forget(machine.validator_id)
        return loses_some

    def reads_log(self, machine: Machine) -> None:
        """A process is about to open its machine's log."""
        if not machine.has_rotten_log:
            return
        machine.has_rotten_log = machine.is_faulty = False
        loses_some = self.loses_votes(machine, above=self._stored.get(machine.name, GENESIS))
        if loses_some and machine.disk.is_flipped:
            # What was said stood in a whole frame, and a whole frame with a flipped bit is damage and nothing else.
            self._amnesia.silence(machine, "a bit of its log had flipped")
        machine.disk.flipped = None

    def received(self, machine: Machine, message: PrePrepare) -> None:
        """A machine gets a proposal."""
        if machine.is_faulty:
            return
        clock = Milliseconds(GENESIS_TIME + self._now() // MILLISECOND + machine.skew_ms)
        is_timely = abs(message.decoded_header.time - clock) <= DRIFT_MS_MAX
        key = (machine.name, message.block_hash)
        self._timely[key] = self._timely.get(key, False) or is_timely

    def accused(self, machine: Machine, evidence: Evidence, finding: Finding) -> None:
        """A machine has evidence against a validator, which holds."""
        if finding.validator not in self._liars | self._excused:
            raise Violation("evidence against an honest validator", f"{machine.name}: {finding}")
        if decode_evidence(evidence.encoded()) != evidence:
            raise Violation("evidence that is not what was written", f"{machine.name}: {finding}")
        key = (finding.validator, finding.code, finding.place.height)
        if key not in self._findings:
            self._findings.add(key)
            self.evidence[finding.code] = self.evidence.get(finding.code, 0) + 1

    def poison(self, block_hash: Digest, code: str) -> None:
        """A liar proposes a block for which no honest validator may vote."""
        self._poisoned[block_hash] = code

    def decided(self, machine: Machine, decide: Decide) -> None:
        """A replica decides a block."""
        self.checks += 1
        subject = decide.certificate.subject
        self._check_certificate(machine, decide.certificate)
        if (subject.block_hash, subject.result_hash) != (decide.block.block_hash, decide.result.result_hash):
            raise Violation("a certificate of something else", f"{machine.name} at {subject.height}")
        outcome = (subject.block_hash, subject.result_hash)
        known = self._decided.setdefault(subject.height, outcome)
        if known != outcome:
            first, second = short(known[0]), short(outcome[0])
            raise Violation("two blocks at one height", f"{first} and {second} at {subject.height}, {machine.name}")
        if subject.height > len(self.history):
            self._append(decide.block)

    def applied(self, machine: Machine, block: Block, execution: Execution) -> None:
        """A machine has stored a block and tells everybody of it."""
        height = block.header.height
        if self._decided.get(height, (None, None))[0] != block.block_hash:
            raise Violation("stored what was not decided", f"{machine.name} at {height}")
        before = self._heights.get(machine.name, Height(0))
        if height > before + 1:
            raise Violation("left out a height", f"{machine.name} stores {height} on {before}")
        self._heights[machine.name] = height
        if height not in self._receipts:
            self._receipts[height] = execution.receipts
            self._reference.compare_receipts(height, execution.receipts)
        if self._receipts[height] != execution.receipts:
            raise Violation("two outcomes of one block", f"{machine.name} at {height}")

    def written(self, machine: Machine, height: Height) -> None:
        """A machine has written the state of a block that it stored before."""
        self._stored[machine.name] = max(height, self._stored.get(machine.name, Height(0)))

    def restored(self, machine: Machine, height: Height, block_hash: Digest) -> None:
        """A process has opened what its machine holds."""
        if height > 0 and self._decided.get(height, (None, None))[0] != block_hash:
            raise Violation("opened what was not decided", f"{machine.name} at {height}")
        if height < self._heights.get(machine.name, Height(0)):
            raise Violation("lost blocks", f"{machine.name} opens {height}, had {self._heights[machine.name]}")
        self._heights[machine.name] = height

    def acknowledge(self, transaction_id: Digest, height: Height) -> None:
        """A client was told that its transaction is final."""
        if self._places.get(transaction_id) != height:
            where = self._places.get(transaction_id)
            raise Violation("acknowledged what is not there", f"{short(transaction_id)}: {height} instead of {where}")
        self.acknowledged[transaction_id] = height

    def is_committed(self, transaction_id: Digest) -> bool:
        """Tell whether a transaction is in the history."""
        return transaction_id in self._places

    def reported(self, machine: Machine, report: Report) -> None:
        """A replica reports something."""
        if isinstance(report, Diverged):
            raise Violation("diverged", f"{machine.name} {report_words(report)}")
        if isinstance(report, LostVotes) and not (machine.is_faulty or machine.may_have_lost_votes):
            raise Violation("lost votes without losing its disk", f"{machine.name} {report_words(report)}")
        if isinstance(report, CannotExecute) and not machine.executor_failed:
            raise Violation("cannot execute", machine.name)

    def forget(self, name: str) -> None:
        """A machine has lost what it had stored."""
        self._heights[name] = Height(0)

    def turned(self, process: "Process") -> None:
        """A process has stepped its replica: everything that it keeps is bounded."""
        self.checks += 1
        self._check_memory(process)
        for what, count, limit in process.kept:
            if count > limit:
                raise Violation("unbounded", f"{process.machine.name} keeps {count} {what}, {limit} are allowed")

    def finish(self, processes: "list[Process]") -> None:
        """Compare what the nodes hold at the end with the history and with the reference."""
        for process in processes:
            try:
                self._finish(process)
            except StoreDamaged as error:
                # Rot that nobody has met before shows now; to say so is an answer, to give wrong bytes were none.
                if not process.machine.has_rotten_stores:
                    raise Violation("damage where nothing rots", f"{process.machine.name}: {error}") from error

    def _finish(self, process: "Process") -> None:
        name, blocks = process.machine.name, process.host.blocks
        for transaction_id, height in self.acknowledged.items():
            place = blocks.find_transaction(transaction_id)
            if place is None or place.height != height:
                raise Violation("lost an acknowledged transaction", f"{name} lacks {short(transaction_id)}")
        for block in self.history:
            if blocks.block_hash(block.header.height) != block.block_hash:
                raise Violation("not a prefix", f"{name} at {block.header.height}")
        self._reference.compare_state(name, process.host.ledger.database)

    def _check_time(self, machine: Machine, vote: Vote) -> None:
        """Who votes for a fresh proposal has once got it at about its own time, by the clock of that machine."""
        is_timely = self._timely.get((machine.name, vote.subject.block_hash), True)
        if not is_timely and not self._votes.is_duty(vote.subject):
            raise Violation("voted for a block of another time", f"{machine.name}: {message_words(vote)}")

    def _check_memory(self, process: "Process") -> None:
        """What a machine has said must stay on its disk until block and state of that height are there.

        It was there when it was said, so there is nothing to look for until the disk has lost something.
        """
        machine = process.machine
        disk, height = machine.disk, Height(process.host.ledger.head.height + 1)
        if machine.is_faulty or height <= self._stored.get(machine.name, 0):
            return
        seen = (disk, disk.losses, height)
        if self._seen.get(machine.name) == seen:
            return
        self._seen[machine.name] = seen
        for encoded in self._votes.said_at(machine.validator_id, height):
            if not machine.disk.holds(encoded):
                raise Violation("forgot before the block was stored", f"{machine.name} at {height}")

    def _append(self, block: Block) -> None:
        if block.header.height != len(self.history) + 1:
            raise Violation("left out a height", f"{block.header.height} decided on {len(self.history)}")
        self.history.append(block)
        transactions = [self._edge.transaction(raw) for raw in block.transactions]
        for transaction in transactions:
            if transaction.transaction_id in self._places:
                raise Violation("committed twice", short(transaction.transaction_id))
            self._places[transaction.transaction_id] = block.header.height
        self._reference.expect(block.header.height, transactions)

    def _signed_unsent(self, certificate: Certificate, signer: ValidatorId, signature: Signature) -> bool:
        """Tell whether a liar's signature in a certificate is its own: it may show what it has sent to nobody yet."""
        validator = self._validators.find(signer)
        payload = certificate.subject.payload(certificate.phase)
        return (
            signer in self._liars
            and validator is not None
            and self._edge.verifies(validator.consensus_key, VOTE_TAG, payload, signature)
        )

    def _check_certificate(self, machine: Machine, certificate: Certificate) -> None:
        subject = certificate.subject
        payload = subject.payload(certificate.phase)
        for signer, signature in certificate.signatures:
            validator = self._validators.find(signer)
            is_good = validator is not None and self._edge.verifies(
                validator.consensus_key, VOTE_TAG, payload, signature
            )
            if not is_good:
                raise Violation("a certificate with a bad signature", f"{signer} at {subject.height}")
        if not is_quorum(certificate, self._validators.size):
            signers = " ".join(signer for signer, _ in certificate.signatures)
            raise Violation("decided without a quorum", f"{machine.name} at {subject.height} by {signers}")
