"""`tally cluster` as people and scripts use it: what each verb does, prints and refuses."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster_support import free_base_port

pytestmark = pytest.mark.cluster

TALLY = Path(sys.executable).with_name("tally")
NAMES = ["node1", "node2", "node3", "node4"]


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs `tally cluster` on one folder."""

    folder: Path
    base_port: int

    def run(self, verb: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a verb and return how it ended."""
        command = [str(TALLY), "cluster", verb, "--dir", str(self.folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)

    def json(self, verb: str, *arguments: str) -> Any:
        """Run a verb that has to succeed and return the JSON that it prints."""
        done = self.run(verb, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def nodes(self) -> dict[str, Any]:
        """Return what `status --json` says of each node."""
        return {node["name"]: node for node in self.json("status")["nodes"]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """A cluster that `tally cluster up` created and started."""
    commands = Commands(tmp_path_factory.mktemp("verbs") / "ledger", free_base_port())
    try:
        done = commands.run("up", "--base-port", str(commands.base_port))
        assert done.returncode == 0, done.stderr
        assert all(f"{name} ready" in done.stderr for name in NAMES)
        assert all(name in done.stdout for name in NAMES) and "genesis hash" in done.stdout
        yield commands
    finally:
        commands.run("down")


def test_status_has_the_names_that_scripts_rely_on(running: Commands) -> None:
    """The list of nodes, and beside it the ledger."""
    status = running.json("status")
    assert len(status["chain_id"]) == 64 and status["chain_id"] == status["genesis_hash"]
    assert [node["name"] for node in status["nodes"]] == NAMES
    for number, node in enumerate(status["nodes"]):
        assert node["api"] == f"http://127.0.0.1:{running.base_port + number}"
        assert type(node["height"]) is int and type(node["view"]) is int
        assert node["primary"] in NAMES
        assert node["ready"] is True and node["why_not"] == []
        for field in ("pid", "executor_pid"):
            assert Path(f"/proc/{node[field]}").exists()
    for name in NAMES:
        for folder in ("blocks", "state", "wal"):
            assert (running.folder / name / folder).is_dir()


def test_up_again_says_that_it_runs(running: Commands) -> None:
    """Nothing is started or created anew; another shape is refused."""
    before = running.nodes()
    done = running.run("up")
    assert done.returncode == 0 and "already runs" in done.stderr
    assert {name: node["pid"] for name, node in running.nodes().items()} == {
        name: node["pid"] for name, node in before.items()
    }
    for arguments, told in ((("--nodes", "5"), "has 4 nodes"), (("--base-port", "2000"), "uses base port")):
        done = running.run("up", *arguments)
        assert done.returncode == 1 and told in done.stderr
        assert done.stderr.startswith("tally: ") and "Traceback" not in done.stderr


def test_pause_and_resume(running: Commands) -> None:
    """A paused node is shown as such and comes back."""
    assert running.json("pause", "node2") == {"node2": "paused"}
    paused = running.nodes()["node2"]
    assert paused["ready"] is False and paused["why_not"] == ["paused"] and paused["pid"]
    assert running.json("resume", "node2") == {"node2": "resumed"}
    assert running.json("up")["nodes"][1]["ready"] is True


def test_kill_and_restart(running: Commands) -> None:
    """A killed node is shown as not running, cannot be killed twice, and is started again."""
    assert running.json("kill", "node3") == {"node3": "killed"}
    killed = running.nodes()["node3"]
    assert killed["pid"] is None and killed["executor_pid"] is None and killed["why_not"] == ["not running"]
    done = running.run("kill", "node3")
    assert done.returncode == 1 and "node3 is not running" in done.stderr
    status = running.json("restart", "node3")
    assert status["nodes"][2]["ready"] is True
    before = running.nodes()
    running.json("restart", "node1", "node2")
    after = running.nodes()
    for name in NAMES:
        assert (before[name]["pid"] != after[name]["pid"]) == (name in ("node1", "node2"))


def test_up_starts_what_is_down(running: Commands) -> None:
    """After a crash of one node `up` starts that one alone."""
    running.json("kill", "node4")
    done = running.run("up")
    assert done.returncode == 0
    assert "node4 started" in done.stderr and "node1 started" not in done.stderr
    assert all(node["ready"] for node in running.nodes().values())


def test_logs(running: Commands) -> None:
    """The last lines of each chosen node."""
    logs = running.json("logs", "node1", "node2", "--lines", "3")
    assert list(logs) == ["node1", "node2"]
    assert all(1 <= len(text.splitlines()) <= 3 for text in logs.values())
    assert "== node4" in running.run("logs").stdout


@pytest.mark.parametrize("verb", ["kill", "pause", "resume", "restart", "logs"])
def test_an_unknown_node_is_named(running: Commands, verb: str) -> None:
    """The message names the nodes that there are."""
    done = running.run(verb, "node9")
    assert done.returncode == 1
    assert "node9" in done.stderr and "node1, node2" in done.stderr


def test_two_clusters_side_by_side(running: Commands, tmp_path: Path) -> None:
    """Another folder and other ports make another ledger; stopping it leaves the first one alone."""
    other = Commands(tmp_path / "other", free_base_port())
    try:
        status = other.json("up", "--base-port", str(other.base_port), "--nodes", "1")
        assert status["chain_id"] != running.json("status")["chain_id"]
        assert [node["ready"] for node in status["nodes"]] == [True]
        assert other.json("down") == {"stopped": 1}
        assert all(node["ready"] for node in running.nodes().values())
        assert "No node was running" in other.run("down").stdout
    finally:
        other.run("down")


def test_taken_ports_and_folders_are_refused_before_anything_is_made(running: Commands, tmp_path: Path) -> None:
    """The message names the port or the folder, and the way out."""
    base_port = free_base_port()
    with socket.create_server(("127.0.0.1", base_port + 2)):
        done = Commands(tmp_path / "fresh", base_port).run("up", "--base-port", str(base_port))
    assert done.returncode == 1
    assert f"port {base_port + 2}" in done.stderr and "--base-port" in done.stderr
    assert not (tmp_path / "fresh").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("not a ledger")
    done = Commands(tmp_path / "full", base_port).run("up", "--base-port", str(base_port))
    assert done.returncode == 1 and "holds no cluster" in done.stderr
    done = Commands(tmp_path / "nowhere", base_port).run("status")
    assert done.returncode == 1 and "no cluster in" in done.stderr


def test_down_and_up_keep_the_ledger(running: Commands) -> None:
    """The same ledger goes on after a clean stop; all its nodes stop, none has to be killed."""
    before = running.json("status")
    done = running.run("down")
    assert done.returncode == 0 and "4 nodes stopped" in done.stdout and "killed" not in done.stderr
    assert {node["pid"] for node in running.nodes().values()} == {None}
    done = running.run("kill")
    assert done.returncode == 1 and "no node" in done.stderr
    after = running.json("up")
    assert after["chain_id"] == before["chain_id"]


def test_without_a_name_all_that_run_are_meant(running: Commands) -> None:
    """A node that is down does not keep the others from being killed."""
    running.json("kill", "node1")
    assert running.json("kill") == dict.fromkeys(NAMES[1:], "killed")
    assert all(node["ready"] for node in running.json("up")["nodes"])
