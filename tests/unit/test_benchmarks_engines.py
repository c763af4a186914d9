"""The comparison of engines measures the same transfer in each: the state of the host says so."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECK = """
from benchmarks.engine_child import ENGINES
from benchmarks.engines import OTHERS, own
assert set(OTHERS) == set(ENGINES), "each has its side of the workload"
assert own(5).microseconds > 0
"""


def python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_workload_runs_where_only_python_is() -> None:
    figure = json.loads(python("-I", "benchmarks/engine_child.py", "python", "20"))
    assert figure["version"] == sys.version.split()[0] and figure["endless"] is None


def test_the_own_engine_carries_out_every_call() -> None:
    python("-c", CHECK)
