"""Where the time of a lone transaction goes, from the client's request to its answer, over all nodes.

    python -m benchmarks.lone [--count 100] [--nodes 4] [--base-port 28100] [--json FILE]

Starts real nodes with TLS and synced disks, and sends one transaction after the other, each to the next node, with
pauses in which the network comes to rest. Each node notes when it passes a milestone (benchmarks.lone_node); as all
processes of a machine share one monotonic clock, the milestones of all nodes stand on one line. What every node does is
passed when a quorum has passed it, because the slower ones hold nobody up. So the stages follow each other without a
gap, and the medians of the stages nearly add up to the median of the whole.

On a machine that has other work to do the figures say how the time is divided, not how long it is.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import aiohttp

from chain.encoding import encode
from chain.transaction import Transaction
from chain.values import dataclass
from cli import cluster_processes as processes
from cli.bench.clusters import ClusterPlan, fresh_cluster
from cli.bench.figures import quantile
from cli.bench.load import submit
from cli.bench.usage import KINDS, times_by_kind
from cli.bench.workloads import measured_contracts, signed_transactions

PAUSE_SECONDS: Final = 0.05
WARM_UP: Final = 20
"""Transactions before the first that counts: connections and caches are cold."""
NODE_PROGRAM: Final = Path(__file__).with_name("lone_node.py")

Marks = dict[str, list[int]]
"""Of one node: the moments of each milestone, ascending."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction as the client saw it; times of the monotonic clock in nanoseconds."""

    node: int
    """The place of the node that it was sent to."""
    started: int
    ended: int


@dataclass(frozen=True, slots=True)
class Milestone:
    """A moment on the way of a transaction."""

    mark: str
    """What nodes call it; `>` is the beginning of something, `<` its end."""
    where: str
    """`own`: at the node that was asked; `primary`; or `quorum`: when a quorum of nodes has passed it."""
    stage: str
    """What lies between the milestone before it and this one."""
    part: str
    """What kind of delay that is."""


MILESTONES: Final = (
    Milestone("http>", "own", "request read and parsed", "HTTP"),
    Milestone("admit<", "own", "decoded, signature checked, admitted", "work"),
    Milestone("admit<", "primary", "gossip to the primary, admitted there", "messages"),
    Milestone("build>", "primary", "asked for a proposal", "scheduling"),
    Milestone("build<", "primary", "proposal built", "work"),
    Milestone("propose>", "primary", "PRE-PREPARE signed", "work"),
    Milestone("propose<", "primary", "PRE-PREPARE written and synced", "sync"),
    Milestone("execute>", "quorum", "PRE-PREPARE framed, sent, checked; body put together", "messages"),
    Milestone("execute<", "quorum", "executed in the executor, pipes both ways", "executor"),
    Milestone("prepare>", "quorum", "PREPARE signed", "work"),
    Milestone("prepare<", "quorum", "PREPARE written and synced, with body and result", "sync"),
    Milestone("commit>", "quorum", "PREPAREs framed, sent, checked; COMMIT signed", "messages"),
    Milestone("commit<", "quorum", "COMMIT written and synced, with the prepared certificate", "sync"),
    Milestone("apply>", "own", "COMMITs framed, sent, checked", "messages"),
    Milestone("store>", "own", "records of the block made", "work"),
    Milestone("store<", "own", "block written and synced", "sync"),
    Milestone("apply<", "own", "the state's writing ordered, everybody told", "work"),
    Milestone("http<", "own", "answer made", "HTTP"),
)
ANSWERED: Final = ("answer sent and read by the client", "HTTP")


