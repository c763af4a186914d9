"""Checks proof files against a genesis whose hash the verifier knows; what it returns is proven, all else raises.

It trusts nothing in a file: every header needs a certificate by the validator set that genesis leads to, every other
part has to follow from a header, and a part that nothing needs is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chain.block import decode_header
from chain.crypto import tagged_hash
from chain.encoding import DecodeError, EncodeError, decode
from chain.genesis import Genesis, GenesisError, decode_genesis
from chain.identity import decode_contract
from chain.proof_file import (
    RECORDS_MAX,
    Evidence,
    HistoryEvidence,
    KeyEvidence,
    PlacedTransaction,
    ProofFile,
    StoryEvidence,
    ValidatorChange,
    ValidatorsEvidence,
    Versions,
    decode_proof_file,
)
from chain.proofs import CertifiedHeader
from chain.runtime import SYSTEM
from chain.state_keys import contract_key
from chain.state_leaf import Leaf, decode_leaf, leaf_hash
from chain.state_proof import StateProofError, verify_proof
from chain.types import Digest
from chain.validators import ValidatorSet, validator_set_from_value
from chain.values import dataclass
from tallystick.proof import (
    ProofError,
    Trust,
    VerifiedHeader,
    VerifiedTransaction,
    verify_header,
    verify_places,
)
from tallystick.proof_facts import Fact, HistoryFact, KeyFact, Proven, RecordFact, StoryFact, ValidatorsFact
from tallystick.story_rules import containers_named, record_key


class GenesisMissing(ValueError):
    """A proof cannot be checked because only the hash of its genesis is known, and the file does not carry it."""


@dataclass(frozen=True, slots=True)
class _Sets:
    """The validator sets from genesis on."""

    trusts: tuple[Trust, ...]
    last_heights: tuple[int, ...]
    """The last height that each of them certified, except the last one."""

    def header(self, certified: CertifiedHeader) -> VerifiedHeader:
        """Return a header that the set of its epoch certified, at a height that was that set's."""
        try:
            header = decode_header(certified.header)
        except DecodeError as error:
            raise ProofError(f"malformed header: {error}") from error
        place = header.epoch - self.trusts[0].validators.epoch
        if not 0 <= place < len(self.trusts):
            raise ProofError(f"nothing shows who the validators of epoch {header.epoch} were")
        first = 1 if place == 0 else self.last_heights[place - 1] + 1
        if header.height < first or (place < len(self.last_heights) and header.height > self.last_heights[place]):
            raise ProofError(f"block {header.height} is not of the time of the validators of epoch {header.epoch}")
        return verify_header(self.trusts[place], certified)


def check_proof(data: bytes, known: Genesis | Digest) -> Proven:
    """Return what a proof file proves to somebody who knows a genesis, or the hash of one.

    Raises:
        DecodeError: when the bytes are no proof file.
        ProofError: when they do not prove what they state.
        GenesisMissing: when only the hash is known and the file does not carry the genesis.
    """
    file = decode_proof_file(data)
    genesis = _genesis(file, known)
    # Its hash is that of the file now, and to compute it takes longer than the rest.
    trust = Trust(file.chain_id, genesis.validators, genesis.parameters.transaction_bytes_max)
    sets = _validator_sets(trust, file.changes)
    headers = [sets.header(certified) for certified in file.headers]
    heights = [verified.header.height for verified in headers]
    if heights != sorted(set(heights)):
        raise ProofError("the headers are not in ascending order of height")
    last, validators = headers[-1], sets.trusts[-1].validators
    if last.header.epoch != validators.epoch:
        raise ProofError("the file shows a change of validators that nothing in it needs")
    fact = _fact(sets, file.evidence, headers)
    return Proven(file.chain_id, genesis.name, last, validators.quorum, validators.size, fact)


