"""Collects from a node what a proof file takes, and checks the file before it is handed out.

A node proves its present state. What a key held at an earlier height is proven all the same: the newest version names
the one before it by its hash, and so on down to the one that was in force.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from chain.block import decode_header
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.proof_file import (
    HEADERS_MAX,
    RECORDS_MAX,
    Evidence,
    HistoryEvidence,
    KeyEvidence,
    PlacedTransaction,
    ProofFile,
    Record,
    StoryEvidence,
    StoryRule,
    ValidatorsEvidence,
    Versions,
    placed,
)
from chain.proofs import CertifiedHeader, StateProof, certified_header_of, decode_state_proof, decode_transaction_proof
from chain.receipt import decode_result
from chain.recorded_block import decode_recorded_block
from chain.runtime import SYSTEM
from chain.state_keys import contract_key
from chain.state_leaf import Leaf, decode_leaf, leaf_hash
from chain.state_proof import StateProofError, verify_proof
from tallystick.errors import ProofUnavailable, VerificationError
from tallystick.proof import ProofError
from tallystick.proof_checking import check_proof
from tallystick.proof_facts import Proven
from tallystick.story_rules import containers_named, record_key
from tallystick.transport import BINARY, JSON, Request, Transport

PAGE_VERSIONS: Final = 200
"""Versions of a key that a node is asked for at a time."""


MakeProof = Callable[["Prover"], Awaitable[tuple[bytes, Proven]]]
"""Calls one of a prover's methods."""


