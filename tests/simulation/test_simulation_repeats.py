"""A run is a function of its seed: in this process, in another with another hash seed, and from the command line."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cli.errors import CliError
from cli.main import tally
from consensus.simulation import settings
from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings

SEEDS = (2, 5, 12)
SCRIPT = """
import sys
from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings
for seed in map(int, sys.argv[1:]):
    print(simulate(Settings(seed, 4, 1000)).digest)
"""


def digests_under(hash_seed: str) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", SCRIPT, *map(str, SEEDS)]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_a_seed_gives_one_trace_whatever_the_hash_seed() -> None:
    here = [simulate(Settings(seed, 4, 1_000)).digest for seed in SEEDS]
    assert here == [simulate(Settings(seed, 4, 1_000)).digest for seed in SEEDS]
    assert here == digests_under("1") == digests_under("2")
    assert len(set(here)) == len(SEEDS)


def test_the_command_prints_what_the_run_gave() -> None:
    arguments = ["simulate", "--seed", "5", "--nodes", "4", "--steps", "1000", "--json"]
    result = CliRunner().invoke(tally, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["trace_digest"] == simulate(Settings(5, 4, 1_000)).digest


def test_a_failing_run_shows_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consensus.simulation.run.RECOVERY_US_MAX", 0)
    result = CliRunner().invoke(tally, ["simulate", "--seed", "5", "--steps", "1000", "--faults", "loss,crash"])
    assert isinstance(result.exception, CliError)
    message = str(result.exception)
    assert "broken: no recovery" in message
    assert "tally simulate --seed 5 --nodes 4 --steps 1000 --faults crash,loss" in message
    assert "the faults stop" in message


def test_a_campaign_adds_up() -> None:
    result = CliRunner().invoke(tally, ["simulate", "--campaign", "0.5", "--steps", "500", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["runs"] >= 1


def test_unknown_faults_are_refused() -> None:
    result = CliRunner().invoke(tally, ["simulate", "--faults", "earthquake"])
    assert result.exit_code == 2 and "earthquake" in result.output


def test_each_seed_draws_its_own_weather() -> None:
    weathers = {settings.weather_of(Settings(seed, 4)) for seed in range(50)}
    assert len(weathers) == 50
