"""What a benchmark concludes from what it sees: the search, what counts as committed, quantiles, samples, the chart."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.accounts import compare
from benchmarks.lone import MILESTONES, Marks, Sent, divided
from cli.bench.figures import quantile
from cli.bench.load import count_outcomes
from cli.bench.measure import Load, RunFigures, backlog_grew
from cli.bench.report import Named, chart, row, stage_table
from cli.bench.samples import Samples, read_samples
from cli.bench.sampling import stage_microseconds
from cli.bench.search import PRECISION, confirm_capacity, find_capacity
from cli.bench.usage import ProcessTime
from cli.bench.workloads import TRANSFER

FIGURES = RunFigures(
    rate=800,
    seconds=10.0,
    workload="transfer",
    batched=True,
    fault="none",
    sent=8_000,
    committed=7_990,
    in_time=7_980,
    committed_per_second=795.0,
    latency_ms={"p50": 40.0, "p95": 90.0, "p99": 120.0, "max": 300.0},
    other={},
    backlog_grew=False,
    sustained=True,
    blocks=200,
    cpu_us={"node": 100.0, "executor": 80.0, "reader": 1.0, "verifier": 95.0},
    stages_us={},
    generator_us=40.0,
    memory_mib={"node": 60.0},
    disk_bytes=900.0,
    wire_bytes=1_000.0,
    nodes=4,
    keys=0,
    is_cold=False,
    limit=5_300.0,
)


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 430, 500, 501, 977, 12_345])
def test_the_search_ends_just_below_what_is_sustained(limit: int) -> None:
    tried: list[int] = []

    def sustained(rate: int) -> bool:
        tried.append(rate)
        return rate <= limit

    found = find_capacity(sustained, 500)
    assert found <= limit
    if limit >= 10:
        assert found >= limit * (1 - PRECISION) - 1
    else:
        assert found == 0
    assert len(tried) < 25


def test_a_capacity_that_fails_once_is_lowered_until_all_runs_sustain_it() -> None:
    answers = iter([True, False, True, True, True])
    assert confirm_capacity(lambda rate: next(answers), 1_000, 3) == 950
    assert confirm_capacity(lambda rate: False, 1_000, 3) == 0


def test_only_what_is_committed_and_successful_counts() -> None:
    other: Counter[str] = Counter()
    answer = {
        "transactions": [
            {"status": "committed", "receipt": {"code": None}},
            {"status": "committed", "receipt": {"code": "insufficient_balance"}},
            {"status": "pending"},
            {"status": "refused", "code": "overloaded"},
        ]
    }
    assert count_outcomes(answer, 202, 4, other) == 1
    assert other == {"insufficient_balance": 1, "pending": 1, "overloaded": 1}
    assert count_outcomes({"status": "committed", "receipt": {"code": None}}, 200, 1, other) == 1
    assert count_outcomes({"code": "overloaded"}, 429, 25, other) == 0
    assert other["overloaded"] == 26


def test_a_backlog_grows_when_the_second_half_adds_to_it() -> None:
    load = Load(1_000, 60.0)
    assert not backlog_grew(300, 700, load)
    assert backlog_grew(300, 900, load)
    assert not backlog_grew(20_000, 3_000, load)


def test_quantiles_are_of_the_sorted_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (quantile(values, 0.0), quantile(values, 0.5), quantile(values, 1.0)) == (1.0, 51.0, 100.0)
    assert quantile([], 0.5) != quantile([], 0.5)


def test_samples_go_to_the_innermost_stage_and_waiting_is_left_out() -> None:
    samples = read_samples(
        [
            "main (node.py:1);decode_transaction (chain/transaction.py:90);decode (chain/encoding.py:70) 7",
            "main (node.py:1);LevelStore.write (chain/store.py:107) 2",
            "main (node.py:1);Runner.run (asyncio/runners.py:86) 50",
            "main (node.py:1);_worker (concurrent/futures/thread.py:69) 30",
            "main (node.py:1) 1",
            "main (node.py:1);Indexer.run (assembly/indexing.py:98);decode_transaction (chain/transaction.py:90) 3",
        ]
    )
    assert samples.stages == {
        "decode transactions": 7,
        "databases": 2,
        "event loop and interpreter": 1,
        "history index": 3,
    }
    assert samples.functions["main (node.py:1)"] == 13
    assert samples.own["decode (chain/encoding.py:70)"] == 7


def test_a_process_s_time_is_divided_over_its_stages_by_their_samples() -> None:
    seen = Samples({"receipts": 1, "databases": 3}, {}, {})
    stages = stage_microseconds(seen, ProcessTime(8_000_000), 100)
    assert stages == {"databases": 60.0, "receipts": 20.0}
    assert stage_microseconds(Samples({}, {}, {}), ProcessTime(8), 0) == {}
    table = stage_table(replace(FIGURES, stages_us={"executor": {**stages, "calls": 0.1}}))
    assert [line.split() for line in table.splitlines()] == [
        ["executor", "databases", "60.0", "us"],
        ["executor", "receipts", "20.0", "us"],
    ]
    assert stage_table(FIGURES) == ""


def test_the_row_says_what_went_wrong() -> None:
    good = row(Named("capacity", FIGURES))
    assert "795" in good and "15%" in good and "= 276" in good and "60 MiB" in good
    assert "sustained" not in good
    bad = row(Named("150%", replace(FIGURES, sustained=False, backlog_grew=True, other={"overloaded": 1_234})))
    assert bad.endswith("1,234 overloaded   backlog grew   not sustained")


def test_the_chart_is_an_image_with_a_point_for_each_rate() -> None:
    runs = [FIGURES, replace(FIGURES, rate=1_200, sustained=False), replace(FIGURES, rate=100, latency_ms={})]
    runs.append(replace(FIGURES, seconds=1.0, latency_ms={"p50": 9_999.0, "p99": 9_999.0}))
    image = ElementTree.fromstring(chart(runs, "4 nodes & <2> cores"))
    lines = [element.get("points") or "" for element in image if element.tag.endswith("polyline")]
    assert [len(line.split()) for line in lines] == [2, 2]
    assert [element.get("fill") for element in image if element.text in ("800", "1,200")] == ["#444", "#b4482a"]


def test_the_contract_is_the_one_that_the_manual_shows() -> None:
    assert Path(__file__).parents[2].joinpath("benchmarks", "transfer.py").read_text(encoding="utf-8") == TRANSFER


def test_costs_are_compared_by_the_least_of_all_rounds() -> None:
    few = [replace(FIGURES, cpu_us={"node": 100.0 + more, "executor": 50.0}) for more in (0.0, 30.0)]
    many = [replace(FIGURES, cpu_us={"node": 110.0, "executor": 100.0 + more}) for more in (20.0, 0.0)]
    ratios = compare({"few": few, "many": many})
    assert ratios["few"] == {"node": 1.0, "executor": 1.0, "all": 1.0}
    assert ratios["many"] == {"node": 1.1, "executor": 2.0, "all": 1.4}


def test_a_lone_transaction_s_way_is_divided_without_a_gap() -> None:
    """Four nodes pass each milestone a microsecond after each other; the client asked node 1, and node 0 is primary."""

    def marks(place: int) -> Marks:
        names = [each.mark for each in MILESTONES]
        if place:
            names = [name for name in names if name not in ("build>", "build<", "propose>", "propose<")]
        if place != 1:
            names = [name for name in names if not name.startswith("http")]
        moments = {each.mark: 1_000_000 * (number + 1) for number, each in enumerate(MILESTONES)}
        # What belongs to the transactions before and after it is passed over.
        return {name: [5, moments[name] + 1_000 * place, 10**12] for name in names}

    sent = Sent(node=1, started=1_000, ended=1_000_000 * (len(MILESTONES) + 1))
    stages = divided([sent], [marks(place) for place in range(4)])
    durations = [milliseconds for _, _, (milliseconds,) in stages]
    assert len(durations) == len(MILESTONES) + 1
    assert sum(durations) == pytest.approx((sent.ended - sent.started) / 1e6)
    names = [stage for stage, _, _ in stages]
    executed = durations[names.index("executed in the executor, pipes both ways")]
    assert executed == pytest.approx(1.0), "from the third node to the third node"
    begun = durations[names.index("PRE-PREPARE framed, sent, checked; body put together")]
    assert begun == pytest.approx(1.002), "from the primary to the third node"