def _genesis(file: ProofFile, known: Genesis | Digest) -> Genesis:
    expected = known.genesis_hash if isinstance(known, Genesis) else known
    if file.chain_id != expected:
        raise ProofError(f"the proof is about the ledger {file.chain_id.hex()}, not {expected.hex()}")
    carried: Genesis | None = None
    if file.genesis is not None:
        found = tagged_hash("genesis", file.genesis)
        if found != expected:
            raise ProofError(f"the genesis in the file has the hash {found.hex()}")
        try:
            carried = decode_genesis(file.genesis)
        except (DecodeError, GenesisError) as error:
            raise ProofError(f"the genesis in the file is none: {error}") from error
    if isinstance(known, Genesis):
        return known
    if carried is None:
        raise GenesisMissing("the file does not carry the genesis, and its hash alone does not tell the validators")
    return carried


def _validator_sets(trust: Trust, changes: Sequence[ValidatorChange]) -> _Sets:
    """Follow the changes of the validator set: each is certified by the set before and announces the next."""
    sets = _Sets((trust,), ())
    for change in changes:
        current = sets.trusts[-1].validators
        verified = sets.header(change.certified)
        if verified.header.epoch != current.epoch:
            raise ProofError(f"epoch {current.epoch} is not ended by a block of epoch {verified.header.epoch}")
        if tagged_hash("validators", change.validators) != verified.result.next_validators_hash:
            raise ProofError(f"block {verified.header.height} announces others than these validators")
        following = _validator_set(change.validators)
        if following.epoch != current.epoch + 1:
            raise ProofError(f"epoch {following.epoch} cannot follow epoch {current.epoch}")
        trusts = (*sets.trusts, replace(trust, validators=following))
        sets = _Sets(trusts, (*sets.last_heights, verified.header.height))
    return sets


def _validator_set(data: bytes) -> ValidatorSet:
    try:
        return validator_set_from_value(decode(data))
    except DecodeError as error:
        raise ProofError(f"malformed validator set: {error}") from error


def _fact(sets: _Sets, evidence: Evidence, headers: Sequence[VerifiedHeader]) -> Fact:
    if isinstance(evidence, StoryEvidence):
        return _story(sets.trusts[0], evidence, headers)
    if len(headers) != 1:
        raise ProofError(f"{len(headers)} headers where one is needed")
    header = headers[0]
    match evidence:
        case PlacedTransaction():
            return _transaction(sets.trusts[0], evidence, header)
        case KeyEvidence():
            return _key(evidence, header)
        case HistoryEvidence(contract, key, versions):
            return HistoryFact(contract, key, _whole_history(header, contract, key, versions))
        case ValidatorsEvidence():
            return ValidatorsFact(sets.trusts[-1].validators, sets.last_heights)


def _transaction(trust: Trust, evidence: PlacedTransaction, header: VerifiedHeader) -> VerifiedTransaction:
    # The header was verified; the bytes of the certified header in the proof are not looked at again.
    proof = evidence.under(CertifiedHeader(b"", b"", b""))
    transaction, receipt = verify_places(trust, proof, header)
    return VerifiedTransaction(transaction, receipt, header)


def _key(evidence: KeyEvidence, header: VerifiedHeader) -> KeyFact:
    """Find the version that was in force: of those up to its height the newest one."""
    if evidence.height > header.header.height:
        raise ProofError(f"height {evidence.height} is beyond the certified block {header.header.height}")
    leaves = _versions(header, evidence.contract, evidence.key, evidence.versions)
    later = [leaf for leaf in leaves if leaf.height > evidence.height]
    if len(leaves) - len(later) > 1:
        raise ProofError("the file shows versions that nothing in it needs")
    if len(leaves) > len(later):
        return KeyFact(evidence.contract, evidence.key, evidence.height, leaves[-1])
    if leaves and leaves[-1].previous is not None:
        raise ProofError(f"the version in force at height {evidence.height} is not shown")
    return KeyFact(evidence.contract, evidence.key, evidence.height, None)


def _whole_history(header: VerifiedHeader, contract: str, key: bytes, versions: Versions) -> tuple[Leaf, ...]:
    """Return all versions of a key, the oldest first."""
    leaves = _versions(header, contract, key, versions)
    if leaves and leaves[-1].previous is not None:
        raise ProofError("the oldest version that is shown is not the first one")
    return tuple(reversed(leaves))


