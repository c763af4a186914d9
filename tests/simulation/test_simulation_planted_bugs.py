"""The simulator can fail: it finds each planted bug. `make mutants` looks for them seed by seed; here the runs that it
found, made smaller and kept, are run again, and only where one does not show the bug any more are seeds searched."""

import pytest
from mutants import FOLDER, file_name, search, table
from planted_bugs import PLANTED_BUGS, PlantedBug

from consensus.simulation.replay import read_replay
from consensus.simulation.run import simulate

SECONDS = 60.0


@pytest.mark.parametrize("bug", PLANTED_BUGS, ids=lambda bug: str(bug.name))
def test_a_planted_bug_is_found(bug: PlantedBug) -> None:
    path = FOLDER / f"{file_name(bug.name)}.json"
    if path.exists():
        replay = read_replay(path)
        assert simulate(replay.settings, replay.script).failure is None, "the bug is not planted yet"
        with pytest.MonkeyPatch.context() as patch:
            bug.plant(patch)
            failure = simulate(replay.settings, replay.script).failure
        if failure is not None:
            assert failure.rule in bug.rules, (failure.rule, failure.detail)
            return
    found = search(bug, SECONDS)
    assert found.is_expected, table([found])


def test_there_are_enough_of_them() -> None:
    assert len(PLANTED_BUGS) >= 24
    assert len({bug.name for bug in PLANTED_BUGS}) == len(PLANTED_BUGS)
