"""A node's modules are imported cheaply, and only those that a running node needs."""

import gc
import os
import subprocess
import sys

from node import TRUSTED_BY_SYSTEM, cheap_imports

NOT_NEEDED = (
    "audit",
    "benchmarks",
    "cli",
    "click",
    "gateway",
    "lxml",
    "pyarrow",
    "tallystick",
    "unittest",
    "multiprocessing",
)
"""Whole packages of ours and others that serve other programs."""

MODULES_MAX = 700
"""A tenth more than a node imports."""


def test_imports_leave_collector_and_environment_as_they_were() -> None:
    before = os.environ.get(TRUSTED_BY_SYSTEM)
    try:
        with cheap_imports():
            assert not gc.isenabled()
            assert os.environ[TRUSTED_BY_SYSTEM] == os.devnull
        assert gc.isenabled()
        assert os.environ.get(TRUSTED_BY_SYSTEM) == before
    finally:
        gc.unfreeze()


def test_a_node_imports_what_it_needs_and_no_more() -> None:
    script = "import node, sys\nwith node.cheap_imports(): import assembly.composition\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    modules = done.stdout.split()
    assert "assembly.full_node" in modules
    assert not {module.partition(".")[0] for module in modules} & set(NOT_NEEDED)
    assert len(modules) < MODULES_MAX


def test_the_door_imports_none_of_it() -> None:
    script = "import node, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert not {module.partition(".")[0] for module in done.stdout.split()} & {"aiohttp", "assembly", "chain", "ssl"}
