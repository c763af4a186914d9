"""A short campaign: clusters under every kind of fault keep every promise and recover; `--campaign` runs longer."""

import functools

import pytest

from consensus.simulation.run import Outcome, simulate
from consensus.simulation.settings import Fault, Settings

STEPS = 1_200


@functools.cache
def outcome_of(settings: Settings) -> Outcome:
    return simulate(settings)


def passed(settings: Settings) -> Outcome:
    outcome = outcome_of(settings)
    failure = outcome.failure
    shown = "" if failure is None else "\n".join((*failure.tail[-40:], failure.rule, failure.detail, settings.command))
    assert failure is None, shown
    return outcome


@pytest.mark.parametrize("seed", range(60))
def test_four_nodes(seed: int) -> None:
    outcome = passed(Settings(seed, 4, STEPS))
    assert outcome.blocks > 0 and outcome.acknowledged >= 3


@pytest.mark.parametrize(("nodes", "seed"), [(nodes, seed) for nodes in (1, 5, 6, 7) for seed in range(5)])
def test_other_sizes(nodes: int, seed: int) -> None:
    assert passed(Settings(seed, nodes, STEPS)).blocks > 0


def test_a_quiet_network_commits_everything_in_view_0() -> None:
    outcome = passed(Settings(1, 4, STEPS, faults=frozenset()))
    assert outcome.incidents == {} and outcome.lies == ()
    assert outcome.recovery_seconds is not None and outcome.recovery_seconds < 1


def test_faults_do_happen() -> None:
    outcomes = [outcome_of(Settings(seed, 4, STEPS)) for seed in range(60)]
    seen = {kind for outcome in outcomes for kind in outcome.incidents}
    from_the_network = {Fault.LOSS, Fault.DUPLICATE, Fault.BYZANTINE}
    assert seen >= set(Fault) - from_the_network
    lies = {lie.partition(" ")[2] for outcome in outcomes for lie in outcome.lies}
    assert lies == {"silent", "equivocate", "hide", "twins"}
