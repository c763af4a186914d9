"""The asynchronous client: evaluate, submit, follow, and believe nothing that is not certified.

It starts from a genesis hash. Whoever gives none trusts the first node for the genesis, and only for that: a warning is
logged once, and `anchored` says which of the two holds. Receipts, state, proofs, blocks and events are then verified
against certificates of the validators that genesis names. Views are computed by one node and cannot be proven.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, Self

from chain.abi import AbiError
from chain.encoding import DecodeError, EncodeError, decode, encode
from chain.genesis import Genesis, GenesisError, decode_genesis
from chain.proposals import Proposal
from chain.receipt import Receipt
from chain.state_keys import KeyPart, encode_key
from chain.transaction import Call, Transaction
from chain.types import Digest, Milliseconds
from chain.values import dataclass
from tallystick.access import OPEN, ReaderAccess
from tallystick.building import GAS_LIMIT_DEFAULT, build_body, local_time, read_genesis_hash
from tallystick.contract import Contract
from tallystick.decisions import ContractSource, ProposalState, read_contract, read_proposal, read_proposals
from tallystick.errors import CommitTimeout, SubmitError, TransactionFailed, VerificationError, WrongLedger
from tallystick.following import Checkpoint, LedgerEvent, events_of, follow_blocks
from tallystick.interface import Interface, InvalidCall, read_interface
from tallystick.proof import VerifiedBlock, VerifiedTransaction, trust_in
from tallystick.proof_facts import Proven
from tallystick.proving import MakeProof, Prover
from tallystick.submission import Outcome, commit_all, send_once
from tallystick.transport import BINARY, JSON, MSGPACK, Request, Transport, tell_of_trust
from tallystick.verifier import Verifier
from tallystick.wallet import Signer

TIMEOUT_SECONDS: Final = 30.0
PROPOSALS_DEFAULT: Final = 20


@dataclass(frozen=True, slots=True)
class StateValue:
    """What the certified state holds under a key."""

    value: Any
    """None if there is no value."""
    found: bool
    """False if the key has no value: it never existed, or was deleted."""
    changed_height: int | None
    """Height of the last change, None if the key never existed."""
    height: int
    """Height of the block whose state this is."""


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """What a node says of a transaction; not proven, see AsyncClient.proof."""

    transaction_id: Digest
    status: str
    """`committed`, `pending`, or `unknown` to this node."""
    height: int | None
    index: int | None
    succeeded: bool | None
    code: str | None


class AsyncClient:
    """Talks to the nodes of one ledger. Close it, or use it as a context manager."""

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
        """Take the nodes' addresses, such as "http://127.0.0.1:8401"; nothing is sent yet. ValueError if it is none."""
        self._transport = Transport([nodes] if isinstance(nodes, str) else nodes, timeout_seconds, access)
        self._expected = None if genesis_hash is None else read_genesis_hash(genesis_hash)
        self._verify = verify
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._genesis: Genesis | None = None
        self._verifier_made: Verifier | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.genesis()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    @property
    def anchored(self) -> bool:
        """Whether the genesis hash was given by the application rather than by a node."""
        return self._expected is not None

    async def genesis(self) -> Genesis:
        """Return the genesis of the ledger.

        Raises:
            WrongLedger: when a node presents one with another hash.
        """
        if self._genesis is None:
            answer = await self._transport.ask_for(Request("GET", "/v1/genesis", headers={"Accept": BINARY}))
            try:
                genesis = decode_genesis(answer.body)
            except (DecodeError, GenesisError) as error:
                raise WrongLedger(answer.url, f"presents no genesis: {error}") from error
            if self._expected is not None and genesis.genesis_hash != self._expected:
                raise WrongLedger(answer.url, f"serves the ledger {genesis.genesis_hash.hex()}")
            if not self.anchored:
                tell_of_trust(genesis.genesis_hash, answer.url)
            self._genesis = genesis
            self._transport.chain_id = genesis.genesis_hash
            self._verifier_made = Verifier(trust_in(genesis))
        return self._genesis

    async def chain_id(self) -> Digest:
        """Return the genesis hash."""
        return (await self.genesis()).genesis_hash

    # Reading

    async def evaluate(
        self, contract: str, method: str, *args: Any, signer: Signer | None = None, gas_limit: int | None = None
    ) -> Any:
        """Return what a view computes from the state at the head, as the signer's member or as nobody.

        Raises:
            EvaluateError: when the contract refuses, or there is no such contract or view.
            InvalidCall: when an argument is no value that a contract can take; nothing was sent.
        """
        await self.genesis()
        fields: dict[str, Any] = {"args": list(args)}
        if signer is not None:
            fields["sender_key"] = signer.public_key
        if gas_limit is not None:
            fields["gas_limit"] = gas_limit
        headers = {"Content-Type": MSGPACK, "Accept": MSGPACK}
        path = f"/v1/contracts/{contract}/views/{method}"
        answer = await self._transport.ask(Request("POST", path, body=_encoded(fields), headers=headers))
        if answer.status >= 400:
            raise answer.evaluate_problem()
        try:
            return decode(answer.body)["value"]
        except (DecodeError, KeyError, TypeError) as error:
            raise VerificationError(answer.url, f"answered a view with something else: {error!r}") from error

    async def state(self, contract: str, *key: KeyPart) -> StateValue:
        """Return what the certified state holds under a key: the storage's name and, for a map, its key parts."""
        verifier = await self._verifier()
        try:
            encoded = encode_key(key)
        except EncodeError as error:
            raise InvalidCall(f"no key of a contract's storage: {error}") from error
        path = f"/v1/state/{contract}/0x{encoded.hex()}"
        answer = await self._transport.ask_for(Request("GET", path, headers={"Accept": BINARY}))
        certified, leaf = verifier.state(answer.url, contract, encoded, answer.body)
        height = certified.header.height
        if leaf is None:
            return StateValue(None, False, None, height)
        value = None if leaf.value is None else decode(leaf.value)
        return StateValue(value, leaf.value is not None, leaf.height, height)

    async def interface(self, contract: str) -> Interface:
        """Return the interface of a contract: its methods with types, documentation and error codes; not verified.

        Raises:
            ApiError: unknown_contract.
        """
        request = Request("GET", f"/v1/contracts/{contract}/abi", headers={"Accept": JSON})
        await self.genesis()
        answer = await self._transport.ask_for(request)
        try:
            return read_interface(contract, answer.json())
        except AbiError as error:
            raise VerificationError(answer.url, str(error)) from error

    async def contract(self, name: str, signer: Signer | None = None) -> Contract:
        """Return a contract as an object: `await contract.transfer("acme.bob", 5)`, signed by the signer.

        Raises:
            ApiError: unknown_contract.
        """
        return Contract(self, await self.interface(name), signer)

    async def contract_source(self, name: str, version: int | None = None) -> ContractSource | None:
        """Return a contract with its source as it is now, or one of its versions; None if there is none."""
        return await read_contract(self.state, name, version)

    async def proposal(self, number: int) -> ProposalState | None:
        """Return a proposal with all that it asks for, None if there is none with this number."""
        return await read_proposal(self.state, number)

    async def proposals(self, count: int = PROPOSALS_DEFAULT) -> list[Proposal]:
        """Return the proposals that were made last, the newest first."""
        return await read_proposals(self.state, count)

    async def block(self, height_or_hash: int | bytes) -> VerifiedBlock:
        """Return a block with its transactions and receipts, verified."""
        verifier = await self._verifier()
        name = str(height_or_hash) if isinstance(height_or_hash, int) else height_or_hash.hex()
        answer = await self._transport.ask_for(Request("GET", f"/v1/blocks/{name}/raw"))
        expected = height_or_hash if isinstance(height_or_hash, int) else Digest(height_or_hash)
        return verifier.block(answer.url, answer.body, expected)

    async def status(self, transaction_id: bytes) -> TransactionStatus:
        """Return what a node says of a transaction."""
        await self.genesis()
        known = Digest(transaction_id)
        answer = await self._transport.ask(Request("GET", f"/v1/transactions/{known.hex()}"))
        if answer.status == 404:
            return TransactionStatus(known, "unknown", None, None, None, None)
        if answer.status >= 400:
            raise answer.problem()
        document = answer.json()
        receipt = document.get("receipt") or {}
        succeeded = receipt["status"] == "succeeded" if receipt else None
        place = document.get("height"), document.get("index")
        return TransactionStatus(known, document["status"], *place, succeeded, receipt.get("code"))

    async def proof(self, transaction_id: bytes) -> VerifiedTransaction:
        """Return a committed transaction and its receipt, verified.

        Raises:
            ApiError: unknown_transaction or not_committed.
        """
        verifier = await self._verifier()
        known = Digest(transaction_id)
        path = f"/v1/transactions/{known.hex()}/proof"
        answer = await self._transport.ask_for(Request("GET", path, headers={"Accept": BINARY}))
        return verifier.transaction(answer.url, known, answer.body)

    async def prove(self, make: MakeProof, *, carry_genesis: bool = False) -> tuple[bytes, Proven]:
        """Return a proof file, such as `make=lambda prover: prover.transaction(id)`, and what it proves.

        With `carry_genesis` it has the genesis in it, for those who know its hash alone.
        """
        return await make(Prover(self._transport, await self.genesis(), carry_genesis=carry_genesis))

    async def read(self, path: str, **query: str) -> Any:
        """Return the JSON that a node serves at a path, such as "/v1/network"; not verified."""
        await self.genesis()
        request = Request("GET", path, query, headers={"Accept": JSON})
        return (await self._transport.ask_for(request)).json()

    # Submitting

    async def prepare(
        self,
        signer: Signer,
        calls: Call | Sequence[Call],
        *,
        gas_limit: int = GAS_LIMIT_DEFAULT,
        valid_for: int | None = None,
        memo: str | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Return a signed transaction that can be kept, submitted and submitted again.

        Raises:
            InvalidCall: when an argument is no value that a contract can take.
        """
        genesis = await self.genesis()
        try:
            body = build_body(
                genesis,
                signer.public_key,
                calls,
                now=self._clock(),
                gas_limit=gas_limit,
                valid_for=valid_for,
                memo=memo,
                idempotency_key=idempotency_key,
            )
        except EncodeError as error:
            raise InvalidCall(f"no value that a contract can take: {error}") from error
        return signer.sign_transaction(body)

    async def submit(
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
        """Sign and submit one transaction and return its certified receipt.

        Raises:
            SubmitError: when it was refused; nothing was changed.
            CommitTimeout: when no receipt came in time; submit the transaction in it again.
            TransactionFailed: when it was committed and failed.
        """
        transaction = await self.prepare(
            signer, calls, gas_limit=gas_limit, valid_for=valid_for, memo=memo, idempotency_key=idempotency_key
        )
        return await self.submit_transaction(transaction, timeout_seconds=timeout_seconds)

    async def submit_transaction(self, transaction: Transaction, *, timeout_seconds: float | None = None) -> Receipt:
        """Submit a signed transaction, for the first time or again, and return its certified receipt.

        Raises:
            SubmitError, CommitTimeout, TransactionFailed: as `submit` does.
        """
        (outcome,) = await self.submit_many([transaction], timeout_seconds=timeout_seconds)
        if isinstance(outcome, SubmitError | CommitTimeout):
            raise outcome
        if not outcome.succeeded:
            raise TransactionFailed(outcome)
        return outcome

    async def submit_many(
        self, transactions: Sequence[Transaction], *, timeout_seconds: float | None = None
    ) -> list[Outcome]:
        """Submit signed transactions in batches; return for each its certified receipt or what became of it.

        A receipt may be that of a failed transaction: see `Receipt.succeeded`.
        """
        verifier = await self._verifier()
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        return await commit_all(self._transport, verifier if self._verify else None, transactions, seconds)

    async def submit_async(
        self,
        signer: Signer,
        calls: Call | Sequence[Call],
        *,
        gas_limit: int = GAS_LIMIT_DEFAULT,
        valid_for: int | None = None,
        memo: str | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Sign and hand in a transaction without waiting; keep what is returned, for `status` and `submit_transaction`.

        Raises:
            SubmitError: when it was refused.
            NodeUnavailable: when no node answered; one may have taken it all the same.
        """
        transaction = await self.prepare(
            signer, calls, gas_limit=gas_limit, valid_for=valid_for, memo=memo, idempotency_key=idempotency_key
        )
        await send_once(self._transport, transaction, self._timeout_seconds)
        return transaction

    # Following

    async def blocks(self, after_height: int = 0) -> AsyncGenerator[VerifiedBlock, None]:
        """Yield every block after a height as it is decided, verified; never ends."""
        verifier = await self._verifier()
        async with aclosing(follow_blocks(self._transport, verifier, after_height)) as blocks:
            async for block in blocks:
                yield block

    async def events(
        self, contract: str | None = None, name: str | None = None, *, after: Checkpoint | int = 0
    ) -> AsyncGenerator[LedgerEvent, None]:
        """Yield events after a checkpoint or a height as they come, verified, none left out; never ends."""
        start = after if isinstance(after, Checkpoint) else Checkpoint(after + 1, -1, -1)
        async with aclosing(self.blocks(start.height - 1)) as blocks:
            async for block in blocks:
                for event in events_of(block):
                    wanted = contract in (None, event.contract) and name in (None, event.name)
                    if wanted and event.checkpoint > start:
                        yield event

    async def _verifier(self) -> Verifier:
        await self.genesis()
        assert self._verifier_made is not None
        return self._verifier_made


def _encoded(fields: dict[str, Any]) -> bytes:
    try:
        return encode(fields)
    except EncodeError as error:
        raise InvalidCall(f"no value that a contract can take: {error}") from error
