"""The plan on paper: hosts for a load, from what a run of the benchmark measured."""

from typing import Any

import pytest

from benchmarks.plan import RunMissing, choose_run, make_plan, text

RUN: dict[str, Any] = {
    "what": "capacity",
    "rate": 1_000,
    "seconds": 60.0,
    "workload": "transfer",
    "fault": "none",
    "sustained": True,
    "committed_per_second": 990.0,
    "nodes": 4,
    "cpu_us": {"node": 40.0, "executor": 50.0, "reader": 1.0, "verifier": 90.0},
    "memory_mib": {"node": 100.0, "executor": 50.0, "reader": 14.0, "verifier": 10.0},
    "disk_bytes": 1_000.0,
    "wire_bytes": 2_000.0,
}


def test_each_process_takes_its_time_at_the_rate() -> None:
    plan = make_plan(RUN, 86_400 * 10_000, 1.0, 0.6)
    assert plan.rate == 10_000
    assert {kind: round(need.cores, 3) for kind, need in plan.needs.items()} == {
        "node": 0.4,
        "executor": 0.5,
        "reader": 0.01,
        "verifier": 0.9,
    }
    assert (plan.needs["verifier"].processes, plan.cores) == (2, 4)
    assert plan.fits and plan.rate_max == pytest.approx(12_000)
    assert plan.disk_bytes_a_day == 864e9
    assert plan.wire_bits_a_second == 2_000 * 8 * 10_000 / 4
    assert plan.memory_mib == 100 + 50 + 14 + 2 * 10


def test_a_process_that_cannot_be_divided_may_be_too_slow() -> None:
    plan = make_plan(RUN, 1e9, 2.0, 0.6)
    assert not plan.fits and not plan.needs["executor"].fits
    said = text(plan, RUN)
    assert "executor needs 50 us and may need 26" in said and "2 ledgers" in said
    assert "It fits" in text(make_plan(RUN, 1e8, 1.0, 0.6), RUN)


def test_the_fastest_sustained_run_of_transfers_is_taken_unless_one_is_named() -> None:
    failed = {**RUN, "rate": 2_000, "sustained": False, "what": "search"}
    other = {**RUN, "rate": 3_000, "workload": "hot", "what": "hot account"}
    document = {"runs": [failed, other, RUN, {**RUN, "rate": 500}]}
    assert choose_run(document, None) == RUN
    assert choose_run(document, "hot account")["rate"] == 3_000
    with pytest.raises(RunMissing, match="there are: capacity, hot account, search"):
        choose_run(document, "lone")
    with pytest.raises(RunMissing, match="no run of transfers was sustained"):
        choose_run({"runs": [failed]}, None)