class Prover:
    """Owns the questions to a node of one ledger. What it returns was checked against the genesis."""

    def __init__(self, transport: Transport, genesis: Genesis, *, carry_genesis: bool) -> None:
        self._transport = transport
        self._genesis = genesis
        self._carried = genesis.encoded() if carry_genesis else None

    async def transaction(self, transaction_id: bytes) -> tuple[bytes, Proven]:
        """Return the proof file of a committed transaction and its receipt."""
        url, proof = await self._binary(f"/v1/transactions/{transaction_id.hex()}/proof")
        try:
            decoded = decode_transaction_proof(proof)
        except DecodeError as error:
            raise VerificationError(url, str(error)) from error
        return self._finished(url, [decoded.certified], placed(decoded))

    async def key(self, contract: str, key: bytes, at_height: int | None = None) -> tuple[bytes, Proven]:
        """Return the proof file of what a key held at a height, by default the last one.

        Raises:
            ProofUnavailable: when the height is not there yet, or the node lacks the versions since.
        """
        url, proof = await self._state(contract, key)
        last = _height_of(proof.certified)
        height = last if at_height is None else at_height
        if not 0 <= height <= last:
            raise ProofUnavailable(f"the last block is {last}: nothing shows the state at height {height}")
        older: list[bytes] = []
        newest = _leaf_in(url, proof)
        if newest is not None and newest.height > height:
            older = await self._older(contract, key, newest, height)
        evidence = KeyEvidence(contract, key, height, Versions(proof.proof, tuple(older)))
        return self._finished(url, [proof.certified], evidence)

    async def history(self, contract: str, key: bytes) -> tuple[bytes, Proven]:
        """Return the proof file of all versions of a key.

        Raises:
            ProofUnavailable: when the node lacks some.
        """
        url, proof = await self._state(contract, key)
        versions, _ = await self._whole(url, proof)
        return self._finished(url, [proof.certified], HistoryEvidence(contract, key, versions))

    async def validators(self, height: int | None = None) -> tuple[bytes, Proven]:
        """Return the proof file of the validators that certified a block, by default the last one."""
        url, record = await self._binary(f"/v1/blocks/{'latest' if height is None else height}/raw")
        try:
            certified = certified_header_of(decode_recorded_block(record))
        except DecodeError as error:
            raise VerificationError(url, str(error)) from error
        return self._finished(url, [certified], ValidatorsEvidence())

    async def story(self, contract: str, rule: StoryRule, subject: str) -> tuple[bytes, Proven]:
        """Return the proof file of an item's or a transfer's story.

        Raises:
            ProofUnavailable: when the contract has no such record, the node lacks something, or the story is too long.
        """
        _, deployed = await self._state(SYSTEM, contract_key(contract))
        headers = {_height_of(deployed.certified): deployed.certified}
        subjects, records, written = [subject], list[Record](), set[tuple[int, int]]()
        while len(records) < len(subjects):
            url, proof = await self._state(contract, record_key(rule, subjects[len(records)]))
            versions, leaves = await self._whole(url, proof)
            if not leaves:
                raise ProofUnavailable(f"{contract} has no record of {subjects[len(records)]}")
            headers.setdefault(_height_of(proof.certified), proof.certified)
            records.append(Record(_height_of(proof.certified), versions))
            written |= {(leaf.height, leaf.index) for leaf in leaves if leaf.height > 0}
            try:
                named = [name for leaf in reversed(leaves) for name in containers_named(rule, leaf)]
            except DecodeError as error:
                raise ProofUnavailable(f"{contract} keeps no stories of this kind: {error}") from error
            subjects += [name for name in dict.fromkeys(named) if name not in subjects]
            if len(subjects) > RECORDS_MAX or len(headers) + len(written) > HEADERS_MAX:
                raise ProofUnavailable("the story is too long for one file; prove single keys and transactions")
        transactions = await self._written(sorted(written), headers)
        told = (tuple(records), tuple(transactions))
        evidence = StoryEvidence(contract, rule, subject, _height_of(deployed.certified), deployed.proof, *told)
        return self._finished(url, [headers[each] for each in sorted(headers)], evidence)

    async def _written(
        self, places: Sequence[tuple[int, int]], headers: dict[int, CertifiedHeader]
    ) -> list[PlacedTransaction]:
        """Return the transactions at these places, with their receipts; add the headers of their blocks."""
        transactions: list[PlacedTransaction] = []
        for height, index in places:
            document = await self._json(f"/v1/blocks/{height}")
            try:
                transaction_id = bytes.fromhex(document["transactions"][index]["id"])
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise ProofUnavailable(f"the node does not name transaction {index} of block {height}") from error
            url, proof = await self._binary(f"/v1/transactions/{transaction_id.hex()}/proof")
            try:
                decoded = decode_transaction_proof(proof)
            except DecodeError as error:
                raise VerificationError(url, str(error)) from error
            headers.setdefault(height, decoded.certified)
            transactions.append(placed(decoded))
        return transactions

    async def _whole(self, url: str, proof: StateProof) -> tuple[Versions, list[Leaf]]:
        """Return all versions of a proven key, and the leaves that they are, the newest first."""
        newest = _leaf_in(url, proof)
        if newest is None:
            return Versions(proof.proof, ()), []
        older = await self._older(proof.contract, proof.key, newest, -1) if newest.previous is not None else []
        return Versions(proof.proof, tuple(older)), [newest, *map(decode_leaf, older)]

    async def _older(self, contract: str, key: bytes, newest: Leaf, height: int) -> list[bytes]:
        """Return the versions before one, down to the first or to the one that was in force at a height."""
        older: list[bytes] = []
        wanted = newest.previous
        in_force = newest.height <= height
        while wanted is not None and not in_force:
            path = f"/v1/state/{contract}/0x{key.hex()}/history"
            document = await self._json(path, limit=str(PAGE_VERSIONS), version=wanted.hex())
            page = _raw_versions(document)
            for encoded in page:
                if in_force or wanted is None:
                    break
                if leaf_hash(encoded) != wanted:
                    raise ProofUnavailable("the node shows versions that do not follow from each other")
                older.append(encoded)
                leaf = decode_leaf(encoded)
                wanted, in_force = leaf.previous, leaf.height <= height
            if not page:
                raise ProofUnavailable("this node does not hold the older versions; ask one that holds all history")
        return older

    async def _state(self, contract: str, key: bytes) -> tuple[str, StateProof]:
        url, proof = await self._binary(f"/v1/state/{contract}/0x{key.hex()}")
        try:
            decoded = decode_state_proof(proof)
        except DecodeError as error:
            raise VerificationError(url, str(error)) from error
        if (decoded.contract, decoded.key) != (contract, key):
            raise VerificationError(url, f"proves {decoded.contract}/{decoded.key.hex()}, not {contract}/{key.hex()}")
        return url, decoded

    def _finished(self, url: str, headers: Sequence[CertifiedHeader], evidence: Evidence) -> tuple[bytes, Proven]:
        file = ProofFile(self._genesis.genesis_hash, self._carried, (), tuple(headers), evidence).encoded()
        try:
            return file, check_proof(file, self._genesis)
        except (DecodeError, ProofError) as error:
            raise VerificationError(url, str(error)) from error

    async def _binary(self, path: str) -> tuple[str, bytes]:
        answer = await self._transport.ask_for(Request("GET", path, headers={"Accept": BINARY}))
        return answer.url, answer.body

    async def _json(self, path: str, **query: str) -> Any:
        return (await self._transport.ask_for(Request("GET", path, query, headers={"Accept": JSON}))).json()


def _height_of(certified: CertifiedHeader) -> int:
    return decode_header(certified.header).height


def _leaf_in(url: str, proof: StateProof) -> Leaf | None:
    """Return the leaf that a proof shows; whether it leads to a certified root is checked with the whole file."""
    try:
        root = decode_result(proof.certified.result).state_root
        return verify_proof(root, proof.contract, proof.key, proof.proof)
    except (DecodeError, StateProofError) as error:
        raise VerificationError(url, str(error)) from error


def _raw_versions(document: Any) -> list[bytes]:
    try:
        return [base64.b64decode(version["raw"], validate=True) for version in document["versions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ProofUnavailable("the node's answer holds no versions") from error
