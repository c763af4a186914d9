"""Validity of a block: a pure function of its bytes and the parent state, the same on every node and for auditors.

What depends on earlier transactions of the same block is not validity but a failed receipt (chain.execution). Only the
drift of local clocks is checked elsewhere, by consensus and at fresh proposals alone.
"""

from collections.abc import Callable, Sequence
from operator import ge

from chain.batch import Batch, batch_of
from chain.block import Block, Header
from chain.encoding import DecodeError
from chain.genesis import Parameters
from chain.identity import Member
from chain.merkle import merkle_root
from chain.protocol import Schedule
from chain.receipt import BlockResult
from chain.rules import Rules
from chain.transaction import Transaction, decode_transaction
from chain.types import Digest, Height, Milliseconds, ValidatorId
from chain.validators import ValidatorSet
from chain.values import dataclass
from chain.window import Window


class InvalidBlock(Exception):
    """A block that no honest validator votes for; says which rule it breaks and where."""

    def __init__(
        self, code: str, detail: str, *, index: int | None = None, found: object = "", expected: object = ""
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.index = index
        """Place of the transaction that breaks the rule."""
        self.found = str(found)
        self.expected = str(expected)
        """What the block should hold instead, where that is one value or a bound."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last decided block as the next one has to refer to it."""

    chain_id: Digest
    height: Height
    block_hash: Digest
    """The genesis hash at height 0."""
    result: BlockResult
    time: Milliseconds
    proposer: ValidatorId | None
    """None at height 0."""
    validators: ValidatorSet
    """The set that certifies the next block."""
    history_root: Digest
    """Over the genesis hash and all block hashes up to this height."""
    schedule: Schedule
    """Which version of the protocol holds at which height."""

    @property
    def next_version(self) -> int:
        """The version of the protocol that the next block has."""
        return self.schedule.at(Height(self.height + 1)).version


MemberLookup = Callable[[bytes], Member | None]
SignatureCheck = Callable[[Transaction], bool]


def check_header(header: Header, head: Head) -> None:
    """Check that a header continues the chain at `head`.

    Raises:
        InvalidBlock: naming the first field that does not.
    """
    if header.version != head.next_version:
        detail = f"{header.version} where {head.next_version} is expected"
        raise InvalidBlock("wrong_version", detail, found=header.version, expected=head.next_version)
    check_header_of(header, head)


def check_header_of(header: Header, head: Head) -> None:
    """Check of a header all that can be checked without the parent's state: not its version.

    Raises:
        InvalidBlock: naming the first field that does not continue the chain.
    """
    expectations: tuple[tuple[str, bytes | int, bytes | int], ...] = (
        ("wrong_chain", header.chain_id, head.chain_id),
        ("wrong_height", header.height, head.height + 1),
        ("wrong_parent", header.parent_hash, head.block_hash),
        ("wrong_parent_result", header.parent_result_hash, head.result.result_hash),
        ("wrong_history_root", header.history_root, head.history_root),
        ("wrong_validators", header.validators_hash, head.validators.validators_hash),
        ("wrong_epoch", header.epoch, head.validators.epoch),
    )
    for code, found, expected in expectations:
        if found != expected:
            stated, wanted = (each.hex() if isinstance(each, bytes) else each for each in (found, expected))
            raise InvalidBlock(code, f"{stated} where {wanted} is expected", found=stated, expected=wanted)
    if header.time <= head.time:
        detail = f"{header.time} is not after {head.time}"
        raise InvalidBlock("time_not_increasing", detail, found=header.time, expected=f"more than {head.time}")
    if head.validators.find(header.proposer) is None:
        detail = f"{header.proposer} is not a validator"
        raise InvalidBlock("unknown_proposer", detail, found=header.proposer, expected="a validator")


def check_block(
    block: Block, rules: Rules, window: Window, find_member: MemberLookup, signature_good: SignatureCheck
) -> tuple[Batch, tuple[Member, ...]]:
    """Check a block's transactions against the parent state; return them in columns, and the members who sent them.

    Raises:
        InvalidBlock: naming the first rule and the index of the first transaction that breaks it.
    """
    parameters = rules.parameters
    _check_sizes(len(block.transactions), len(block.raw), parameters)
    transactions, malformed = _decode_all(block, parameters)
    batch = batch_of(block, transactions)
    members = [find_member(key) for key in batch.senders]
    seen: set[Digest] = set()
    for index, transaction in enumerate(transactions):
        if transaction.body.chain_id != block.header.chain_id:
            chain_id = transaction.body.chain_id.hex()
            raise _invalid("foreign_transaction", index, chain_id, block.header.chain_id.hex())
        _check_transaction(batch, index, members, rules, window, seen)
        if not signature_good(transaction):
            raise _invalid("bad_signature", index, transaction.signature.hex(), "the sender's signature over the id")
    if malformed is not None:
        raise malformed
    _check_bound("block_gas_exceeded", sum(batch.gas_limits), parameters.block_gas_max)
    root = merkle_root(transaction.merkle_leaf for transaction in transactions).hex()
    stated = block.header.transactions_root.hex()
    if root != stated:
        raise InvalidBlock("wrong_transactions_root", f"{stated} is not {root}", found=stated, expected=root)
    return batch, _all_known(members)


def check_batch(batch: Batch, rules: Rules, window: Window, find_member: MemberLookup) -> tuple[Member, ...]:
    """Check transactions against the parent state; return the members who sent them, in the order of `senders`.

    Whoever made the batch has checked what does not need the state: form, size and chain of each transaction, the
    transactions' root, and the signatures. All else is checked here, for whole columns where that is possible.

    Raises:
        InvalidBlock: as `check_block` does.
    """
    _check_sizes(len(batch), batch.block_bytes, rules.parameters)
    members = [find_member(key) for key in batch.senders]
    if not _all_valid(batch, members, rules, window):
        seen: set[Digest] = set()
        for index in range(len(batch)):
            _check_transaction(batch, index, members, rules, window, seen)
        raise AssertionError("a column broke a rule that no transaction breaks")
    _check_bound("block_gas_exceeded", sum(batch.gas_limits), rules.parameters.block_gas_max)
    return _all_known(members)


def _all_valid(batch: Batch, members: Sequence[Member | None], rules: Rules, window: Window) -> bool:
    """Tell whether no transaction breaks a rule of `_check_transaction`."""
    if not len(batch):
        return True
    time, parameters = batch.header.time, rules.parameters
    return (
        min(batch.valid_until) >= time
        and max(batch.valid_until) <= time + parameters.validity_window_max
        and max(batch.gas_limits) <= parameters.transaction_gas_max
        and _all_can_enter(batch, rules)
        and all(member is not None and member.active for member in members)
        and len(set(batch.ids)) == len(batch)
        and window.holds_none(batch.ids)
    )


def _all_can_enter(batch: Batch, rules: Rules) -> bool:
    """Tell whether each transaction declares the gas that its size costs."""
    # Larger ones cost more, so if the least gas is enough for the largest one nothing else has to be looked at.
    if min(batch.gas_limits) >= rules.gas_min(max(batch.sizes)):
        return True
    return all(map(ge, batch.gas_limits, map(rules.gas_min, batch.sizes)))


def _check_transaction(
    batch: Batch,
    index: int,
    members: Sequence[Member | None],
    rules: Rules,
    window: Window,
    seen: set[Digest],
) -> None:
    """Check one transaction; `seen` holds the ids before it and takes its own."""
    parameters = rules.parameters
    time, valid_until = batch.header.time, batch.valid_until[index]
    latest = time + parameters.validity_window_max
    if valid_until < time:
        raise _invalid("expired_transaction", index, valid_until, f"at least the block's time {time}")
    if valid_until > latest:
        raise _invalid("transaction_too_early", index, valid_until, f"at most {latest}")
    if batch.gas_limits[index] > parameters.transaction_gas_max:
        limit = f"at most {parameters.transaction_gas_max}"
        raise _invalid("transaction_gas_exceeded", index, batch.gas_limits[index], limit)
    gas_min = rules.gas_min(batch.sizes[index])
    if batch.gas_limits[index] < gas_min:
        raise _invalid("transaction_gas_too_low", index, batch.gas_limits[index], f"at least {gas_min}")
    member = members[batch.sender_of[index]]
    if member is None or not member.active:
        sender = batch.senders[batch.sender_of[index]]
        raise _invalid("unknown_sender", index, sender.hex(), "the key of an active member")
    transaction_id = batch.ids[index]
    if transaction_id in seen or transaction_id in window:
        raise _invalid("repeated_transaction", index, transaction_id.hex(), "an id that is not in use")
    seen.add(transaction_id)


def _all_known(members: Sequence[Member | None]) -> tuple[Member, ...]:
    known = tuple(member for member in members if member is not None)
    assert len(known) == len(members), "a transaction of an unknown sender is not valid"
    return known


def _check_sizes(count: int, block_bytes: int, parameters: Parameters) -> None:
    _check_bound("too_many_transactions", count, parameters.block_transactions_max)
    _check_bound("block_too_large", block_bytes, parameters.block_bytes_max)


def _invalid(code: str, index: int, found: object, expected: object) -> InvalidBlock:
    return InvalidBlock(code, f"index {index}: {found}, not {expected}", index=index, found=found, expected=expected)


def _check_bound(code: str, found: int, limit: int) -> None:
    if found > limit:
        raise InvalidBlock(code, f"{found} where {limit} is allowed", found=found, expected=f"at most {limit}")


def _decode_all(block: Block, parameters: Parameters) -> tuple[list[Transaction], InvalidBlock | None]:
    """Return the transactions up to the first that is malformed, and why that one is."""
    decoded: list[Transaction] = []
    for index, raw in enumerate(block.transactions):
        try:
            decoded.append(decode_transaction(raw, size_max=parameters.transaction_bytes_max))
        except DecodeError as error:
            return decoded, _invalid("malformed_transaction", index, error, "a transaction in canonical form")
    return decoded, None
