"""A real node on a kernel that offers less says which walls are missing, and ends where its configuration insists."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cluster_support import PATIENCE_SECONDS, Cluster, http, tally, until

from assembly.exit_codes import ExitCode
from cli.cluster_layout import NodePlace

pytestmark = pytest.mark.cluster

LESSER_KERNEL = str(Path(__file__).parents[1] / "unit" / "lesser_kernel.py")
NO_LANDLOCK = "this kernel offers no Landlock; files are protected by their permissions alone"
NO_FILTER = "they cannot be filtered ([Errno 38] Function not implemented)"
ALL = "executor, reader, verifier"
MISSING = {
    "landlock": [f"{ALL}: file system: {NO_LANDLOCK}"],
    "landlock,seccomp": [
        f"{ALL}: file system: {NO_LANDLOCK}",
        f"{ALL}: system calls: {NO_FILTER}",
        f"{ALL}: network: Landlock version 0 does not stop it",
        f"{ALL}: signals to other processes: Landlock version 0 does not stop them",
    ],
    "capabilities": [f"{ALL}: capabilities: they cannot be given up ([Errno 1] Operation not permitted)"],
}


def lone_node(folder: Path, absent: str) -> tuple[Cluster, NodePlace]:
    """Return a network of one node, which finds the kernel without some walls."""
    cluster = Cluster(folder, nodes=1)
    (node,) = cluster.layout.nodes
    node = replace(node, launcher=(sys.executable, LESSER_KERNEL, absent))
    cluster.layout = replace(cluster.layout, nodes=(node,))
    return cluster, node


@pytest.mark.parametrize("absent", MISSING)
async def test_what_the_kernel_lacks_is_said_wherever_an_operator_looks(tmp_path: Path, absent: str) -> None:
    cluster, node = lone_node(tmp_path / "cluster", absent)
    expected = MISSING[absent]
    try:
        cluster.start()
        await until(lambda: cluster.reports()[node.name].height is not None, "it answers", PATIENCE_SECONDS)

        def said() -> bool:
            # The reader reports a moment after the others.
            own = http(node, "/readyz?verbose=true").json()["walls_missing"]
            return bool(own == expected)

        await until(said, f"{expected} in the condition", PATIENCE_SECONDS)
        assert http(node, "/v1/network").json()["node"]["walls_missing"] == expected
        assert f"\ntallystick_walls_missing {len(expected)}\n" in http(node, "/metrics").body.decode()
        status = tally("node", "status", str(node.config)).stdout
        assert all(f"  walls    missing around {line}\n" in status for line in expected)
        found = tally("doctor", "--url", node.api, check=False).stdout
        assert all(line in found for line in expected)
        for line in expected:
            assert f"missing around {line}" in node.log_file.read_text(encoding="utf-8")
        helpers = http(node, "/v1/network/status").json()["helpers"]
        assert (helpers["reader_pid"], helpers["reader_restarts"]) == (cluster.children(node.name)["reader"][0], 0)
    finally:
        cluster.close()


def test_a_node_that_requires_walls_ends_where_one_is_missing(tmp_path: Path) -> None:
    cluster, node = lone_node(tmp_path / "cluster", "landlock")
    text = node.config.read_text(encoding="utf-8")
    node.config.write_text(f"require_walls = true\n{text}", encoding="utf-8")
    try:
        cluster.start()
        assert cluster.exit_code(node.name) == ExitCode.WALLS_MISSING
        (last,) = re.findall(r"^node: WALLS_MISSING: (.*)$", (node.folder / "node.out").read_text(), re.MULTILINE)
        assert last.endswith(f"{ALL}: file system: {NO_LANDLOCK}")
    finally:
        cluster.close()


async def test_where_all_walls_stand_a_node_that_requires_them_runs(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "cluster", nodes=1)
    (node,) = cluster.layout.nodes
    text = node.config.read_text(encoding="utf-8")
    node.config.write_text(f"require_walls = true\n{text}", encoding="utf-8")
    try:
        await cluster.begin()
        assert "\ntallystick_walls_missing 0\n" in http(node, "/metrics").body.decode()
    finally:
        cluster.close()
