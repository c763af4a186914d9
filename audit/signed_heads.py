"""Holds a history against a head that members have signed (chain.checkpoint), kept from a node or by a witness.

A signed head fixes every block below it. So it binds whoever signed it, and shows whom: a history that has another head
of that size is not the one that these members had, whatever certificates it bears. Members' keys are in the genesis,
those of witnesses are brought by the auditor (audit.cosignatures).
"""

from collections.abc import Sequence

from audit.consistency import Comparison, genesis_hash_of, parted, record_at
from audit.cosignatures import Cosignatures, read_cosignatures
from audit.mismatch import SIGNED_HEAD, Level, Mismatch, SourceUnreadable
from audit.source import BlockSource
from chain.block import Header
from chain.checkpoint import ORIGIN_PREFIX, Note, NoteError, WitnessKey, is_signed, member_key_name, parse_note
from chain.encoding import DecodeError
from chain.genesis import Genesis


def is_signed_head(data: bytes) -> bool:
    """Tell whether a file means to be a signed head."""
    return data.startswith(ORIGIN_PREFIX.encode("ascii"))


def compare_with_head(
    source: BlockSource,
    genesis: Genesis,
    data: bytes,
    label: str,
    *,
    live: bool,
    witnesses: Sequence[WitnessKey] = (),
) -> Comparison:
    """Hold a history against a note; with `live` a node has just given it, and may well be further.

    `witnesses` are keys of witnesses that the auditor knows. A head counts if a validator of genesis or one of these
    has signed it; a signature that is not by the key that its line names is a mismatch.

    Raises:
        SourceUnreadable: when the history cannot be read.
        AuditMismatch: when its source finds something false itself.
    """
    ours = genesis_hash_of(source)
    theirs = data.partition(b"\n")[0].decode("ascii", "replace").removeprefix(ORIGIN_PREFIX)
    if theirs != ours:
        return parted(label, 0, "genesis_hash", theirs[:64], ours, "the signed head is of another network")
    try:
        note = parse_note(data, genesis.genesis_hash)
    except NoteError as error:
        return _worthless(label, 0, "a note in its one form", str(error))
    at = min(note.checkpoint.size, source.head_height())
    cosignatures = read_cosignatures(note, genesis, witnesses)
    try:
        signers = [*_signers(note, genesis), *cosignatures.names]
    except NoteError as error:
        return _worthless(label, at, "good signatures of the validators whom it names", str(error))
    if cosignatures.bad:
        found = f"a bad cosignature of {_listed(list(cosignatures.bad))}"
        return _worthless(label, at, "good cosignatures of the witnesses whom it names", found)
    if not signers:
        found = f"no validator has signed it{cosignatures.told()}"
        return _worthless(label, at, "a signature of a validator, or of a witness whose key is known", found)
    return _compare(source, note, signers, cosignatures, label, live)


def _worthless(label: str, height: int, expected: str, found: str) -> Comparison:
    """Return what to say of a head that proves nothing of this history, and yet was handed over as if it did."""
    detail = f"{label}: this signed head proves nothing; ask for it again, and keep this one"
    mismatch = Mismatch(Level.CONSISTENCY, height, SIGNED_HEAD, expected, found, detail=detail)
    return Comparison(label, mismatch, "")


def _compare(
    source: BlockSource, note: Note, signers: list[str], cosignatures: Cosignatures, label: str, live: bool
) -> Comparison:
    size, last = note.checkpoint.size, source.head_height()
    who = _listed(signers)
    if size > last:
        if live:
            statement = f"{label}: its signed head of size {size} lies behind the end of this history, block {last}"
            return Comparison(label, None, f"{statement}{cosignatures.told()}")
        detail = f"{label}: {who} signed a head of size {size}, so there is a block {size}; this history ends before it"
        mismatch = Mismatch(Level.CONSISTENCY, last, "height", f"at least {size}", str(last), detail=detail)
        return Comparison(label, mismatch, "")
    root = _header(source, size).history_root
    if root != note.checkpoint.root:
        detail = (
            f"{who} signed a head of size {size} with another root: some block below {size} was another one for them;"
            " compare with their nodes to find which, and keep the note, which proves what they signed"
        )
        return parted(label, size, "header.history_root", note.checkpoint.root.hex(), root.hex(), detail)
    statement = f"{label}: a head of size {size}, signed by {who}, which is part of this history{cosignatures.told()}"
    excluded = f"that {who}, who signed {label}, had another history up to block {size - 1}"
    return Comparison(label, None, statement, size - 1, excluded)


def _signers(note: Note, genesis: Genesis) -> list[str]:
    return [
        str(validator.validator_id)
        for validator in genesis.validators.validators
        if is_signed(note, member_key_name(note.checkpoint, validator.validator_id), validator.consensus_key)
    ]


def _header(source: BlockSource, height: int) -> Header:
    try:
        return record_at(source, height).decoded_block().header
    except DecodeError as error:
        raise SourceUnreadable(f"what a source shows as block {height} is none: {error}") from error


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
