"""Samples that a node takes by its own processor time are read like those of the profiler from outside."""

import subprocess
import sys
from pathlib import Path

from benchmarks.timed_node import name_of
from chain.columns import decode_transactions
from cli.bench.samples import read_samples

ROOT = Path(__file__).resolve().parents[2]


def test_a_function_belongs_to_its_stage() -> None:
    name = name_of(decode_transactions.__code__)
    assert name.startswith("decode_transactions (chain/columns.py:")
    assert read_samples([f"main (node.py:1);{name} 3"]).stages == {"decode transactions": 3}


def test_a_program_is_run_as_it_would_be_and_its_work_is_noted(tmp_path: Path) -> None:
    output = tmp_path / "samples"
    command = [
        "benchmarks.timed_node",
        str(output),
        sys.executable,
        "-m",
        "timeit",
        "-n",
        "100",
        "-r",
        "1",
        "sum(range(100_000))",
    ]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("100 loops, best of 1:")
    seen = read_samples(output.read_text(encoding="utf-8").splitlines())
    assert any(name.startswith("inner (<timeit-src>") for name in seen.own)
