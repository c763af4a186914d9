"""`tally bench` with real nodes: what it reports of a small load."""

import json
from pathlib import Path

import pytest
from cluster_support import free_base_port, tally

pytestmark = pytest.mark.cluster


def test_a_small_load_is_measured_with_everything_that_it_cost(tmp_path: Path) -> None:
    figures, chart = tmp_path / "figures.json", tmp_path / "chart.svg"
    options = ["--one-rate", "--rate", "40", "--seconds", "3", "--no-pin", "--base-port", str(free_base_port())]
    done = tally("bench", *options, "--json", str(figures), "--chart", str(chart), check=False)
    found = json.loads(figures.read_text(encoding="utf-8"))
    (run,) = found["runs"]
    # A slow machine may answer late; nothing may fail on any.
    assert done.returncode == (0 if run["sustained"] else 1)
    assert found["capacity"] == (40 if run["sustained"] else 0)
    assert (run["sent"], run["committed"], run["other"]) == (120, 120, {})
    assert 0 < run["latency_ms"]["p50"] <= run["latency_ms"]["max"]
    assert run["blocks"] >= 1
    assert all(run["cpu_us"][kind] > 0 for kind in ("node", "executor"))
    assert run["wire_bytes"] > 120 and run["limit"] > 100
    assert chart.read_text(encoding="utf-8").startswith("<svg")
