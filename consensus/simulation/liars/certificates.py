"""Certificates that prove nothing, made from genuine ones or from nothing; the edge has to refuse every one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from chain.certificate import VOTE_TAG, Certificate, Phase, Subject
from chain.crypto import SIGNATURE_BYTES, tagged_hash
from chain.types import Signature, ValidatorId, View
from consensus.pbft.messages import NewView, ViewChange
from consensus.simulation.contract import consensus_seed
from consensus.simulation.liars.craft import Craft

Forger = Callable[[Craft, Certificate], Certificate]


def forged(craft: Craft, genuine: Certificate | None, phase: Phase, subject: Subject) -> Certificate:
    """Return a certificate for a subject that no quorum has signed: genuine parts of another one, or invented ones."""
    base = genuine if genuine is not None else _invented(craft, phase, subject)
    return craft.chance.choice(FORGERS)(craft, replace(base, phase=phase))


def fabricated(craft: Craft, change: ViewChange, other: Subject | None) -> ViewChange:
    """Return a VIEW-CHANGE that shows a certificate which nobody gave: for another block, or for none that exists."""
    place = (change.chain_id, change.epoch, change.height)
    digest = tagged_hash("simulation-lie")
    block = (digest, digest) if other is None else (other.block_hash, other.result_hash)
    view = View(craft.chance.randrange(change.view))
    subject = Subject(*place, view, *block)
    if change.last is not None and craft.chance.randrange(4) == 0:
        return craft.signed(replace(change, last=forged(craft, change.last, Phase.COMMIT, change.last.subject)))
    return craft.signed(replace(change, prepared=forged(craft, change.prepared, Phase.PREPARE, subject)))


def false_new_view(craft: Craft, message: NewView) -> NewView:
    """Return a NEW-VIEW that shows what was not said: too few, one twice, one stripped, one fabricated, one altered."""
    changes = list(message.view_changes)
    place = craft.chance.randrange(len(changes))
    match craft.chance.randrange(5):
        case 0:
            del changes[place]
        case 1:
            changes[place] = changes[0 if place else -1]
        case 2:
            changes[place] = replace(changes[place], prepared=None, last=None)
        case 3:
            false = fabricated(craft, changes[place], None)
            changes[place] = replace(false, signature=changes[place].signature)
        case _:
            changes[place] = replace(changes[place], view=View(message.view + 1))
    return craft.signed(replace(message, view_changes=tuple(changes)))


def _invented(craft: Craft, phase: Phase, subject: Subject) -> Certificate:
    """Put the own signature under everybody's name."""
    own = craft.signatures.sign(consensus_seed(craft.name), VOTE_TAG, subject.payload(phase))
    validators = craft.genesis.validators
    return Certificate(phase, subject, tuple((name, own) for name in validators.ids[: validators.quorum]))


def _other_block(craft: Craft, genuine: Certificate) -> Certificate:
    """Genuine signatures, about something else."""
    digest = tagged_hash("simulation-lie", genuine.subject.block_hash)
    return replace(genuine, subject=replace(genuine.subject, block_hash=digest))


def _other_view(craft: Craft, genuine: Certificate) -> Certificate:
    return replace(genuine, subject=replace(genuine.subject, view=View(genuine.subject.view + 1)))


def _short(craft: Craft, genuine: Certificate) -> Certificate:
    place = craft.chance.randrange(len(genuine.signatures))
    return replace(genuine, signatures=genuine.signatures[:place] + genuine.signatures[place + 1 :])


def _repeated(craft: Craft, genuine: Certificate) -> Certificate:
    """One signer counts twice."""
    first = genuine.signatures[0]
    return replace(genuine, signatures=(first, first, *genuine.signatures[2:]))


def _long(craft: Craft, genuine: Certificate) -> Certificate:
    signers = {name for name, _ in genuine.signatures}
    others = [(name, Signature(bytes(SIGNATURE_BYTES))) for name in craft.genesis.validators.ids if name not in signers]
    return replace(genuine, signatures=tuple(sorted([*genuine.signatures, *others[:1]])))


def _stranger(craft: Craft, genuine: Certificate) -> Certificate:
    last = (ValidatorId("zed"), genuine.signatures[-1][1])
    return replace(genuine, signatures=(*genuine.signatures[:-1], last))


def _bad(craft: Craft, genuine: Certificate) -> Certificate:
    """One signature is no signature."""
    entries = list(genuine.signatures)
    place = craft.chance.randrange(len(entries))
    entries[place] = (entries[place][0], Signature(bytes(SIGNATURE_BYTES)))
    return replace(genuine, signatures=tuple(entries))


def _other_phase(craft: Craft, genuine: Certificate) -> Certificate:
    phase = Phase.PREPARE if genuine.phase is Phase.COMMIT else Phase.COMMIT
    return replace(genuine, phase=phase)


FORGERS: Final[tuple[Forger, ...]] = (
    _other_block,
    _other_view,
    _short,
    _repeated,
    _long,
    _stranger,
    _bad,
    _other_phase,
)
