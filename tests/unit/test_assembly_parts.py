"""Admission, proposals, members, waiters and exit codes: the parts of a node that join others, one by one."""

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from api.ports import SubmissionState
from assembly.admission import Admission, AdmissionPorts, clock
from assembly.exit_codes import ExitCode
from assembly.failures import exit_code_of
from assembly.members import MemberDirectory
from assembly.proposals import Proposals
from assembly.reconcile import disagrees, store_genesis
from chain.block import make_block
from chain.block_store import BlockRecord, BlockStore
from chain.crypto import public_key_of, verify
from chain.genesis import Genesis, Governance, Organisation, Parameters
from chain.identity import Member, member_key
from chain.mempool import Mempool, MempoolLimits
from chain.prices import LEDGER_PRICES
from chain.receipt import BlockResult, Receipt
from chain.rules import Rules
from chain.runtime import SYSTEM, Event
from chain.storage import MemoryStore, StoreDamaged, StoreForeign
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from chain.validators import Validator, validator_set
from consensus.log import LogWriteError
from consensus.pbft.events import Head
from consensus.verifier_queue import VerifierBusy

SEED = b"\x01" * 32
STRANGER = b"\x02" * 32
NODE = ValidatorId("node1")
RESULT = BlockResult(Digest(b"s" * 32), Digest(b"r" * 32), Digest(b"v" * 32))
GENESIS = Genesis(
    "test",
    Milliseconds(1000),
    Parameters(),
    Governance(("acme",), 1, 1, 1, 1000),
    validator_set(Epoch(0), [Validator(NODE, "acme", public_key_of(b"\x07" * 32), (b"certificate",))]),
    (Organisation("acme", "Acme", public_key_of(b"\x08" * 32)),),
    (),
    (),
)
CHAIN = GENESIS.genesis_hash


@pytest.fixture(autouse=True)
def all_checks_go_to_the_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few signatures are checked inline; here the verifier is what is held and watched."""
    monkeypatch.setattr("assembly.signatures.INLINE_MAX", 0)


def transaction(number: int = 0, seed: bytes = SEED, chain_id: Digest = CHAIN, seconds: int = 60) -> Transaction:
    valid_until = Milliseconds(clock() + seconds * 1000)
    calls = (Call("coins", "transfer", (number,)),)
    nonce = number.to_bytes(16, "big")
    return sign_transaction(TransactionBody(chain_id, public_key_of(seed), nonce, valid_until, calls, 10_000), seed)


def tampered(original: Transaction) -> bytes:
    """Return the same body with another signature, which is not good."""
    signature = bytearray(original.signature)
    signature[0] ^= 1
    return original.raw[:-64] + bytes(signature)


class Verifier:
    """Checks signatures here, when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.batches: list[int] = []
        self.busy = False

    async def verify(self, checks: Sequence[tuple[bytes, str, bytes, bytes]]) -> list[bool]:
        self.batches.append(len(checks))
        await self.go.wait()
        if self.busy:
            raise VerifierBusy(1)
        return [verify(*check) for check in checks]


class Surroundings:
    """An admission over stores in memory, with one member."""

    def __init__(self, limits: MempoolLimits | None = None) -> None:
        self.blocks = BlockStore(MemoryStore())
        store_genesis(self.blocks, GENESIS, RESULT)
        self.mempool = Mempool(limits or MempoolLimits())
        self.verifier = Verifier()
        self.state = {member_key(public_key_of(SEED)): Member("acme.alice", "acme", (), True).encoded()}
        self.reads = 0
        self.members = MemberDirectory(self._read)
        self.admitted = 0
        self.passed_on: list[bytes] = []
        self.wait_seconds = 0.0
        self.admission = Admission(
            AdmissionPorts(
                GENESIS,
                lambda: Rules(GENESIS.parameters, LEDGER_PRICES[1]),
                CHAIN,
                self.blocks,
                self.mempool,
                self.members,
                self.verifier,
                self._on_admitted,
                self.passed_on.extend,
                lambda waiting: self.wait_seconds,
            )
        )

    async def _read(self, contract: str, key: bytes) -> bytes | None:
        assert contract == SYSTEM
        self.reads += 1
        return self.state.get(key)

    def _on_admitted(self) -> None:
        self.admitted += 1

    async def codes(self, *raws: bytes) -> list[str]:
        return [answer.code or answer.state.value for answer in await self.admission.submit(raws)]

    def commit(self, *transactions: Transaction) -> None:
        head = self.blocks.head
        assert head is not None
        ids = [item.transaction_id for item in transactions]
        height = Height(head.height + 1)
        digest = Digest(height.to_bytes(32, "big"))
        self.blocks.append(
            BlockRecord(height, digest, b"block", b"certificate", b"result", [b"r"] * len(ids), ids, b"")
        )
        self.mempool.remove(ids)


