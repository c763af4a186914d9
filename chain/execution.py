"""Execution of a valid block: transactions in order, each all or nothing, to receipts and a new state root.

The outcome is a pure function of the block and the parent state. Whatever goes wrong inside a call is a failed receipt
with a stable code; whatever goes wrong in this machine is a LocalFault, which leaves here as an exception.
"""

from collections.abc import Sequence
from typing import Any, Final

from chain.actions import SystemAccess
from chain.batch import Batch
from chain.block import Header
from chain.codes import IDEMPOTENCY_KEY_USED, RECEIPT_TOO_LARGE, SENDER_REVOKED
from chain.encoding import encode
from chain.genesis import Genesis
from chain.governance import run_system_call
from chain.identity import Member, decode_member, member_key, organisation_key
from chain.merkle import merkle_root
from chain.receipt import RECEIPT_BYTES_FREE, BlockResult, encode_receipt, receipt_bytes_max
from chain.runtime import (
    SYSTEM,
    CallContext,
    CallOutcome,
    ContractRuntime,
    Event,
)
from chain.state import BlockState, StateReader, StateUpdate, TransactionState
from chain.state_keys import CONTRACTS, encode_key
from chain.types import Digest, Height, Milliseconds
from chain.validity import Head
from chain.values import dataclass
from chain.window import Window, WindowEntries

GENESIS_SENDER: Final = "genesis"
"""Sender and organisation that a contract's @init sees when genesis deploys it."""

GENESIS_DEPLOY_GAS: Final = 1_000_000_000
VALIDATORS_KEY: Final = encode_key(("validators",))


class GenesisExecutionError(ValueError):
    """A contract of genesis that cannot be deployed."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Everything that follows from a block, ready to be written once the block is decided."""

    header: Header
    block_hash: Digest
    result: BlockResult
    receipts: tuple[bytes, ...]
    """Encoded receipts in block order."""
    update: StateUpdate
    entries: WindowEntries
    changes_contracts: bool
    """Whether it deploys, upgrades, freezes or unfreezes a contract."""
    writes_system: bool
    """Whether it changes anything of the ledger's own: contracts, members, decisions, the protocol's schedule."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all transactions of a block share."""

    genesis: Genesis
    head: Head
    window: Window
    runtime: ContractRuntime


def execute_batch(batch: Batch, members: Sequence[Member], base: StateReader, surroundings: Surroundings) -> Execution:
    """Execute the transactions of a valid block, whose senders are `members`, on the parent state `base`.

    Raises:
        LocalFault: when this machine could not finish; nothing follows from that for the block.
    """
    block = _RunningBlock(batch, members, BlockState(base, batch.header.height), surroundings)
    prices = surroundings.runtime.versions[batch.header.version]
    entry_gas_of = {size: prices.entry(size) for size in {*batch.sizes}}
    entries_gas = [entry_gas_of[size] for size in batch.sizes]
    columns = zip(
        batch.ids, batch.sender_of, entries_gas, batch.gas_limits, batch.calls, batch.idempotency_keys, strict=True
    )
    receipts: list[bytes] = []
    contracts_written = block.state.contracts_written
    for index, (transaction_id, sender, entry_gas, gas_limit, calls, idempotency_key) in enumerate(columns):
        refusal = None
        if idempotency_key is not None or SYSTEM in contracts_written:
            refusal = _refusal(block, sender, idempotency_key)
        if refusal is None:
            receipts.append(_execute_transaction(block, index, transaction_id, sender, entry_gas, gas_limit, calls))
        else:
            receipts.append(encode_receipt(transaction_id, block.height, index, refusal, (), entry_gas, []))
    update = block.state.finish()
    # Membership changes will alter this; until the protocol has them the set that certifies next is the present one.
    next_validators_hash = surroundings.head.validators.validators_hash
    result = BlockResult(update.root, merkle_root(receipts), next_validators_hash)
    organisations = [members[place].organisation for place in batch.sender_of]
    entries = WindowEntries(batch.ids, batch.valid_until, organisations, batch.idempotency_keys)
    return Execution(
        batch.header,
        batch.block_hash,
        result,
        tuple(receipts),
        update,
        entries,
        _changes_contracts(block.state),
        SYSTEM in contracts_written,
    )


