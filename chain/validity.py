"""Validity of a block: a pure function of its bytes and the parent state, the same on every node and for auditors.

What depends on earlier transactions of the same block is not validity but a failed receipt (chain.execution). Only the
drift of local clocks is checked elsewhere, by consensus and at fresh proposals alone.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from chain.block import Block, Header
from chain.encoding import DecodeError
from chain.genesis import Parameters
from chain.identity import Member
from chain.merkle import merkle_root
from chain.protocol import Schedule
from chain.receipt import BlockResult
from chain.transaction import Transaction, decode_transaction
from chain.types import Digest, Height, Milliseconds, ValidatorId
from chain.validators import ValidatorSet
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


def check_header(block: Block, head: Head) -> None:
    """Check that a block's header continues the chain at `head`.

    Raises:
        InvalidBlock: naming the first field that does not.
    """
    found, expected = block.header.version, head.next_version
    if found != expected:
        detail = f"{found} where {expected} is expected"
        raise InvalidBlock("wrong_version", detail, found=found, expected=expected)
    check_header_of(block.header, head)


def check_header_of(header: Header, head: Head) -> None:
    """Check of a header all that can be checked without the parent's state: not its version.

    Raises:
        InvalidBlock: naming the first field that does not continue the chain.
    """
    expectations = (
        ("wrong_chain", header.chain_id.hex(), head.chain_id.hex()),
        ("wrong_height", header.height, head.height + 1),
        ("wrong_parent", header.parent_hash.hex(), head.block_hash.hex()),
        ("wrong_parent_result", header.parent_result_hash.hex(), head.result.result_hash.hex()),
        ("wrong_history_root", header.history_root.hex(), head.history_root.hex()),
        ("wrong_validators", header.validators_hash.hex(), head.validators.validators_hash.hex()),
        ("wrong_epoch", header.epoch, head.validators.epoch),
    )
    for code, found, expected in expectations:
        if found != expected:
            raise InvalidBlock(code, f"{found} where {expected} is expected", found=found, expected=expected)
    if header.time <= head.time:
        detail = f"{header.time} is not after {head.time}"
        raise InvalidBlock("time_not_increasing", detail, found=header.time, expected=f"more than {head.time}")
    if head.validators.find(header.proposer) is None:
        detail = f"{header.proposer} is not a validator"
        raise InvalidBlock("unknown_proposer", detail, found=header.proposer, expected="a validator")


def check_transactions(
    block: Block, parameters: Parameters, window: Window, find_member: MemberLookup, signature_good: SignatureCheck
) -> tuple[tuple[Transaction, Member], ...]:
    """Check a block's transactions against the parent state; return them decoded beside their senders.

    Raises:
        InvalidBlock: naming the first rule and the index of the first transaction that breaks it.
    """
    _check_bound("too_many_transactions", len(block.transactions), parameters.block_transactions_max)
    _check_bound("block_too_large", len(block.raw), parameters.block_bytes_max)
    checked: list[tuple[Transaction, Member]] = []
    seen: set[Digest] = set()
    gas_total = 0
    # The parent state does not change meanwhile, and a block holds many transactions of few senders.
    find_once = functools.cache(find_member)
    for index, raw in enumerate(block.transactions):
        transaction = _decode(raw, index, parameters)
        member = _check_transaction(transaction, index, block, parameters, find_once)
        if transaction.transaction_id in seen or transaction.transaction_id in window:
            raise _invalid("repeated_transaction", index, transaction.transaction_id.hex(), "an id that is not in use")
        if not signature_good(transaction):
            raise _invalid("bad_signature", index, transaction.signature.hex(), "the sender's signature over the id")
        seen.add(transaction.transaction_id)
        gas_total += transaction.body.gas_limit
        checked.append((transaction, member))
    _check_bound("block_gas_exceeded", gas_total, parameters.block_gas_max)
    root = merkle_root(transaction.merkle_leaf for transaction, _ in checked).hex()
    stated = block.header.transactions_root.hex()
    if root != stated:
        raise InvalidBlock("wrong_transactions_root", f"{stated} is not {root}", found=stated, expected=root)
    return tuple(checked)


def _invalid(code: str, index: int, found: object, expected: object) -> InvalidBlock:
    return InvalidBlock(code, f"index {index}: {found}, not {expected}", index=index, found=found, expected=expected)


def _check_bound(code: str, found: int, limit: int) -> None:
    if found > limit:
        raise InvalidBlock(code, f"{found} where {limit} is allowed", found=found, expected=f"at most {limit}")


def _decode(raw: bytes, index: int, parameters: Parameters) -> Transaction:
    try:
        return decode_transaction(raw, size_max=parameters.transaction_bytes_max)
    except DecodeError as error:
        raise _invalid("malformed_transaction", index, error, "a transaction in canonical form") from error


def _check_transaction(
    transaction: Transaction, index: int, block: Block, parameters: Parameters, find_member: MemberLookup
) -> Member:
    body = transaction.body
    time = block.header.time
    latest = time + parameters.validity_window_max
    if body.chain_id != block.header.chain_id:
        raise _invalid("foreign_transaction", index, body.chain_id.hex(), block.header.chain_id.hex())
    if body.valid_until < time:
        raise _invalid("expired_transaction", index, body.valid_until, f"at least the block's time {time}")
    if body.valid_until > latest:
        raise _invalid("transaction_too_early", index, body.valid_until, f"at most {latest}")
    if body.gas_limit > parameters.transaction_gas_max:
        raise _invalid("transaction_gas_exceeded", index, body.gas_limit, f"at most {parameters.transaction_gas_max}")
    member = find_member(body.sender_key)
    if member is None or not member.active:
        raise _invalid("unknown_sender", index, body.sender_key.hex(), "the key of an active member")
    return member
