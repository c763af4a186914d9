"""Execution of a valid block: transactions in order, each all or nothing, to receipts and a new state root.

The outcome is a pure function of the block and the parent state. Whatever goes wrong inside a call is a failed receipt
with a stable code; whatever goes wrong in this machine is a LocalFault, which leaves here as an exception.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain.actions import SystemAccess
from chain.block import Block
from chain.encoding import encode
from chain.genesis import Genesis
from chain.governance import run_system_call
from chain.identity import Member, decode_member, member_key, organisation_key
from chain.merkle import merkle_root
from chain.receipt import BlockResult, Receipt, receipt_bytes_max
from chain.runtime import (
    IDEMPOTENCY_KEY_USED,
    RECEIPT_TOO_LARGE,
    SENDER_REVOKED,
    SYSTEM,
    CallContext,
    CallOutcome,
    ContractRuntime,
    Event,
)
from chain.state import BlockState, StateReader, StateUpdate, TransactionState
from chain.state_keys import encode_key
from chain.transaction import Transaction
from chain.types import Digest, Height, Milliseconds
from chain.validity import Head
from chain.window import Window, WindowEntry

GENESIS_SENDER: Final = "genesis"
"""Sender and organisation that a contract's @init sees when genesis deploys it."""

GENESIS_DEPLOY_GAS: Final = 1_000_000_000
VALIDATORS_KEY: Final = encode_key(("validators",))


