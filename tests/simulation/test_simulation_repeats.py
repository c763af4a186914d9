"""A run is a function of its seed: in this process, in another with another hash seed, and from the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.errors import CliError
from cli.main import tally
from consensus.pbft import replica
from consensus.simulation import settings
from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings

SEEDS = (2, 5, 13, 31)
"""With liars, twins and, the last one, real signatures."""
STEPS = 300
SCRIPT = """
import sys
from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings
for seed in map(int, sys.argv[1:]):
    print(simulate(Settings(seed, 4, 300), is_traced=True).digest)
"""


def digests_under(hash_seed: str) -> list[str | None]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", SCRIPT, *map(str, SEEDS)]
    return list(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout.split())


def digest_of(seed: int) -> str | None:
    return simulate(Settings(seed, 4, STEPS), is_traced=True).digest


def test_a_seed_gives_one_trace_whatever_the_hash_seed() -> None:
    here = [digest_of(seed) for seed in SEEDS]
    assert here == [digest_of(seed) for seed in SEEDS]
    assert here == digests_under("1") == digests_under("2")
    assert len(set(here)) == len(SEEDS) and None not in here


def test_a_run_without_a_trace_takes_the_same_course() -> None:
    traced, plain = (simulate(Settings(5, 4, STEPS), is_traced=is_traced) for is_traced in (True, False))
    assert plain.digest is None
    assert (traced.events, traced.blocks, traced.faults) == (plain.events, plain.blocks, plain.faults)


def test_looking_at_few_transitions_after_a_vote_overlooks_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = range(60, 72)
    here = [digest_of(seed) for seed in seeds]
    monkeypatch.setattr(replica, "_AFTER", {})
    assert here == [digest_of(seed) for seed in seeds]


def test_the_command_prints_what_the_run_gave() -> None:
    arguments = ["simulate", "--seed", "5", "--nodes", "4", "--steps", str(STEPS), "--json"]
    result = CliRunner().invoke(tally, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["trace_digest"] == digest_of(5)


def test_a_failing_run_is_made_smaller_and_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("consensus.simulation.run.RECOVERY_US_MAX", 0)
    saved = tmp_path / "failure.json"
    arguments = ["simulate", "--seed", "6", "--steps", "200", "--faults", "loss,crash", "--save", str(saved)]
    result = CliRunner().invoke(tally, [*arguments, "--shrink", "5"])
    assert isinstance(result.exception, CliError)
    message = str(result.exception)
    assert "broken: no recovery" in message and "the faults stop" in message
    assert "repeat with: tally simulate --seed 6 --nodes 4 --steps 200 --faults crash,loss" in message
    value = json.loads(saved.read_text(encoding="utf-8"))
    assert (value["rule"], value["incidents"], value["packets"], value["told"]) == ("no recovery", [], [], [])
    again = CliRunner().invoke(tally, ["simulate", "--replay", str(saved)])
    assert "broken: no recovery" in str(again.exception)


def test_a_campaign_adds_up_and_is_recorded(tmp_path: Path) -> None:
    record = tmp_path / "campaigns.jsonl"
    arguments = ["simulate", "--campaign", "60", "--runs", "4", "--steps", "60", "--workers", "2"]
    result = CliRunner().invoke(tally, [*arguments, "--json", "--record", str(record)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["runs"] == 4
    line = json.loads(record.read_text(encoding="utf-8"))
    assert line["runs"] == 4 and line["broken"] == 0 and len(line["sources"]) == 16


def test_unknown_faults_and_files_are_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(tally, ["simulate", "--faults", "earthquake"])
    assert result.exit_code == 2 and "earthquake" in result.output
    bad = tmp_path / "bad.json"
    bad.write_text('{"format": "something else"}', encoding="utf-8")
    again = CliRunner().invoke(tally, ["simulate", "--replay", str(bad)])
    assert "is no replay file" in str(again.exception)


def test_each_seed_draws_its_own_weather() -> None:
    weathers = {settings.weather_of(Settings(seed, 4)) for seed in range(50)}
    assert len(weathers) > 48
