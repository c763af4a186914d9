"""`tally cluster chaos`: a cluster of its own, disturbed in every way while clients work, and then judged."""

import asyncio
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click

from cli import cluster_processes as processes
from cli.chaos.faults import FAULTS, Ground, faults_named
from cli.chaos.links import Links
from cli.chaos.namespaces import Namespaces
from cli.chaos.register import register_contract
from cli.chaos.run import RESUME_SECONDS_MAX, Plan, Report, run_chaos
from cli.chaos.wires import Wires
from cli.cluster_files import create_cluster
from cli.cluster_status import wait_ready
from cli.errors import CliError
from cli.output import print_json, table


@click.command()
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of what is disturbed when."
)
@click.option("--seconds", type=click.FloatRange(min=1), default=60.0, show_default=True, help="How long to disturb.")
@click.option("--nodes", type=click.IntRange(4, 31), default=4, show_default=True, help="Nodes of the cluster.")
@click.option(
    "--base-port", type=click.IntRange(1024, 65_000), default=8700, show_default=True, help="First HTTP port."
)
@click.option("--faults", help=f"Comma-separated kinds of faults: {', '.join(FAULTS)}.  [default: all]")
@click.option("--namespaces", is_flag=True, help="Put each node in a network namespace of its own (root, iproute2).")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder in which the cluster stays.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def chaos(
    seed: int,
    seconds: float,
    nodes: int,
    base_port: int,
    faults: str | None,
    namespaces: bool,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Break a cluster of its own again and again under load, and check that no promise is broken.

    Clients read, write and swap registers by transactions. Meanwhile nodes are killed, paused, restarted, cut off,
    blocked one way, slowed and torn from their connections, one, two or all at a time, up to three kinds on top of each
    other; one at a time also loses its databases, or finds bits of them flipped. While no more nodes are hit than may
    be faulty, and after each healing, an operation must be acknowledged within 15 seconds. In the end all nodes must
    hold the same blocks, every acknowledged transaction must stand in them once, and the operations on each register
    must be linearizable. Exit code 1 when a promise was broken; the folder is then kept.
    """
    plan = Plan(seed, seconds, faults_named(faults))
    folder = Path(tempfile.mkdtemp(prefix="tally-chaos-")) / "cluster" if keep is None else keep
    wires: Wires = Namespaces() if namespaces else Links(seed)
    report = _run(folder, nodes, base_port, plan, wires)
    if as_json:
        print_json(_value_of(report, seed))
    else:
        click.echo(_text_of(report))
    if report.violations:
        raise CliError(f"{len(report.violations)} promises broken; the cluster is in {folder}")
    if keep is None:
        _remove(folder)


def _run(folder: Path, nodes: int, base_port: int, plan: Plan, wires: Wires) -> Report:
    layout = create_cluster(folder, nodes, base_port, (register_contract(),))
    processes.check_ports(layout)
    try:
        layout = wires.insert(layout)
        for node in layout.nodes:
            processes.start(node)
        wait_ready(layout, layout.nodes, _say)
        ground = Ground(layout, wires, random.Random(plan.seed))  # noqa: S311 - chance, no secret
        return asyncio.run(run_chaos(ground, plan, _say))
    finally:
        processes.stop(layout.nodes, lambda late: None)
        wires.close()


def _say(text: str) -> None:
    click.echo(text, err=True)


def _remove(folder: Path) -> None:
    """Remove the folder of a run that found nothing, file by file."""
    for path in sorted(folder.parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.parent.rmdir()


def _text_of(report: Report) -> str:
    rows = [(name, str(report.faults[name]), FAULTS[name].does) for name in FAULTS if report.faults[name]]
    lines = [
        table(("FAULT", "NODES HIT", "WHAT HAPPENED TO EACH"), rows),
        "",
        f"operations     {report.operations}: {report.acknowledged} acknowledged, {report.unknown} with unknown "
        f"outcome; {report.refused} more refused",
        f"blocks         {report.blocks}",
        f"resumed        {_times(report.resumed)} after healing (promised: {RESUME_SECONDS_MAX:.0f} s)",
        f"went on        {_times(report.went_on)} while no more than f nodes were hit, unhealed",
        f"memory         at most {report.memory_bytes_max / 2**20:.0f} MiB a process",
        f"promises       {'all kept' if not report.violations else 'BROKEN'}",
        *(f"  {violation}" for violation in report.violations),
    ]
    return "\n".join(lines)


def _times(seconds: list[float]) -> str:
    if not seconds:
        return "0 times"
    return f"{len(seconds)} times; median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s"


def _value_of(report: Report, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "faults": dict(report.faults),
        "operations": report.operations,
        "acknowledged": report.acknowledged,
        "unknown": report.unknown,
        "refused": report.refused,
        "blocks": report.blocks,
        "resumed_seconds": report.resumed,
        "went_on_seconds": report.went_on,
        "memory_bytes_max": report.memory_bytes_max,
        "violations": report.violations,
    }
