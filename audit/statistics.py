"""Counts what a history holds as far as it has passed: by organisation, by contract, and by day of block time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from audit.mismatch import Mismatch
from audit.moments import day as day_of
from audit.seeing import Seen
from chain.transaction import decode_transaction

NAMES_MAX: Final = 10_000
"""Organisations, contracts or days that are counted by name; what is beyond is counted together."""
BEYOND: Final = "(others)"
UNKNOWN: Final = "(not known without running contracts)"


@dataclass(slots=True)
class Tally:
    """Counts of one organisation, contract or day."""

    transactions: int = 0
    failed: int = 0
    events: int = 0
    gas: int = 0

    def add(self, failed: bool, events: int, gas: int) -> None:
        """Count one transaction."""
        self.transactions += 1
        self.failed += failed
        self.events += events
        self.gas += gas

    def as_json(self) -> dict[str, int]:
        """Return the counts for programs."""
        return {"transactions": self.transactions, "failed": self.failed, "events": self.events, "gas": self.gas}


Tallies = dict[str, Tally]


@dataclass(slots=True)
class Statistics:
    """Implements audit.seeing.Watcher; owns all counts."""

    organisations: Tallies = field(default_factory=dict)
    contracts: Tallies = field(default_factory=dict)
    """By the contract of a transaction's first call."""
    days: Tallies = field(default_factory=dict)
    blocks_by_day: dict[str, int] = field(default_factory=dict)
    first_time: int | None = None
    last_time: int | None = None
    _organisation_of: dict[bytes, str] = field(default_factory=dict)

    def see(self, seen: Seen) -> Iterable[Mismatch]:
        """Count a block, and find nothing; what stands behind a mismatch may say anything and is not counted."""
        if not seen.has_passed:
            return ()
        header = seen.block.header
        day = day_of(header.time)
        self.first_time = header.time if self.first_time is None else self.first_time
        self.last_time = header.time
        self.blocks_by_day[day] = self.blocks_by_day.get(day, 0) + 1
        for raw, receipt in zip(seen.block.transactions, seen.record.decoded_receipts(), strict=False):
            body = decode_transaction(raw, size_max=len(raw)).body
            counted = (receipt.code is not None, len(receipt.events), receipt.gas_used)
            _tally(self.organisations, self._organisation(seen, body.sender_key)).add(*counted)
            _tally(self.contracts, body.calls[0].contract).add(*counted)
            _tally(self.days, day).add(*counted)
        return ()

    def as_json(self) -> dict[str, Any]:
        """Return all counts for programs; `statistics_from_json` takes them back."""
        return {
            "organisations": _json(self.organisations),
            "contracts": _json(self.contracts),
            "days": _json(self.days),
            "blocks_by_day": dict(self.blocks_by_day),
            "first_time": self.first_time,
            "last_time": self.last_time,
        }

    def add(self, other: "Statistics") -> None:
        """Add the counts of a later part of the history."""
        for ours, theirs in (
            (self.organisations, other.organisations),
            (self.contracts, other.contracts),
            (self.days, other.days),
        ):
            for name, tally in theirs.items():
                known = _tally(ours, name)
                known.transactions += tally.transactions
                known.failed += tally.failed
                known.events += tally.events
                known.gas += tally.gas
        for day, blocks in other.blocks_by_day.items():
            self.blocks_by_day[day] = self.blocks_by_day.get(day, 0) + blocks
        self.first_time = other.first_time if self.first_time is None else self.first_time
        self.last_time = self.last_time if other.last_time is None else other.last_time

    def _organisation(self, seen: Seen, key: bytes) -> str:
        if seen.ledger is None:
            return self._organisation_of.get(key, UNKNOWN)
        name = self._organisation_of.get(key)
        if name is None:
            member = seen.ledger.find_member(key)
            name = UNKNOWN if member is None else member.organisation
            if len(self._organisation_of) < NAMES_MAX:
                self._organisation_of[key] = name
        return name


def statistics_from_json(document: dict[str, Any]) -> Statistics:
    """Return the counts that `as_json` gave, to go on counting.

    Raises:
        KeyError, TypeError: when they are none.
    """
    return Statistics(
        _tallies(document["organisations"]),
        _tallies(document["contracts"]),
        _tallies(document["days"]),
        dict(document["blocks_by_day"]),
        document["first_time"],
        document["last_time"],
    )


def _tally(tallies: Tallies, name: str) -> Tally:
    known = tallies.get(name)
    if known is None:
        name = name if len(tallies) < NAMES_MAX else BEYOND
        known = tallies.setdefault(name, Tally())
    return known


def _tallies(document: dict[str, dict[str, int]]) -> Tallies:
    return {name: Tally(**counts) for name, counts in document.items()}


def _json(tallies: Tallies) -> dict[str, dict[str, int]]:
    return {name: tally.as_json() for name, tally in sorted(tallies.items())}