def _versions(header: VerifiedHeader, contract: str, key: bytes, versions: Versions) -> list[Leaf]:
    """Return versions of a key, the newest first: each is what the hash in the one after it stands for."""
    newest = _held(header, contract, key, versions.proof)
    leaves = [] if newest is None else [newest]
    for encoded in versions.older:
        if not leaves or leaves[-1].previous != leaf_hash(encoded):
            raise ProofError(f"a version of {contract}/{key.hex()} is shown that the one after it does not name")
        try:
            leaves.append(decode_leaf(encoded))
        except DecodeError as error:
            raise ProofError(f"malformed version: {error}") from error
    return leaves


def _held(header: VerifiedHeader, contract: str, key: bytes, proof: bytes) -> Leaf | None:
    try:
        return verify_proof(header.result.state_root, contract, key, proof)
    except (StateProofError, EncodeError) as error:
        raise ProofError(f"the state after block {header.header.height} is not shown: {error}") from error


def _story(trust: Trust, evidence: StoryEvidence, headers: Sequence[VerifiedHeader]) -> StoryFact:
    by_height: dict[int, VerifiedHeader] = {header.header.height: header for header in headers}
    header = _header_at(by_height, evidence.contract_height)
    deployed = _held(header, SYSTEM, _contract_key(evidence.contract), evidence.contract_proof)
    if deployed is None or deployed.value is None:
        raise ProofError(f"there is no contract {evidence.contract[:64]!r}")
    records = _records(by_height, evidence)
    written = {(leaf.height, leaf.index) for record in records for leaf in record.versions if leaf.height > 0}
    if len(written) != len(evidence.transactions):
        raise ProofError("the transactions are not exactly those that wrote the records")
    places = sorted(written)
    transactions = [
        _transaction(trust, entry, _header_at(by_height, height))
        for entry, (height, _) in zip(evidence.transactions, places, strict=True)
    ]
    if places != [(each.receipt.height, each.receipt.index) for each in transactions]:
        raise ProofError("the transactions are not exactly those that wrote the records, in their order")
    needed = {evidence.contract_height, *(record.as_of for record in records), *(height for height, _ in places)}
    if set(by_height) != needed:
        raise ProofError("the file shows a header that nothing in it needs")
    try:
        version = decode_contract(deployed.value).current
    except DecodeError as error:
        raise ProofError(f"malformed record of a contract: {error}") from error
    place = (evidence.contract, evidence.rule, evidence.subject)
    return StoryFact(*place, version.version, version.source_hash, tuple(records), tuple(transactions))


def _records(by_height: Mapping[int, VerifiedHeader], evidence: StoryEvidence) -> list[RecordFact]:
    """Return the records of the subject, of the containers that its versions name, and so on, each once."""
    subjects = [evidence.subject]
    records: list[RecordFact] = []
    for record in evidence.records:
        if len(records) == len(subjects):
            raise ProofError("the file shows a record that nothing in it needs")
        subject = subjects[len(records)]
        header = _header_at(by_height, record.height)
        try:
            key = record_key(evidence.rule, subject)
            history = _whole_history(header, evidence.contract, key, record.versions)
            named = [name for leaf in history for name in containers_named(evidence.rule, leaf)]
        except (DecodeError, EncodeError) as error:
            raise ProofError(f"the record of {subject[:64]!r} cannot be read: {error}") from error
        if not history:
            raise ProofError(f"the contract has no record of {subject[:64]!r}")
        records.append(RecordFact(subject, record.height, history))
        subjects += [name for name in dict.fromkeys(named) if name not in subjects]
        if len(subjects) > RECORDS_MAX:
            raise ProofError(f"the story takes more than {RECORDS_MAX} records")
    if len(records) != len(subjects):
        raise ProofError(f"the record of {subjects[len(records)][:64]!r} is not shown")
    return records


def _header_at(by_height: Mapping[int, VerifiedHeader], height: int) -> VerifiedHeader:
    header = by_height.get(height)
    if header is None:
        raise ProofError(f"the header of block {height} is not shown")
    return header


def _contract_key(name: str) -> bytes:
    try:
        return contract_key(name)
    except EncodeError as error:
        raise ProofError(f"{name[:64]!r} is no contract's name: {error}") from error
