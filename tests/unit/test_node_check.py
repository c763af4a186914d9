"""`tally node check` reads what a node would read and tries its walls, without starting the node."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assembly.exit_codes import ExitCode
from cli.cluster_files import create_cluster

LESSER_KERNEL = str(Path(__file__).with_name("lesser_kernel.py"))
NO_LANDLOCK = "file system: this kernel offers no Landlock; files are protected by their permissions alone"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A node's configuration."""
    return create_cluster(tmp_path / "cluster", 4, 20_000, (), None).nodes[0].config


def check(config: Path, *options: str, absent: str = "") -> "subprocess.CompletedProcess[str]":
    launcher = [sys.executable, LESSER_KERNEL, absent] if absent else []
    command = [*launcher, sys.executable, "-c", "from cli.main import main; main()", "node", "check", str(config)]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)


def test_a_machine_with_all_walls_passes_and_nothing_is_left_behind(config: Path) -> None:
    before = sorted(config.parent.rglob("*"))
    done = check(config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "node1 (validator) of " in done.stdout and "  walls    all stand" in done.stdout
    assert sorted(config.parent.rglob("*")) == before


def test_what_a_kernel_lacks_is_named_and_fails_only_where_it_is_required(config: Path) -> None:
    done = check(config, "--json", absent="landlock")
    assert done.returncode == 0
    assert json.loads(done.stdout)["walls_missing"] == [f"executor, reader, verifier: {NO_LANDLOCK}"]
    config.write_text(f"require_walls = true\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
    done = check(config, absent="landlock")
    assert done.returncode == ExitCode.WALLS_MISSING
    assert f"           executor, reader, verifier: {NO_LANDLOCK}\n" in done.stdout
    assert "require_walls is set, and this machine lacks walls around executor" in done.stderr


def test_a_key_that_genesis_does_not_name_is_refused_as_the_node_would(config: Path) -> None:
    seed = config.parent / "keys" / "consensus.seed"
    seed.write_text("11" * 32, encoding="ascii")
    done = check(config)
    assert done.returncode == ExitCode.CONFIGURATION
    assert "keys.consensus_seed" in done.stderr and "Traceback" not in done.stderr
