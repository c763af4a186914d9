"""Runs four nodes under a constant load, and tells what grows: memory, disk, open files, latency.

    python -m benchmarks.soak [--minutes 3] [--rate 200] [--base-port 29500] [--json FILE] [--chart FILE]

Every few seconds each process's memory (resident and proportional set) and open files are read, and what the nodes'
folders take on disk. A straight line through the second half is extrapolated to a day, at the upper end of what its
slope may be, and judged for each process: steady, growing within bounds, or growing beyond them. The run that tells
something is one of 30 minutes (`--minutes 30`): the ids of transactions are remembered for ten minutes, so memory
grows by design at first, and a shorter run sees that alone.

Latency, by quarter of the run, counts from the intended time of a transaction to its certified receipt.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import aiohttp

from chain.encoding import encode
from cli.bench.clusters import ClusterPlan, fresh_cluster
from cli.bench.drawing import panels
from cli.bench.figures import quantile
from cli.bench.load import submit
from cli.bench.measure import signature_limit, timestamp
from cli.bench.report import machine
from cli.bench.trend import Trend, Verdict, trend
from cli.bench.usage import disk_bytes, process_ids
from cli.bench.workloads import measured_contracts, signed_transactions
from cli.cluster_layout import ClusterLayout
from cli.errors import CliError
from cli.progress import ProgressLine, bar

NODES: Final = 4
SAMPLES: Final = 180
TICK_SECONDS: Final = 0.1
"""What falls due in it goes into one request."""
SIGNED_SECONDS: Final = 30
"""Of the load are signed at once, in a thread."""
MEMORY_MIB_MAX: Final = 1024.0
"""Bound of a process after a day."""
MEMORY_MIB_HARMLESS: Final = 64.0
FILES_MAX: Final = 1024.0
"""The limit that Linux gives a process unless it is told otherwise."""
FILES_HARMLESS: Final = 50.0
FOLDERS: Final = ("blocks", "state", "wal", "index")
DAY_SECONDS: Final = 86_400
SETTLED_MINUTES: Final = 20.0


@dataclass(slots=True)
class Soak:
    """What a run shows while it goes on."""

    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Process -> (seconds, MiB of its proportional set)."""
    resident: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    files: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    disk: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Folder -> (seconds, bytes of all nodes)."""
    answers: list[tuple[float, float, int]] = field(default_factory=list)
    """Intended seconds, latency in ms and how many succeeded, by request."""
    other: Counter[str] = field(default_factory=Counter)
    transaction_bytes: int = 0
    sent: int = 0

    @property
    def committed(self) -> int:
        """Transactions that were committed and successful."""
        return sum(count for _, _, count in self.answers)


def run(layout: ClusterLayout, rate: int, seconds: float) -> Soak:
    """Load the network and read what it uses."""
    soak = Soak()
    with ProgressLine() as line:
        asyncio.run(_run(layout, rate, seconds, soak, line))
    return soak


async def _run(layout: ClusterLayout, rate: int, seconds: float, soak: Soak, line: ProgressLine) -> None:
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_watch(layout, seconds, soak, began, line))
        await _load(layout, rate, seconds, soak, began)
        watching.cancel()
    _sample(layout, soak, time.monotonic() - began)


async def _load(layout: ClusterLayout, rate: int, seconds: float, soak: Soak, began: float) -> None:
    """Offer the load at its intended times, whatever comes back, and wait for all answers."""
    size = max(1, round(rate * TICK_SECONDS))
    requests = int(seconds * rate / size)
    signed_at_once = max(1, int(SIGNED_SECONDS * rate / size))
    apis = [node.api for node in layout.nodes]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as tasks:
        for number in range(requests):
            place = number % signed_at_once
            if place == 0:
                count = min(signed_at_once, requests - number) * size
                signed = await asyncio.to_thread(signed_transactions, layout, count)
            intended = began + number * size / rate
            await asyncio.sleep(max(0.0, intended - time.monotonic()))
            raws = [transaction.raw for transaction in signed[place * size : (place + 1) * size]]
            soak.sent += size
            soak.transaction_bytes += sum(map(len, raws))
            body = encode(raws if size > 1 else raws[0])
            tasks.create_task(_send(session, apis[number % len(apis)], body, size, soak, began, intended))


async def _send(
    session: aiohttp.ClientSession, api: str, body: bytes, size: int, soak: Soak, began: float, intended: float
) -> None:
    succeeded = await submit(session, api, body, size, soak.other)
    soak.answers.append((intended - began, (time.monotonic() - intended) * 1_000, succeeded))


async def _watch(layout: ClusterLayout, seconds: float, soak: Soak, began: float, line: ProgressLine) -> None:
    while True:
        now = time.monotonic() - began
        _sample(layout, soak, now)
        line.show(f"{bar(int(min(now, seconds)), int(seconds))} {soak.committed:,} committed")
        await asyncio.sleep(max(0.5, seconds / SAMPLES))


def _sample(layout: ClusterLayout, soak: Soak, now: float) -> None:
    for node, kinds in process_ids(layout.nodes).items():
        for kind, ids in kinds.items():
            for number, pid in enumerate(ids, start=1):
                name = f"{node} {kind}{number if len(ids) > 1 else ''}"
                resident, proportional = _memory_mib(pid)
                soak.resident.setdefault(name, []).append((now, resident))
                soak.memory.setdefault(name, []).append((now, proportional))
                soak.files.setdefault(name, []).append((now, float(len(os.listdir(f"/proc/{pid}/fd")))))
    for folder in FOLDERS:
        taken = sum(disk_bytes(node.folder / folder) for node in layout.nodes)
        soak.disk.setdefault(folder, []).append((now, float(taken)))


def _memory_mib(pid: int) -> tuple[float, float]:
    """Return the resident and the proportional set of a process."""
    found = {}
    for text in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, _, rest = text.partition(":")
        found[name] = int(rest.split()[0]) / 1024
    return found["Rss"], found["Pss"]


def quarters(answers: list[tuple[float, float, int]], seconds: float) -> list[dict[str, float]]:
    """Return the median and the 99th percentile of latency in each quarter of a run."""
    found = []
    for number in range(4):
        first, end = number * seconds / 4, (number + 1) * seconds / 4
        latencies = [each for intended, each, count in answers if first <= intended < end for each in [each] * count]
        found.append({"p50": round(quantile(latencies, 0.5), 1), "p99": round(quantile(latencies, 0.99), 1)})
    return found


def disk_growth(soak: Soak, nodes: int) -> dict[str, float]:
    """Return what a committed transaction adds to each folder of a node, in bytes."""
    done = max(1, soak.committed) * nodes
    return {name: (samples[-1][1] - samples[0][1]) / done for name, samples in soak.disk.items()}


def judged(found: Trend, seconds: float) -> Trend:
    """Return a trend without a verdict of growth where the run was too short to give one."""
    is_too_short = seconds < SETTLED_MINUTES * 60 and found.verdict in (Verdict.GROWS, Verdict.SLOW)
    return replace(found, verdict=Verdict.UNKNOWN) if is_too_short else found


def document(soak: Soak, rate: int, seconds: float, limit: float) -> dict[str, Any]:
    """Return everything that was found, for JSON."""
    growth = disk_growth(soak, NODES)
    bounds = (MEMORY_MIB_MAX, MEMORY_MIB_HARMLESS)
    memory = {name: judged(trend(found, *bounds), seconds) for name, found in soak.memory.items()}
    files = {name: judged(trend(found, FILES_MAX, FILES_HARMLESS), seconds) for name, found in soak.files.items()}
    return {
        "rate": rate,
        "seconds": seconds,
        "signature_limit_per_second": limit,
        "sent": soak.sent,
        "committed": soak.committed,
        "other": dict(soak.other),
        "latency_ms_by_quarter": quarters(soak.answers, seconds),
        "memory_mib": {name: asdict(found) for name, found in memory.items()},
        "resident_mib": {name: found[-1][1] for name, found in soak.resident.items()},
        "open_files": {name: asdict(found) for name, found in files.items()},
        "disk_bytes_a_transaction": growth,
        "transaction_bytes": soak.transaction_bytes / max(1, soak.sent),
        "disk_bytes_a_day": sum(growth.values()) * rate * DAY_SECONDS,
        "samples": {"memory_mib": soak.memory, "open_files": soak.files, "disk_bytes": soak.disk},
    }


def show(found: dict[str, Any]) -> None:
    """Print the report."""
    print(f"\n{'process':<18}{'MiB start':>10}{'end':>8}{'MiB an hour':>18}{'after a day':>13}{'files':>7}   verdict")
    for name, one in found["memory_mib"].items():
        slope = f"{one['slope_an_hour']:+.1f} +- {one['error_an_hour']:.1f}"
        files = found["open_files"][name]
        worst = one["verdict"] if files["verdict"] == Verdict.STEADY else f"{one['verdict']}; files: {files['verdict']}"
        line = f"{name:<18}{one['start']:>10.1f}{one['end']:>8.1f}{slope:>18}{one['day']:>13.0f}{files['end']:>7.0f}"
        print(f"{line}   {worst}")
    growth = found["disk_bytes_a_transaction"]
    parts = ", ".join(f"{name} {size:,.0f}" for name, size in growth.items())
    print(f"\ndisk: {sum(growth.values()):,.0f} bytes a transaction and node ({parts});", end=" ")
    print(f"the transaction itself has {found['transaction_bytes']:,.0f}")
    print(f"a day at this rate: {found['disk_bytes_a_day'] / 1e9:,.1f} GB a node")
    for number, one in enumerate(found["latency_ms_by_quarter"], start=1):
        print(f"quarter {number}: latency p50 {one['p50']:,.0f} ms, p99 {one['p99']:,.0f} ms")
    print(f"{found['committed']:,} of {found['sent']:,} committed", end="")
    print("".join(f", {count:,} {said}" for said, count in found["other"].items()), end="")
    share = found["rate"] / found["signature_limit_per_second"]
    print(f"; the load is {share:.0%} of what checking signatures alone would allow here")
    if found["seconds"] < SETTLED_MINUTES * 60:
        print(
            "A run under 20 minutes sees the window of ids fill: its lines for memory are steeper than those of a day."
        )


def main() -> None:
    """Run, print, and write the files that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--base-port", type=int, default=29_500)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chart", type=Path)
    options = parser.parse_args()
    seconds = options.minutes * 60
    at, on, limit = timestamp(), machine(), signature_limit(NODES)
    try:
        with fresh_cluster(ClusterPlan(NODES, options.base_port, measured_contracts())) as layout:
            soak = run(layout, options.rate, seconds)
    except CliError as error:
        sys.exit(f"{error}")
    found = {"at": at, "machine": on, **document(soak, options.rate, seconds, limit)}
    show(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.chart is not None:
        options.chart.write_text(chart(soak, options.rate), encoding="utf-8")


def chart(soak: Soak, rate: int) -> str:
    """Return an SVG of memory by kind of process (the largest), disk and latency over the minutes of the run."""
    memory: dict[str, list[tuple[float, float]]] = {}
    for name, samples in soak.memory.items():
        kind = name.rpartition(" ")[2].rstrip("0123456789")
        minutes = [(seconds / 60, size) for seconds, size in samples]
        if kind not in memory or minutes[-1][1] > memory[kind][-1][1]:
            memory[kind] = minutes
    disk = {name: [(seconds / 60, size / 1e6) for seconds, size in samples] for name, samples in soak.disk.items()}
    latency = [(intended / 60, each) for intended, each, _ in sorted(soak.answers)]
    step = max(1, len(latency) // SAMPLES)
    medians = [
        (part[0][0], quantile([each for _, each in part], 0.5))
        for part in (latency[first : first + step] for first in range(0, len(latency), step))
    ]
    drawn = [
        ("memory, MiB, largest of a kind", memory),
        ("disk of all nodes, MB", disk),
        ("latency, ms", {"p50": medians}),
    ]
    return panels(f"{rate} transactions a second, {NODES} nodes", drawn, "minutes")


if __name__ == "__main__":
    main()