class GenesisExecutionError(ValueError):
    """A contract of genesis that cannot be deployed."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Everything that follows from a block, ready to be written once the block is decided."""

    block: Block
    result: BlockResult
    receipts: tuple[bytes, ...]
    """Encoded receipts in block order."""
    update: StateUpdate
    entries: tuple[WindowEntry, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all transactions of a block share."""

    genesis: Genesis
    head: Head
    window: Window
    runtime: ContractRuntime


def execute_transactions(
    block: Block, checked: Sequence[tuple[Transaction, Member]], base: StateReader, surroundings: Surroundings
) -> Execution:
    """Execute the checked transactions of a valid block on the parent state `base`.

    Raises:
        LocalFault: when this machine could not finish; nothing follows from that for the block.
    """
    state = BlockState(base, block.header.height)
    keys_used: set[tuple[str, str]] = set()
    receipts: list[bytes] = []
    entries: list[WindowEntry] = []
    for index, (transaction, member) in enumerate(checked):
        receipts.append(_execute_transaction(state, block, index, transaction, member, keys_used, surroundings))
        body = transaction.body
        entry = WindowEntry(transaction.transaction_id, body.valid_until, member.organisation, body.idempotency_key)
        entries.append(entry)
        if body.idempotency_key is not None:
            keys_used.add((member.organisation, body.idempotency_key))
    update = state.finish()
    # Membership changes will alter this; until the protocol has them the set that certifies next is the present one.
    next_validators_hash = surroundings.head.validators.validators_hash
    result = BlockResult(update.root, merkle_root(receipts), next_validators_hash)
    return Execution(block, result, tuple(receipts), update, tuple(entries))


def _execute_transaction(
    state: BlockState,
    block: Block,
    index: int,
    transaction: Transaction,
    member: Member,
    keys_used: set[tuple[str, str]],
    surroundings: Surroundings,
) -> bytes:
    """Execute one transaction and return its encoded receipt."""
    height = block.header.height

    def receipt(code: str | None, events: Sequence[Event], gas_used: int, values: Sequence[Any]) -> bytes:
        whole = Receipt(transaction.transaction_id, height, index, code, tuple(events), gas_used, tuple(values))
        return whole.encoded()

    refusal = _refusal(state, block, transaction, member, keys_used, surroundings.window)
    if refusal is not None:
        return receipt(refusal, (), 0, ())
    own = state.begin_transaction()
    context = CallContext(
        member.member_id,
        member.organisation,
        member.roles,
        height,
        block.header.time,
        block.header.chain_id.hex(),
        block.header.version,
    )
    events: list[Event] = []
    values: list[Any] = []
    gas_used = 0
    for call in transaction.body.calls:
        outcome = _run_call(own, context, surroundings, call.contract, call.method, call.args, transaction, gas_used)
        gas_used += outcome.gas_used
        if outcome.code is not None:
            return receipt(outcome.code, (), gas_used, ())
        events.extend(outcome.events)
        values.append(outcome.value)
    encoded = receipt(None, events, gas_used, values)
    if len(encoded) > receipt_bytes_max(transaction.body.gas_limit, surroundings.genesis.parameters.block_gas_max):
        return receipt(RECEIPT_TOO_LARGE, (), gas_used, ())
    state.commit_transaction(own, index)
    return encoded


def _refusal(
    state: BlockState,
    block: Block,
    transaction: Transaction,
    member: Member,
    keys_used: set[tuple[str, str]],
    window: Window,
) -> str | None:
    """Return why a transaction fails before its first call: what an earlier transaction or block has done to it."""
    # The sender was active in the parent state; only a call to the system namespace can have changed that since.
    if state.has_written(SYSTEM):
        stored = state.get(SYSTEM, member_key(transaction.body.sender_key))
        if stored is None or not decode_member(stored).active:
            return SENDER_REVOKED
    key = transaction.body.idempotency_key
    if key is None:
        return None
    if (member.organisation, key) in keys_used or window.key_in_use(member.organisation, key, block.header.time):
        return IDEMPOTENCY_KEY_USED
    return None


def _run_call(
    state: TransactionState,
    context: CallContext,
    surroundings: Surroundings,
    contract: str,
    method: str,
    args: Sequence[Any],
    transaction: Transaction,
    gas_used: int,
) -> CallOutcome:
    gas_left = transaction.body.gas_limit - gas_used
    if contract == SYSTEM:
        access = SystemAccess(state, context, surroundings.genesis, surroundings.runtime)
        return run_system_call(access, method, args, gas_left)
    return surroundings.runtime.call(state, context, contract, method, args, gas_left)


def genesis_update(genesis: Genesis, base: StateReader, runtime: ContractRuntime) -> StateUpdate:
    """Return the state that genesis describes, as an update of the empty state.

    Raises:
        GenesisExecutionError: when a contract of genesis is rejected or its @init fails.
    """
    state = BlockState(base, Height(0))
    identities = state.begin_transaction()
    for organisation in genesis.organisations:
        identities.put(SYSTEM, organisation_key(organisation.organisation_id), organisation.encoded())
    for entry in genesis.members:
        organisation_id = entry.member_id.partition(".")[0]
        member = Member(entry.member_id, organisation_id, entry.roles, True)
        identities.put(SYSTEM, member_key(entry.key), member.encoded())
    identities.put(SYSTEM, VALIDATORS_KEY, encode(genesis.validators.as_value()))
    state.commit_transaction(identities, 0)
    chain_id = genesis.genesis_hash.hex()
    version = genesis.parameters.protocol_version
    context = CallContext(GENESIS_SENDER, GENESIS_SENDER, (), Height(0), Milliseconds(genesis.time), chain_id, version)
    for number, contract in enumerate(genesis.contracts):
        own = state.begin_transaction()
        outcome = runtime.deploy(own, context, contract.name, contract.source, contract.args, GENESIS_DEPLOY_GAS)
        if outcome.code is not None:
            raise GenesisExecutionError(f"contract {contract.name} cannot be deployed: {outcome.code}")
        state.commit_transaction(own, number + 1)
    return state.finish()


def genesis_result(genesis: Genesis, state_root: Digest) -> BlockResult:
    """Return result 0, to which block 1 refers."""
    return BlockResult(state_root, merkle_root([]), genesis.validators.validators_hash)
