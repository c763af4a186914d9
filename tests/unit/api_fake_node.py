"""A whole ledger in memory behind the API's Protocol: real blocks, receipts, certificates and proofs, no consensus."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from api.node_detail import ConsensusDetail, DiskDetail, HelperDetail, NodeDetail, PeerDetail, PoolDetail
from api.ports import (
    ActivityReply,
    CommittedTransaction,
    HeadStatus,
    HeldEvidence,
    HistoryReply,
    Metric,
    MetricKind,
    NodeStatus,
    NotReady,
    PeerStatus,
    PendingTransaction,
    Pruned,
    ScanReply,
    StateReply,
    Submission,
    SubmissionState,
    ViewReply,
)
from assembly.history_view import HistoryView
from assembly.indexing import Indexer
from chain.block import decode_block
from chain.block_store import BlockRecord, BlockStore, TransactionPlace
from chain.certificate import Certificate, Phase, Subject, sign_vote
from chain.checkpoint import head_note
from chain.crypto import public_key_of
from chain.encoding import DecodeError, decode, encode
from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters
from chain.header_chain import header_at
from chain.history_index import Found, HistoryIndex
from chain.identity import ContractRecord, ContractVersion, decode_contract, source_hash
from chain.index_terms import Term
from chain.ledger import open_ledger
from chain.mempool import AdmissionError, check_admissible
from chain.next_block import next_block
from chain.prices import LedgerPrices
from chain.receipt import decode_receipt
from chain.recorded_block import RecordedBlock
from chain.rules import Rules
from chain.runtime import SYSTEM, CallContext, CallOutcome, ContractRuntime, Event, StateAccess
from chain.state_database import StateDatabase
from chain.state_keys import contract_key, contract_version_key, encode_key, source_key
from chain.state_leaf import encode_leaf
from chain.storage import MemoryStore
from chain.transaction import (
    Call,
    Transaction,
    TransactionBody,
    decode_transaction,
    sign_transaction,
    transaction_id_of_raw,
    verify_transaction,
)
from chain.types import Digest, Epoch, Height, Milliseconds, PublicKey, ValidatorId, View
from chain.validators import Validator, validator_set
from contracts.engine.abi import derive_abi

BANK_INTERFACE: Final = '''"""Keeps balances."""

balances = Map(str, int, default=0)
Deposited = Event(account=str, amount=int, note=bytes)


@call
def deposit(account: str, amount: int) -> int:
    """Add to a balance."""
    require(amount > 0, "amount_not_positive")
    balances[account] += amount
    Deposited(account=account, amount=amount, note=b"")
    return balances[account]


@view
def balance(account: str) -> int:
    return balances[account]
'''
"""What the fake contract would look like."""
START = Milliseconds(1_700_000_000_000)
ALICE = bytes([7]) * 32
BOB = bytes([8]) * 32
STRANGER = bytes([9]) * 32
VALIDATOR_SEEDS = {ValidatorId(f"node-{number}"): bytes([100 + number]) * 32 for number in range(1, 5)}


def fake_genesis(name: str = "test") -> Genesis:
    """Return a genesis of four validators, two organisations, two members and the contract `bank`."""
    validators = [
        Validator(name_, "acme", public_key_of(seed), (b"certificate",)) for name_, seed in VALIDATOR_SEEDS.items()
    ]
    return Genesis(
        name,
        START,
        Parameters(transaction_bytes_max=64 * 1024),
        Governance(("acme",), 1, 1, 1, 60_000),
        validator_set(Epoch(0), validators),
        (
            Organisation("acme", "Acme", public_key_of(bytes([1]) * 32)),
            Organisation("zenith", "Zenith", public_key_of(bytes([2]) * 32)),
        ),
        (
            GenesisMember("acme.alice", public_key_of(ALICE), ("administrator",)),
            GenesisMember("zenith.bob", public_key_of(BOB), ("teller",)),
        ),
        (GenesisContract("bank", "the source of bank", ()),),
    )


class BankRuntime:
    """Implements chain.runtime.ContractRuntime with one contract that keeps balances."""

    versions: Final = MappingProxyType({1: LedgerPrices(0, 0, 2_000, 4)})

    def prepare(self, state: StateAccess, version: int) -> None:
        pass

    def call(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        if state.get(SYSTEM, contract_key(contract)) is None:
            return CallOutcome("unknown_contract", None, (), 1)
        match method, list(args):
            case "deposit", [str(account), int(amount)]:
                if amount <= 0:
                    return CallOutcome("amount_not_positive", None, (), 5)
                key = encode_key(("balances", account))
                balance = decode(state.get(contract, key) or encode(0)) + amount
                state.put(contract, key, encode(balance))
                event = Event(contract, "Deposited", {"account": account, "amount": amount, "note": b"\x01"})
                return CallOutcome(None, balance, (event,), 40)
            case "close", [str(account)]:
                state.put(contract, encode_key(("balances", account)), None)
                return CallOutcome(None, None, (Event(contract, "Closed", {"account": account}),), 10)
        return CallOutcome("unknown_method", None, (), 1)

    def view(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        if state.get(SYSTEM, contract_key(contract)) is None:
            return CallOutcome("unknown_contract", None, (), 1)
        match method, list(args):
            case "balance", [str(account)]:
                return CallOutcome(None, decode(state.get(contract, encode_key(("balances", account))) or b"\0"), (), 7)
            case "echo", [value]:
                return CallOutcome(None, value, (), 3)
            case "who", []:
                return CallOutcome(None, context.sender, (), 2)
            case "refuse", []:
                return CallOutcome("closed_today", None, (), 2)
        return CallOutcome("unknown_method", None, (), 1)

    def upgrade(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        return self.deploy(state, context, contract, source, args, gas_limit)

    def check(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        return CallOutcome(None, None, (), 1)

    def deploy(
        self, state: StateAccess, context: CallContext, contract: str, source: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        stored = state.get(SYSTEM, contract_key(contract))
        number = 1 if stored is None else decode_contract(stored).current.version + 1
        digest = source_hash(source)
        version = ContractVersion(contract, number, 1, digest, context.sender, context.height)
        state.put(SYSTEM, contract_key(contract), ContractRecord(version, False, 0).encoded())
        state.put(SYSTEM, contract_version_key(contract, number), version.encoded())
        state.put(SYSTEM, source_key(digest), encode(source))
        return CallOutcome(None, None, (), 1)


@dataclass(slots=True)
class Faults:
    """What a test makes the node do wrong."""

    not_ready: tuple[str, ...] = ()
    refusal: AdmissionError | None = None
    crash: bool = False
    pruned_below: int = 0
    pruned_from: int = 2**62
    no_index: bool = False
    submissions_lost: int = 0
    """The next so many submissions are answered as received and forgotten."""


@dataclass
class FakeNode:
    """Implements api.ports.LedgerNode. With `auto_commit` each submission becomes a block at once."""

    genesis: Genesis = field(default_factory=fake_genesis)
    runtime: ContractRuntime = field(default_factory=BankRuntime)
    auto_commit: bool = True
    faults: Faults = field(default_factory=Faults)
    submitted: list[bytes] = field(default_factory=list)
    held: list[HeldEvidence] = field(default_factory=list)
    now: int = START + 1_000
    pending: dict[Digest, bytes] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.ledger = open_ledger(self.genesis, StateDatabase(MemoryStore()), self.runtime)
        self.store = BlockStore(MemoryStore())
        result = self.ledger.head.result.encoded()
        chain_id = self.genesis.genesis_hash
        self.store.append(BlockRecord(Height(0), chain_id, self.genesis.encoded(), b"", result, (), (), b""))
        self.indexer = Indexer(self.store, HistoryIndex(MemoryStore()), self._height, self._read, lambda: False)

    @property
    def chain_id(self) -> Digest:
        return self.genesis.genesis_hash

    def head(self) -> HeadStatus:
        head = self.ledger.head
        return HeadStatus(head.height, head.block_hash, head.time)

    def status(self) -> NodeStatus:
        height = self.ledger.head.height
        peers = (PeerStatus("node-2", "127.0.0.1:7002", True, height), PeerStatus("node-3", "x:1", False, None))
        return NodeStatus(
            name="node-1",
            version="0.1.0",
            validator_id="node-1",
            ready=not self.faults.not_ready,
            not_ready_reasons=self.faults.not_ready,
            height=height,
            view=0,
            primary="node-1",
            peers=peers,
            mempool_transactions=len(self.pending),
            mempool_bytes=sum(map(len, self.pending.values())),
            pid=4711,
            executor_pid=4712,
            walls_missing=("landlock",),
            protocol_version=self.ledger.head.next_version,
            notices=("a notice",),
        )

    def detail(self) -> NodeDetail:
        ids = self.genesis.validators.ids
        silent: dict[str, float | None] = {"node-2": 1.5, "node-3": None}
        nothing: tuple[str, ...] = ()
        consensus = ConsensusDetail(
            8,
            1,
            "node-2",
            True,
            True,
            None,
            ids,
            3,
            True,
            ids[:2],
            nothing,
            ids[2:],
            silent,
            0.0,
            None,
            ("late",),
            {},
            None,
        )
        return NodeDetail(
            chain_id=self.chain_id.hex(),
            observer=False,
            phase="running",
            clock=START,
            clock_drift_max=5_000,
            view_timeout_max=30_000,
            certificate_expires=START + 10**12,
            refused_connections={"foreign-certificate": 2},
            peers=(PeerDetail("node-2", "127.0.0.1:7002", False, True, 4, 0.01, -0.5, 1, None),),
            disk=DiskDetail(10**9, 10**10, 0.001, 0.02, ("state.damaged-1",)),
            consensus=consensus,
            pool=PoolDetail(1, 200, 50_000, 10**7, 2.5, True),
            helpers=HelperDetail(4712, 0, 4713, 0, 1, 0, False, None),
        )

    def evidence(self) -> Sequence[HeldEvidence]:
        return self.held

    def metrics(self) -> Sequence[Metric]:
        height = float(self.ledger.head.height)
        peers = (((("peer", 'a"b\\c\n'),), 1.5),)
        return [
            Metric("tallystick_height", MetricKind.GAUGE, "Height of the head", (((), height),)),
            Metric("tallystick_peer_seconds_total", MetricKind.COUNTER, "Time with a peer", peers),
        ]

    async def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        self._check_ready()
        if self.faults.crash:
            raise KeyError("a bug of ours")
        answers = [self._take(raw) for raw in raws]
        if self.auto_commit and self.pending:
            await self.commit()
        return answers

    def _take(self, raw: bytes) -> Submission:
        self.submitted.append(raw)
        try:
            transaction = decode_transaction(raw, size_max=self.genesis.parameters.transaction_bytes_max)
        except DecodeError as error:
            return Submission(SubmissionState.REFUSED, None, "malformed_transaction", str(error))
        transaction_id = transaction.transaction_id
        if self.store.find_transaction(transaction_id) is not None:
            return Submission(SubmissionState.COMMITTED, transaction_id)
        if transaction_id in self.pending:
            return Submission(SubmissionState.PENDING, transaction_id)
        try:
            self._admit(transaction)
        except AdmissionError as error:
            return Submission(
                SubmissionState.REFUSED, transaction_id, error.code, error.detail, error.retry_after_seconds
            )
        if self.faults.submissions_lost:
            self.faults.submissions_lost -= 1
        else:
            self.pending[transaction_id] = raw
        return Submission(SubmissionState.RECEIVED, transaction_id)

    def _admit(self, transaction: Transaction) -> None:
        if self.faults.refusal is not None:
            raise self.faults.refusal
        rules = Rules(self.genesis.parameters, BankRuntime.versions[1])
        check_admissible(transaction, self.chain_id, rules, Milliseconds(self.now))
        if self.ledger.find_member(transaction.body.sender_key) is None:
            raise AdmissionError("unknown_sender", transaction.body.sender_key.hex())
        if not verify_transaction(transaction):
            raise AdmissionError("bad_signature", transaction.transaction_id.hex())

    async def commit(self) -> Height:
        """Make everything that waits a block."""
        raws = list(self.pending.values())
        head = self.ledger.head
        self.now = max(self.now + 1, head.time + 1)
        transactions = [decode_transaction(raw, size_max=len(raw)) for raw in raws]
        block = next_block(head, transactions, self.now, ValidatorId("node-1"))
        execution = self.ledger.execute(block, verify_transaction)
        ids = [transaction.transaction_id for transaction in transactions]
        subject = Subject(
            self.chain_id, Epoch(0), block.header.height, View(0), block.block_hash, execution.result.result_hash
        )
        signatures = [
            (name, sign_vote(seed, Phase.COMMIT, subject)) for name, seed in list(VALIDATOR_SEEDS.items())[:3]
        ]
        certificate = Certificate(Phase.COMMIT, subject, tuple(signatures)).encoded()
        result = execution.result.encoded()
        self.store.append(
            BlockRecord(
                block.header.height,
                block.block_hash,
                block.raw,
                certificate,
                result,
                execution.receipts,
                ids,
                block.header.encoded(),
            )
        )
        self.ledger.apply(execution)
        self.pending.clear()
        async with self._changed:
            self._changed.notify_all()
        return block.header.height

    async def wait_committed(
        self, transaction_ids: Sequence[Digest], timeout_seconds: float
    ) -> dict[Digest, CommittedTransaction]:
        def complete() -> bool:
            return all(self.store.find_transaction(known) for known in transaction_ids)

        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(complete)
        except TimeoutError:
            pass
        found = [self._committed(known) for known in transaction_ids]
        return {known.transaction_id: known for known in found if known is not None}

    async def wait_height(self, height: Height) -> None:
        self._check_ready()
        async with self._changed:
            await self._changed.wait_for(lambda: self.ledger.head.height >= height)

    def _committed(self, transaction_id: Digest) -> CommittedTransaction | None:
        place = self.store.find_transaction(transaction_id)
        if place is None:
            return None
        raw = self.store.block(place.height)
        receipt = self.store.receipt(place.height, place.index)
        assert raw is not None and receipt is not None
        block = decode_block(raw)
        assert decode_receipt(receipt).transaction_id == transaction_id
        return CommittedTransaction(
            transaction_id,
            block.transactions[place.index],
            block.block_hash,
            place.height,
            place.index,
            block.header.time,
            receipt,
        )

    async def transaction(self, transaction_id: Digest) -> CommittedTransaction | PendingTransaction | None:
        if transaction_id in self.pending:
            return PendingTransaction(transaction_id, self.pending[transaction_id])
        return self._committed(transaction_id)

    async def block(self, height: Height) -> RecordedBlock | None:
        if height < self.faults.pruned_below:
            raise Pruned(f"blocks below {self.faults.pruned_below} are gone")
        if height >= self.faults.pruned_from:
            raise Pruned(f"blocks from {self.faults.pruned_from} on are gone")
        block, result = self.store.block(height), self.store.result(height)
        certificate = self.store.certificate(height)
        if block is None or result is None or certificate is None:
            return None
        return RecordedBlock(block, result, certificate, tuple(self.store.receipts(height)))

    async def height_of_block(self, block_hash: Digest) -> Height | None:
        return self.store.height_of(block_hash)

    async def history_path(self, height: Height, size: int) -> Sequence[Digest]:
        return self.store.prove_block(height, size)

    async def history_extension(self, old_size: int, size: int) -> Sequence[Digest]:
        return self.store.prove_extension(old_size, size)

    def checkpoint(self) -> str | None:
        height = self.ledger.head.height
        if height == 0:
            return None
        name = ValidatorId("node-1")
        return head_note(header_at(self.store, height), name, VALIDATOR_SEEDS[name])

    async def view(
        self, contract: str, method: str, args: Sequence[Any], sender_key: PublicKey | None, gas_limit: int
    ) -> ViewReply:
        self._check_ready()
        caller = None if sender_key is None else self.ledger.find_member(sender_key)
        outcome = self.ledger.view(contract, method, args, caller, gas_limit)
        return ViewReply(self.ledger.head.height, outcome.code, outcome.value, outcome.gas_used)

    async def interface(self, source_hash: Digest, source: str) -> Mapping[str, Any]:
        return derive_abi(BANK_INTERFACE)

    async def state(self, contract: str, key: bytes, *, with_proof: bool) -> StateReply:
        proven = self.ledger.database.get_with_proof(contract, key)
        leaf = proven.leaf
        encoded = None
        if leaf is not None:
            encoded = encode_leaf(leaf.contract, leaf.key, leaf.value, leaf.height, leaf.index, leaf.previous)
        return StateReply(proven.head.height, encoded, proven.proof if with_proof else None)

    async def state_history(
        self, contract: str, key: bytes, *, limit: int, version: Digest | None = None
    ) -> HistoryReply:
        leaves = list(self.ledger.database.history(contract, key, version))
        encoded = [encode_leaf(it.contract, it.key, it.value, it.height, it.index, it.previous) for it in leaves]
        return HistoryReply(self.ledger.head.height, tuple(encoded[:limit]), len(leaves) <= limit)

    async def scan(self, contract: str, start: bytes, end: bytes, *, limit: int, reverse: bool = False) -> ScanReply:
        entries = self.ledger.database.scan(contract, start, end, limit, reverse)
        return ScanReply(self.ledger.head.height, tuple(entries))

    def _height(self) -> Height:
        return self.ledger.head.height

    async def _read(self, contract: str, key: bytes) -> bytes | None:
        return self.ledger.database.get(contract, key)

    @property
    def keeps_index(self) -> bool:
        return not self.faults.no_index

    async def _indexed(self) -> HistoryView:
        while (height := self.indexer.missing()) is not None:
            await self.indexer.index_from(height)
        return HistoryView(self.store, self.indexer if self.keeps_index else None, self._height)

    async def find(
        self, terms: Sequence[Term], low: TransactionPlace, high: TransactionPlace, *, limit: int, descending: bool
    ) -> Found:
        return await (await self._indexed()).find(terms, low, high, limit=limit, descending=descending)

    async def committed_at(self, place: TransactionPlace) -> CommittedTransaction:
        raw = self.store.block(place.height)
        assert raw is not None
        known = self._committed(transaction_id_of_raw(decode_block(raw).transactions[place.index]))
        assert known is not None
        return known

    async def words(self, prefix: str, limit: int) -> list[str]:
        return await (await self._indexed()).words(prefix, limit)

    async def activity(self, resolution: Milliseconds, start: Milliseconds, end: Milliseconds) -> ActivityReply:
        return await (await self._indexed()).activity(resolution, start, end)

    def _check_ready(self) -> None:
        if self.faults.not_ready:
            raise NotReady(self.faults.not_ready)


def make_transaction(
    *calls: tuple[str, str, tuple[Any, ...]],
    seed: bytes = ALICE,
    nonce: int = 0,
    genesis: Genesis | None = None,
    valid_until: int = START + 300_000,
    gas_limit: int = 1_000,
    memo: str | None = None,
) -> Transaction:
    """Return a signed transaction of these calls."""
    body = TransactionBody(
        (genesis or fake_genesis()).genesis_hash,
        public_key_of(seed),
        nonce.to_bytes(16, "big"),
        Milliseconds(valid_until),
        tuple(Call(*call) for call in calls),
        gas_limit,
        memo,
    )
    return sign_transaction(body, seed)


def deposit(amount: int, *, account: str = "acme.alice", nonce: int = 0, **others: Any) -> Transaction:
    """Return a signed deposit."""
    return make_transaction(("bank", "deposit", (account, amount)), nonce=nonce, **others)
