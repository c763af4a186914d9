"""What a proof file proves, as plain values and as JSON that is the same from every verifier (docs/proofs.md)."""

from typing import Any

from chain.proof_file import StoryRule
from chain.state_leaf import Leaf
from chain.types import Digest
from chain.validators import ValidatorSet
from chain.values import dataclass
from tallystick.proof import VerifiedHeader, VerifiedTransaction


@dataclass(frozen=True, slots=True)
class KeyFact:
    """What a key held after the block at a height."""

    contract: str
    key: bytes
    at_height: int
    leaf: Leaf | None
    """The version that was in force, a deletion too; None if the key had never had a value."""


@dataclass(frozen=True, slots=True)
class HistoryFact:
    """All versions of a key up to the proof's height."""

    contract: str
    key: bytes
    versions: tuple[Leaf, ...]
    """The oldest first; none if the key never had a value."""


@dataclass(frozen=True, slots=True)
class RecordFact:
    """All versions of one of the records that tell a story."""

    subject: str
    as_of: int
    """The height up to which these are all."""
    versions: tuple[Leaf, ...]
    """The oldest first."""


@dataclass(frozen=True, slots=True)
class StoryFact:
    """All versions of an item's or a transfer's records, and every transaction that wrote one of them."""

    contract: str
    rule: StoryRule
    subject: str
    contract_version: int
    source_hash: Digest
    records: tuple[RecordFact, ...]
    transactions: tuple[VerifiedTransaction, ...]

    @property
    def complete_to(self) -> int:
        """The height up to which the story is complete."""
        return min(record.as_of for record in self.records)


@dataclass(frozen=True, slots=True)
class ValidatorsFact:
    """The set that certified the proof's block, legitimate from genesis on."""

    validators: ValidatorSet
    changed_at: tuple[int, ...]
    """Heights of the blocks that announced another set, from genesis to this one."""


Fact = VerifiedTransaction | KeyFact | HistoryFact | StoryFact | ValidatorsFact


@dataclass(frozen=True, slots=True)
class Proven:
    """A statement that holds for everybody who believes the genesis hash."""

    genesis_hash: Digest
    network: str
    """Name of the network in its genesis."""
    header: VerifiedHeader
    """The highest header of the proof: what it speaks of is as of this block."""
    quorum: int
    """How many of the validators certified the block."""
    validators: int
    """How many there were."""
    fact: Fact


def proven_json(proven: Proven) -> dict[str, Any]:
    """Return the statement as JSON values: bytes in hexadecimal, heights and counts as numbers."""
    kind, fields = _fact_json(proven.fact)
    header = proven.header.header
    return {
        "kind": kind,
        "genesis_hash": proven.genesis_hash.hex(),
        "height": header.height,
        "block_hash": proven.header.block_hash.hex(),
        "time": header.time,
        "epoch": header.epoch,
        "validators": proven.validators,
        "quorum": proven.quorum,
        **fields,
    }


def _fact_json(fact: Fact) -> tuple[str, dict[str, Any]]:
    match fact:
        case VerifiedTransaction():
            return "transaction", _transaction_json(fact)
        case KeyFact(contract, key, at_height, leaf):
            place = {"contract": contract, "key": key.hex(), "at_height": at_height}
            return "key", {**place, "version": None if leaf is None else _leaf_json(leaf)}
        case HistoryFact(contract, key, versions):
            listed = [_leaf_json(leaf) for leaf in versions]
            return "history", {"contract": contract, "key": key.hex(), "versions": listed}
        case StoryFact():
            return "story", _story_json(fact)
        case ValidatorsFact(validators, changed_at):
            listed = [
                {"id": each.validator_id, "organisation": each.organisation, "consensus_key": each.consensus_key.hex()}
                for each in validators.validators
            ]
            return "validators", {
                "validators_hash": validators.validators_hash.hex(),
                "members": listed,
                "changed_at": list(changed_at),
            }


def _transaction_json(fact: VerifiedTransaction) -> dict[str, Any]:
    body = fact.transaction.body
    return {
        "transaction_id": fact.transaction.transaction_id.hex(),
        "transaction_height": fact.receipt.height,
        "index": fact.receipt.index,
        "sender_key": body.sender_key.hex(),
        "calls": [f"{call.contract}.{call.method}" for call in body.calls],
        "code": fact.receipt.code,
        "raw": fact.transaction.raw.hex(),
        "receipt": fact.receipt.encoded().hex(),
    }


def _story_json(fact: StoryFact) -> dict[str, Any]:
    records = [
        {
            "subject": record.subject,
            "as_of": record.as_of,
            "versions": [_leaf_json(leaf) for leaf in record.versions],
        }
        for record in fact.records
    ]
    return {
        "contract": fact.contract,
        "rule": fact.rule.value,
        "subject": fact.subject,
        "contract_version": fact.contract_version,
        "source_hash": fact.source_hash.hex(),
        "complete_to": fact.complete_to,
        "records": records,
        "transactions": [_transaction_json(each) for each in fact.transactions],
    }


def _leaf_json(leaf: Leaf) -> dict[str, Any]:
    value = None if leaf.value is None else leaf.value.hex()
    return {"height": leaf.height, "index": leaf.index, "value": value}
