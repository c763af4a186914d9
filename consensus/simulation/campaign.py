"""Campaigns: seed after seed, in one process or several, added up into totals that can be kept and added again."""

import gc
import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import chain
import consensus
from chain.values import dataclass
from consensus.simulation.records import STANDARD
from consensus.simulation.run import Outcome, simulate
from consensus.simulation.settings import ALL_FAULTS, Fault, Settings

NODES: Final = (4, 4, 4, 1, 4, 5, 4, 6, 4, 7)
"""Sizes of clusters by the last digit of the seed."""
CHUNK_SEEDS: Final = 20
"""Seeds between two looks at the clock, and by which work is shared out."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a campaign runs."""

    first_seed: int = 0
    runs_max: int | None = None
    seconds_max: float | None = None
    nodes: int | None = None
    """For all seeds; by the seed if absent."""
    steps: int | None = None
    faults: frozenset[Fault] = ALL_FAULTS

    @property
    def profile(self) -> str:
        """What distinguishes the runs from others of the same seeds."""
        words = [] if self.nodes is None else [f"{self.nodes} nodes"]
        words += [] if self.steps is None else [f"{self.steps} steps"]
        words += [] if self.faults == ALL_FAULTS else [f"faults {','.join(sorted(self.faults)) or 'none'}"]
        return ", ".join(words) or STANDARD

    def settings(self, seed: int) -> Settings:
        """Return the run of a seed."""
        return Settings(seed, self.nodes or NODES[seed % len(NODES)], self.steps, self.faults)


@dataclass(slots=True)
class Totals:
    """What came of many runs."""

    runs: int = 0
    events: int = 0
    virtual_seconds: float = 0.0
    blocks: int = 0
    transactions: int = 0
    acknowledged: int = 0
    refused: int = 0
    """Messages of liars that the edges refused."""
    runs_with_liars: int = 0
    recovery_seconds_max: float = 0.0
    recovery_seconds_sum: float = 0.0
    cpu_seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, int] = field(default_factory=dict)
    """What validators were convicted of."""
    broken: list[Settings] = field(default_factory=list)
    """Runs that broke a promise."""

    @property
    def fault_count(self) -> int:
        """How many things went wrong."""
        return sum(self.faults.values())

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.events += outcome.events
        self.virtual_seconds += outcome.virtual_seconds
        self.blocks += outcome.blocks
        self.transactions += outcome.transactions
        self.acknowledged += outcome.acknowledged
        self.refused += outcome.refused
        self.runs_with_liars += bool(outcome.lies)
        self.recovery_seconds_max = max(self.recovery_seconds_max, outcome.recovery_seconds or 0.0)
        self.recovery_seconds_sum += outcome.recovery_seconds or 0.0
        for kind, count in outcome.faults.items():
            self.faults[str(kind)] = self.faults.get(str(kind), 0) + count
        for code, count in outcome.evidence.items():
            self.evidence[code] = self.evidence.get(code, 0) + count
        if outcome.failure is not None:
            self.broken.append(outcome.settings)

    def merge(self, other: "Totals") -> None:
        """Count what somebody else has counted."""
        for name in ("runs", "events", "blocks", "transactions", "acknowledged", "refused", "runs_with_liars"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("virtual_seconds", "recovery_seconds_sum", "cpu_seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.recovery_seconds_max = max(self.recovery_seconds_max, other.recovery_seconds_max)
        for kind, count in other.faults.items():
            self.faults[kind] = self.faults.get(kind, 0) + count
        for code, count in other.evidence.items():
            self.evidence[code] = self.evidence.get(code, 0) + count
        self.broken += other.broken

    def as_value(self) -> dict[str, Any]:
        """Return the totals as a JSON value."""
        return {
            "runs": self.runs,
            "events": self.events,
            "virtual_seconds": round(self.virtual_seconds, 1),
            "blocks": self.blocks,
            "transactions": self.transactions,
            "acknowledged": self.acknowledged,
            "runs_with_liars": self.runs_with_liars,
            "refused_messages_of_liars": self.refused,
            "recovery_seconds_mean": round(self.recovery_seconds_sum / max(1, self.runs), 3),
            "recovery_seconds_max": round(self.recovery_seconds_max, 3),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "faults": dict(sorted(self.faults.items())),
            "evidence": dict(sorted(self.evidence.items())),
            "broken": len(self.broken),
            "broken_seeds": [settings.seed for settings in self.broken],
        }


def campaign(extent: Extent, workers: int = 1) -> Iterator[Totals]:
    """Yield the totals of one group of seeds after the other; ends early when a run has broken a promise."""
    chunks = _chunks(extent)
    if workers == 1:
        for seeds in chunks:
            totals = run_seeds(extent, seeds)
            yield totals
            if totals.broken:
                return
        return
    with ProcessPoolExecutor(workers) as pool:
        waiting: set[Future[Totals]] = set()
        is_broken = False
        for seeds in chunks:
            waiting.add(pool.submit(run_seeds, extent, seeds))
            if len(waiting) < 2 * workers:
                continue
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
                is_broken |= bool(future.result().broken)
            if is_broken:
                break
        for future in waiting:
            yield future.result()


def run_seeds(extent: Extent, seeds: range) -> Totals:
    """Carry out some runs of a campaign."""
    totals = Totals()
    # Nearly all that a run makes lives as long as the run; looking at it time and again costs a tenth of the run.
    gc.collect()
    gc.disable()
    begin = time.process_time()
    try:
        for seed in seeds:
            totals.add(simulate(extent.settings(seed)))
            if totals.broken:
                break
    finally:
        gc.enable()
    totals.cpu_seconds = time.process_time() - begin
    return totals


def _chunks(extent: Extent) -> Iterator[range]:
    ends_at = None if extent.seconds_max is None else time.monotonic() + extent.seconds_max
    seed, last = extent.first_seed, None if extent.runs_max is None else extent.first_seed + extent.runs_max
    while (last is None or seed < last) and (ends_at is None or time.monotonic() < ends_at):
        end = seed + CHUNK_SEEDS if last is None else min(seed + CHUNK_SEEDS, last)
        yield range(seed, end)
        seed = end


def made_with() -> dict[str, str]:
    """Return the version of the product and a digest over what is tested: what a record says it was made with."""
    return {"version": version("tallystick"), "sources": _source_digest()}


def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in (chain, consensus):
        folder = Path(os.fspath(package.__path__[0]))
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\x00" + path.read_bytes())
    return digest.hexdigest()[:16]
