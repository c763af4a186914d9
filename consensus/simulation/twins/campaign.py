"""Many Twins scenarios, shared out among processes and counted."""

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import field
from itertools import islice
from typing import Final

from chain.values import dataclass
from consensus.simulation.chance import chance_of
from consensus.simulation.twins.play import Played, play, play_all
from consensus.simulation.twins.scenario import Cast, Scenario, Unit, partitions, sampled

CHUNK_SCENARIOS: Final = 200


@dataclass(frozen=True, slots=True)
class TwinsExtent:
    """Which scenarios are played."""

    cast: Cast
    rounds: int
    unit: Unit
    sample: int | None = None
    """So many are drawn; all are played if absent."""
    seed: int = 0


@dataclass(slots=True)
class TwinsTotals:
    """What came of many scenarios."""

    scenarios: int = 0
    blocks: int = 0
    """Decided in them, by whoever had most."""
    cpu_seconds: float = 0.0
    broken: list[Played] = field(default_factory=list)

    def add(self, played: Played) -> None:
        """Count one scenario."""
        self.scenarios += 1
        self.blocks += played.blocks
        if played.rule is not None:
            self.broken.append(played)

    def merge(self, other: "TwinsTotals") -> None:
        """Count what somebody else has counted."""
        self.scenarios += other.scenarios
        self.blocks += other.blocks
        self.cpu_seconds += other.cpu_seconds
        self.broken += other.broken


def play_twins(extent: TwinsExtent, workers: int = 1) -> Iterator[TwinsTotals]:
    """Yield the totals of one group of scenarios after the other."""
    if extent.sample is None:
        beginnings: list[Scenario] = (
            [(side,) for side in partitions(extent.cast.instances)] if extent.rounds > 1 else [()]
        )
        jobs = [(extent, beginning, 0) for beginning in beginnings]
    else:
        jobs = [(extent, (), start) for start in range(0, extent.sample, CHUNK_SCENARIOS)]
    if workers == 1:
        yield from map(_play_some, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_play_some, jobs)


def _play_some(job: tuple[TwinsExtent, Scenario, int]) -> TwinsTotals:
    extent, beginning, start = job
    totals = TwinsTotals()
    gc.collect()
    gc.disable()
    begin = time.process_time()
    try:
        for played in _scenarios(extent, beginning, start):
            totals.add(played)
    finally:
        gc.enable()
    totals.cpu_seconds = time.process_time() - begin
    return totals


def _scenarios(extent: TwinsExtent, beginning: Scenario, start: int) -> Iterator[Played]:
    cast, unit = extent.cast, extent.unit
    if extent.sample is None:
        yield from play_all(cast, extent.rounds, unit, beginning)
        return
    drawn = sampled(cast, extent.rounds, chance_of(extent.seed, f"twins/{start}"))
    for scenario in islice(drawn, min(CHUNK_SCENARIOS, extent.sample - start)):
        yield play(cast, scenario, unit)