async def test_a_good_transaction_is_admitted_passed_on_and_known_when_it_comes_again() -> None:
    world = Surroundings()
    good = transaction()
    assert await world.codes(good.raw) == ["received"]
    assert world.passed_on == [good.raw]
    assert world.admitted == 1
    assert await world.codes(good.raw) == ["pending"]
    world.commit(good)
    assert await world.codes(good.raw) == ["committed"]
    assert world.passed_on == [good.raw]
    assert world.verifier.batches == [1], "its signature was checked once"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"rubbish", "malformed_transaction"),
        (lambda: transaction(seed=STRANGER).raw, "unknown_sender"),
        (lambda: transaction(chain_id=Digest(bytes(32))).raw, "foreign_chain"),
        (lambda: transaction(seconds=-1).raw, "expired"),
        (lambda: transaction(seconds=3600).raw, "valid_until_too_far"),
        (lambda: tampered(transaction()), "bad_signature"),
    ],
)
async def test_what_is_refused_leaves_nothing_behind(make: Callable[[], bytes], code: str) -> None:
    world = Surroundings()
    assert await world.codes(make()) == [code]
    assert len(world.mempool) == 0
    assert world.passed_on == []
    assert world.admitted == 0


async def test_a_batch_is_answered_one_by_one_in_order() -> None:
    world = Surroundings()
    one, two = transaction(1), transaction(2)
    answers = await world.codes(one.raw, b"rubbish", two.raw, one.raw, tampered(transaction(3)))
    assert answers == ["received", "malformed_transaction", "received", "pending", "bad_signature"]
    assert world.verifier.batches == [3]


async def test_the_same_transaction_from_two_clients_at_once_is_checked_once() -> None:
    world = Surroundings()
    good = transaction()
    world.verifier.go.clear()
    first = asyncio.create_task(world.codes(good.raw))
    while not world.verifier.batches:
        await asyncio.sleep(0)
    second = asyncio.create_task(world.codes(good.raw))
    await asyncio.sleep(0)
    world.verifier.go.set()
    assert await first == ["received"]
    assert await second == ["pending"]
    assert world.verifier.batches == [1]


async def test_a_block_that_comes_while_a_signature_is_checked_is_noticed() -> None:
    world = Surroundings()
    good = transaction()
    world.verifier.go.clear()
    waiting = asyncio.create_task(world.codes(good.raw))
    while not world.verifier.batches:
        await asyncio.sleep(0)
    world.commit(good)
    world.verifier.go.set()
    assert await waiting == ["committed"]
    assert len(world.mempool) == 0


async def test_overload_refuses_what_clients_send_and_keeps_what_peers_pass_on() -> None:
    world = Surroundings()
    world.wait_seconds = 7.5
    (answer,) = await world.admission.submit([transaction(1).raw])
    assert (answer.state, answer.code, answer.retry_after_seconds) == (SubmissionState.REFUSED, "overloaded", 3)
    assert (len(world.mempool), world.verifier.batches, world.passed_on) == (0, [], [])
    await world.admission.gossiped([transaction(1).raw])
    assert len(world.mempool) == 1
    world.wait_seconds = 5.0
    assert await world.codes(transaction(2).raw) == ["received"]


async def test_busy_verifiers_and_a_full_mempool_ask_the_client_to_come_back() -> None:
    world = Surroundings(MempoolLimits(transactions_max=2, organisation_share_percent=100))
    world.verifier.busy = True
    (answer,) = await world.admission.submit([transaction(1).raw])
    assert (answer.state, answer.code, answer.retry_after_seconds) == (SubmissionState.REFUSED, "overloaded", 1)
    world.verifier.busy = False
    assert await world.codes(*(transaction(number).raw for number in range(3))) == [
        "received",
        "received",
        "mempool_full",
    ]


async def test_members_are_remembered_until_a_block_changes_them() -> None:
    world = Surroundings()
    key = public_key_of(SEED)
    assert await world.members.find(key) is not None
    assert await world.members.find(key) is not None
    assert world.reads == 1
    world.state[member_key(key)] = Member("acme.alice", "acme", (), False).encoded()
    event = Event(SYSTEM, "MemberRevoked", {"key": key, "member": "acme.alice"})
    world.members.block_applied([Receipt(Digest(bytes(32)), Height(1), 0, None, (event,), 1, ()).encoded()])
    assert await world.members.find(key) is None


def proposals_of(world: Surroundings) -> Proposals:
    return Proposals(GENESIS, NODE, world.blocks, world.mempool)


def consensus_head() -> Head:
    return Head(Height(0), CHAIN, RESULT.result_hash, GENESIS.time, None, None, GENESIS.validators)


