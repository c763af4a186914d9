"""The simulator can fail: it finds each planted bug within a few seeds, by the promise that the bug breaks."""

import pytest
from planted_bugs import PLANTED_BUGS, PlantedBug

from chain.types import ValidatorId
from consensus.simulation import run
from consensus.simulation.byzantine import Lie
from consensus.simulation.run import simulate
from consensus.simulation.settings import Fault, Settings, Weather


@pytest.mark.parametrize("bug", PLANTED_BUGS, ids=lambda bug: str(bug.name))
def test_a_planted_bug_is_found(bug: PlantedBug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    for seed in range(bug.seeds_max):
        failure = simulate(Settings(seed, bug.nodes, steps=2_000)).failure
        if failure is not None:
            assert failure.rule in bug.rules, (seed, failure.rule, failure.detail)
            return
    raise AssertionError(f"not found in {bug.seeds_max} seeds")


@pytest.mark.parametrize("twins", [1, 2])
def test_more_than_f_twins_split_the_ledger_and_f_do_not(twins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def lies_of(settings: Settings, weather: Weather, names: list[ValidatorId]) -> dict[ValidatorId, Lie]:
        return dict.fromkeys(names[:twins], Lie.TWINS)

    monkeypatch.setattr(run, "_lies_of", lies_of)
    settings = [Settings(seed, 4, 1_000, frozenset({Fault.BYZANTINE})) for seed in range(8)]
    failures = (simulate(each).failure for each in settings)
    found = next((failure.rule for failure in failures if failure is not None), None)
    assert found == (None if twins == 1 else "two blocks at one height")
