"""Fresh local clusters to measure: real node processes with TLS and synced disks, ended when the measurement is."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from chain.genesis import GenesisContract
from chain.values import dataclass
from cli import cluster_processes as processes
from cli.bench.offline import drop_cached, read_cached
from cli.bench.preload import check_room, place_copy, preloaded_ledger
from cli.cluster_files import create_cluster
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.cluster_status import fetch_reports
from cli.errors import CliError

READY_SECONDS_MAX: Final = 120.0
READY_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What kind of cluster to start."""

    nodes: int
    base_port: int
    contracts: tuple[GenesisContract, ...]
    keys: int = 0
    """Accounts that are there from the start; none by default."""
    is_cold: bool = False
    """Whether the nodes start without a page of their databases in memory, instead of with as many as fit."""
    launcher: Callable[[Path], tuple[str, ...]] | None = None
    """What starts a node instead of the system itself, by the node's folder: a program that is given the command."""


@contextmanager
def fresh_cluster(plan: ClusterPlan) -> Iterator[ClusterLayout]:
    """Run a new cluster while the caller measures, then stop it and remove its files.

    Raises:
        CliError: when it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as folder:
        layout = _launched(plan, _place(plan, Path(folder) / "cluster"))
        try:
            for node in layout.nodes:
                processes.start(node)
            _wait_ready(layout)
            yield layout
        finally:
            processes.stop(layout.nodes, _ignore)


def _place(plan: ClusterPlan, folder: Path) -> ClusterLayout:
    if not plan.keys:
        return create_cluster(folder, plan.nodes, plan.base_port, plan.contracts)
    check_room(plan.nodes, plan.keys)
    kept = preloaded_ledger(plan.nodes, plan.base_port, plan.contracts, plan.keys, lambda done, keys: None)
    layout = place_copy(kept, folder)
    for node in layout.nodes:
        if plan.is_cold:
            drop_cached(node.folder)
        else:
            read_cached(node.folder)
    return layout


def _launched(plan: ClusterPlan, layout: ClusterLayout) -> ClusterLayout:
    if plan.launcher is None:
        return layout
    return replace(layout, nodes=tuple(replace(node, launcher=plan.launcher(node.folder)) for node in layout.nodes))


def _wait_ready(layout: ClusterLayout) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while late := [report for report in fetch_reports(layout) if not report.ready]:
        if time.monotonic() > deadline:
            told = "; ".join(f"{report.name}: {', '.join(report.why_not) or 'no answer'}" for report in late)
            raise CliError(f"the measured cluster did not get ready within {READY_SECONDS_MAX:.0f} s ({told})")
        time.sleep(READY_POLL_SECONDS)


def _ignore(node: NodePlace) -> None:
    """Take no note of a node that had to be killed: its figures are complete by then."""