async def test_a_proposal_holds_what_waits_and_others_put_it_together_from_its_ids() -> None:
    world, other = Surroundings(), Surroundings()
    waiting = [transaction(number) for number in range(3)]
    for surroundings in (world, other):
        await surroundings.admission.submit([item.raw for item in waiting])
    proposals = proposals_of(world)
    block = proposals.build(consensus_head(), 1)
    assert block is not None
    assert block.transactions == tuple(item.raw for item in waiting)
    assert block.header.parent_hash == CHAIN
    ids = [item.transaction_id for item in waiting]
    assert proposals.concatenated_ids(block) == b"".join(ids)
    assembled = proposals_of(other).assemble(block.header.encoded(), ids)
    assert assembled == block
    assert proposals_of(other).assemble(block.header.encoded(), ids[:-1]) is None, "the root decides"
    assert proposals_of(Surroundings()).assemble(block.header.encoded(), ids) is None, "what is missing is fetched"


async def test_a_body_that_is_not_the_one_asked_for_is_passed_over() -> None:
    world = Surroundings()
    await world.admission.submit([transaction(1).raw, transaction(2).raw])
    block = proposals_of(world).build(consensus_head(), 1)
    assert block is not None
    receiver = proposals_of(Surroundings())
    assert receiver.take(b"rubbish", block.block_hash) is None
    swapped = make_block(block.header, block.transactions[::-1])
    assert receiver.take(swapped.raw, block.block_hash) is None, "same header, other body"
    assert receiver.take(block.raw, Digest(bytes(32))) is None
    taken = receiver.take(block.raw, block.block_hash)
    assert taken == block
    assert receiver.body(block.block_hash) == block.raw
    assert not receiver.signatures_checked(block.block_hash)


async def test_transactions_go_on_in_columns_only_if_nothing_is_left_to_check_of_their_bytes() -> None:
    world = Surroundings()
    own = proposals_of(world)
    waiting = [transaction(1), transaction(2)]
    await world.admission.submit([each.raw for each in waiting])
    block = own.build(consensus_head(), 1)
    assert block is not None
    ids = [each.transaction_id for each in waiting]
    batch = own.batch(block)
    assert batch is not None and list(batch.ids) == ids and batch.header == block.header
    receiver = proposals_of(Surroundings())
    assert receiver.batch(block) is None, "the body is not kept here"
    taken = receiver.take(block.raw, block.block_hash)
    assert taken == block and receiver.batch(block) == batch
    size_max = max(map(len, block.transactions))
    for limit, fits in ((size_max, True), (size_max - 1, False)):
        genesis = replace(GENESIS, parameters=replace(GENESIS.parameters, transaction_bytes_max=limit))
        strict = Proposals(genesis, NODE, world.blocks, world.mempool)
        strict.take(block.raw, block.block_hash)
        assert (strict.batch(block) is not None) == fits
    foreign = make_block(replace(block.header, chain_id=Digest(bytes(32))), block.transactions)
    assert receiver.take(foreign.raw, foreign.block_hash) == foreign
    assert receiver.batch(foreign) is None


async def test_nothing_is_proposed_when_nothing_valid_waits() -> None:
    world = Surroundings()
    assert proposals_of(world).build(consensus_head(), 1) is None


def test_a_state_that_does_not_fit_the_blocks_is_noticed() -> None:
    world = Surroundings()
    ledger_head: Any = type("Head", (), {"height": Height(3), "block_hash": CHAIN, "result": RESULT})()
    assert disagrees(ledger_head, world.blocks), "a block that is not held"
    ledger_head.height = Height(0)
    assert not disagrees(ledger_head, world.blocks)
    ledger_head.result = BlockResult(Digest(b"x" * 32), RESULT.receipts_root, RESULT.next_validators_hash)
    assert disagrees(ledger_head, world.blocks), "another result"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreForeign("x"), ExitCode.FOREIGN_DATA),
        (StoreDamaged("x"), ExitCode.DATA_DAMAGED),
        (ExceptionGroup("x", [ValueError(), ExceptionGroup("y", [StoreDamaged("z")])]), ExitCode.DATA_DAMAGED),
        (ValueError("a bug"), ExitCode.FAILED),
    ],
)
def test_failures_have_exit_codes(error: Exception, code: ExitCode) -> None:
    assert exit_code_of(error) is code


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, ExitCode.DISK_FULL), (errno.EIO, ExitCode.DISK_FAILED)])
def test_a_log_that_cannot_be_written_says_whether_the_disk_is_full(number: int, code: ExitCode) -> None:
    error = LogWriteError("cannot write")
    error.__cause__ = OSError(number, "disk")
    assert exit_code_of(error) is code


def test_genesis_of_another_chain_does_not_fit_the_stored_blocks() -> None:
    world = Surroundings()
    other = replace(GENESIS, name="other")
    with pytest.raises(Exception, match="block") as caught:
        store_genesis(world.blocks, other, RESULT)
    assert exit_code_of(caught.value) is ExitCode.FOREIGN_DATA
