"""Seeded runs of whole clusters over a bad network with crashes: agreement always, progress once the faults stop."""

import pytest
from pbft_storm import Storm

from consensus.pbft.events import Diverged, LostVotes


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("seed", range(3))
def test_a_storm_never_splits_the_ledger_and_passes(count: int, seed: int) -> None:
    storm = Storm(seed, count)
    storm.run(1000)
    storm.heal()
    assert storm.recovers(400), storm.bench.heights()
    storm.bench.check()
    reports = [report for host in storm.bench.hosts.values() for report in host.reports]
    assert not [report for report in reports if isinstance(report, Diverged | LostVotes)]


def test_two_runs_of_a_seed_are_equal() -> None:
    storms = [Storm(7, 4) for _ in range(2)]
    for storm in storms:
        storm.run(800)
    first, second = ([host.outputs for host in storm.bench.hosts.values()] for storm in storms)
    assert first == second
