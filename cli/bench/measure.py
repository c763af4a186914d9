"""One measurement: a fresh network, a load at a constant rate, and everything that it cost."""

import asyncio
import json
import os
import signal
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final

from chain.values import dataclass
from cli import cluster_processes as processes
from cli.bench.clusters import ClusterPlan, fresh_cluster
from cli.bench.figures import quantile, signature_checks_per_second
from cli.bench.load import LoadOutcome, Pace, offer, offer_in_turn
from cli.bench.samples import Samples
from cli.bench.sampling import sampled, stage_microseconds, times_of
from cli.bench.usage import KINDS, disk_bytes, memory_mib, node_counters, process_ids, times_by_kind
from cli.bench.workloads import ACCOUNTS, setup_transactions, signed_transactions
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.errors import CliError

GOODPUT_MIN: Final = 0.99
BATCH_SECONDS: Final = 0.05
"""Of the load goes into one request where transactions are batched."""
BATCH_MAX: Final = 500
BACKLOG_MIN: Final = 10
BACKLOG_SECONDS: Final = 0.5
"""A backlog grows when more than this much of the load has been added to it in the second half."""


class Fault(StrEnum):
    """What goes wrong during a run."""

    NONE = "none"
    NODE_DOWN = "one node down"
    PRIMARY_KILLED = "primary killed"


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered in a run."""

    rate: int
    """Transactions a second."""
    seconds: float
    workload: str = "transfer"
    batched: bool = True
    """Whether a request holds what falls due in a twentieth of a second, instead of one transaction."""
    fault: Fault = Fault.NONE
    pinned: bool = True
    """Whether the generator keeps to the last core."""
    sampled: bool = False
    """Whether one node's processes are sampled, which tells the stages and takes a little time of its own."""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What a run showed; times are of the processor and by transaction and node unless said otherwise."""

    rate: int
    seconds: float
    workload: str
    batched: bool
    fault: str
    sent: int
    committed: int
    """Committed and successful, by a receipt that a quorum's certificate covers."""
    in_time: int
    """Of these, answered by two seconds after the end."""
    committed_per_second: float
    latency_ms: dict[str, float]
    other: dict[str, int]
    """Transactions with another outcome, by what was said of them."""
    backlog_grew: bool
    sustained: bool
    blocks: int
    cpu_us: dict[str, float]
    stages_us: dict[str, dict[str, float]]
    """Of one node, by kind of process and stage of a transaction's life; empty if it was not sampled."""
    generator_us: float
    """Of the load generator, once for all nodes."""
    memory_mib: dict[str, float]
    disk_bytes: float
    """By transaction and node."""
    wire_bytes: float
    """Between nodes, by transaction, sent by all."""
    nodes: int
    """Of the network, those included that a fault took away."""
    keys: int
    """Accounts that were there from the start."""
    is_cold: bool
    """Whether nothing of them was in memory then."""
    limit: float
    """Transactions a second that checking signatures alone would allow, by the same machine in the same minute."""


