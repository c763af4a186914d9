"""The speeds that the benchmark of restarts derives, and what it configures."""

from pathlib import Path

from benchmarks.restart import Comeback, Start, allow_snapshots, row, speed_beyond
from cli.cluster_layout import NodePlace
from configs.node_config import load_node_config

SAMPLE = Path(__file__).parents[2] / "configs" / "node.sample.toml"


def test_a_speed_is_that_of_what_takes_longer_than_a_restart_alone() -> None:
    assert speed_beyond(10_000, 7.0, 2.0) == 2_000
    assert speed_beyond(10_000, 2.1, 2.0) is None
    assert speed_beyond(10_000, 1.0, 2.0) is None


def test_the_line_shows_speed_limit_and_phases() -> None:
    start = Start(7.0, {"node": 1.25, "verifier": 0.0}, {"executing": 3.0}, False)
    line = row(Comeback("replay", start, 2_000.0, "tx/s", 5_190.0, "tx/s alone"))
    told = "replay 7.0 s 2,000 tx/s limit 5,190 tx/s alone CPU s: node 1.2 (executing 3.0 s)"
    assert " ".join(line.split()) == told
    assert "None" not in row(Comeback("restart", start, None, "", 1.9, "s"))


def test_snapshots_are_configured_once_however_often(tmp_path: Path) -> None:
    node = NodePlace("node1", tmp_path, 1, 2)
    text = SAMPLE.read_text(encoding="utf-8")
    node.config.write_text(text[: text.index("[catch_up]")], encoding="utf-8")
    for after_blocks in (5, 0, 7):
        allow_snapshots([node], after_blocks)
    assert load_node_config(node.config).catch_up.snapshot_after_blocks == 7
