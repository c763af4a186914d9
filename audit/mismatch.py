"""What an audit reports when a history is not what it claims to be: the levels, and the first place that differs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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

    def as_json(self) -> dict[str, Any]:
        """Return the mismatch for programs."""
        return {
            "level": self.level.value,
            "height": self.height,
            "transaction_index": self.transaction_index,
            "transaction_id": self.transaction_id,
            "contract": self.contract,
            "field": self.field,
            "expected": self.expected,
            "found": self.found,
            "detail": self.detail,
        }


class AuditMismatch(Exception):
    """Ends an audit: the history differs from what it should be."""

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(f"{mismatch.field} at height {mismatch.height}: {mismatch.found} is not {mismatch.expected}")
        self.mismatch = mismatch


class SourceUnreadable(Exception):
    """The history cannot be read at all: no such folder, no answer, a disk error. It says nothing of the history."""
