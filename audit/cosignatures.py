"""Checks the cosignatures of witnesses on a signed head with the keys that the auditor brought, and says which.

A witness's key is not on the ledger: whoever relies on a witness learns its key from it. A cosignature for which no
key was brought is named, and nothing is said to be known by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.moments import moment
from chain.checkpoint import COSIGNATURE, Note, NoteError, WitnessKey, cosigned_at, key_id, member_key_name
from chain.genesis import Genesis


@dataclass(frozen=True, slots=True)
class Cosignatures:
    """What the keys at hand tell of a note's cosignatures."""

    good: tuple[tuple[str, int], ...]
    """Names of witnesses whose signature is good, and when they gave it, in POSIX seconds."""
    bad: tuple[str, ...]
    """Names of witnesses whose line names the very key that was brought, with a signature that is not by it."""
    absent: tuple[str, ...]
    """Names of witnesses whose key was brought and who have not cosigned."""
    unchecked: tuple[str, ...]
    """Names on other lines that are not a member's: nobody has brought the key."""

    @property
    def names(self) -> list[str]:
        """The witnesses who are known to have cosigned."""
        return [name for name, _ in self.good]

    def told(self) -> str:
        """Return what to say of them behind a sentence about the head; empty if there is nothing."""
        parts = [
            f"cosigned by {name} on {moment(1000 * seconds)}, checked with the key given" for name, seconds in self.good
        ]
        parts += [f"not cosigned by {name}" for name in self.absent]
        parts += [
            f"a cosignature in the name of {name} was not checked: no key was given (--witness)"
            for name in self.unchecked
        ]
        return "".join(f"; {part}" for part in parts)


def read_cosignatures(note: Note, genesis: Genesis, keys: Sequence[WitnessKey]) -> Cosignatures:
    """Return what the keys of witnesses tell of a note."""
    good: list[tuple[str, int]] = []
    bad: list[str] = []
    absent: list[str] = []
    for witness in keys:
        try:
            seconds = cosigned_at(note, witness.name, witness.key)
        except NoteError:
            bad.append(witness.name)
            continue
        if seconds is None:
            absent.append(witness.name)
        else:
            good.append((witness.name, seconds))
    members = {member_key_name(note.checkpoint, each.validator_id) for each in genesis.validators.validators}
    known = {(witness.name, key_id(witness.name, COSIGNATURE, witness.key)) for witness in keys}
    others = {
        line.key_name
        for line in note.signatures
        if line.key_name not in members and (line.key_name, line.key_id) not in known
    }
    return Cosignatures(tuple(good), tuple(bad), tuple(absent), tuple(sorted(others)))
