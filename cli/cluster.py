"""`tally cluster`: a local cluster of real validator nodes, created, started, watched, disturbed and stopped."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from chain.validators import VALIDATORS_LIMIT
from cli import cluster_processes as processes
from cli.cluster_files import add_observer, create_cluster
from cli.cluster_layout import ClusterLayout, NodePlace, exists, load, node_places
from cli.cluster_status import NodeReport, fetch_reports, report_json, wait_ready
from cli.colours import bad, good
from cli.completing import complete_nodes
from cli.errors import CliError
from cli.lazy_group import LazyGroup
from cli.output import print_json, table

DEFAULT_BASE_PORT: Final = 7700

dir_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".tally"),
    show_default=True,
    help="Folder of the cluster.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
nodes_argument = click.argument("nodes", nargs=-1, shell_complete=complete_nodes)


# Chaos needs clients and much else that the other verbs, which people wait for, do without.
@click.group(cls=LazyGroup, lazy={"chaos": ("cli.cluster_chaos", "chaos")})
def cluster() -> None:
    """Run a local cluster of validator nodes on loopback."""


@cluster.command()
@click.option("--nodes", "count", type=click.IntRange(1, VALIDATORS_LIMIT), default=None, help="Nodes. [default: 4]")
@dir_option
@click.option("--base-port", type=click.IntRange(1024, 65_000), default=None, help="First HTTP port. [default: 7700]")
@json_option
def up(count: int | None, folder: Path, base_port: int | None, as_json: bool) -> None:
    """Create a cluster if there is none, start its nodes and wait until they are ready."""
    layout = _open_or_create(folder, count, base_port)
    stopped = [node for node in layout.nodes if processes.running_pid(node) is None]
    if not stopped:
        _say(f"The cluster in {folder} already runs.")
    for node in stopped:
        processes.start(node)
        _say(f"  {node.name} started")
    reports = wait_ready(layout, layout.nodes, _say)
    _print_status(layout, reports, as_json)
    _say(f"\nOpen the explorer in a browser: {layout.nodes[0].api}/")


@cluster.command("add-observer")
@click.argument("name", default="observer1")
@dir_option
@json_option
def add_observer_command(name: str, folder: Path, as_json: bool) -> None:
    """Create a node that follows the cluster without voting, start it, and wait until it has caught up."""
    layout = add_observer(load(folder), name)
    place = layout.find(name)
    _say(f"Created {name} in {place.folder}; the running nodes let it connect within seconds")
    processes.start(place)
    _print_status(layout, wait_ready(layout, (place,), _say), as_json)


@cluster.command()
@dir_option
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Show each node's height, view, primary, readiness, and why it is not ready."""
    layout = load(folder)
    _print_status(layout, fetch_reports(layout), as_json)


@cluster.command()
@nodes_argument
@dir_option
@json_option
def kill(nodes: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """End nodes at once with SIGKILL, as a crash would (all if none is named)."""
    _each(folder, nodes, "killed", as_json, processes.kill)


@cluster.command()
@nodes_argument
@dir_option
@json_option
def pause(nodes: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Stop nodes' clocks with SIGSTOP: they hold their connections and say nothing."""
    _each(folder, nodes, "paused", as_json, lambda node: processes.send(node, signal.SIGSTOP))


@cluster.command()
@nodes_argument
@dir_option
@json_option
def resume(nodes: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Let paused nodes go on."""
    _each(folder, nodes, "resumed", as_json, lambda node: processes.send(node, signal.SIGCONT))


@cluster.command()
@nodes_argument
@dir_option
@json_option
def restart(nodes: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Stop nodes if they run, start them again and wait until they are ready (all if none is named)."""
    layout = load(folder)
    chosen = _chosen(layout, nodes)
    processes.stop(chosen, _say_killed)
    for node in chosen:
        processes.start(node)
    _print_status(layout, wait_ready(layout, chosen, _say), as_json)


@cluster.command()
@dir_option
@json_option
def down(folder: Path, as_json: bool) -> None:
    """Stop all nodes cleanly; the ledger stays in the folder."""
    layout = load(folder)
    count = processes.stop(layout.nodes, _say_killed)
    if as_json:
        print_json({"stopped": count})
    else:
        click.echo(f"{count} nodes stopped; the ledger stays in {folder}." if count else "No node was running.")


@cluster.command()
@nodes_argument
@dir_option
@click.option("--lines", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Lines of each node.")
@json_option
def logs(nodes: tuple[str, ...], folder: Path, lines: int, as_json: bool) -> None:
    """Show the last lines of nodes' logs."""
    layout = load(folder)
    texts = {node.name: processes.last_output(node, lines) for node in _chosen(layout, nodes)}
    if as_json:
        print_json(texts)
        return
    for name, text in texts.items():
        click.echo(f"== {name}\n{text}")


def _open_or_create(folder: Path, count: int | None, base_port: int | None) -> ClusterLayout:
    if exists(folder):
        layout = load(folder)
        size = len(layout.validators)
        if count is not None and count != size:
            raise CliError(f"the cluster in {folder} has {size} nodes; choose another --dir for {count}")
        if base_port is not None and base_port != layout.nodes[0].api_port:
            raise CliError(f"the cluster in {folder} uses base port {layout.nodes[0].api_port}")
        return layout
    places = node_places(folder.resolve(), count or 4, base_port or DEFAULT_BASE_PORT)
    processes.check_ports(ClusterLayout(folder.resolve(), "", places))
    _say(f"Creating keys, genesis and configurations of {len(places)} nodes in {folder}")
    if len(places) < 4:
        _say(f"  note: {len(places)} nodes tolerate no fault; four tolerate one")
    return create_cluster(folder, len(places), base_port or DEFAULT_BASE_PORT)


def _print_status(layout: ClusterLayout, reports: list[NodeReport], as_json: bool) -> None:
    if as_json:
        nodes = [report_json(report) for report in reports]
        print_json({"chain_id": layout.chain_id, "genesis_hash": layout.chain_id, "nodes": nodes})
        return
    rows = [
        (
            report.name,
            report.api,
            "-" if report.height is None else str(report.height),
            "-" if report.view is None else str(report.view),
            report.primary or "-",
            good("ready") if report.ready else bad("; ".join(report.why_not)),
        )
        for report in reports
    ]
    click.echo(table(("NODE", "HTTP", "HEIGHT", "VIEW", "PRIMARY", "STATE"), rows))
    for report in reports:
        for notice in report.notices:
            click.echo(f"\n{report.name}: {notice}", nl=False)
    click.echo(f"\nchain id and genesis hash: {layout.chain_id}")


def _each(folder: Path, names: tuple[str, ...], done: str, as_json: bool, action: Callable[[NodePlace], None]) -> None:
    """Do something to the named nodes, or to all that run if none is named."""
    layout = load(folder)
    nodes = _chosen(layout, names)
    if not names:
        nodes = tuple(node for node in nodes if processes.running_pid(node) is not None)
        if not nodes:
            raise CliError(f"no node of the cluster in {folder} is running")
    result: dict[str, Any] = {}
    for node in nodes:
        action(node)
        result[node.name] = done
        if not as_json:
            click.echo(f"{node.name} {done}")
    if as_json:
        print_json(result)


def _chosen(layout: ClusterLayout, names: tuple[str, ...]) -> tuple[NodePlace, ...]:
    return tuple(layout.find(name) for name in names) if names else layout.nodes


def _say(message: str) -> None:
    click.echo(message, err=True)


def _say_killed(node: NodePlace) -> None:
    _say(f"  {node.name} did not stop in {processes.STOP_SECONDS_MAX:.0f} s and was killed")
