"""Chance that is a function of the seed: one stream for each purpose, so that a change to one leaves the others."""

import random
from typing import Final

PER_MILLE: Final = 1_000

Chance = random.Random


def chance_of(seed: int, purpose: str) -> Chance:
    """Return the stream of a purpose; text seeds do not depend on the hash seed of the process."""
    return random.Random(f"{seed}/{purpose}")  # noqa: S311 - reproducible by design, and nothing secret


def happens(chance: Chance, per_mille: int) -> bool:
    """Tell whether something of that likelihood happens now."""
    return per_mille > 0 and chance.random() * PER_MILLE < per_mille


def between(chance: Chance, low: int, high: int) -> int:
    """Return a number from low to high - 1; several times as fast as `randrange`."""
    return low + int(chance.random() * (high - low))
