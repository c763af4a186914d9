"""A whole benchmark: lone transactions, the search for the capacity, and what happens below, at and beyond it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chain.values import dataclass
from cli.bench.clusters import ClusterPlan, fresh_cluster
from cli.bench.figures import quantile
from cli.bench.load import lone_latencies
from cli.bench.measure import Fault, Load, RunFigures, run, timestamp
from cli.bench.report import Named, document, machine
from cli.bench.sampling import profiler
from cli.bench.search import confirm_capacity, find_capacity
from cli.bench.workloads import signed_transactions
from cli.errors import CliError

LONE_PAUSE_SECONDS = 0.03
LONE_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to measure."""

    plan: ClusterPlan
    load: Load
    """The rate is where the search begins, the seconds are those of each run that counts."""
    search_seconds: float
    runs: int
    """Runs in a row that the capacity must be sustained in."""
    lone: int
    """Lone transactions."""
    faults: bool
    """Whether to measure a node that is down and a killed primary, too."""


def conduct(campaign: Campaign, tell: Callable[[str, RunFigures | None], None]) -> dict[str, Any]:
    """Measure everything; `tell` is given each run as it ends, and what begins.

    Raises:
        CliError: when a network does not start twice in a row.
    """
    at, on, runs = timestamp(), machine(), []

    def measured(what: str, load: Load) -> RunFigures:
        try:
            figures = run(campaign.plan, load)
        except CliError as error:
            # Half an hour of figures is not given up for one start of one network.
            tell(f"{what}, once more: {error}", None)
            figures = run(campaign.plan, load)
        runs.append(Named(what, figures))
        tell(what, figures)
        return figures

    tell("lone transactions", None)
    lone = _lone(campaign)
    search, full = replace(campaign.load, seconds=campaign.search_seconds), campaign.load
    tell("search for the capacity", None)
    found = find_capacity(lambda rate: measured("search", replace(search, rate=rate)).sustained, full.rate)
    tell("the capacity, confirmed", None)
    capacity = confirm_capacity(
        lambda rate: measured("capacity", replace(full, rate=rate)).sustained, found, campaign.runs
    )
    if capacity:
        tell("below and beyond the capacity", None)
        for what, share in (("50% of capacity", 0.5), ("90% of capacity", 0.9), ("150% of capacity", 1.5)):
            measured(what, replace(full, rate=max(1, int(capacity * share))))
        half = replace(full, rate=max(1, capacity // 2))
        if profiler() is not None:
            measured("half, by stage", replace(half, sampled=True))
        measured("one tx a request", replace(half, batched=False))
        for workload, what in (("hot", "hot account"), ("wide", "new accounts")):
            measured(what, replace(half, workload=workload))
        # An event, or a remittance, has several times the bytes and the gas of a transfer.
        for workload, what in (("epcis", "EPCIS events"), ("remittance", "remittances")):
            measured(what, replace(half, workload=workload, rate=max(1, half.rate // 2)))
        for fault in (Fault.NODE_DOWN, Fault.PRIMARY_KILLED) if campaign.faults else ():
            measured(fault.value, replace(half, fault=fault))
    return document(at, on, capacity, lone, runs)


def _lone(campaign: Campaign) -> dict[str, float]:
    if not campaign.lone:
        return {}
    with fresh_cluster(campaign.plan) as layout:
        transactions = signed_transactions(layout, campaign.lone + LONE_WARM_UP)
        apis = [node.api for node in layout.nodes]
        latencies = asyncio.run(lone_latencies(transactions, apis, LONE_PAUSE_SECONDS))[LONE_WARM_UP:]
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(quantile(latencies, share), 1) for name, share in shares.items()}
