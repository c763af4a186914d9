"""Where the processor time of a transaction's life goes: by process, by stage, by function.

    python -m benchmarks.profile [--rate 500] [--seconds 20] [--lone] [--functions 15] [--timer] [--json FILE]

Starts four real nodes with TLS and synced disks and offers them a fixed load of transfers (or lone transactions, one
after the other). The kernel says how much processor time each process used; a sampling profiler (py-spy, from outside,
so that the nodes run as always) says in which functions the processes of one node were. Samples in functions that only
wait are left out, and each process's time is divided by the others. In the event loop itself, which is C, waiting and
working cannot be told apart; what it does for TLS and polling is therefore spread over all stages of the node process.

Processor time is meaningful while other programs run; latency is not. Nor are samples from outside, then: a process
that waits for a processor is seen where it last woke another one. With `--timer` all four nodes take their samples
themselves, by their own processor time (benchmarks.timed_node), and the node process alone is divided.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final

from cli.bench.clusters import ClusterPlan, fresh_cluster
from cli.bench.figures import quantile
from cli.bench.load import Pace, lone_latencies, offer
from cli.bench.samples import Samples, read_samples
from cli.bench.sampling import sampled, stage_microseconds, times_of
from cli.bench.usage import KINDS, ProcessTime, node_counters, process_ids, times_by_kind
from cli.bench.workloads import measured_contracts, signed_transactions
from cli.cluster_layout import ClusterLayout

BATCH_SECONDS: Final = 0.05
QUANTILES: Final = (("median", 0.5), ("p95", 0.95), ("p99", 0.99))


def main() -> None:
    """Run the load, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="transactions a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--lone", action="store_true", help="one transaction at a time instead of a rate")
    parser.add_argument("--functions", type=int, default=15, help="functions shown of each process")
    parser.add_argument("--base-port", type=int, default=27_900)
    parser.add_argument("--no-sampling", action="store_true", help="processor time alone")
    parser.add_argument("--timer", action="store_true", help="sample the node processes by their own processor time")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tally-samples-") as folder:
        timer = partial(_timer, Path(folder)) if options.timer else None
        with fresh_cluster(ClusterPlan(4, options.base_port, measured_contracts(), launcher=timer)) as layout:
            figures = _measure(layout, options)
        if options.timer:
            lines = [line for path in Path(folder).iterdir() for line in path.read_text(encoding="utf-8").splitlines()]
            spent = ProcessTime(running=round(figures["cpu_us"]["node"] * 1000 * figures["transactions"]))
            seen = read_samples(lines)
            figures["stages"]["node"] = _print_samples("node", seen, spent, figures["transactions"], options.functions)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _timer(samples: Path, node: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.timed_node", str(samples / node.name))


def _measure(layout: ClusterLayout, options: argparse.Namespace) -> dict[str, Any]:
    count = int(options.seconds * (15 if options.lone else options.rate))
    transactions = signed_transactions(layout, count)
    apis = [node.api for node in layout.nodes]
    watched = process_ids(layout.nodes)[layout.nodes[-1].name]
    before, watched_before = times_by_kind(layout.nodes), times_of(watched)
    height_before = node_counters(apis[0]).height
    samples: dict[str, Samples] = {}
    if options.timer:
        for pid in (pid for node in process_ids(layout.nodes).values() for pid in node["node"]):
            os.kill(pid, signal.SIGUSR1)
    with sampled({} if options.no_sampling or options.timer else watched, samples):
        if options.lone:
            latencies = asyncio.run(lone_latencies(transactions, apis, 0.03))
            generator_us = float("nan")
        else:
            pace = Pace(options.rate, max(1, round(options.rate * BATCH_SECONDS)))
            outcome = asyncio.run(offer(transactions, pace, apis))
            latencies, generator_us = outcome.latencies_ms, outcome.cpu_seconds * 1e6 / max(1, outcome.committed)
        after, watched_after = times_by_kind(layout.nodes), times_of(watched)
    blocks = node_counters(apis[0]).height - height_before
    nodes, done = len(apis), max(1, len(latencies))
    cpu = {kind: (after[kind] - before[kind]).running / 1000 / done / nodes for kind in KINDS}
    marks = ", ".join(f"{name} {quantile(latencies, share):.1f} ms" for name, share in QUANTILES)
    print(f"{len(latencies)} of {count} transactions in {blocks} blocks; latency: {marks}")
    print("\nmicroseconds of CPU a transaction and node")
    for kind, microseconds in cpu.items():
        print(f"  {kind:<12}{microseconds:10.1f}")
    print(
        f"  {'all':<12}{sum(cpu.values()):10.1f}    without signature checks {sum(cpu.values()) - cpu['verifier']:.1f}"
    )
    print(f"  {'a block':<12}{sum(cpu.values()) * done / max(1, blocks):10.0f}")
    if not options.lone:
        print(f"  {'generator':<12}{generator_us:10.1f}    once, for all nodes")
    stages = {}
    for kind, seen in samples.items():
        spent = watched_after[kind] - watched_before[kind]
        stages[kind] = _print_samples(kind, seen, spent, done, options.functions)
    return {"cpu_us": cpu, "generator_us": generator_us, "blocks": blocks, "transactions": done, "stages": stages}


def _print_samples(kind: str, seen: Samples, spent: ProcessTime, count: int, functions: int) -> dict[str, float]:
    """Print what a process did; return microseconds a transaction by stage."""
    total = spent.running / 1000 / count
    one = total / max(1, sum(seen.stages.values()))
    stages = stage_microseconds(seen, spent, count)
    print(f"\n{kind}: {total:.1f} us a transaction in this node, by {sum(seen.stages.values())} samples")
    for stage, microseconds in stages.items():
        print(f"  {stage:<28}{microseconds:8.1f}")
    print(f"  {'functions':<68}{'with callees':>14}{'own':>8}")
    for name, number in sorted(seen.functions.items(), key=lambda entry: -entry[1])[:functions]:
        print(f"    {name[:64]:<66}{number * one:14.1f}{seen.own.get(name, 0) * one:8.1f}")
    return stages


if __name__ == "__main__":
    main()