def _changes_contracts(state: BlockState) -> bool:
    return any(key.startswith(CONTRACTS) for key in state.keys_written(SYSTEM))


class _RunningBlock:
    """Owns what the transactions of a block leave to each other while it executes."""

    __slots__ = ("batch", "contexts", "gas_max", "height", "keys_used", "members", "runtime", "state", "surroundings")

    def __init__(self, batch: Batch, members: Sequence[Member], state: BlockState, surroundings: Surroundings) -> None:
        self.batch = batch
        self.height = batch.header.height
        self.members = members
        self.contexts = [_context(batch.header, member) for member in members]
        """What calls may know, by sender."""
        self.state = state
        self.surroundings = surroundings
        self.runtime = surroundings.runtime
        self.gas_max = surroundings.genesis.parameters.block_gas_max
        self.keys_used: set[tuple[str, str]] = set()
        """Organisations and idempotency keys of the transactions so far."""


def _context(header: Header, member: Member) -> CallContext:
    return CallContext(
        member.member_id,
        member.organisation,
        member.roles,
        header.height,
        header.time,
        header.chain_id.hex(),
        header.version,
    )


def _refusal(block: _RunningBlock, sender: int, idempotency_key: str | None) -> str | None:
    """Return why a transaction fails before its first call: what an earlier transaction or block has done to it."""
    code = None
    if idempotency_key is not None:
        used = (block.members[sender].organisation, idempotency_key)
        if used in block.keys_used or block.surroundings.window.key_in_use(*used, block.batch.header.time):
            code = IDEMPOTENCY_KEY_USED
        block.keys_used.add(used)
    # The sender was active in the parent state; only a call to the system namespace can have changed that since.
    if SYSTEM in block.state.contracts_written:
        stored = block.state.get(SYSTEM, member_key(block.batch.senders[sender]))
        if stored is None or not decode_member(stored).active:
            return SENDER_REVOKED
    return code


def _execute_transaction(
    block: _RunningBlock,
    index: int,
    transaction_id: Digest,
    sender: int,
    entry_gas: int,
    gas_limit: int,
    calls: Sequence[Sequence[Any]],
) -> bytes:
    """Execute one transaction and return its encoded receipt."""
    state, height, context = block.state, block.height, block.contexts[sender]
    own = state.begin_transaction()
    events: list[Event] = []
    values: list[Any] = []
    gas_used = entry_gas
    code = None
    for contract, method, args in calls:
        gas_left = gas_limit - gas_used
        if contract == SYSTEM:
            code, value, announced, gas = _run_system_call(own, context, block.surroundings, method, args, gas_left)
        else:
            code, value, announced, gas = block.runtime.call(own, context, contract, method, args, gas_left)
        gas_used += gas
        if code is not None:
            break
        events += announced
        values.append(value)
    if code is None:
        encoded = encode_receipt(transaction_id, height, index, None, events, gas_used, values)
        if len(encoded) <= RECEIPT_BYTES_FREE or len(encoded) <= receipt_bytes_max(gas_limit, block.gas_max):
            state.commit_transaction(own, index)
            return encoded
        code = RECEIPT_TOO_LARGE
    state.drop_transaction(own)
    return encode_receipt(transaction_id, height, index, code, (), gas_used, [])


def _run_system_call(
    state: TransactionState,
    context: CallContext,
    surroundings: Surroundings,
    method: str,
    args: Sequence[Any],
    gas_left: int,
) -> CallOutcome:
    access = SystemAccess(state, context, surroundings.genesis, surroundings.runtime)
    return run_system_call(access, method, args, gas_left)


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
