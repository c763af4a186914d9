"""Following several nodes of one ledger and noticing when they show two histories.

A witness keeps the largest head that it has found certified and consistent with all that it saw before. Each node is
asked for its signed head and for the proof that its history extends the kept one. What does not fit is either a lie of
one node, which proves nothing and is not cosigned, or a fork: two blocks of one height, both certified. A fork is what
the witness exists for; the two certificates are evidence that anybody can check, and show who signed both.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from chain.certificate import decode_certificate
from chain.checkpoint import (
    Checkpoint,
    Note,
    NoteError,
    NoteSignature,
    checkpoint_of,
    is_signed,
    member_key_name,
    parse_note,
)
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.merkle import MerkleProofError, verify_consistency
from chain.proof_file import ProofFile, ValidatorsEvidence
from chain.proofs import CertifiedHeader, certified_header_of
from chain.recorded_block import decode_recorded_block
from chain.types import Digest
from chain.values import dataclass
from tallystick.errors import ApiError, NodeUnavailable, TallystickError, VerificationError
from tallystick.proof import ProofError, VerifiedHeader, trust_in, verify_block_in_history, verify_header
from tallystick.transport import JSON, Request, Transport


@dataclass(frozen=True, slots=True)
class Head:
    """The largest head that a witness vouches for: nothing before the first block."""

    certified: CertifiedHeader
    source: str
    """The node that showed it."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Two certified blocks of one height."""

    height: int
    views: tuple[CertifiedHeader, CertifiedHeader]
    sources: tuple[str, str]
    """Who showed each."""

    def signed_both(self) -> list[str]:
        """Return the validators whose signatures stand in both certificates."""
        signers = [{name for name, _ in decode_certificate(each.certificate).signatures} for each in self.views]
        return sorted(signers[0] & signers[1])

    def files(self, genesis: Genesis) -> dict[str, bytes]:
        """Return both sides as proof files, which verify each by itself and cannot both be the history."""
        return {
            f"view-{number}.proof": ProofFile(
                genesis.genesis_hash, genesis.encoded(), (), (view,), ValidatorsEvidence()
            ).encoded()
            for number, view in enumerate(self.views, 1)
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of asking one node."""

    url: str
    head: Head | None
    """The head to keep from now on, None where the node showed none that is larger."""
    note: Note | None
    """The node's signed head, checked; None where it signs none."""
    trouble: str | None = None
    """Why this node cannot be relied on, though it proves no fork."""
    fork: Fork | None = None


class Witness:
    """Owns the connections to the nodes of one ledger, and asks them in turn."""

    def __init__(self, genesis: Genesis, transports: Mapping[str, Transport]) -> None:
        self._genesis = genesis
        self._trust = trust_in(genesis)
        self._transports = transports

    async def round(self, head: Head | None) -> tuple[Head | None, list[Seen]]:
        """Ask each node once; return the head to keep and what each showed. A fork ends the round."""
        seen: list[Seen] = []
        for url in self._transports:
            found = await self._ask(url, head)
            seen.append(found)
            if found.fork is not None:
                break
            head = found.head or head
        return head, seen

    async def contradiction(self, note: Note) -> Head | None:
        """Return a certified head that another person's signed head contradicts; None if some node's history has it.

        Raises:
            NoteError: when no validator has signed it, or a validator's signature in it is bad.
            NodeUnavailable: when no node shows a header of its size.
        """
        self._check_signed(note)
        attempts: dict[str, str] = {}
        found: Head | None = None
        for url in self._transports:
            try:
                certified, verified = await self._header(url, note.checkpoint.size)
            except (TallystickError, ProofError, DecodeError) as error:
                attempts[url] = str(error)
                continue
            if checkpoint_of(verified.header) == note.checkpoint:
                return None
            found = found or Head(certified, url)
        if found is None:
            raise NodeUnavailable(attempts)
        return found

    def verified(self, certified: CertifiedHeader) -> VerifiedHeader:
        """Return what a header proves.

        Raises:
            ProofError: when it is not certified.
        """
        return verify_header(self._trust, certified)

    async def _ask(self, url: str, head: Head | None) -> Seen:
        note: Note | None = None
        try:
            note = await self._note(url)
            at = None if note is None else note.checkpoint.size
            shown = await self._header(url, at)
            if note is not None and checkpoint_of(shown[1].header) != note.checkpoint:
                raise ProofError("has signed another head than the one that it shows certified")
            return await self._compare(url, head, Head(shown[0], url), shown[1], note)
        except (TallystickError, ProofError, DecodeError, NoteError) as error:
            return Seen(url, None, note, str(error))

    async def _compare(
        self, url: str, kept: Head | None, shown: Head, verified: VerifiedHeader, note: Note | None
    ) -> Seen:
        """Hold a certified head against the kept one."""
        if kept is None:
            return Seen(url, shown, note)
        known = self.verified(kept.certified)
        old, new = known.header.height, verified.header.height
        if new == old:
            if verified.block_hash == known.block_hash:
                return Seen(url, None, note)
            return Seen(url, None, note, fork=await self._first_difference(kept, shown, old))
        if new > old:
            trouble = await self._extends(url, known, verified)
            if trouble is None:
                return Seen(url, shown, note)
            return await self._part(url, kept, old, note, trouble)
        # A node that is behind has to show what the source of the kept head shows at that height.
        trouble = await self._extends(kept.source, verified, known)
        if trouble is None:
            return Seen(url, None, note)
        return await self._part(url, kept, new, note, trouble)

    async def _extends(self, url: str, old: VerifiedHeader, new: VerifiedHeader) -> str | None:
        """Have a node prove that one certified head extends another; return what is wrong."""
        low, high = old.header.height, new.header.height
        try:
            proof = await self._json(url, f"/v1/blocks/{low}/history", height=str(high))
            path, consistency = _digests(proof, "path"), _digests(proof, "consistency")
            verify_block_in_history(new, low, old.block_hash, path)
            verify_consistency(low, old.header.history_root, high, new.header.history_root, consistency)
        except (ProofError, MerkleProofError, TallystickError, DecodeError) as error:
            return f"{url} does not prove that block {high} extends block {low}: {error}"
        return None

    async def _part(self, url: str, kept: Head, height: int, note: Note | None, trouble: str) -> Seen:
        """Look for two certified blocks of a height at which two histories should agree."""
        try:
            own = self.verified(kept.certified).header.height
            ours = kept if height == own else await self._at(kept.source, height)
            theirs = await self._at(url, height)
        except (TallystickError, ProofError, DecodeError) as error:
            return Seen(url, None, note, f"{trouble}; and then: {error}")
        if self._hash(ours) == self._hash(theirs):
            return Seen(url, None, note, trouble)
        return Seen(url, None, note, fork=await self._first_difference(ours, theirs, height))

    async def _first_difference(self, one: Head, other: Head, height: int) -> Fork:
        """Go back to the first height at which two nodes part, as far as they still tell; a fork is one anywhere."""
        low = 0
        while one.source != other.source and height - low > 1:
            middle = (low + height) // 2
            try:
                pair = await self._at(one.source, middle), await self._at(other.source, middle)
            except (TallystickError, ProofError, DecodeError):
                break
            if self._hash(pair[0]) == self._hash(pair[1]):
                low = middle
            else:
                height, (one, other) = middle, pair
        return Fork(height, (one.certified, other.certified), (one.source, other.source))

    async def _at(self, url: str, height: int) -> Head:
        if url not in self._transports:
            raise NodeUnavailable({url: "is no longer followed"})
        certified, _ = await self._header(url, height)
        return Head(certified, url)

    def _hash(self, head: Head) -> Digest:
        return self.verified(head.certified).block_hash

    async def _header(self, url: str, height: int | None) -> tuple[CertifiedHeader, VerifiedHeader]:
        """Return a node's header of a height, or its last one, verified."""
        name = "latest" if height is None else str(height)
        request = Request("GET", f"/v1/blocks/{name}/raw")
        answer = await self._transports[url].ask_for(request)
        certified = certified_header_of(decode_recorded_block(answer.body))
        verified = verify_header(self._trust, certified)
        if height is not None and verified.header.height != height:
            raise VerificationError(url, f"shows block {verified.header.height} as block {height}")
        return certified, verified

    async def _note(self, url: str) -> Note | None:
        """Return a node's signed head; None for one that signs none.

        Raises:
            NoteError: when a member of genesis has not signed it, or its signature is bad.
        """
        try:
            answer = await self._transports[url].ask_for(Request("GET", "/v1/checkpoint"))
        except ApiError as error:
            if error.code == "not_signed":
                return None
            raise
        note = parse_note(answer.body, self._genesis.genesis_hash)
        self._check_signed(note)
        return note

    def _check_signed(self, note: Note) -> None:
        signers = [
            validator.validator_id
            for validator in self._genesis.validators.validators
            if is_signed(note, member_key_name(note.checkpoint, validator.validator_id), validator.consensus_key)
        ]
        if not signers:
            raise NoteError("the head is not signed by a validator")

    async def _json(self, url: str, path: str, **query: str) -> Any:
        if url not in self._transports:
            raise NodeUnavailable({url: "is no longer followed"})
        return (await self._transports[url].ask_for(Request("GET", path, query, headers={"Accept": JSON}))).json()


def member_signatures(checkpoint: Checkpoint, seen: Sequence[Seen]) -> list[NoteSignature]:
    """Return the members' signatures of this very head that were seen in a round, each once."""
    lines = [line for each in seen if each.note and each.note.checkpoint == checkpoint for line in each.note.signatures]
    return sorted(set(lines), key=lambda line: (line.key_name, line.key_id, line.signature))


def _digests(document: Any, name: str) -> list[bytes]:
    try:
        return [bytes.fromhex(item) for item in document[name]]
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"the answer holds no {name}") from error


def head_to_json(head: Head) -> dict[str, str]:
    """Return a head in the form in which it is kept."""
    parts = {
        "header": head.certified.header,
        "result": head.certified.result,
        "certificate": head.certified.certificate,
    }
    return {**{name: base64.b64encode(data).decode("ascii") for name, data in parts.items()}, "source": head.source}


def head_from_json(document: Any) -> Head:
    """Return the head that was kept.

    Raises:
        ValueError: when the document holds none.
    """
    try:
        parts = [base64.b64decode(document[name], validate=True) for name in ("header", "result", "certificate")]
        return Head(CertifiedHeader(*parts), str(document["source"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no head is kept there: {error!r}") from error
