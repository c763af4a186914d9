"""`tally simulate`: run a whole cluster on a virtual clock, network and disk, break things, and check every promise."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import click

from cli.errors import CliError
from cli.output import print_json
from consensus.simulation.run import Failure, Outcome, campaign
from consensus.simulation.run import simulate as run_simulation
from consensus.simulation.settings import ALL_FAULTS, NODES_MAX, STEPS, Fault, Settings

CAMPAIGN_NODES: Final = (4, 4, 4, 1, 4, 5, 4, 6, 4, 7)
"""Sizes of a campaign's clusters, in turn."""
TAIL_LINES: Final = 60


@dataclass(slots=True)
class _Totals:
    runs: int = 0
    events: int = 0
    blocks: int = 0
    acknowledged: int = 0
    incidents: dict[str, int] = field(default_factory=dict)
    recovery_seconds_max: float = 0.0

    def add(self, outcome: Outcome) -> None:
        self.runs += 1
        self.events += outcome.events
        self.blocks += outcome.blocks
        self.acknowledged += outcome.acknowledged
        for kind, count in outcome.incidents.items():
            self.incidents[kind] = self.incidents.get(kind, 0) + count
        self.recovery_seconds_max = max(self.recovery_seconds_max, outcome.recovery_seconds or 0.0)


@click.command(name="simulate")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="First seed.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="So many seeds from there.")
@click.option("--nodes", type=click.IntRange(1, NODES_MAX), help="Validators.  [default: 4, mixed in a campaign]")
@click.option("--steps", type=click.IntRange(min=1), default=STEPS, show_default=True, help="Events before calm.")
@click.option("--faults", help=f"Comma-separated kinds a seed may draw from, or none: {', '.join(Fault)}.")
@click.option("--campaign", "seconds", type=click.FloatRange(min=0), help="Run seed after seed for so many seconds.")
@click.option("--tail", type=click.IntRange(min=0), default=TAIL_LINES, show_default=True, help="Trace lines shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def simulate(
    seed: int,
    runs: int,
    nodes: int | None,
    steps: int,
    faults: str | None,
    seconds: float | None,
    tail: int,
    as_json: bool,
) -> None:
    """Run simulated clusters and check every promise of the ledger after every event.

    A run is a function of its seed: the same command gives the same trace. Exit code 1 when a promise was broken; the
    message then shows the command that repeats the run and the last lines of its trace.
    """
    kinds = ALL_FAULTS if faults is None else _faults_of(faults)
    totals = _Totals()
    for outcome in _outcomes(seed, runs, nodes, steps, kinds, seconds):
        totals.add(outcome)
        if not as_json and seconds is None:
            click.echo(_line_of(outcome))
        if outcome.failure is not None:
            raise CliError(_report_of(outcome, outcome.failure, tail))
        if as_json and seconds is None:
            print_json(_value_of(outcome))
    if seconds is not None:
        _print_totals(totals, as_json)


def _outcomes(
    seed: int, runs: int, nodes: int | None, steps: int, faults: frozenset[Fault], seconds: float | None
) -> Iterator[Outcome]:
    if seconds is not None:
        sizes = CAMPAIGN_NODES if nodes is None else (nodes,)
        yield from campaign(seed, sizes, seconds, steps, faults)
        return
    for number in range(seed, seed + runs):
        yield run_simulation(Settings(number, nodes or 4, steps, faults))


def _faults_of(text: str) -> frozenset[Fault]:
    words = [] if text == "none" else text.split(",")
    unknown = [word for word in words if word not in tuple(Fault)]
    if unknown:
        raise click.BadParameter(f"unknown kinds: {', '.join(unknown)}", param_hint="--faults")
    return frozenset(Fault(word) for word in words)


def _line_of(outcome: Outcome) -> str:
    recovery = "-" if outcome.recovery_seconds is None else f"{outcome.recovery_seconds:.2f} s"
    incidents = ", ".join(f"{count} {kind}" for kind, count in outcome.incidents.items()) or "no incidents"
    lies = f"; liars: {', '.join(outcome.lies)}" if outcome.lies else ""
    return (
        f"seed {outcome.settings.seed}, {outcome.settings.nodes} nodes: {outcome.events} events in "
        f"{outcome.virtual_seconds:.1f} virtual seconds, {outcome.blocks} blocks, "
        f"{outcome.acknowledged} transactions acknowledged, recovered in {recovery}; {incidents}{lies}; "
        f"trace {outcome.digest[:16]}"
    )


def _report_of(outcome: Outcome, failure: Failure, tail: int) -> str:
    lines = ["the run broke a promise", *(failure.tail[-tail:] if tail else ()), ""]
    lines += [f"broken: {failure.rule}", failure.detail, f"repeat with: {outcome.settings.command}"]
    return "\n".join(lines)


def _value_of(outcome: Outcome) -> dict[str, object]:
    return {
        "seed": outcome.settings.seed,
        "nodes": outcome.settings.nodes,
        "events": outcome.events,
        "virtual_seconds": outcome.virtual_seconds,
        "blocks": outcome.blocks,
        "acknowledged": outcome.acknowledged,
        "incidents": outcome.incidents,
        "liars": list(outcome.lies),
        "recovery_seconds": outcome.recovery_seconds,
        "trace_digest": outcome.digest,
    }


def _print_totals(totals: _Totals, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "runs": totals.runs,
                "events": totals.events,
                "blocks": totals.blocks,
                "acknowledged": totals.acknowledged,
                "incidents": totals.incidents,
                "recovery_seconds_max": totals.recovery_seconds_max,
            }
        )
        return
    incidents = ", ".join(f"{count} {kind}" for kind, count in sorted(totals.incidents.items())) or "none"
    click.echo(
        f"{totals.runs} runs without a broken promise: {totals.events} events, {totals.blocks} blocks, "
        f"{totals.acknowledged} transactions acknowledged; slowest recovery {totals.recovery_seconds_max:.2f} virtual "
        f"seconds; incidents: {incidents}"
    )
