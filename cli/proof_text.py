"""Proven statements in plain words: what is proven, and what nobody should read into it."""

import json
from collections.abc import Iterator
from typing import Any, Final

from audit.moments import moment
from chain.encoding import DecodeError, decode
from chain.proof_file import StoryRule
from chain.state_keys import decode_key
from chain.state_leaf import Leaf
from cli.receipts import plain, printable
from tallystick.proof import VerifiedTransaction
from tallystick.proof_facts import HistoryFact, KeyFact, Proven, StoryFact, ValidatorsFact

_ALWAYS: Final = (
    "that this is the latest state of affairs: blocks after this one are not looked at",
    "that no other history exists: should a third of the validators or more sign two, each of them verifies "
    "(compare heads with others, or ask a witness)",
    "that block times are exact: they increase, and are what the proposers said",
    "that what the members recorded is true outside of the ledger",
)


def proven_text(proven: Proven) -> str:
    """Return a proven statement for people."""
    header = proven.header.header
    certified = [
        f"Ledger: {proven.genesis_hash.hex()} ({printable(proven.network)})",
        f"Block {header.height:,} of {moment(header.time)} is certified by {proven.quorum} of {proven.validators} "
        f"validators, whose right to do so leads back to the genesis.",
    ]
    lines = ["PROVEN", *certified, *_fact_lines(proven), "", "NOT PROVEN"]
    return "\n".join([*lines, *(f"- {text}" for text in (*_limits(proven), *_ALWAYS))])


def key_text(key: bytes) -> str:
    """Return a storage key as people read it; no two keys read the same."""
    try:
        name, *parts = decode_key(key)
    except (DecodeError, ValueError, IndexError):
        return f"0x{key.hex()}"
    return plain(name) + (f"[{', '.join(map(_quoted, parts))}]" if parts else "")


def _quoted(value: Any) -> str:
    """Return a contract value with its texts in quotes, so that no value is taken for another one."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_quoted(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    return printable(json.dumps(value, ensure_ascii=False)) if isinstance(value, str) else plain(value)


def _fact_lines(proven: Proven) -> Iterator[str]:
    fact = proven.fact
    match fact:
        case VerifiedTransaction():
            yield from _transaction_lines(fact)
        case KeyFact(contract, key, height, leaf):
            yield f"After block {height:,}, {printable(contract)} held under {key_text(key)}:"
            yield f"  {_version_text(leaf)}" if leaf is not None else "  nothing; it had never held anything there."
        case HistoryFact(contract, key, versions):
            yield f"Up to block {proven.header.header.height:,}, {printable(contract)} held under {key_text(key)},"
            yield "from first to last:"
            yield from (f"  {_version_text(leaf)}" for leaf in versions)
            if not versions:
                yield "  nothing, ever."
        case StoryFact():
            yield from _story_lines(fact)
        case ValidatorsFact(validators, changed_at):
            yield f"The validators of epoch {validators.epoch} certified it; {_changes_text(changed_at)}:"
            for each in validators.validators:
                yield f"  {each.validator_id}  {each.organisation}  {each.consensus_key.hex()}"


def _transaction_lines(fact: VerifiedTransaction, indent: str = "") -> Iterator[str]:
    body, receipt = fact.transaction.body, fact.receipt
    outcome = "succeeded" if receipt.succeeded else f"FAILED with the code {receipt.code}, and changed nothing"
    yield f"{indent}Transaction {receipt.transaction_id.hex()}"
    yield f"{indent}  signed by the key {body.sender_key.hex()}"
    yield f"{indent}  was committed as number {receipt.index} of block {receipt.height:,}; it {outcome}."
    for call in body.calls:
        yield f"{indent}  call {call.contract}.{call.method}({', '.join(map(_quoted, call.args))})"
    for event in receipt.events:
        yield f"{indent}  event {event.contract}.{event.name} {_quoted(event.fields)}"
    yield from (f"{indent}  returned {_quoted(value)}" for value in receipt.values if value is not None)


def _story_lines(fact: StoryFact) -> Iterator[str]:
    what = "transfer" if fact.rule is StoryRule.TRANSFER else "item"
    yield f"Story of the {what} {printable(fact.subject)}, as the contract {fact.contract} kept it,"
    yield f"complete up to block {fact.complete_to:,}. Its source had the hash {fact.source_hash.hex()}."
    for record in fact.records:
        yield f"Record of {printable(record.subject)}: {len(record.versions)} versions, the last one"
        yield f"  {_version_text(record.versions[-1])}"
    yield f"The {len(fact.transactions)} transactions that wrote these versions, each with its receipt:"
    for each in fact.transactions:
        yield from _transaction_lines(each, "  ")


def _version_text(leaf: Leaf) -> str:
    where = "in the genesis" if leaf.height == 0 else f"by transaction {leaf.index} of block {leaf.height:,}"
    if leaf.value is None:
        return f"deleted {where}"
    return f"{_value_text(leaf.value)}, written {where}"


def _value_text(value: bytes) -> str:
    try:
        return _quoted(decode(value))
    except DecodeError:
        return f"0x{value.hex()}"


def _changes_text(changed_at: tuple[int, ...]) -> str:
    if not changed_at:
        return "they are those of the genesis"
    return f"the set was changed by {len(changed_at)} certified blocks: {', '.join(str(each) for each in changed_at)}"


def _limits(proven: Proven) -> Iterator[str]:
    """Yield what this kind of statement leaves open."""
    match proven.fact:
        case VerifiedTransaction():
            yield "who is behind the key: the ledger's register of members is not part of this proof"
            yield "how many transactions the block has"
            yield "that the outcome is what the contracts' code demands: that is for `tally audit` to check"
        case KeyFact(leaf=None) | HistoryFact(versions=()):
            yield "that there is such a contract, or that it would keep anything under such a key: mind the spelling"
        case KeyFact() | HistoryFact():
            yield "that the value is what the contracts' code demands: that is for `tally audit` to check"
        case StoryFact(_, rule):
            yield "who is behind the keys: the ledger's register of members is not part of this proof"
            yield "attempts that failed: they wrote nothing"
            yield "that the contract knows no more: what it keeps in which record is up to its source"
            if rule is StoryRule.ITEM:
                yield "the stories of what the item was made from or into, and of its lot: prove these by themselves"
            else:
                yield "the quote, the corridor and the accounts of the transfer: prove these keys by themselves"
        case ValidatorsFact():
            yield "that nobody has stolen their keys since: old keys can sign old heights again"
