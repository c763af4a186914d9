"""The benchmark of the executor finds every stage that it tells of in the program as it is."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_stage_takes_some_time(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.executor", "--sizes", "10", "--blocks", "2", "--json", str(figures)]
    # A process of its own, since it replaces functions by ones that are timed.
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    (stages,) = json.loads(figures.read_text())["stages"]
    assert set(stages["least"]) >= {"request", "check", "calls", "receipts", "reads", "versions", "tree", "apply"}
    assert all(microseconds > 0 for microseconds in stages["median"].values()), stages
