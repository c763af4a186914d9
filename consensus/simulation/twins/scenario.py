"""Twins scenarios (Bano et al., "Twins: BFT Systems Made Robust", 2021): who is doubled, and who hears whom by round.

A faulty validator is played by two honest copies under one name and key, each in its own part of a parted network:
whatever a liar could say by contradicting itself, twins say by seeing different things. Primaries follow from the
protocol, so that a scenario is one partition for each round. A round is one message delay, so that the network may
fall apart anew between PRE-PREPARE, PREPARE and COMMIT; or one view, so that fewer rounds reach further.
"""

import itertools
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from chain.values import dataclass
from consensus.simulation.chance import Chance, happens
from consensus.simulation.contract import name_of

CHANGE_PER_MILLE: Final = 500

Partition = frozenset[str]
"""One of the two parts, the one with the first instance; all others are in the other."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays."""

    nodes: int
    twins: tuple[int, ...]
    """Places of the validators that are doubled."""

    @property
    def instances(self) -> tuple[str, ...]:
        """All instances by name; the second copy of ada is ada2."""
        names = [name_of(place) for place in range(self.nodes)]
        doubles = [f"{names[place]}2" for place in self.twins]
        return (*names, *doubles)


class Unit(StrEnum):
    """What a round is."""

    MESSAGE = "message"
    VIEW = "view"


Scenario = tuple[Partition, ...]
"""A partition for each round."""


def partitions(instances: tuple[str, ...]) -> list[Partition]:
    """Return all ways to part the instances in two: 15 for five instances, 255 for nine."""
    first, *rest = instances
    found = []
    for size in range(len(rest)):
        for others in itertools.combinations(rest, size):
            found.append(frozenset((first, *others)))
    return found


def scenario_count(cast: Cast, rounds: int) -> int:
    """Return how many scenarios there are."""
    return int((2 ** (len(cast.instances) - 1) - 1) ** rounds)


def sampled(cast: Cast, rounds: int, chance: Chance) -> Iterator[Scenario]:
    """Draw scenarios without end; half of the rounds leave the network as it was, so that something gets through."""
    ways = partitions(cast.instances)
    while True:
        scenario = [chance.choice(ways)]
        for _ in range(rounds - 1):
            scenario.append(chance.choice(ways) if happens(chance, CHANGE_PER_MILLE) else scenario[-1])
        yield tuple(scenario)


def words(scenario: Scenario, cast: Cast) -> str:
    """Return a scenario for people."""
    rounds = []
    for first in scenario:
        second = [name for name in cast.instances if name not in first]
        rounds.append(f"{' '.join(sorted(first))} | {' '.join(second)}")
    return "; ".join(rounds)
