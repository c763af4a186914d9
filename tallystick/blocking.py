"""The synchronous client: AsyncClient on an event loop of its own, for programs that have none."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from chain.genesis import Genesis
from chain.proposals import Proposal
from chain.receipt import Receipt
from chain.state_keys import KeyPart
from chain.transaction import Call, Transaction
from chain.types import Digest, Milliseconds
from tallystick.access import OPEN, ReaderAccess
from tallystick.building import GAS_LIMIT_DEFAULT, local_time
from tallystick.client import PROPOSALS_DEFAULT, TIMEOUT_SECONDS, AsyncClient, StateValue, TransactionStatus
from tallystick.contract import Contract
from tallystick.decisions import ContractSource, ProposalState
from tallystick.following import Checkpoint, LedgerEvent
from tallystick.interface import Interface
from tallystick.proof import VerifiedBlock, VerifiedTransaction
from tallystick.proof_facts import Proven
from tallystick.proving import MakeProof
from tallystick.submission import Outcome
from tallystick.wallet import Signer

T = TypeVar("T")


class Client:
    """Talks to the nodes of one ledger. Close it, or use it as a context manager; not for use inside an event loop."""

    def __init__(
        self,
        nodes: str | Sequence[str],
        *,
        genesis_hash: bytes | str | None = None,
        verify: bool = True,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], Milliseconds] = local_time,
        access: ReaderAccess = OPEN,
    ) -> None:
        """Take the nodes' addresses, such as "http://127.0.0.1:8401"; nothing is sent before the first use.

        Raises:
            AccessError: when a certificate in `access` cannot be used.
        """
        self._client = AsyncClient(
            nodes, genesis_hash=genesis_hash, verify=verify, timeout_seconds=timeout_seconds, clock=clock, access=access
        )
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        try:
            self.genesis()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and the event loop."""
        self._run(self._client.close())
        self._runner.close()

    @property
    def anchored(self) -> bool:
        """Whether the genesis hash was given by the application rather than by a node."""
        return self._client.anchored

    def genesis(self) -> Genesis:
        """Return the genesis of the ledger."""
        return self._run(self._client.genesis())

    def chain_id(self) -> Digest:
        """Return the genesis hash."""
        return self._run(self._client.chain_id())

    def evaluate(
        self, contract: str, method: str, *args: Any, signer: Signer | None = None, gas_limit: int | None = None
    ) -> Any:
        """Return what a view computes, as AsyncClient.evaluate does."""
        return self._run(self._client.evaluate(contract, method, *args, signer=signer, gas_limit=gas_limit))

    def state(self, contract: str, *key: KeyPart) -> StateValue:
        """Return what the certified state holds under a key."""
        return self._run(self._client.state(contract, *key))

    def interface(self, contract: str) -> Interface:
        """Return the interface of a contract, as AsyncClient.interface does."""
        return self._run(self._client.interface(contract))

    def contract(self, name: str, signer: Signer | None = None) -> Contract:
        """Return a contract as an object: `contract.transfer("acme.bob", 5)`, signed by the signer."""
        return Contract(self, self.interface(name), signer)

    def contract_source(self, name: str, version: int | None = None) -> ContractSource | None:
        """Return a contract with its source as it is now, or one of its versions; None if there is none."""
        return self._run(self._client.contract_source(name, version))

    def proposal(self, number: int) -> ProposalState | None:
        """Return a proposal with all that it asks for, None if there is none with this number."""
        return self._run(self._client.proposal(number))

    def proposals(self, count: int = PROPOSALS_DEFAULT) -> list[Proposal]:
        """Return the proposals that were made last, the newest first."""
        return self._run(self._client.proposals(count))

    def block(self, height_or_hash: int | bytes) -> VerifiedBlock:
        """Return a block with its transactions and receipts, verified."""
        return self._run(self._client.block(height_or_hash))

    def status(self, transaction_id: bytes) -> TransactionStatus:
        """Return what a node says of a transaction."""
        return self._run(self._client.status(transaction_id))

    def proof(self, transaction_id: bytes) -> VerifiedTransaction:
        """Return a committed transaction and its receipt, verified."""
        return self._run(self._client.proof(transaction_id))

    def prove(self, make: MakeProof, *, carry_genesis: bool = False) -> tuple[bytes, Proven]:
        """Return a proof file and what it proves."""
        return self._run(self._client.prove(make, carry_genesis=carry_genesis))

    def read(self, path: str, **query: str) -> Any:
        """Return the JSON that a node serves at a path; not verified."""
        return self._run(self._client.read(path, **query))

    def prepare(
        self,
        signer: Signer,
        calls: Call | Sequence[Call],
        *,
        gas_limit: int = GAS_LIMIT_DEFAULT,
        valid_for: int | None = None,
        memo: str | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Return a signed transaction that can be kept, submitted and submitted again."""
        return self._run(
            self._client.prepare(
                signer, calls, gas_limit=gas_limit, valid_for=valid_for, memo=memo, idempotency_key=idempotency_key
            )
        )

    def submit(
        self,
        signer: Signer,
        calls: Call | Sequence[Call],
        *,
        gas_limit: int = GAS_LIMIT_DEFAULT,
        valid_for: int | None = None,
        memo: str | None = None,
        idempotency_key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Receipt:
        """Sign and submit one transaction and return its certified receipt, as AsyncClient.submit does."""
        transaction = self.prepare(
            signer, calls, gas_limit=gas_limit, valid_for=valid_for, memo=memo, idempotency_key=idempotency_key
        )
        return self.submit_transaction(transaction, timeout_seconds=timeout_seconds)

    def submit_transaction(self, transaction: Transaction, *, timeout_seconds: float | None = None) -> Receipt:
        """Submit a signed transaction, for the first time or again, and return its certified receipt."""
        return self._run(self._client.submit_transaction(transaction, timeout_seconds=timeout_seconds))

    def submit_many(
        self, transactions: Sequence[Transaction], *, timeout_seconds: float | None = None
    ) -> list[Outcome]:
        """Submit signed transactions in batches; return for each its certified receipt or what became of it."""
        return self._run(self._client.submit_many(transactions, timeout_seconds=timeout_seconds))

    def submit_async(
        self,
        signer: Signer,
        calls: Call | Sequence[Call],
        *,
        gas_limit: int = GAS_LIMIT_DEFAULT,
        valid_for: int | None = None,
        memo: str | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Sign and hand in a transaction without waiting, as AsyncClient.submit_async does."""
        return self._run(
            self._client.submit_async(
                signer, calls, gas_limit=gas_limit, valid_for=valid_for, memo=memo, idempotency_key=idempotency_key
            )
        )

    def blocks(self, after_height: int = 0) -> Iterator[VerifiedBlock]:
        """Yield every block after a height as it is decided, verified; never ends."""
        return self._iterate(self._client.blocks(after_height))

    def events(
        self, contract: str | None = None, name: str | None = None, *, after: Checkpoint | int = 0
    ) -> Iterator[LedgerEvent]:
        """Yield events after a checkpoint or a height as they come, verified, none left out; never ends."""
        return self._iterate(self._client.events(contract, name, after=after))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def _iterate(self, values: AsyncGenerator[T, None]) -> Iterator[T]:
        async def advance() -> T:
            return await anext(values)

        try:
            while True:
                yield self._run(advance())
        finally:
            self._run(values.aclose())
