"""`tally doctor` on real nodes: the first line names the cause, from the folder, from several addresses, from one."""

import asyncio
import json
import os
import shutil
import signal
from typing import Any

import pytest
from click.testing import CliRunner
from cluster_support import Cluster, http, until

from cli import cluster_processes as processes
from cli.main import tally

pytestmark = pytest.mark.cluster

GONE = ("node3", "node4")
LEFT = ("node1", "node2")


def doctor(cluster: Cluster, *options: str) -> tuple[int, dict[str, Any]]:
    """Run the command on the cluster's folder, or with options of its own; return exit code and JSON."""
    chosen = options or ("--dir", str(cluster.layout.folder))
    outcome = CliRunner().invoke(tally, ["doctor", "--json", *chosen])
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.output
    return outcome.exit_code, json.loads(outcome.stdout)


async def first_cause(cluster: Cluster, code: str, *options: str, count: int = 1) -> dict[str, Any]:
    """Wait until the doctor's first finding is the expected one, of so many nodes at least, and return its report."""
    last: dict[str, Any] = {}

    def found() -> dict[str, Any] | None:
        last.clear()
        exit_code, report = doctor(cluster, *options)
        last.update(report)
        first = report["findings"][0] if report["findings"] else {"code": None, "nodes": []}
        if first["code"] == code and len(first["nodes"]) >= count:
            assert exit_code == 1
            return report
        return None

    try:
        report = await until(found, f"the doctor says {code}", 40)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}") from error
    assert isinstance(report, dict)
    return report


def urls(cluster: Cluster, *names: str) -> list[str]:
    return [part for name in names for part in ("--url", cluster.node(name).api)]


async def healthy(cluster: Cluster) -> None:
    """Check that nothing is found, however often it is looked, from all sides."""
    await cluster.settled()
    for options in ((), urls(cluster, *LEFT, *GONE), urls(cluster, "node2")):
        code, report = await asyncio.to_thread(doctor, cluster, *options)
        stops = [item for item in report["findings"] if item["severity"] != "note"]
        assert (code, stops) == (0, []), report
        assert report["summary"].startswith("All is well"), report


async def test_a_healthy_idle_cluster_raises_no_alarm(cluster: Cluster) -> None:
    await healthy(cluster)


async def test_two_that_do_not_run(cluster: Cluster) -> None:
    """From the folder their processes are seen; from one node's address the others' silence is."""
    cluster.kill(*GONE)
    report = await first_cause(cluster, "not_running", count=2)
    assert report["summary"].startswith("Nothing can be committed: 2 of 4 validators vote, 3 must")
    assert report["findings"][0]["nodes"] == list(GONE) and report["findings"][0]["action"]
    outside = await first_cause(cluster, "unreachable", *urls(cluster, "node1"), count=2)
    assert "2 of 4 validators vote" in outside["summary"] and set(outside["findings"][0]["nodes"]) == set(GONE)
    cluster.start()
    await cluster.ready()
    await healthy(cluster)


async def test_two_that_are_paused(cluster: Cluster) -> None:
    cluster.signal(signal.SIGSTOP, *GONE)
    report = await first_cause(cluster, "paused", count=2)
    assert "node3 is paused; node4 is paused" in report["summary"]
    await first_cause(cluster, "unreachable", *urls(cluster, "node1"))
    cluster.signal(signal.SIGCONT, *GONE)
    await cluster.ready()


async def test_two_whose_executors_are_paused(cluster: Cluster) -> None:
    """The nodes answer, and are connected with all others; they cannot vote for anything."""
    executors = [pid for name in GONE for pid in cluster.children(name)["executor"]]
    for pid in executors:
        os.kill(pid, signal.SIGSTOP)
    try:
        report = await first_cause(cluster, "paused", count=2)
    finally:
        for pid in executors:
            os.kill(pid, signal.SIGCONT)
    assert report["summary"].startswith("Nothing can be committed: 2 of 4 validators vote, 3 must")
    assert "the executor of node3 is paused; the executor of node4 is paused" in report["summary"]


async def test_one_that_cannot_start_is_named_with_its_reason(cluster: Cluster) -> None:
    """Three of four go on: it is no alarm, and still the first thing to be said."""
    cluster.expect_errors("exit code", "holds no usable key")
    place = cluster.node(GONE[0])
    processes.stop((place,), lambda node: None)
    seed = place.folder / "keys" / "consensus.seed"
    kept = seed.read_text(encoding="utf-8")
    seed.write_text("no key", encoding="utf-8")
    cluster.start(GONE[0])
    assert await asyncio.to_thread(cluster.exit_code, GONE[0]) == 10
    report = await first_cause(cluster, "configuration")
    assert report["summary"].startswith("Committing goes on, but") and "CONFIGURATION" in report["summary"]
    seed.write_text(kept, encoding="utf-8")
    cluster.start()
    await cluster.ready()


async def test_a_network_that_is_cut_between_nodes_that_run(cluster: Cluster) -> None:
    """All of them answer; none reaches enough of the others."""
    links = cluster.links
    assert links is not None
    for name in GONE:
        links.cut(name)
    report = await first_cause(cluster, "disconnected")
    assert "is not connected with" in report["summary"]
    links.heal()
    await cluster.ready()


async def test_a_validator_that_lost_its_votes(cluster: Cluster) -> None:
    cluster.expect_errors("log of votes is")
    place = cluster.node(GONE[0])
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    kept = place.folder / "wal.kept"
    (place.folder / "wal").rename(kept)
    cluster.start(GONE[0])
    report = await first_cause(cluster, "lost_votes")
    assert "3 of 4 validators vote" in report["summary"]
    status = http(place, "/v1/network/status").json()["consensus"]
    assert (status["votes"], status["why_silent"]) == (False, "lost_votes")
    processes.stop((place,), lambda node: None)
    shutil.rmtree(place.folder / "wal")
    kept.rename(place.folder / "wal")
    cluster.start()
    await cluster.ready()
    await healthy(cluster)


async def test_addresses_at_which_nobody_answers(cluster: Cluster) -> None:
    code, report = await asyncio.to_thread(doctor, cluster, "--url", "http://127.0.0.1:9")
    assert code == 1 and report["findings"][0]["code"] == "nothing_known"
    mixed = await asyncio.to_thread(doctor, cluster, "--url", "http://127.0.0.1:9", *urls(cluster, "node1"))
    assert not [item for item in mixed[1]["findings"] if item["severity"] == "stops"]
