"""A short chaos run by its command; the long one: tally cluster chaos --seconds 3600 --seed 1."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cluster_support import free_base_port, tally

pytestmark = pytest.mark.cluster


def test_a_chaos_run_keeps_all_promises(tmp_path: Path) -> None:
    """Nodes of a cluster are disturbed for a while; commits resume, and the history is one."""
    port, folder = str(free_base_port()), tmp_path / "kept"
    done = tally(
        "cluster", "chaos", "--seconds", "15", "--seed", "1", "--base-port", port, "--keep", str(folder), "--json"
    )
    report = json.loads(done.stdout)
    assert report["violations"] == []
    assert sum(report["faults"].values()) >= 2 and len(report["resumed_seconds"]) >= 2
    assert report["operations"] >= report["acknowledged"] > 20
    assert (folder / "cluster.json").exists()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2")
def test_a_chaos_run_on_a_network_of_the_kernel(tmp_path: Path) -> None:
    """Packets that are really lost, in one direction or both, and narrow wires; nothing of it is left behind."""
    before = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    faults = ["--faults", "cut,mute,deaf,dumb,slow"]
    done = tally("cluster", "chaos", "--namespaces", "--seconds", "12", "--seed", "2", *faults, "--json")
    report = json.loads(done.stdout)
    assert report["violations"] == [] and len(report["resumed_seconds"]) >= 2 and report["acknowledged"] > 10
    assert subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout == before


def test_an_unknown_fault_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    done = tally("cluster", "chaos", "--faults", "kill,hug", "--keep", str(tmp_path / "none"), check=False)
    assert done.returncode == 1 and "no fault 'hug'" in done.stderr
    assert not (tmp_path / "none").exists()
