"""False proposals: a second block beside the first, and blocks that break each rule of validity (docs/protocol.md)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from chain.block import Block, Header, make_block
from chain.certificate import Subject
from chain.crypto import tagged_hash
from chain.encoding import DecodeError, encode
from chain.merkle import merkle_root
from chain.transaction import (
    SIGNATURE_TAG,
    Call,
    Transaction,
    TransactionBody,
    decode_transaction,
    transaction_id_of,
    transactions_root_of,
)
from chain.types import Digest, Epoch, Height, Milliseconds, ValidatorId
from consensus.pbft.messages import PrePrepare, Vote
from consensus.simulation.contract import CALL_GAS, CONTRACT, member_seed
from consensus.simulation.liars.craft import Craft
from consensus.simulation.settings import DRIFT_MS_MAX
from consensus.simulation.signatures import key_of

Transactions = Sequence[bytes]
Forger = Callable[[Craft, Header, Transactions], tuple[Header, Transactions]]

A_LONG_TIME_MS: Final = 10_000_000


def second_proposal(craft: Craft, message: PrePrepare, block: Block) -> tuple[PrePrepare, Block]:
    """Return another proposal for the same place, as valid as the first."""
    later = Milliseconds(block.header.time + craft.chance.randrange(1, 4))
    return _propose(craft, message, replace(block.header, time=later), block.transactions)


def proposal_of_another_time(craft: Craft, message: PrePrepare, block: Block) -> tuple[PrePrepare, Block]:
    """Return the proposal with a time that no right clock shows, though it follows its parent's and nothing expires."""
    assert craft.insight is not None, "a liar whose node is down proposes nothing"
    header, by = block.header, craft.chance.randrange(DRIFT_MS_MAX + 1, 3 * DRIFT_MS_MAX)
    earlier = header.time - by
    time = earlier if earlier > craft.insight.head.time else header.time + by
    return _propose(craft, message, replace(header, time=Milliseconds(time)), block.transactions)


def second_vote(craft: Craft, vote: Vote, others: Sequence[Subject]) -> Vote:
    """Return a vote for another block of the same place, or for the same block with an invented result."""
    subject = vote.subject
    rivals = [other for other in others if other.height == subject.height and other.block_hash != subject.block_hash]
    if rivals and craft.chance.randrange(2):
        rival = craft.chance.choice(rivals)
        return craft.signed(replace(vote, subject=replace(rival, view=subject.view)))
    result_hash = tagged_hash("simulation-lie", subject.result_hash)
    return craft.signed(replace(vote, subject=replace(subject, result_hash=result_hash)))


def invalid_proposal(craft: Craft, message: PrePrepare, block: Block) -> tuple[PrePrepare, Block]:
    """Return a proposal that breaks one rule of validity, and tell which."""
    code = craft.chance.choice(list(FORGERS))
    header, transactions = FORGERS[code](craft, block.header, block.transactions)
    if code != "wrong_transactions_root":
        header = replace(header, transactions_root=_root_of(transactions))
    proposal, invalid = _propose(craft, message, header, transactions)
    craft.on_poison(invalid.block_hash, code)
    return proposal, invalid


def _propose(craft: Craft, message: PrePrepare, header: Header, transactions: Transactions) -> tuple[PrePrepare, Block]:
    block = make_block(header, list(transactions))
    assert craft.insight is not None, "a liar whose node is down proposes nothing"
    craft.insight.keep(block)
    return craft.signed(replace(message, header=header.encoded())), block


def _header(**changes: object) -> Forger:
    return lambda craft, header, transactions: (replace(header, **changes), transactions)  # type: ignore[arg-type]


def _wrong_digest(field: str) -> Forger:
    return _header(**{field: tagged_hash("simulation-lie", field.encode())})


def _one_more(make: Callable[[Craft, Header], Transaction]) -> Forger:
    return lambda craft, header, transactions: (header, [*transactions, make(craft, header).raw])


