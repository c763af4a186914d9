"""Each cause gets the right first line, and a healthy cluster none; fakes answer in the form in which nodes do."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from api_fake_node import FakeNode
from api_support import check_schema

from api.network_status import detail_json
from assembly.exit_codes import ExitCode
from cli.cluster_layout import ClusterLayout, node_places
from cli.diagnosis.diagnose import diagnose
from cli.diagnosis.evidence import Evidence, NodeEvidence, ask_cluster
from cli.diagnosis.findings import CAUSES, Finding, Severity
from cli.diagnosis.voting import ENDINGS, SILENCES
from cli.doctor import summary

NOW = 1_800_000_000.0
NAMES = ("node1", "node2", "node3", "node4")


def status_of(name: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what a healthy node answers."""
    fake = FakeNode()
    status: dict[str, Any] = copy.deepcopy(detail_json(fake.status(), fake.detail(), ()))
    others = [other for other in names if other != name]
    status["node"].update(name=name, validator=name, catch_up=None, walls_missing=[])
    status["peers"] = [
        {
            "name": other,
            "address": "127.0.0.1:1",
            "observer": False,
            "connected": True,
            "height": 7,
            "round_trip_seconds": 0.001,
            "clock_offset_seconds": 0.0,
            "connections": 1,
            "last_error": None,
        }
        for other in others
    ]
    status["consensus"].update(
        height=8,
        view=0,
        primary=names[0],
        changing_view=False,
        validators=list(names),
        quorum=(len(names) + (len(names) - 1) // 3) // 2 + 1,
        prepares=[],
        view_changes=[],
        bad_proposals=[],
        floods={},
        left_out=None,
        silent_seconds=dict.fromkeys(others, 0.5),
    )
    status["disk"].update(free_bytes=10**11, total_bytes=10**12, set_aside=[])
    status["pool"].update(transactions=0, bytes=0, oldest_seconds=None, has_candidates=False)
    status.update(certificate_expires=int((NOW + 10**9) * 1000), refused_connections={})
    check_schema(status, "NetworkStatus")
    return status


def healthy(names: tuple[str, ...] = NAMES) -> dict[str, NodeEvidence]:
    return {
        name: NodeEvidence(name, f"http://{name}", status_of(name, names), None, "running", None, 0.1, 0.01)
        for name in names
    }


Nodes = dict[str, NodeEvidence]
Change = Callable[[Nodes], None]


def told(nodes: Nodes, name: str) -> dict[str, Any]:
    status = nodes[name].status
    assert status is not None
    return status


def gone(nodes: Nodes, name: str, process: str | None, ending: tuple[str, str] | None = None, error: str = "") -> None:
    """Let a node's process be gone, stopped or out of reach, and the others notice."""
    nodes[name] = NodeEvidence(name, nodes[name].url, None, "it does not answer", process, ending)
    for other in nodes.values():
        if other.status is not None:
            cut(nodes, other.name, name, error or "unreachable: connection refused")


def cut(nodes: Nodes, name: str, peer: str, error: str) -> None:
    for entry in told(nodes, name)["peers"]:
        if entry["name"] == peer:
            entry.update(connected=False, height=None, last_error=error, clock_offset_seconds=None)


def two(change: Callable[[Nodes, str], None]) -> Change:
    """Apply a change to two of four nodes, so that it stops everything."""

    def both(nodes: Nodes) -> None:
        for name in ("node3", "node4"):
            change(nodes, name)

    return both


def silent(why: str) -> Callable[[Nodes, str], None]:
    def change(nodes: Nodes, name: str) -> None:
        told(nodes, name)["consensus"].update(votes=False, why_silent=why)

    return change


def joins(nodes: Nodes, name: str) -> None:
    progress = {"phase": "state", "height": 3, "target": 90, "done": 1, "total": 2, "unit": "bytes"}
    progress |= {"per_second": None, "remaining_seconds": None, "sources": [], "set_aside": []}
    told(nodes, name).update(phase="joining", consensus=None, pool=None, helpers=None)
    told(nodes, name)["node"]["catch_up"] = progress


def stalled(nodes: Nodes) -> None:
    for node in nodes.values():
        if node.consensus is not None and node.status is not None:
            node.consensus.update(stalled_seconds=42.0)
            node.status["pool"].update(transactions=3, bytes=900, oldest_seconds=42.0, has_candidates=True)


def wrong_clock(seconds: float) -> Change:
    def change(nodes: Nodes) -> None:
        stalled(nodes)
        nodes["node2"] = replace(nodes["node2"], clock_offset=0.1 + seconds)

    return change


def quiet_primary(nodes: Nodes) -> None:
    stalled(nodes)
    for name in NAMES[1:]:
        told(nodes, name)["consensus"]["silent_seconds"]["node1"] = 40.0


def refused_proposals(nodes: Nodes) -> None:
    stalled(nodes)
    told(nodes, "node2")["consensus"]["bad_proposals"] = ["wrong_time in the proposal of node1 for block 8, 2 s ago"]


def parted(nodes: Nodes) -> None:
    for left, right in (("node1", "node3"), ("node1", "node4"), ("node2", "node3"), ("node2", "node4")):
        cut(nodes, left, right, "silent: nothing for 5.0 s")
        cut(nodes, right, left, "silent: nothing for 5.0 s")


def locked_out(error: str) -> Callable[[Nodes, str], None]:
    def change(nodes: Nodes, name: str) -> None:
        for other in NAMES:
            if other != name:
                cut(nodes, name, other, error)
                cut(nodes, other, name, error)

    return change


def other_chain(nodes: Nodes, name: str) -> None:
    locked_out("refused: other-chain: peer is on ab, this node on cd")(nodes, name)
    told(nodes, name)["chain_id"] = "cd" * 32


def ended(code: str) -> Change:
    return two(lambda nodes, name: gone(nodes, name, "ended", (code, f"what {code} says")))


STOPS: dict[str, tuple[Change, str, str]] = {
    "two are not running": (two(lambda n, name: gone(n, name, "ended")), "not_running", "node3 does not run"),
    "two are paused": (two(lambda n, name: gone(n, name, "paused", error="silent: x")), "paused", "node4 is paused"),
    "two are reached by nobody": (
        two(lambda n, name: gone(n, name, None)),
        "unreachable",
        "node3 is reached by nobody",
    ),
    "full disks": (ended("DISK_FULL"), "disk_full", "DISK_FULL: what DISK_FULL says"),
    "failing disks": (ended("DISK_FAILED"), "disk_failed", "node3 ended"),
    "damaged data": (ended("DATA_DAMAGED"), "data_damaged", "node3 ended"),
    "bad configurations": (ended("CONFIGURATION"), "configuration", "node3 ended"),
    "results that differ": (ended("DIVERGED"), "diverged", "node3 ended"),
    "executors that die": (ended("EXECUTOR_FAILED"), "helper_failed", "node3 ended"),
    "programs that are too old": (ended("PROTOCOL_UNKNOWN"), "old_program", "node3 ended"),
    "walls that are required": (ended("WALLS_MISSING"), "walls_required", "node3 ended"),
    "lost votes": (two(silent("lost_votes")), "lost_votes", "node3 does not vote (lost_votes)"),
    "halted over a result": (two(silent("diverged")), "diverged", "node3 does not vote"),
    "halted over an execution": (two(silent("cannot_execute")), "helper_failed", "node3 does not vote"),
    "two that start": (two(silent("waiting_for_testimony")), "starting", "node3 does not vote"),
    "two that catch up": (two(silent("below_log")), "catching_up", "node3 does not vote"),
    "two that join": (two(joins), "joining", "node3 joins (state, height 3)"),
    "foreign certificates": (
        two(locked_out("foreign-certificate: self-signed certificate")),
        "certificates",
        "is not connected with",
    ),
    "expired certificates": (
        two(locked_out("not-accepted: SSLV3_ALERT_CERTIFICATE_EXPIRED")),
        "certificates",
        "EXPIRED",
    ),
    "another genesis": (two(other_chain), "other_chain", "node3 is on the ledger cdcd"),
    "a parted network": (parted, "disconnected", "node1 is not connected with node3, node4"),
    "one clock far off": (wrong_clock(60.0), "clock", "the clock of node2 is 60.0 s ahead; 5 s are allowed"),
    "one clock far behind": (wrong_clock(-60.0), "clock", "the clock of node2 is 60.0 s behind"),
    "a primary that says nothing": (quiet_primary, "primary_silent", "nothing comes from node1"),
    "refused proposals": (refused_proposals, "no_agreement", "refused: wrong_time in the proposal of node1"),
    "a stall without a reason": (stalled, "no_agreement", "transactions have waited for 42 s"),
}


def full_disk(nodes: Nodes) -> None:
    told(nodes, "node2")["disk"].update(free_bytes=10**8)


def slow_disk(nodes: Nodes) -> None:
    told(nodes, "node2")["disk"].update(sync_seconds_median=1.5, sync_seconds_max=3.0)


def restarted(nodes: Nodes) -> None:
    told(nodes, "node2")["helpers"].update(executor_restarts=7, verifier_restarts=3)


def restarted_once(nodes: Nodes) -> None:
    told(nodes, "node2")["helpers"].update(executor_restarts=1)


def verifier_restarted(nodes: Nodes) -> None:
    told(nodes, "node2")["helpers"].update(verifier_restarts=10, reader_restarts=2)


def reader_restarted(nodes: Nodes) -> None:
    told(nodes, "node2")["helpers"].update(reader_restarts=2)


def without_landlock(nodes: Nodes) -> None:
    told(nodes, "node2")["node"]["walls_missing"] = ["executor, reader: file system: no Landlock"]


def lacks_rules(nodes: Nodes) -> None:
    told(nodes, "node2")["helpers"].update(lacks_protocol=True)


def full_pool(nodes: Nodes) -> None:
    told(nodes, "node2")["pool"].update(transactions=49_999, has_candidates=True)


def quarantined(nodes: Nodes) -> None:
    told(nodes, "node2")["pool"].update(transactions=1, has_candidates=False)


def expiring(nodes: Nodes) -> None:
    told(nodes, "node2")["certificate_expires"] = int((NOW + 86_400 * 3) * 1000)


def behind(nodes: Nodes) -> None:
    joins(nodes, "node2")
    progress = told(nodes, "node2")["node"]["catch_up"]
    nodes["node2"] = healthy()["node2"]
    told(nodes, "node2")["node"]["catch_up"] = {**progress, "phase": "executing"}


def drifting(nodes: Nodes) -> None:
    nodes["node2"] = replace(nodes["node2"], clock_offset=3.5)


def mute_api(nodes: Nodes) -> None:
    nodes["node2"] = NodeEvidence("node2", "http://node2", None, "timed out", "running")


def other_version(nodes: Nodes) -> None:
    told(nodes, "node2")["node"]["version"] = "0.2.0"


def repaired(nodes: Nodes) -> None:
    told(nodes, "node2")["disk"].update(set_aside=["blocks.damaged-1"])


def convicted(nodes: Nodes) -> None:
    told(nodes, "node1")["convicted"] = {"node2": ["two_prepares"]}
    told(nodes, "node3")["convicted"] = {"node2": ["two_prepares", "two_commits"]}
    told(nodes, "node4")["convicted"] = None


def flooded(nodes: Nodes) -> None:
    told(nodes, "node1")["consensus"]["floods"] = {"node4": 250}
    told(nodes, "node2")["consensus"]["floods"] = {"node4": 9_000}


def censored(nodes: Nodes) -> None:
    left_out = {"primary": "node1", "organisation": "acme", "transaction": "ab" * 32, "seconds": 12.0, "blocks": 90}
    told(nodes, "node2")["consensus"]["left_out"] = left_out
    told(nodes, "node3")["consensus"]["left_out"] = {**left_out, "blocks": 80}


HARMS: dict[str, tuple[Change, str, Severity]] = {
    "one is not running": (lambda n: gone(n, "node2", "ended"), "not_running", Severity.HARMS),
    "one lost its votes": (lambda n: silent("lost_votes")(n, "node2"), "lost_votes", Severity.HARMS),
    "one disk is nearly full": (full_disk, "disk_low", Severity.HARMS),
    "one disk is slow": (slow_disk, "slow_disk", Severity.HARMS),
    "one executor restarts": (restarted, "helper_restarts", Severity.HARMS),
    "one verifier restarts": (verifier_restarted, "helper_restarts", Severity.HARMS),
    "one program lacks rules": (lacks_rules, "old_program", Severity.HARMS),
    "one pool is full": (full_pool, "pool_full", Severity.HARMS),
    "one transaction is kept out": (quarantined, "quarantined", Severity.HARMS),
    "one certificate ends": (expiring, "certificate_expires", Severity.HARMS),
    "one is behind": (behind, "behind", Severity.HARMS),
    "one clock drifts": (drifting, "clock", Severity.HARMS),
    "one API is out of reach": (mute_api, "api_silent", Severity.HARMS),
    "one executor has restarted": (restarted_once, "helper_restarts", Severity.NOTE),
    "one can be proven to lie": (convicted, "misbehaviour", Severity.HARMS),
    "one floods the others": (flooded, "floods", Severity.HARMS),
    "one organisation is left out": (censored, "left_out", Severity.HARMS),
    "versions differ": (other_version, "versions_differ", Severity.NOTE),
    "one has repaired itself": (repaired, "set_aside", Severity.NOTE),
    "one kernel lacks walls": (without_landlock, "walls_missing", Severity.NOTE),
}


def findings(nodes: Nodes, expected: tuple[str, ...] = NAMES) -> tuple[Evidence, list[Finding]]:
    evidence = Evidence(tuple(nodes.values()), expected)
    return evidence, diagnose(evidence, NOW)


@pytest.mark.parametrize(("change", "code", "words"), STOPS.values(), ids=STOPS.keys())
def test_what_stops_everything_stands_in_the_first_line(change: Change, code: str, words: str) -> None:
    nodes = healthy()
    change(nodes)
    evidence, found = findings(nodes)
    assert (found[0].code, found[0].severity) == (code, Severity.STOPS), found
    line = summary(evidence, found)
    assert line.startswith("Nothing can be committed: ") and words in line


@pytest.mark.parametrize(("change", "code", "severity"), HARMS.values(), ids=HARMS.keys())
def test_what_only_harms_is_told_and_does_not_sound_the_alarm(change: Change, code: str, severity: Severity) -> None:
    nodes = healthy()
    change(nodes)
    evidence, found = findings(nodes)
    assert (found[0].code, found[0].severity) == (code, severity), found
    assert not summary(evidence, found).startswith("Nothing")


def test_every_cause_is_told_of_by_something_here() -> None:
    """No entry of the table is without a test, and each is said with what it means and what to do."""
    tried = {code for _, code, _ in STOPS.values()} | {code for _, code, _ in HARMS.values()}
    assert set(CAUSES) - tried == {"few_validators", "nothing_known"}
    assert set(ENDINGS) == {code.name for code in ExitCode} - {"OK", "FAILED", "USAGE"}
    assert set(ENDINGS.values()) | set(SILENCES.values()) <= set(CAUSES)
    assert all(cause.meaning.endswith(".") and cause.action.endswith(".") for cause in CAUSES.values())


@pytest.mark.parametrize("size", [4, 5, 7, 31])
def test_a_healthy_cluster_that_is_idle_or_busy_raises_no_alarm(size: int) -> None:
    names = tuple(f"node{number:02d}" for number in range(1, size + 1))
    nodes = healthy(names)
    assert findings(nodes, names)[1] == []
    for node in nodes.values():
        assert node.consensus is not None and node.status is not None
        node.consensus.update(stalled_seconds=0.4, view=0, prepares=list(names[:2]))
        node.status["pool"].update(transactions=200, has_candidates=True, oldest_seconds=0.4)
    evidence, found = findings(nodes, names)
    assert found == [] and "200 transactions wait" in summary(evidence, found)


def test_a_reader_that_clients_questions_end_raises_no_alarm() -> None:
    nodes = healthy()
    reader_restarted(nodes)
    assert findings(nodes)[1] == []


def test_slow_answers_are_not_taken_for_wrong_clocks() -> None:
    nodes = healthy()
    nodes["node2"] = replace(nodes["node2"], clock_offset=9.0, clock_doubt=9.0)
    assert findings(nodes)[1] == []


def test_one_node_that_answers_is_enough_to_name_the_others() -> None:
    """Asked from outside: nothing is known of processes, and the node's own view of its peers has to do."""
    nodes = healthy()
    for name in ("node3", "node4"):
        cut(nodes, "node1", name, "unreachable: connection refused")
    evidence = Evidence((replace(nodes["node1"], process=None),))
    found = diagnose(evidence, NOW)
    assert found[0].code == "unreachable" and set(found[0].nodes) == {"node3", "node4"}
    assert "2 of 4 validators vote, 3 must" in summary(evidence, found)
    cutoff = Evidence((replace(healthy()["node1"], process=None),))
    assert diagnose(cutoff, NOW) == []


def test_an_observers_view_is_enough_too() -> None:
    nodes = healthy()
    watcher = status_of("watcher", ("watcher", *NAMES))
    watcher["observer"], watcher["node"]["validator"] = True, None
    watcher["consensus"].update(votes=False, why_silent="not_a_validator", validators=list(NAMES), quorum=3)
    observed = NodeEvidence("watcher", "http://watcher", watcher)
    assert diagnose(Evidence((observed,)), NOW) == []
    assert findings({**nodes, "watcher": observed})[1] == []


def test_several_causes_at_once_are_ordered_by_how_likely_they_are_the_root() -> None:
    nodes = healthy()
    gone(nodes, "node4", "ended")
    for name in NAMES[:3]:
        silent("waiting_for_testimony")(nodes, name)
    gone(nodes, "node3", "ended", ("DISK_FULL", "no space left"))
    evidence, found = findings(nodes)
    assert "0 of 4 validators vote, 3 must: node3 ended (DISK_FULL: no space left); node4 does not run; " in summary(
        evidence, found
    )
    codes = [finding.code for finding in found if finding.severity is Severity.STOPS]
    assert codes == ["disk_full", "not_running", "starting"]


def test_nobody_answers() -> None:
    nobody = Evidence((NodeEvidence("http://a", "http://a", None, "connection refused"),))
    (found,) = diagnose(nobody, NOW)
    assert found.code == "nothing_known" and "connection refused" in found.what
    nodes = healthy()
    for name in NAMES:
        nodes[name] = NodeEvidence(name, "", None, "it does not run", "ended")
    evidence, found_all = findings(nodes)
    assert found_all[0].code == "not_running" and "0 of 4 validators vote" in summary(evidence, found_all)


def test_small_networks_are_told_that_they_tolerate_nothing() -> None:
    names = ("node1", "node2", "node3")
    evidence, found = findings(healthy(names), names)
    assert [finding.code for finding in found] == ["few_validators"]
    assert summary(evidence, found).startswith("All is well")


@pytest.mark.parametrize(("free", "ending"), [(4096, ("DISK_FULL", "its disk has 4096 bytes left")), (1 << 30, None)])
def test_a_full_disk_takes_no_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, ending: tuple[str, str] | None
) -> None:
    """What ended the node is told by what its disk has left."""
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    layout = ClusterLayout(tmp_path, "00", node_places(tmp_path, 1, 20_000))
    (node,) = ask_cluster(layout).nodes
    assert (node.process, node.ending) == ("ended", ending)


def test_an_executor_that_is_paused_keeps_its_node_from_voting() -> None:
    nodes = [replace(node, executor_paused=node.name in NAMES[:2]) for node in healthy().values()]
    first = diagnose(Evidence(tuple(nodes), NAMES), NOW)[0]
    assert (first.code, first.severity, first.nodes) == ("paused", Severity.STOPS, NAMES[:2])
    assert "the executor of node1 is paused" in first.what
