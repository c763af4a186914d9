"""Records of campaigns add up, go on where they ended, and say no more than was run."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.errors import CliError
from cli.main import tally
from consensus.simulation.campaign import Extent
from consensus.simulation.records import STANDARD, RecordError, next_seed, read_records, summed
from consensus.simulation.settings import Fault


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tally, ["simulate", *arguments])


def test_a_campaign_is_recorded_and_the_next_goes_on_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.jsonl"
    options = ("--campaign", "60", "--runs", "3", "--seed", "40", "--record", str(path), "--resume")
    assert run(*options).exit_code == 0
    assert run(*options).exit_code == 0
    first, second = read_records(path)
    assert (first["first_seed"], second["first_seed"], first["runs"], second["runs"]) == (40, 43, 3, 3)
    assert first["profile"] == STANDARD and first["broken"] == 0 and first["version"] and first["sources"]
    shown = json.loads(run("--recorded", str(path), "--json").stdout)
    assert shown["runs"] == 6 and shown["events"] == first["events"] + second["events"]
    assert shown["fault_count"] == sum(first["faults"].values()) + sum(second["faults"].values())
    people = run("--recorded", str(path)).stdout
    assert people.startswith("2 campaigns, 6 runs (6 standard), 0 broken promises\n")


def test_another_profile_has_seeds_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.jsonl"
    assert run("--campaign", "60", "--runs", "2", "--record", str(path), "--resume").exit_code == 0
    short = ("--campaign", "60", "--runs", "2", "--record", str(path), "--resume", "--steps", "60", "--nodes", "4")
    assert run(*short).exit_code == 0
    assert [record["first_seed"] for record in read_records(path)] == [0, 0]
    assert summed(read_records(path)).profiles == {STANDARD: 2, "4 nodes, 60 steps": 2}
    assert next_seed(read_records(path), STANDARD, 0) == 2
    assert next_seed(read_records(path), STANDARD, 1_000) == 1_000
    assert Extent(faults=frozenset({Fault.ROT, Fault.DISK})).profile == "faults disk,rot"
    assert Extent(faults=frozenset()).profile == "faults none"


@pytest.mark.parametrize(
    ("text", "words"), [("no json\n", "line 1"), ("[1]\n", "holds no record"), ('{"runs": 1}\n', "not of a campaign")]
)
def test_what_is_no_record_is_said(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "campaigns.jsonl"
    path.write_text(text, encoding="utf-8")
    result = run("--recorded", str(path))
    assert result.exit_code == 1
    assert isinstance(result.exception, CliError) and words in str(result.exception)


def test_records_of_something_else_do_not_add_up() -> None:
    with pytest.raises(RecordError):
        summed([{"scenarios": 3}])
