"""A short run of the mutations of an export; `make audit-mutations` runs ten thousand."""

from pathlib import Path

import pytest
from export_mutations import KINDS, World, mutate, run_mutations

ROUNDS = 3


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "export").mkdir()
    return World(tmp_path / "export")


def test_every_mutation_is_found_at_its_height(world: World) -> None:
    assert world.found_at(world.true) is None
    found = run_mutations(world, ROUNDS * len(KINDS), 20261122, lambda done: None)
    assert found == {kind.__name__: ROUNDS for kind in KINDS}


def test_a_mutation_is_made_again_from_its_number(world: World) -> None:
    for number in range(len(KINDS)):
        assert mutate(world, 3, number) == mutate(world, 3, number)


def test_the_harness_notices_what_is_not_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "found_at", lambda self, files: None)
    with pytest.raises(AssertionError, match=r"mutation 0 of seed 5 \(changed_byte\): found at None"):
        run_mutations(world, 1, 5, lambda done: None)
