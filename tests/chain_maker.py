"""Makes certified histories in memory: a genesis with N validators, and blocks executed by the real engine.

What comes out is exactly what a node stores, so that audits, exports and proofs can be tested without a cluster.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chain.block import Block, Header, make_block
from chain.certificate import Certificate, Phase, Subject, sign_vote
from chain.crypto import public_key_of
from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters
from chain.ledger import Ledger, open_ledger
from chain.next_block import next_header
from chain.prices import LEDGER_PRICES
from chain.receipt import BlockResult, Receipt
from chain.recorded_block import RecordedBlock
from chain.runtime import ContractRuntime
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.transaction import (
    Call,
    Transaction,
    TransactionBody,
    decode_transaction,
    sign_transaction,
    verify_transaction,
)
from chain.types import Digest, Epoch, Milliseconds, PublicKey, ValidatorId, View
from chain.validators import Validator, validator_set
from chain.validity import Head
from contracts.engine.runtime import Engine

START: Final = Milliseconds(1_750_000_000_000)
BLOCK_MILLISECONDS: Final = 1_000
GAS_LIMIT: Final = 100_000

TOKEN_SOURCE: Final = '''"""A token that its issuer hands out and anybody passes on."""

balances = Map(str, int, default=0)
Transfer = Event(sender=str, to=str, amount=int)


@init
def setup(issuer: str, supply: int) -> None:
    balances[issuer] = supply


@call
def transfer(to: str, amount: int) -> int:
    require(amount > 0, "amount_not_positive")
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    balances[ctx.sender] -= amount
    balances[to] += amount
    Transfer(sender=ctx.sender, to=to, amount=amount)
    return balances[to]


@call
def announce(text: str, times: int) -> str:
    for number in range(times):
        Transfer(sender=text, to=text, amount=number)
    return text


@call
def close() -> None:
    del balances[ctx.sender]


@view
def balance_of(party: str) -> int:
    return balances[party]
'''


def entry_gas(transaction: Transaction) -> int:
    """Return what a transaction pays before its first call."""
    return LEDGER_PRICES[1].entry(len(transaction.raw))


def seed_of(name: str) -> bytes:
    """Return the private seed of a validator, organisation or member in these tests."""
    return name.encode().ljust(32, b".")[:32]


def key_of(name: str) -> PublicKey:
    """Return the public key that belongs to `seed_of(name)`."""
    return public_key_of(seed_of(name))


def make_genesis(
    validators: int = 4,
    parameters: Parameters | None = None,
    contracts: Sequence[GenesisContract] | None = None,
    name: str = "made for a test",
) -> Genesis:
    """Return a genesis with validators v01, v02 and so on, two organisations, and the contract `token`."""
    members = [
        GenesisMember("acme.admin", key_of("acme.admin"), ("administrator",)),
        GenesisMember("acme.alice", key_of("acme.alice"), ("teller",)),
        GenesisMember("zenith.bob", key_of("zenith.bob"), ()),
    ]
    if contracts is None:
        contracts = [GenesisContract("token", TOKEN_SOURCE, ("acme.alice", 1_000_000))]
    names = [ValidatorId(f"v{number:02d}") for number in range(1, validators + 1)]
    entries = [Validator(each, "acme", key_of(each), (f"certificate of {each}".encode(),)) for each in names]
    return Genesis(
        name,
        START,
        parameters or Parameters(),
        Governance(("acme",), 1, 1, 1, 60_000),
        validator_set(Epoch(0), entries),
        tuple(Organisation(each, each.title(), key_of(each)) for each in ("acme", "zenith")),
        tuple(members),
        tuple(contracts),
    )


def certify(
    genesis: Genesis, block: Block, result: BlockResult, signers: Sequence[str] | None = None, view: int = 0
) -> Certificate:
    """Return a certificate over a block and its result by these validators, by default the first quorum of them."""
    validators = genesis.validators
    header = block.header
    subject = Subject(
        genesis.genesis_hash, validators.epoch, header.height, View(view), block.block_hash, result.result_hash
    )
    chosen = list(validators.ids[: validators.quorum]) if signers is None else list(signers)
    signatures = [(ValidatorId(name), sign_vote(seed_of(name), Phase.COMMIT, subject)) for name in chosen]
    return Certificate(Phase.COMMIT, subject, tuple(signatures))


@dataclass(slots=True)
class ChainMaker:
    """Grows one history. `source` below is what auditors and exporters read it from."""

    genesis: Genesis = field(default_factory=make_genesis)
    records: list[RecordedBlock] = field(default_factory=list)
    runtime: ContractRuntime = field(default_factory=Engine)
    ledger: Ledger = field(init=False)
    _nonce: int = 0

    def __post_init__(self) -> None:
        self.ledger = open_ledger(self.genesis, StateDatabase(MemoryStore()), self.runtime)

    @property
    def head(self) -> Head:
        return self.ledger.head

    def transaction(
        self, *calls: tuple[str, str, Sequence[Any]], member: str = "acme.alice", **changes: Any
    ) -> Transaction:
        """Return a signed transaction; `changes` replace fields of its body."""
        self._nonce += 1
        body = TransactionBody(
            self.genesis.genesis_hash,
            key_of(member),
            self._nonce.to_bytes(16, "big"),
            Milliseconds(self.head.time + 60_000),
            tuple(Call(contract, method, tuple(args)) for contract, method, args in calls),
            GAS_LIMIT,
        )
        return sign_transaction(replace(body, **changes), seed_of(member))

    def transfer(self, to: str = "zenith.bob", amount: int = 1, **others: Any) -> Transaction:
        """Return a signed transfer of tokens."""
        return self.transaction(("token", "transfer", (to, amount)), **others)

    def header(self, transactions: Sequence[Transaction], **changes: Any) -> Header:
        """Return the header of a block on the head; `changes` replace fields."""
        header = next_header(self.head, transactions, self.head.time + BLOCK_MILLISECONDS)
        return replace(header, **changes)

    def block(self, *transactions: Transaction, **changes: Any) -> Block:
        """Return a block on the head that is not decided; `changes` replace fields of its header."""
        return make_block(self.header(transactions, **changes), [transaction.raw for transaction in transactions])

    def decide(self, *transactions: Transaction, **changes: Any) -> tuple[RecordedBlock, tuple[Receipt, ...]]:
        """Execute and certify the next block and make it the head; return it and its receipts."""
        block = self.block(*transactions, **changes)
        execution = self.ledger.execute(block, verify_transaction)
        certificate = certify(self.genesis, block, execution.result)
        self.ledger.apply(execution)
        record = RecordedBlock(block.raw, execution.result.encoded(), certificate.encoded(), execution.receipts)
        self.records.append(record)
        return record, record.decoded_receipts()

    def decide_many(self, blocks: int, transactions: int = 2) -> None:
        """Grow by blocks of transfers, every third transaction of which fails."""
        for height in range(blocks):
            batch = [
                self.transfer(amount=0 if (height + number) % 3 == 2 else 1 + number) for number in range(transactions)
            ]
            self.decide(*batch)

    @property
    def source(self) -> "MemorySource":
        return MemorySource(self.genesis.encoded(), [record.encoded() for record in self.records])


@dataclass(slots=True)
class MemorySource:
    """Implements audit.source.BlockSource over a list that a test may alter."""

    genesis_bytes: bytes
    records: list[bytes]

    def genesis(self) -> bytes:
        return self.genesis_bytes

    def head_height(self) -> int:
        return len(self.records)

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        yield from self.records[first - 1 : last]


def transaction_ids(record: RecordedBlock) -> list[Digest]:
    """Return the ids of a block's transactions."""
    transactions = record.decoded_block().transactions
    return [decode_transaction(raw, size_max=len(raw)).transaction_id for raw in transactions]