def main() -> int:
    """Measure, print the tables; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="transactions")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--base-port", type=int, default=28_100)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    plan = ClusterPlan(options.nodes, options.base_port, measured_contracts(), launcher=_launcher)
    with fresh_cluster(plan) as layout:
        transactions = signed_transactions(layout, options.count + WARM_UP)
        apis = [node.api for node in layout.nodes]
        asyncio.run(_send_all(transactions[:WARM_UP], apis))
        before = times_by_kind(layout.nodes)
        sent = asyncio.run(_send_all(transactions[WARM_UP:], apis))
        after = times_by_kind(layout.nodes)
        processes.stop(layout.nodes, lambda node: None)
        marks = [_read_marks(node.folder / "marks") for node in layout.nodes]
    cpu_us = {kind: (after[kind] - before[kind]).running / 1000 / len(sent) / len(apis) for kind in KINDS}
    figures = divided(sent, marks)
    _print_table(figures, cpu_us)
    if options.json is not None:
        report = {"stages_ms": figures, "cpu_us": cpu_us, "transactions": len(sent)}
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def divided(sent: Sequence[Sent], marks: Sequence[Marks]) -> list[tuple[str, str, list[float]]]:
    """Return stages in order, each with its kind of delay and its milliseconds for each transaction."""
    stages: list[tuple[str, str, list[float]]] = [(each.stage, each.part, []) for each in MILESTONES]
    stages.append((*ANSWERED, []))
    for each in sent:
        moments = [each.started, *_moments(each, marks), each.ended]
        for (_, _, milliseconds), (earlier, later) in zip(stages, pairwise(moments), strict=True):
            milliseconds.append((later - earlier) / 1e6)
    return stages


def _moments(sent: Sent, marks: Sequence[Marks]) -> list[int]:
    """Return when a transaction passed each milestone; one that was passed early counts when those before it were."""
    passed: list[list[int | None]] = [
        [_first(node.get(milestone.mark, []), sent) for node in marks] for milestone in MILESTONES
    ]
    built = passed[[milestone.mark for milestone in MILESTONES].index("build<")]
    primary = next(place for place, moment in enumerate(built) if moment is not None)
    quorum = (len(marks) + (len(marks) - 1) // 3) // 2 + 1
    moments: list[int] = []
    reached = sent.started
    for milestone, by_node in zip(MILESTONES, passed, strict=True):
        if milestone.where == "quorum":
            moment = sorted(found for found in by_node if found is not None)[quorum - 1]
        else:
            found = by_node[sent.node if milestone.where == "own" else primary]
            assert found is not None, f"node {sent.node} has noted no {milestone.mark}"
            moment = found
        reached = max(reached, min(moment, sent.ended))
        moments.append(reached)
    return moments


def _first(moments: Sequence[int], sent: Sent) -> int | None:
    """Return the first of a node's moments that belongs to a transaction: pauses divide them."""
    return next((moment for moment in moments if sent.started <= moment < sent.ended + PAUSE_SECONDS * 1e9), None)


async def _send_all(transactions: Sequence[Transaction], apis: Sequence[str]) -> list[Sent]:
    """Send transactions one at a time, each to the next node; return what was committed."""
    sent: list[Sent] = []
    async with aiohttp.ClientSession() as session:
        for number, transaction in enumerate(transactions):
            node, body = number % len(apis), encode(transaction.raw)
            started = time.monotonic_ns()
            if await submit(session, apis[node], body, 1, Counter()):
                sent.append(Sent(node, started, time.monotonic_ns()))
            await asyncio.sleep(PAUSE_SECONDS)
    return sent


def _launcher(folder: Path) -> tuple[str, ...]:
    return (sys.executable, "-P", str(NODE_PROGRAM), str(folder / "marks"))


def _read_marks(path: Path) -> Marks:
    marks: Marks = {}
    for line in path.read_text(encoding="ascii").splitlines():
        name, moment = line.split()
        marks.setdefault(name, []).append(int(moment))
    return marks


def _print_table(figures: Sequence[tuple[str, str, list[float]]], cpu_us: dict[str, float]) -> None:
    totals = [sum(row) for row in zip(*(milliseconds for _, _, milliseconds in figures), strict=True)]
    print(f"{len(totals)} transactions, one at a time; milliseconds\n")
    print(f"{'from the request on':<62}{'kind':<12}{'median':>8}{'p95':>8}{'mean':>8}")
    for stage, part, milliseconds in figures:
        _print_row(stage, part, milliseconds)
    _print_row("all", "", totals)
    print("\nby kind of delay")
    for part in dict.fromkeys(part for _, part, _ in figures):
        of_part = [milliseconds for _, each, milliseconds in figures if each == part]
        _print_row(part, "", [sum(row) for row in zip(*of_part, strict=True)])
    print("\nmicroseconds of CPU a transaction and node, pauses included")
    for kind, microseconds in cpu_us.items():
        print(f"  {kind:<12}{microseconds:10.0f}")
    print(f"  {'all':<12}{sum(cpu_us.values()):10.0f}")


def _print_row(stage: str, part: str, milliseconds: Sequence[float]) -> None:
    middle, high = quantile(milliseconds, 0.5), quantile(milliseconds, 0.95)
    mean = sum(milliseconds) / len(milliseconds)
    print(f"{stage:<62}{part:<12}{middle:8.2f}{high:8.2f}{mean:8.2f}")


if __name__ == "__main__":
    sys.exit(main())
