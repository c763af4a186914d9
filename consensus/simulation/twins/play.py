"""Plays scenarios: all of them, round by round from a shared beginning, or as many as are drawn."""

from collections.abc import Callable, Iterator

from chain.values import dataclass
from consensus.simulation.trace import Violation
from consensus.simulation.twins.bench import Bench
from consensus.simulation.twins.scenario import Cast, Partition, Scenario, Unit, partitions


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scenario."""

    scenario: Scenario
    blocks: int
    """The longest chain in the end."""
    rule: str | None
    """The promise that was broken, if one was."""
    detail: str = ""


def play(cast: Cast, scenario: Scenario, unit: Unit) -> Played:
    """Play one scenario."""
    bench = Bench(cast)
    return _played(bench, scenario, lambda: _play(bench, scenario, unit))


def play_all(cast: Cast, rounds: int, unit: Unit, beginning: Scenario = ()) -> Iterator[Played]:
    """Play every scenario of so many rounds that begins in this way."""
    bench = Bench(cast)
    for number, side in enumerate(beginning):
        _play_round(bench, side, unit, number)
    yield from _play_on(bench.copied(), beginning, rounds, unit, partitions(cast.instances))


def _play_on(
    copied: Callable[[], Bench], played: Scenario, rounds: int, unit: Unit, ways: list[Partition]
) -> Iterator[Played]:
    """Play all that may follow what was played; each round is played once, whatever follows it."""
    for side in ways:
        bench, scenario = copied(), (*played, side)
        is_last = len(scenario) == rounds
        outcome = _played(bench, scenario, lambda: _end(bench, side, unit, len(played), is_last=is_last))  # noqa: B023
        if is_last or outcome.rule is not None:
            # If it is broken already, so is all that begins in this way.
            yield outcome
        else:
            yield from _play_on(bench.copied(), scenario, rounds, unit, ways)


def _play(bench: Bench, scenario: Scenario, unit: Unit) -> None:
    for number, side in enumerate(scenario):
        _play_round(bench, side, unit, number)
    bench.recover()


def _end(bench: Bench, side: Partition, unit: Unit, number: int, *, is_last: bool) -> None:
    _play_round(bench, side, unit, number)
    if is_last:
        bench.recover()


def _play_round(bench: Bench, side: Partition, unit: Unit, number: int) -> None:
    if unit is Unit.MESSAGE:
        bench.play_message(side)
    else:
        bench.play_view(side, is_first=number == 0)


def _played(bench: Bench, scenario: Scenario, go: Callable[[], None]) -> Played:
    try:
        go()
    except Violation as violation:
        return Played(scenario, bench.blocks, violation.rule, violation.detail)
    except AssertionError as error:
        return Played(scenario, bench.blocks, "raised AssertionError", str(error))
    return Played(scenario, bench.blocks, None)
