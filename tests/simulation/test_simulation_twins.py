"""Twins: f validators in two copies split nothing, whatever the network does in three rounds; f + 1 do."""

from typing import Final

import pytest

from consensus.simulation.twins.campaign import TwinsExtent, TwinsTotals, play_twins
from consensus.simulation.twins.play import play
from consensus.simulation.twins.scenario import Cast, Unit, partitions, scenario_count, words

FOUR: Final = Cast(4, (0,))
SEVEN: Final = Cast(7, (0, 1))


def played(extent: TwinsExtent) -> TwinsTotals:
    totals = TwinsTotals()
    for part in play_twins(extent):
        totals.merge(part)
    shown = [f"{item.rule}: {words(item.scenario, extent.cast)}" for item in totals.broken[:3]]
    assert extent.cast.twins != FOUR.twins or not totals.broken, shown
    return totals


def test_there_are_as_many_scenarios_as_the_paper_counts() -> None:
    assert len(partitions(FOUR.instances)) == 15
    assert [scenario_count(FOUR, rounds) for rounds in (3, 4)] == [3_375, 50_625]
    assert len(partitions(SEVEN.instances)) == 255


def test_scenarios_of_three_rounds() -> None:
    """A fifth of them; all: tally simulate --twins --rounds 3 (recorded in records/twins.jsonl)."""
    totals = played(TwinsExtent(FOUR, 3, Unit.MESSAGE, sample=675))
    assert totals.scenarios == 675 and totals.blocks >= totals.scenarios


@pytest.mark.parametrize(("cast", "rounds", "unit"), [(FOUR, 12, "message"), (FOUR, 5, "view"), (SEVEN, 8, "message")])
def test_longer_scenarios_drawn(cast: Cast, rounds: int, unit: str) -> None:
    totals = played(TwinsExtent(cast, rounds, Unit(unit), sample=60))
    assert totals.scenarios == 60 and not totals.broken


@pytest.mark.parametrize("cast", [Cast(4, (0, 1)), Cast(7, (0, 1, 2))])
def test_one_twin_too_many_does_split_the_ledger(cast: Cast) -> None:
    totals = TwinsTotals()
    for part in play_twins(TwinsExtent(cast, 4, Unit.MESSAGE, sample=200)):
        totals.merge(part)
    assert {item.rule for item in totals.broken} == {"two blocks at one height"}
    first = totals.broken[0]
    assert play(cast, first.scenario, Unit.MESSAGE).rule == first.rule
