"""The page of the simulator shows the figures that its records add up to, and the records hold no broken promise."""

import itertools
import json

from figures import RECORDS, figures, shown
from planted_bugs import PLANTED_BUGS

from consensus.simulation.records import read_records, summed


def test_the_page_shows_what_was_recorded() -> None:
    """After a new record: python tests/simulation/figures.py --write"""
    assert shown() == figures()


def test_no_promise_was_ever_broken() -> None:
    records = read_records(RECORDS / "campaigns.jsonl")
    sums = summed(records)
    assert sums.broken == len(sums.false_alarms)
    for name in sums.false_alarms.values():
        assert (RECORDS.parent / "regressions" / f"{name}.json").exists()
    spans = sorted((record["first_seed"], record["first_seed"] + record["runs"]) for record in records)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans)), "no seed counts twice"


def test_twins_split_nothing_until_they_are_one_too_many() -> None:
    records = read_records(RECORDS / "twins.jsonl")
    for record in records:
        is_too_many = record["twins"] > (record["nodes"] - 1) // 3
        assert bool(record["broken"]) == is_too_many
    played = {(record["rounds"], record["scenarios"]) for record in records if record["all"] and record["nodes"] == 4}
    assert {(3, 3_375), (4, 50_625)} <= played
    assert any(record["nodes"] == 7 for record in records)


def test_every_planted_bug_was_found_within_ten_minutes() -> None:
    record = json.loads((RECORDS / "mutants.json").read_text(encoding="utf-8"))
    assert {bug["name"] for bug in record["bugs"]} == {bug.name for bug in PLANTED_BUGS}
    assert all(bug["is_expected"] and bug["seconds"] < 600 for bug in record["bugs"])
