"""`tally bench`: how much a local network commits, how fast, and at what cost."""

import json
import time
from pathlib import Path
from typing import Final

import click

from cli.bench.campaign import Campaign, conduct
from cli.bench.clusters import ClusterPlan
from cli.bench.measure import Load, RunFigures, run, timestamp
from cli.bench.preload import KEYS_MAX, KEYS_MIN, bytes_needed, cache_folder, preloaded_ledger
from cli.bench.report import HEADINGS, Named, chart, document, machine, row, stage_table
from cli.bench.sampling import profiler
from cli.bench.workloads import WORKLOADS, measured_contracts
from cli.errors import EXIT_FAILED
from cli.progress import ProgressLine, bar, remaining

QUICK_SECONDS: Final = 10.0
QUICK_SEARCH_SECONDS: Final = 5.0


@click.command()
@click.option("--nodes", default=4, show_default=True, type=click.IntRange(1, 31), help="Validators of each network.")
@click.option(
    "--workload",
    default="transfer",
    show_default=True,
    type=click.Choice(sorted(WORKLOADS)),
    help="What the transactions do.",
)
@click.option(
    "--rate", default=500, show_default=True, type=click.IntRange(1), help="Where the search begins, in tx/s."
)
@click.option("--seconds", default=60.0, show_default=True, help="Length of each run that counts.")
@click.option("--search-seconds", default=20.0, show_default=True, help="Length of each run of the search.")
@click.option(
    "--runs", default=3, show_default=True, type=click.IntRange(1), help="Runs that must sustain the capacity."
)
@click.option("--lone", default=300, show_default=True, type=click.IntRange(0), help="Lone transactions to time.")
@click.option("--one-rate", is_flag=True, help="Measure --rate alone, once; no search.")
@click.option("--quick", is_flag=True, help="Short runs, for a first impression.")
@click.option("--one-per-request", is_flag=True, help="One transaction a request instead of batches.")
@click.option("--faults/--no-faults", default=True, show_default=True, help="Also with a node down, a primary killed.")
@click.option("--pin/--no-pin", default=True, show_default=True, help="Keep the load generator to the last core.")
@click.option(
    "--keys",
    default=0,
    show_default=True,
    type=click.IntRange(0, KEYS_MAX),
    help="Accounts that each node holds from the start, 10,000 to 10,000,000; made once and kept for later runs.",
)
@click.option("--cold", is_flag=True, help="With --keys: start the nodes with nothing of their databases in memory.")
@click.option("--stages", is_flag=True, help="With --one-rate: also where the time goes; needs py-spy (make dev).")
@click.option("--base-port", default=27_700, show_default=True, help="First port of the measured networks.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all figures here.")
@click.option("--chart", "chart_file", type=click.Path(path_type=Path, dir_okay=False), help="Write an SVG here.")
@click.pass_context
def bench(
    ctx: click.Context,
    nodes: int,
    workload: str,
    rate: int,
    seconds: float,
    search_seconds: float,
    runs: int,
    lone: int,
    one_rate: bool,
    quick: bool,
    one_per_request: bool,
    faults: bool,
    pin: bool,
    keys: int,
    cold: bool,
    stages: bool,
    base_port: int,
    json_file: Path | None,
    chart_file: Path | None,
) -> None:
    """Measure fresh local networks of real nodes, with TLS and synced disks; nothing of an existing cluster is touched.

    Transactions are signed beforehand and sent at their intended times (open loop); one counts when its certified
    receipt says that it succeeded. The capacity is the highest rate at which 99% are answered in time, without errors
    or a growing backlog. The limit beside it is what checking signatures alone would allow on this machine.

    Exit codes: 0 measured, 1 not even the lowest rate was sustained.
    """
    if quick:
        seconds, search_seconds, runs, lone = QUICK_SECONDS, QUICK_SEARCH_SECONDS, 1, min(lone, 100)
    plan = ClusterPlan(nodes, base_port, measured_contracts(), keys, cold)
    _prepare(plan)
    load = Load(rate, seconds, workload, batched=not one_per_request, pinned=pin, sampled=stages)
    if stages and (not one_rate or profiler() is None):
        raise click.UsageError("--stages needs --one-rate, and py-spy beside the interpreter: pip install py-spy")
    click.echo(HEADINGS)
    if one_rate:
        at, on = timestamp(), machine()
        entry = Named("one rate", run(plan, load))
        _tell(entry.what, entry.figures)
        found = document(at, on, rate if entry.figures.sustained else 0, {}, [entry])
    else:
        found = conduct(Campaign(plan, load, search_seconds, runs, lone, faults), _tell)
        _summarise(found)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if chart_file is not None:
        plain = [
            _figures(entry) for entry in found["runs"] if entry["fault"] == "none" and entry["workload"] == workload
        ]
        chart_file.write_text(chart(plain, f"{nodes} nodes, {found['machine']['cores']} cores"), encoding="utf-8")
    if not found["capacity"]:
        ctx.exit(EXIT_FAILED)


def _prepare(plan: ClusterPlan) -> None:
    """Make the ledger that networks begin with, if they are to hold accounts; say first what it takes."""
    if not plan.keys:
        if plan.is_cold:
            raise click.UsageError("--cold needs --keys: an empty ledger has nothing to be read")
        return
    if plan.keys < KEYS_MIN:
        raise click.UsageError(f"--keys {plan.keys}: there are at least {KEYS_MIN:,} accounts, or none")
    gigabytes = bytes_needed(plan.nodes, plan.keys) / 1e9
    click.echo(
        f"{plan.keys:,} accounts on {plan.nodes} nodes take about {gigabytes:.1f} GB of disk, of which a "
        f"{plan.nodes + 1}th stays in {cache_folder()} for later runs.",
        err=True,
    )
    began = time.monotonic()
    with ProgressLine() as line:
        preloaded_ledger(
            plan.nodes,
            plan.base_port,
            plan.contracts,
            plan.keys,
            lambda done, keys: line.show(
                f"opening accounts {bar(done, keys)} {remaining(done, keys, time.monotonic() - began)}"
            ),
        )


def _tell(what: str, figures: RunFigures | None) -> None:
    if figures is None:
        click.echo(f"{what} ...", err=True)
    else:
        click.echo(row(Named(what, figures)))
        if figures.stages_us:
            click.echo(stage_table(figures))


def _summarise(found: dict[str, object]) -> None:
    lone = found["lone_ms"]
    click.echo()
    if isinstance(lone, dict) and lone:
        click.echo("lone transaction: " + ", ".join(f"{name} {value} ms" for name, value in lone.items()))
    click.echo(f"capacity: {found['capacity']:,} transactions a second")


def _figures(entry: dict[str, object]) -> RunFigures:
    return RunFigures(**{name: value for name, value in entry.items() if name != "what"})  # type: ignore[arg-type]
