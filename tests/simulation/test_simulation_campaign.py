"""A thousand seeds: clusters under every kind of fault and lie keep every promise and recover; campaigns run longer."""

from typing import Final

import pytest

from consensus.simulation.campaign import NODES, Extent, Totals, run_seeds
from consensus.simulation.liars.lies import Lie
from consensus.simulation.plan import Fate
from consensus.simulation.run import simulate
from consensus.simulation.settings import Fault, Settings

SEEDS: Final = 1_000
GROUP: Final = 50
SEEN: Final = Totals()


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_every_promise_is_kept(first: int) -> None:
    totals = run_seeds(Extent(), range(first, first + GROUP))
    broken = [f"{simulate(settings).failure} {settings.command}" for settings in totals.broken]
    assert not broken
    assert totals.blocks > totals.runs and totals.acknowledged >= totals.runs
    SEEN.merge(totals)


def test_a_quiet_network_commits_everything_at_once() -> None:
    for nodes in sorted(set(NODES)):
        outcome = simulate(Settings(1, nodes, 200, frozenset()), is_traced=True)
        assert outcome.failure is None and outcome.faults == {} and outcome.lies == ()
        assert outcome.recovery_seconds is not None and outcome.recovery_seconds < 1


def test_every_fault_and_every_lie_does_happen() -> None:
    if SEEN.runs < SEEDS:
        SEEN.merge(run_seeds(Extent(), range(400)))
    unseen = {str(kind) for kinds in (Fault, Fate, Lie) for kind in kinds} - set(SEEN.faults)
    # What these kinds do is counted under other names: packets, and the cuts between twins.
    assert unseen <= {Fault.LOSS, Fault.DUPLICATE, Lie.TWINS, Lie.CENSOR}
    assert SEEN.refused > SEEN.runs
