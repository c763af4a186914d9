"""The simulator can fail: it finds each planted bug within a few seeds, by the promise that the bug breaks."""

import pytest
from planted_bugs import PLANTED_BUGS, PlantedBug

from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings


@pytest.mark.parametrize("bug", PLANTED_BUGS, ids=lambda bug: str(bug.name))
def test_a_planted_bug_is_found(bug: PlantedBug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    for seed in range(bug.seeds_max):
        failure = simulate(Settings(seed, bug.nodes, steps=2_000)).failure
        if failure is not None:
            assert failure.rule in bug.rules, (seed, failure.rule, failure.detail)
            return
    raise AssertionError(f"not found in {bug.seeds_max} seeds")
