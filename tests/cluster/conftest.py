"""Clusters for the tests of this folder: one that many tests share, and fresh ones for those that break theirs."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cluster_support import Cluster

LONG = ("test_readme.py", "test_cluster_joining.py", "test_cluster_disk.py", "test_cluster_power.py")
"""Files that take longest: begun last, they would be waited for alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; workers take files in this order."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster whose nodes reach each other through proxies; use `cluster`, which looks after it."""
    cluster = Cluster(tmp_path_factory.mktemp("shared") / "cluster")
    try:
        cluster.insert_links()
        asyncio.run(cluster.begin())
        yield cluster
        assert cluster.stop() == 0, "every node stops when it is told to"
        assert not cluster.unexpected_errors()
    finally:
        cluster.close()


@pytest.fixture
async def cluster(shared_cluster: Cluster) -> AsyncIterator[Cluster]:
    """The shared cluster, whole and ready; after the test its nodes run again and their logs hold no surprise."""
    links = shared_cluster.links
    assert links is not None
    shared_cluster.start()
    await shared_cluster.ready()
    yield shared_cluster
    links.heal()
    for name in [report.name for report in shared_cluster.reports().values() if "paused" in report.why_not]:
        shared_cluster.signal(signal.SIGCONT, name)
    shared_cluster.start()
    await shared_cluster.ready()
    assert not shared_cluster.unexpected_errors()


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[Callable[[], Cluster]]:
    """Make clusters of the test's own; they are stopped at its end, and their logs must hold no surprise."""
    made: list[Cluster] = []

    def make() -> Cluster:
        made.append(Cluster(tmp_path / f"cluster{len(made) + 1}"))
        return made[-1]

    try:
        yield make
        for cluster in made:
            assert cluster.stop() == 0, "every node stops when it is told to"
            assert not cluster.unexpected_errors()
    finally:
        for cluster in made:
            cluster.close()
