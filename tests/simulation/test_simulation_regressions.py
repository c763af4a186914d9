"""Runs that once broke a promise, made smaller and kept: none of them does any more."""

from pathlib import Path

import pytest

from consensus.simulation.replay import read_replay, replay_text
from consensus.simulation.run import simulate

FILES = sorted((Path(__file__).parent / "regressions").glob("*.json"))


def test_there_are_some() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_a_regression_stays_mended(path: Path) -> None:
    replay = read_replay(path)
    assert replay.note, "says why it is kept"
    assert replay_text(replay) == path.read_text(encoding="utf-8")
    failure = simulate(replay.settings, replay.script).failure
    assert failure is None, f"{failure.rule}: {failure.detail}"