def _transaction(
    craft: Craft,
    header: Header,
    *,
    valid_ms: int = 1_000,
    gas: int = CALL_GAS,
    foreign: bool = False,
    sender: str = "",
    padding: int = 0,
) -> Transaction:
    """Return a transaction of the liar's organisation, or of a stranger."""
    seed = member_seed(sender or craft.name)
    chain_id = tagged_hash("simulation-lie") if foreign else header.chain_id
    nonce = craft.chance.randbytes(16)
    valid_until = Milliseconds(header.time + valid_ms)
    call = Call(CONTRACT, "write", ("rice", 7, bytes(padding)) if padding else ("rice", 7))
    body = TransactionBody(chain_id, key_of(seed), nonce, valid_until, (call,), gas)
    encoded = body.encoded()
    transaction_id = transaction_id_of(encoded)
    signature = craft.signatures.sign(seed, SIGNATURE_TAG, transaction_id)
    raw = encode([1, encoded, signature])
    return decode_transaction(raw, size_max=len(raw))


def _badly_signed(craft: Craft, header: Header) -> Transaction:
    good = _transaction(craft, header)
    raw = encode([1, good.body.encoded(), bytes(64)])
    return decode_transaction(raw, size_max=len(raw))


def _committed_before(craft: Craft, header: Header, transactions: Transactions) -> tuple[Header, Transactions]:
    """Put a transaction in that an earlier block holds, or else one twice."""
    assert craft.insight is not None, "a liar whose node is down proposes nothing"
    height = craft.insight.head.height
    old = craft.insight.old_transaction(height)
    return header, [*transactions, old or transactions[0]]


def _too_much_gas(craft: Craft, header: Header, transactions: Transactions) -> tuple[Header, Transactions]:
    parameters = craft.genesis.parameters
    each = parameters.transaction_gas_max
    count = parameters.block_gas_max // each + 1
    return header, [_transaction(craft, header, gas=each).raw for _ in range(count)]


def _large(craft: Craft) -> int:
    return craft.genesis.parameters.transaction_bytes_max


def _root_of(transactions: Transactions) -> Digest:
    try:
        return transactions_root_of(transactions)
    except DecodeError:
        return merkle_root(transactions)


FORGERS: Final[dict[str, Forger]] = {
    "wrong_version": _header(version=2),
    "wrong_chain": _wrong_digest("chain_id"),
    "wrong_height": lambda craft, header, raws: (replace(header, height=Height(header.height + 1)), raws),
    "wrong_parent": _wrong_digest("parent_hash"),
    "wrong_parent_result": _wrong_digest("parent_result_hash"),
    "wrong_history_root": _wrong_digest("history_root"),
    "wrong_validators": _wrong_digest("validators_hash"),
    "wrong_epoch": _header(epoch=Epoch(1)),
    "time_not_increasing": _header(time=Milliseconds(1)),
    "unknown_proposer": _header(proposer=ValidatorId("zed")),
    "wrong_proposer": lambda craft, header, raws: (replace(header, proposer=craft.others[0]), raws),
    "too_many_transactions": lambda craft, header, raws: (
        header,
        [_transaction(craft, header).raw for _ in range(craft.genesis.parameters.block_transactions_max + 1)],
    ),
    "block_too_large": lambda craft, header, raws: (
        header,
        [_transaction(craft, header, padding=_large(craft) * 3 // 4).raw for _ in range(3)],
    ),
    "malformed_transaction": lambda craft, header, raws: (
        header,
        [*raws, craft.chance.choice((b"\xc1", _transaction(craft, header, padding=_large(craft)).raw))],
    ),
    "foreign_transaction": _one_more(lambda craft, header: _transaction(craft, header, foreign=True)),
    "expired_transaction": _one_more(lambda craft, header: _transaction(craft, header, valid_ms=-1)),
    "transaction_too_early": _one_more(lambda craft, header: _transaction(craft, header, valid_ms=A_LONG_TIME_MS)),
    "transaction_gas_exceeded": _one_more(
        lambda craft, header: _transaction(craft, header, gas=craft.genesis.parameters.transaction_gas_max + 1)
    ),
    "unknown_sender": _one_more(lambda craft, header: _transaction(craft, header, sender="a stranger")),
    "repeated_transaction": _committed_before,
    "bad_signature": _one_more(_badly_signed),
    "block_gas_exceeded": _too_much_gas,
    "wrong_transactions_root": _wrong_digest("transactions_root"),
}
"""How to break each rule of docs/protocol.md, "Validity of a block", by its code; and the primary's own."""
