"""What an audit reports when a history is not what it claims to be: the levels, and the first place that differs."""

from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from chain.values import dataclass


class Level(StrEnum):
    """What is checked of each block, in this order; each level takes the ones before it for granted."""

    FORM = "form"
    """Everything is in canonical form, and an export is complete and what its manifest says."""
    HEADERS = "headers"
    """Links, history root, time, proposer, validator set and epoch continue the block before."""
    CERTIFICATES = "certificates"
    """A quorum of the validators signed exactly this block with exactly this result."""
    TRANSACTIONS = "transactions"
    """Every sender signed, and the header names exactly these transactions."""
    RECEIPTS = "receipts"
    """The result names exactly these receipts, and they belong to these transactions."""
    EXECUTION = "execution"
    """The rules of validity hold, and running every contract again gives these receipts and this state."""
    INVARIANTS = "invariants"
    """What contracts declare of themselves with @invariant holds in the state."""
    STATE = "state"
    """A node's state database holds exactly what execution gives, key by key."""
    CONSISTENCY = "consistency"
    """Other sources and earlier audits show the same history."""


HISTORY_LEVELS: Final = (
    Level.FORM,
    Level.HEADERS,
    Level.CERTIFICATES,
    Level.TRANSACTIONS,
    Level.RECEIPTS,
    Level.EXECUTION,
)
"""The levels of one history by itself, each of which presumes the ones before; the others need more than it."""


def levels_up_to(level: Level) -> tuple[Level, ...]:
    """Return the levels of a history up to and with one of them."""
    return HISTORY_LEVELS[: HISTORY_LEVELS.index(level) + 1]


SIGNED_HEAD: Final = "signed_head"
"""Field of a mismatch where what another side handed over as a signed head is none."""

LOST: Final = "this block cannot be read; the audit goes on with the next one that can"
"""Detail of a mismatch where blocks cannot be read."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first place where a history differs from what it should be."""

    level: Level
    height: int
    """0 for the genesis and for an export as a whole."""
    field: str
    expected: str
    """What follows from the genesis, the rules, or the history itself."""
    found: str
    """What the history says instead."""
    transaction_index: int | None = None
    transaction_id: str | None = None
    contract: str | None = None
    """Contract that the transaction calls, where the difference is in what it did."""
    detail: str = ""
    """A sentence for people, where the fields do not speak for themselves."""
    key: str | None = None
    """Key within the contract in hexadecimal, where the difference is in what a state holds."""

    def as_json(self) -> dict[str, Any]:
        """Return the mismatch for programs."""
        return {
            "level": self.level.value,
            "height": self.height,
            "transaction_index": self.transaction_index,
            "transaction_id": self.transaction_id,
            "contract": self.contract,
            "key": self.key,
            "field": self.field,
            "expected": self.expected,
            "found": self.found,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Mismatch":
        """Return the mismatch that `as_json` gave.

        Raises:
            ValueError, KeyError, TypeError: when it is none.
        """
        return cls(**{**document, "level": Level(document["level"])})


def is_same_damage(before: Mismatch, mismatch: Mismatch) -> bool:
    """Tell whether a block was lost with the one that was found lost before: that is said once."""
    return mismatch.detail == LOST and replace(before, height=mismatch.height) == mismatch


class AuditMismatch(Exception):
    """Ends an audit: the history differs from what it should be."""

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(f"{mismatch.field} at height {mismatch.height}: {mismatch.found} is not {mismatch.expected}")
        self.mismatch = mismatch


class SourceUnreadable(Exception):
    """The history cannot be read at all: no such folder, no answer, a disk error. It says nothing of the history."""
