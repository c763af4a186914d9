"""`tally simulate`: run a whole cluster on a virtual clock, network and disk, break things, and check every promise."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import click

from cli.errors import CliError
from cli.output import print_json
from cli.simulate_report import line_of, report_of, sums_text, totals_line, value_of
from cli.simulate_twins import simulate_twins
from consensus.simulation.campaign import Extent, Totals, campaign, made_with
from consensus.simulation.records import RecordError, append_record, next_seed, read_records, summed
from consensus.simulation.replay import ReplayError, read_replay, replay_text
from consensus.simulation.run import Outcome
from consensus.simulation.run import simulate as run_simulation
from consensus.simulation.settings import ALL_FAULTS, NODES_MAX, Fault, Settings
from consensus.simulation.shrink import Shrinker
from consensus.simulation.twins.campaign import TwinsExtent
from consensus.simulation.twins.scenario import Cast, Unit

NODES: Final = 4
TAIL_LINES: Final = 40
SHRINK_SECONDS: Final = 60.0


@click.command(name="simulate")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="First seed.")
@click.option(
    "--runs", type=click.IntRange(min=1), help="So many seeds from there.  [default: 1, no limit in a campaign]"
)
@click.option("--nodes", type=click.IntRange(1, NODES_MAX), help="Validators.  [default: 4, mixed in a campaign]")
@click.option("--steps", type=click.IntRange(min=1), help="Events before calm.  [default: drawn from the seed]")
@click.option("--faults", help=f"Comma-separated kinds a seed may draw from, or none: {', '.join(Fault)}.")
@click.option("--campaign", "seconds", type=click.FloatRange(min=0), help="Run seed after seed for so many seconds.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes of a campaign.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Append a campaign's totals to a file.")
@click.option("--resume", is_flag=True, help="Go on behind the last seed of the --record file.")
@click.option(
    "--recorded",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="Show what the campaigns of a --record file add up to; may be repeated.",
)
@click.option("--replay", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Run a saved failure.")
@click.option(
    "--shrink",
    type=click.FloatRange(min=0),
    default=SHRINK_SECONDS,
    show_default=True,
    help="Seconds for making a failing run smaller.",
)
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Where a failing run is saved.")
@click.option("--tail", type=click.IntRange(min=0), default=TAIL_LINES, show_default=True, help="Trace lines shown.")
@click.option("--twins", is_flag=True, help="Play Twins scenarios: f validators doubled, the network parted by round.")
@click.option("--rounds", type=click.IntRange(1, 64), default=3, show_default=True, help="Rounds of a Twins scenario.")
@click.option(
    "--unit",
    type=click.Choice([unit.value for unit in Unit]),
    default="message",
    show_default=True,
    help="What a round is.",
)
@click.option("--sample", type=click.IntRange(min=1), help="Draw so many scenarios.  [default: play all]")
@click.option("--copies", type=click.IntRange(0), help="Validators in two copies.  [default: f]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def simulate(
    seed: int,
    runs: int | None,
    nodes: int | None,
    steps: int | None,
    faults: str | None,
    seconds: float | None,
    workers: int,
    record: Path | None,
    resume: bool,
    recorded: tuple[Path, ...],
    replay: Path | None,
    shrink: float,
    save: Path | None,
    tail: int,
    twins: bool,
    rounds: int,
    unit: str,
    sample: int | None,
    copies: int | None,
    as_json: bool,
) -> None:
    """Run simulated clusters and check every promise of the ledger after every event.

    A run is a function of its seed: the same command gives the same trace. Exit code 1 when a promise was broken; the
    run is then made smaller and saved in a file, which --replay runs again.
    """
    if recorded:
        _recorded(recorded, as_json)
        return
    failing = _Failing(shrink, save, tail)
    if replay is not None:
        _replay(replay, tail, as_json)
        return
    if twins:
        cast = _cast(nodes or NODES, copies)
        simulate_twins(TwinsExtent(cast, rounds, Unit(unit), sample, seed), workers, record, as_json=as_json)
        return
    kinds = ALL_FAULTS if faults is None else _faults_of(faults)
    if seconds is not None:
        extent = Extent(seed, runs, seconds, nodes, steps, kinds)
        _campaign(_resumed(extent, record) if resume else extent, workers, record, failing, as_json)
        return
    for number in range(seed, seed + (runs or 1)):
        outcome = run_simulation(Settings(number, nodes or NODES, steps, kinds), is_traced=True)
        _show(outcome, as_json)
        if outcome.failure is not None:
            failing.give_up(outcome.settings)


class _Failing:
    """What is done with a run that broke a promise."""

    def __init__(self, shrink_seconds: float, save: Path | None, tail: int) -> None:
        self._shrink_seconds = shrink_seconds
        self._save = save
        self._tail = tail

    def give_up(self, settings: Settings) -> None:
        """Make the run smaller, save it, and end the command with what it shows.

        Raises:
            CliError: always.
        """
        outcome = run_simulation(settings, is_traced=True)
        assert outcome.failure is not None, "a run is a function of its settings"
        failure, smallest, saved = outcome.failure, None, None
        if self._shrink_seconds:
            click.echo(f"seed {settings.seed} broke a promise ({failure.rule}); making it smaller ...", err=True)
            smallest = Shrinker(settings, failure.script, failure.rule, self._shrink_seconds).smallest()
        if smallest is not None:
            saved = self._save or Path(f"simulation-{settings.seed}.json")
            saved.write_text(replay_text(smallest), encoding="utf-8")
            again = run_simulation(smallest.settings, smallest.script, is_traced=True)
            outcome = again if again.failure is not None else outcome
        raise CliError(report_of(settings, outcome, smallest, saved, self._tail))


def _replay(path: Path, tail: int, as_json: bool) -> None:
    try:
        replay = read_replay(path)
    except ReplayError as error:
        raise CliError(str(error)) from error
    outcome = run_simulation(replay.settings, replay.script, is_traced=True)
    _show(outcome, as_json)
    if outcome.failure is not None:
        raise CliError(report_of(replay.settings, outcome, replay, path, tail))


def _campaign(extent: Extent, workers: int, record: Path | None, failing: _Failing, as_json: bool) -> None:
    totals, begin, made_of = Totals(), time.monotonic(), made_with()
    try:
        for part in campaign(extent, workers):
            totals.merge(part)
    except KeyboardInterrupt:
        click.echo("interrupted; what has run counts", err=True)
    if record is not None:
        seconds = round(time.monotonic() - begin, 1)
        made = {**made_of, "profile": extent.profile, "workers": workers, "wall_seconds": seconds}
        append_record(record, {**made, "first_seed": extent.first_seed, **totals.as_value()})
    if totals.broken:
        failing.give_up(totals.broken[0])
    if as_json:
        print_json(totals.as_value())
    else:
        click.echo(totals_line(totals))


def _resumed(extent: Extent, record: Path | None) -> Extent:
    """Return the campaign that goes on behind those of its file."""
    if record is None or not record.exists():
        return extent
    return replace(extent, first_seed=next_seed(_records(record), extent.profile, extent.first_seed))


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        return read_records(path)
    except (RecordError, UnicodeDecodeError) as error:
        raise CliError(str(error)) from error


def _recorded(paths: tuple[Path, ...], as_json: bool) -> None:
    try:
        sums = summed([record for path in paths for record in _records(path)])
    except RecordError as error:
        raise CliError(str(error)) from error
    if as_json:
        print_json({**asdict(sums), "fault_count": sums.fault_count})
    else:
        click.echo(sums_text(sums))


def _cast(nodes: int, copies: int | None) -> Cast:
    doubled = (nodes - 1) // 3 if copies is None else copies
    if doubled > nodes:
        raise click.BadParameter(f"{nodes} nodes have no {doubled} to double", param_hint="--copies")
    return Cast(nodes, tuple(range(doubled)))


def _show(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print_json(value_of(outcome))
    else:
        click.echo(line_of(outcome))


def _faults_of(text: str) -> frozenset[Fault]:
    words = [] if text == "none" else text.split(",")
    unknown = [word for word in words if word not in tuple(Fault)]
    if unknown:
        raise click.BadParameter(f"unknown kinds: {', '.join(unknown)}", param_hint="--faults")
    return frozenset(Fault(word) for word in words)
