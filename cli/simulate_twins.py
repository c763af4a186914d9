"""`tally simulate --twins`: play Twins scenarios, all of them or a sample."""

import time
from pathlib import Path

import click

from cli.errors import CliError
from cli.output import print_json
from consensus.simulation.campaign import made_with
from consensus.simulation.records import append_record
from consensus.simulation.twins.campaign import TwinsExtent, TwinsTotals, play_twins
from consensus.simulation.twins.scenario import scenario_count, words


def simulate_twins(extent: TwinsExtent, workers: int, record: Path | None, *, as_json: bool) -> None:
    """Play scenarios and print what came of them.

    Raises:
        CliError: when one of them broke a promise.
    """
    totals, made, begin = TwinsTotals(), made_with(), time.monotonic()
    for part in play_twins(extent, workers):
        totals.merge(part)
    count = extent.sample or scenario_count(extent.cast, extent.rounds)
    value = {
        **made,
        "nodes": extent.cast.nodes,
        "twins": len(extent.cast.twins),
        "rounds": extent.rounds,
        "unit": extent.unit,
        "scenarios": totals.scenarios,
        "all": extent.sample is None,
        "blocks": totals.blocks,
        "cpu_seconds": round(totals.cpu_seconds, 1),
        "wall_seconds": round(time.monotonic() - begin, 1),
        "broken": len(totals.broken),
    }
    if record is not None:
        append_record(record, value)
    if totals.broken:
        raise CliError(_report(extent, totals, count))
    if as_json:
        print_json(value)
    else:
        which = "all" if extent.sample is None else "drawn"
        click.echo(
            f"{totals.scenarios:,} scenarios ({which}) of {extent.rounds} rounds with {extent.cast.nodes} nodes and "
            f"{len(extent.cast.twins)} twins: no promise broken, {totals.blocks:,} blocks decided, "
            f"{totals.cpu_seconds:.1f} s of CPU"
        )


def _report(extent: TwinsExtent, totals: TwinsTotals, count: int) -> str:
    first = totals.broken[0]
    return "\n".join(
        (
            f"{len(totals.broken):,} of {count:,} scenarios broke a promise; the first of them:",
            *(f"  {line}" for line in words(first.scenario, extent.cast).split("; ")),
            f"broken: {first.rule}",
            first.detail,
        )
    )
