"""What the executor tests share: a small ledger, blocks that continue it, and a client with a faulty runtime."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from executor_fake_runtime import FakeRuntime

from chain.block import Block, make_block
from chain.crypto import public_key_of
from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters
from chain.ledger import Ledger, open_ledger
from chain.next_block import next_header
from chain.runtime import ContractRuntime
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Epoch, Height, Milliseconds, ValidatorId
from chain.validators import Validator, validator_set
from chain.validity import Head
from contracts.executor.client import ExecutorClient
from contracts.executor.settings import ExecutorSettings

MEMBER_SEED = bytes([7]) * 32
FAKE_MODULE = "executor_fake_runtime"
FAKE_READER = "executor_fake_reader"
REAL = {"module": "contracts.executor.main", "reader_module": "contracts.executor.reader_main"}
"""Settings of an executor and reader with the contract engine."""
HERE = str(Path(__file__).parent)


def small_genesis(contracts: Sequence[GenesisContract] = (), name: str = "test") -> Genesis:
    """Return a genesis of one validator, one organisation and one member."""
    key = public_key_of(bytes([1]) * 32)
    validators = validator_set(Epoch(0), [Validator(ValidatorId("v1"), "acme", key, (b"certificate",))])
    return Genesis(
        name,
        Milliseconds(1_000),
        Parameters(),
        Governance(("acme",), 1, 1, 1, 60_000),
        validators,
        (Organisation("acme", "Acme", key),),
        (GenesisMember("acme.alice", public_key_of(MEMBER_SEED), ("administrator",)),),
        tuple(contracts),
    )


@dataclass(slots=True)
class Chain:
    """Makes blocks that continue each other, with a ledger in memory that knows what they result in."""

    genesis: Genesis = field(default_factory=small_genesis)
    runtime: ContractRuntime = field(default_factory=FakeRuntime)
    ledger: Ledger = field(init=False)
    nonce: int = 0

    def __post_init__(self) -> None:
        self.ledger = open_ledger(self.genesis, StateDatabase(MemoryStore()), self.runtime)

    @property
    def head(self) -> Head:
        return self.ledger.head

    def transaction(self, *calls: tuple[str, str, tuple[Any, ...]], gas_limit: int = 1_000) -> Transaction:
        self.nonce += 1
        body = TransactionBody(
            self.genesis.genesis_hash,
            public_key_of(MEMBER_SEED),
            self.nonce.to_bytes(16, "big"),
            Milliseconds(self.head.time + 60_000),
            tuple(Call(contract, method, args) for contract, method, args in calls),
            gas_limit,
        )
        return sign_transaction(body, MEMBER_SEED)

    def block(self, *methods: str, height_step: int = 1) -> Block:
        """Return a block on the head with a transaction for each method of the contract `fake`."""
        return self.block_of([self.transaction(("fake", method, ())) for method in methods], height_step)

    def block_of(self, transactions: Sequence[Transaction], height_step: int = 1) -> Block:
        """Return a block of transactions on the head."""
        header = next_header(self.head, transactions, self.head.time + 10)
        header = replace(header, height=Height(self.head.height + height_step))
        return make_block(header, [transaction.raw for transaction in transactions])

    def decide(self, *methods: str) -> tuple[bytes, bytes]:
        """Return the next block and its result, and make it the head."""
        block = self.block(*methods)
        execution = self.ledger.execute(block, lambda transaction: True)
        self.ledger.apply(execution)
        return block.raw, execution.result.encoded()


def settings(folder: Path, chain: Chain, **changes: Any) -> ExecutorSettings:
    """Return settings of an executor whose contracts are those of the fake runtime."""
    arguments: dict[str, Any] = {
        "module": FAKE_MODULE,
        "reader_module": FAKE_READER,
        "module_folders": (HERE, str(folder / "state")),
        **changes,
    }
    genesis = arguments.pop("genesis", chain.genesis)
    return ExecutorSettings(folder / "state", genesis.encoded(), **arguments)


@asynccontextmanager
async def running(folder: Path, chain: Chain, **changes: Any) -> AsyncIterator[ExecutorClient]:
    """Yield a started client, and close it."""
    client = ExecutorClient(settings(folder, chain, **changes))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def killed(client: ExecutorClient) -> None:
    """Kill the executor and return when it has noticed."""
    while (pid := client.pid) is None:
        await asyncio.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    while client.pid == pid:
        await asyncio.sleep(0.001)
