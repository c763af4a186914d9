"""What a long run under load concludes: whether something grows, latency by quarter, bytes a transaction, the chart."""

import math
import random
import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.soak import Soak, chart, disk_growth, document, quarters
from cli.bench.trend import SETTLING_SHARE, Verdict, trend

SEED = 5


def series(
    slope_an_hour: float, noise: float = 0.5, count: int = 180, start: float = 50.0
) -> list[tuple[float, float]]:
    """Return samples of half an hour."""
    chance = random.Random(SEED)
    step = 1_800 / count
    return [
        (number * step, start + slope_an_hour * number * step / 3_600 + chance.gauss(0, noise))
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("slope", "verdict"), [(0.0, Verdict.STEADY), (8.0, Verdict.SLOW), (100.0, Verdict.GROWS), (-30.0, Verdict.STEADY)]
)
def test_growth_is_judged_by_what_it_comes_to_in_a_day(slope: float, verdict: Verdict) -> None:
    found = trend(series(slope), bound=1_024, harmless=64)
    assert found.verdict is verdict, found
    assert abs(found.slope_an_hour - slope) < 4 * found.error_an_hour
    assert found.day >= found.end


def test_what_noise_hides_is_not_called_steady() -> None:
    assert trend(series(60.0, noise=200.0), bound=100, harmless=1).verdict is Verdict.UNKNOWN
    assert trend(series(0.0)[:10], bound=100, harmless=1).verdict is Verdict.UNKNOWN
    assert math.isnan(trend([], bound=1, harmless=1).end)


def test_a_value_beyond_its_bound_is_no_steady_one() -> None:
    assert trend(series(0.0, start=2_000.0), bound=1_024, harmless=64).verdict is Verdict.GROWS


def test_growth_that_ended_in_the_first_half_does_not_count() -> None:
    samples = [(float(number), min(number, 90 * SETTLING_SHARE * 2) * 1.0) for number in range(180)]
    found = trend(samples, bound=1_024, harmless=64)
    assert (found.slope_an_hour, found.verdict) == (0.0, Verdict.STEADY)


def make_soak() -> Soak:
    soak = Soak(sent=40, transaction_bytes=8_000)
    for name in ("node1 node", "node1 executor", "node2 node"):
        soak.memory[name] = soak.resident[name] = series(60.0)
        soak.files[name] = series(0.0, noise=0.0)
    soak.disk = {"blocks": [(0.0, 1_000.0), (40.0, 161_000.0)], "wal": [(0.0, 0.0), (40.0, 16_000.0)]}
    soak.answers = [(float(second), 10.0 * (second // 10 + 1), 1) for second in range(40)]
    return soak


def test_latency_is_told_by_quarter_and_disk_by_transaction_and_node() -> None:
    soak = make_soak()
    assert [one["p50"] for one in quarters(soak.answers, 40.0)] == [10.0, 20.0, 30.0, 40.0]
    assert disk_growth(soak, 4) == {"blocks": 1_000.0, "wal": 100.0}


def test_a_short_run_gives_no_verdict_of_growth() -> None:
    soak = make_soak()
    short, long = document(soak, 1, 600.0, 5_000.0), document(soak, 1, 1_800.0, 5_000.0)
    assert short["memory_mib"]["node1 node"]["verdict"] == Verdict.UNKNOWN
    assert long["memory_mib"]["node1 node"]["verdict"] == Verdict.GROWS
    assert long["disk_bytes_a_day"] == 1_100 * 86_400


def test_the_chart_has_a_line_for_each_kind_of_process() -> None:
    image = ElementTree.fromstring(chart(make_soak(), 1))
    lines = [element.get("points") or "" for element in image if element.tag.endswith("polyline")]
    assert [len(line.split()) for line in lines] == [180, 180, 2, 2, 40]
    assert all("nan" not in line and "-" not in line for line in lines)