def run(plan: ClusterPlan, load: Load) -> RunFigures:
    """Measure one load on a fresh network.

    Raises:
        CliError: when the network does not start.
    """
    limit = signature_limit(plan.nodes)
    with fresh_cluster(plan) as layout:
        _set_up(layout, load.workload)
        keys = plan.keys or ACCOUNTS
        transactions = signed_transactions(layout, int(load.rate * load.seconds), load.workload, keys)
        serving = _serving(layout, load.fault)
        apis = [node.api for node in serving]
        size = min(BATCH_MAX, max(1, round(load.rate * BATCH_SECONDS))) if load.batched else 1
        pace = Pace(load.rate, size)
        before, disk_before = times_by_kind(serving), disk_bytes(layout.folder)
        counters = [node_counters(api) for api in apis]
        watched = process_ids(serving)[serving[-1].name]
        watched_before, samples = times_of(watched), dict[str, Samples]()
        with _pinned(load.pinned), sampled(watched if load.sampled else {}, samples):
            outcome = asyncio.run(_with_fault(layout, load, offer(transactions, pace, apis)))
        after, watched_after = times_by_kind(serving), times_of(watched)
        counted = [node_counters(api) for api in apis]
        done, nodes = max(1, outcome.committed), len(serving)
        cpu = {kind: (after[kind] - before[kind]).running / 1000 / done / nodes for kind in KINDS}
        return RunFigures(
            load.rate,
            load.seconds,
            load.workload,
            load.batched,
            load.fault.value,
            outcome.sent,
            outcome.committed,
            outcome.in_time,
            outcome.committed / max(outcome.seconds, load.seconds),
            _latencies(outcome),
            dict(outcome.other),
            backlog_grew(outcome.backlog_half, outcome.backlog_end, load),
            _is_sustained(outcome, load),
            counted[0].height - counters[0].height,
            cpu,
            {
                kind: stage_microseconds(seen, watched_after[kind] - watched_before[kind], done)
                for kind, seen in samples.items()
            },
            outcome.cpu_seconds * 1e6 / done,
            memory_mib(serving),
            (disk_bytes(layout.folder) - disk_before) / done / nodes,
            sum(late.sent_bytes - early.sent_bytes for late, early in zip(counted, counters, strict=True)) / done,
            plan.nodes,
            plan.keys,
            plan.is_cold,
            limit,
        )


def _set_up(layout: ClusterLayout, workload: str) -> None:
    """Have everything committed that a workload takes for granted.

    Raises:
        CliError: when a step is not committed.
    """
    outcome = asyncio.run(offer_in_turn(setup_transactions(layout, workload), layout.nodes[0].api))
    if outcome:
        raise CliError(f"the workload {workload!r} could not be set up: {dict(outcome)}")


def signature_limit(nodes: int) -> float:
    """Return the transactions a second that this machine's cores could check the signatures of, on every node."""
    return len(os.sched_getaffinity(0)) * signature_checks_per_second(0.5) / nodes


def _latencies(outcome: LoadOutcome) -> dict[str, float]:
    found = outcome.latencies_ms
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(quantile(found, share), 1) for name, share in shares.items()} if found else {}


def backlog_grew(half: int, end: int, load: Load) -> bool:
    """Tell whether the second half of a load added to what was sent and not answered after the first."""
    return end - half > max(load.rate * BACKLOG_SECONDS, BACKLOG_MIN)


def _is_sustained(outcome: LoadOutcome, load: Load) -> bool:
    is_good = outcome.in_time >= GOODPUT_MIN * outcome.sent and not outcome.other
    return is_good and not backlog_grew(outcome.backlog_half, outcome.backlog_end, load)


def _serving(layout: ClusterLayout, fault: Fault) -> list[NodePlace]:
    """Return the nodes that clients talk to: those that live to the end."""
    if fault is Fault.NODE_DOWN:
        processes.kill(layout.nodes[-1])
        return list(layout.nodes[:-1])
    if fault is Fault.PRIMARY_KILLED:
        primary = _primary(layout)
        return [node for node in layout.nodes if node.name != primary]
    return list(layout.nodes)


def _primary(layout: ClusterLayout) -> str:
    with urllib.request.urlopen(f"{layout.nodes[0].api}/v1/network/status", timeout=10) as answer:  # noqa: S310 - our node
        return str(json.load(answer)["consensus"]["primary"])


async def _with_fault(layout: ClusterLayout, load: Load, offering: Coroutine[Any, Any, LoadOutcome]) -> LoadOutcome:
    """Offer a load, and kill the primary in the middle of it if that is asked for."""
    if load.fault is not Fault.PRIMARY_KILLED:
        return await offering
    primary = _primary(layout)
    sending = asyncio.create_task(offering)
    await asyncio.sleep(load.seconds / 2)
    processes.send(next(node for node in layout.nodes if node.name == primary), signal.SIGKILL)
    return await sending


@contextmanager
def _pinned(wanted: bool) -> Iterator[None]:
    """Keep this process to the last core; the nodes were started before and keep all."""
    cores = os.sched_getaffinity(0)
    if wanted:
        os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def timestamp() -> str:
    """Return the time of day in UTC, as results are named and dated."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
