"""Files of campaigns: one line of JSON for each, whose sums are what was ever run.

A line says what ran (version, digest of the sources, profile, seeds), how long, what went wrong in it by kind, and how
many promises were broken. Lines are only ever added; somebody may add to one which of its alarms were the checker's own
mistake.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

STANDARD: Final = "standard"
"""The profile of campaigns without options: mixed sizes, all kinds of faults, lengths drawn from the seed."""


class RecordError(ValueError):
    """A file that holds no records."""


@dataclass(slots=True)
class Sums:
    """What the records of a file add up to."""

    campaigns: int = 0
    runs: int = 0
    events: int = 0
    blocks: int = 0
    acknowledged: int = 0
    runs_with_liars: int = 0
    broken: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    recovery_seconds_max: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, int] = field(default_factory=dict)
    false_alarms: dict[str, str] = field(default_factory=dict)
    """Seeds that count as broken where the checker was wrong, each with the regression that shows it."""
    profiles: dict[str, int] = field(default_factory=dict)
    """Runs by profile."""

    @property
    def fault_count(self) -> int:
        """How many things went wrong."""
        return sum(self.faults.values())

    @property
    def convictions(self) -> int:
        """How many pieces of evidence liars left, one for each liar, kind and height."""
        return sum(self.evidence.values())


def append_record(path: Path, value: dict[str, Any]) -> None:
    """Add a record to a file, which is made if need be."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file.

    Raises:
        RecordError: when a line is none.
    """
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{path}, line {number}: {error}") from error
        if not isinstance(value, dict):
            raise RecordError(f"{path}, line {number} holds no record")
        records.append(value)
    return records


def next_seed(records: Iterable[dict[str, Any]], profile: str, first_seed: int) -> int:
    """Return the first seed, from `first_seed` on, behind all that were run with a profile."""
    ends: list[int] = [
        record["first_seed"] + record["runs"] for record in records if record.get("profile", STANDARD) == profile
    ]
    return max([first_seed, *ends])


def summed(records: Sequence[dict[str, Any]]) -> Sums:
    """Add records of campaigns up.

    Raises:
        RecordError: when one is of something else.
    """
    sums = Sums()
    for record in records:
        try:
            _add(sums, record)
        except (KeyError, TypeError) as error:
            raise RecordError(f"a record that is not of a campaign: {error!r}") from error
    return sums


def _add(sums: Sums, record: dict[str, Any]) -> None:
    sums.campaigns += 1
    sums.runs += record["runs"]
    sums.events += record["events"]
    sums.blocks += record["blocks"]
    sums.acknowledged += record["acknowledged"]
    sums.runs_with_liars += record["runs_with_liars"]
    sums.broken += record["broken"]
    sums.cpu_seconds += record["cpu_seconds"]
    sums.wall_seconds += record["wall_seconds"]
    sums.recovery_seconds_max = max(sums.recovery_seconds_max, record["recovery_seconds_max"])
    sums.false_alarms |= record.get("false_alarms", {})
    profile = record.get("profile", STANDARD)
    sums.profiles[profile] = sums.profiles.get(profile, 0) + record["runs"]
    for totals, counts in ((sums.faults, record["faults"]), (sums.evidence, record["evidence"])):
        for kind, count in counts.items():
            totals[kind] = totals.get(kind, 0) + count
